"""What the gates note for the report on the pages of one visitor."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from cookie_consent import Policy

pytestmark = pytest.mark.anyio
PIXEL = b"<script>!function(f){f.q=[]}(window);fbq('init', '1'); // connect.facebook.net/en_US/fbevents.js</script>"
PAGE = (
    b"<!doctype html><title>Shop</title>"
    b"<script src=https://www.googletagmanager.com/gtm.js?id=GTM-1></script>"
    b"<iframe src=https://www.youtube.com/embed/1></iframe>" + PIXEL + b"<script>own()</script>"
)
EVERYTHING = ["login", "preferences", "analytics", "advertising", "social", "unclassified"]


def policy_of(text: str = "") -> Policy:
    return parse_policy(
        tomllib.loads(f'version = "1"\n[limits]\nchoices = 0\nchoices_per_address = 0\n{text}'), source="test"
    )


def site(ledger: str, policy: Policy, page: bytes = PAGE) -> ConsentMiddleware:
    async def app(scope: Any, _: Any, send: Any) -> None:
        text = page + b"<!-- %d -->" % len(scope["path"])  # a page of its own for each path
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": text})

    return ConsentMiddleware(app, policy=policy, secret="s" * 32, ledger=ledger)


async def observed(app: ConsentMiddleware, *paths: str, granted: list[str] | None = None) -> set[tuple[str, ...]]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as browser:
        if granted is not None:
            services = dict.fromkeys(("google-tag-manager", "youtube", "facebook-pixel"), True)
            answer = await browser.post("/_consent/choices", json={"granted": granted, "services": services})
            assert answer.json()["decided"]
        for path in paths:
            answer = await browser.get(path)
            if granted is not None:
                assert 'type="text/plain"' not in answer.text  # nothing is held from them
    app.ledger.open()  # the file, where nothing has been written
    app.reports.flush()
    found = app.reports.store.read()
    return {(seen.kind, seen.name, seen.directive, str(one.count)) for one in found if (seen := one.observation)}


@pytest.mark.parametrize("granted", [None, EVERYTHING])
async def test_what_is_undeclared_is_noted_whatever_the_visitor_chose(
    ledger_url: str, granted: list[str] | None
) -> None:
    # The second page is another one with the same tags, which come from the tag cache.
    assert await observed(site(ledger_url, policy_of()), "/", "/ab", granted=granted) == {
        ("host", "www.googletagmanager.com", "script", "2"),
        ("host", "www.youtube.com", "iframe", "2"),
        ("inline", "facebook-pixel", "script", "2"),
    }


async def test_a_page_from_the_cache_is_not_counted_again(ledger_url: str) -> None:
    found = await observed(site(ledger_url, policy_of()), "/", "/", "/", granted=EVERYTHING)
    assert {count for *_, count in found} == {"1"}


@pytest.mark.parametrize("granted", [None, EVERYTHING])
async def test_what_is_declared_is_not_noted(ledger_url: str, granted: list[str] | None) -> None:
    policy = policy_of("[services.google-tag-manager]\n[services.youtube]\n[services.facebook-pixel]")
    assert await observed(site(ledger_url, policy), "/", granted=granted) == set()


async def test_snippets_in_the_documents_of_frames_are_noted(ledger_url: str) -> None:
    framed = b'<iframe srcdoc="' + PIXEL.replace(b'"', b"") + b'"></iframe>'
    found = await observed(site(ledger_url, policy_of(), framed), "/", granted=EVERYTHING)
    assert {(kind, name) for kind, name, *_ in found} == {("inline", "facebook-pixel")}


async def test_a_placeholder_names_the_host_that_is_held(ledger_url: str) -> None:
    """Another host of the same frame, which may load, is noted too."""
    framed = (
        b'<iframe src=\'data:application/xhtml+xml,<html xmlns="http://www.w3.org/1999/xhtml">'
        b'<img src="https://held.example/a"/><img src="https://www.youtube.com/b"/></html>\'></iframe>'
    )
    app = site(ledger_url, policy_of(), framed)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as browser:
        await browser.post("/_consent/choices", json={"granted": EVERYTHING[:-1]})
        page = (await browser.get("/")).text
    placeholder = page.partition(" srcdoc=")[2].partition(" data-consent")[0]
    assert "held.example" in placeholder
    assert "youtube" not in placeholder
