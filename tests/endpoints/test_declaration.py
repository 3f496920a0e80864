"""``GET policy``: the declaration's addresses, what caches may do with it, and the links to it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse

from cookie_consent import ConsentMiddleware, Ledger, Policy
from cookie_consent.policy import parse_policy
from cookie_consent.testing import make_policy
from tests.asking import HTML, ask

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio


ORIGIN = "https://shop.example"


def site(ledger: Ledger, *, clock: Callable[[], float] | None = None, **document: Any) -> ConsentMiddleware:
    policy = parse_policy({"version": "2026-11-01", "services": {"google-analytics": {}}, **document}, source="test")
    return ConsentMiddleware(Starlette(), policy=policy, secret="x" * 40, ledger=ledger, clock=clock)


def client(ledger: Ledger, *, root_path: str = "", **options: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=site(ledger, **options), root_path=root_path)
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN)


@pytest.mark.parametrize(
    ("path", "media_type", "mark"),
    [
        ("policy", "text/html; charset=utf-8", "<!doctype html>"),
        ("policy?fragment=1", "text/html; charset=utf-8", '<section class="cc-declaration"'),
        ("policy.json", "application/json; charset=utf-8", "{"),
        ("policy.md", "text/markdown; charset=utf-8", "# "),
    ],
)
async def test_each_form_is_cached_by_language_until_it_changes(
    ledger: Ledger, path: str, media_type: str, mark: str
) -> None:
    async with client(ledger) as visitor:
        address = f"/_consent/{path}"
        tags = {}
        for language in ("en", "de", "fr", "es", "ar"):
            response = await visitor.get(address, headers={"Accept-Language": language})
            assert response.status_code == 200
            assert response.headers["content-type"] == media_type
            assert response.headers["cache-control"] == "public, no-cache"
            assert response.headers["vary"] == "Accept-Language, Cookie"
            assert response.headers["content-language"] == language
            assert response.text.startswith(mark)
            tags[language] = response.headers["etag"]
        assert len(set(tags.values())) == len(tags)
        for known, status in ((tags["de"], 304), (f'W/{tags["de"]}, "x"', 304), ("*", 304), (tags["en"], 200)):
            again = await visitor.get(address, headers={"Accept-Language": "de", "If-None-Match": known})
            assert again.status_code == status
            assert again.headers["etag"] == tags["de"]
            assert (again.text == "") is (status == 304)
        assert "set-cookie" not in response.headers
        other = client(ledger, services={"hotjar": {}})
        assert (await other.get(address, headers={"Accept-Language": "de"})).headers["etag"] != tags["de"]


async def test_the_query_precedes_the_browsers_language(ledger: Ledger) -> None:
    async with client(ledger) as visitor:
        for asked, language in (("ar", "ar"), ("de-AT", "de"), ("xx", "fr"), ("<script>", "fr"), ("", "fr")):
            response = await visitor.get(
                "/_consent/policy.json", params={"language": asked}, headers={"Accept-Language": "fr"}
            )
            assert response.headers["content-language"] == language
            assert response.json()["language"] == language


async def test_it_can_only_be_read(ledger: Ledger) -> None:
    async with client(ledger) as visitor:
        assert (await visitor.post("/_consent/policy")).status_code == 405
        assert (await visitor.head("/_consent/policy")).status_code == 200
        assert (await visitor.get("/_consent/policy.xml")).status_code == 404


async def test_its_links_follow_the_place_where_the_application_is_mounted(ledger: Ledger) -> None:
    async with client(ledger, root_path="/shop") as visitor:
        assert 'href="/shop/_consent/preferences"' in (await visitor.get("/_consent/policy?fragment=1")).text


async def test_our_cookies_have_the_names_of_the_scheme(ledger: Ledger) -> None:
    async with client(ledger) as visitor:
        assert "__Host-cookie_consent" in (await visitor.get("/_consent/policy")).text
        assert "__Host-cookie_consent" not in (await visitor.get("http://shop.example/_consent/policy")).text


async def test_the_preferences_page_shows_the_cookies_of_each_category(ledger: Ledger) -> None:
    async with client(ledger) as visitor:
        page = (await visitor.get("/_consent/preferences")).text
        assert 'href="/_consent/policy?language=en"' in page
        details = page.partition('class="cc-details"')[2]
        assert '<code dir="ltr">__Host-cookie_consent</code>' in details
        assert '<code dir="ltr">_ga</code>' in details
        assert "13 months" in details


async def test_a_placeholder_leads_to_it(ledger: Ledger) -> None:
    async with client(ledger) as visitor:
        address = "/_consent/placeholder?service=eW91dHViZQ=="
        assert 'href="/_consent/policy?language=en" target="_blank"' in (await visitor.get(address)).text


@pytest.mark.parametrize("path", ["/_consent/policy", "/_consent/preferences", "/_consent/placeholder"])
@pytest.mark.parametrize("query", [b"format=\x80", b"return_to=\xff", b"language=\xc3\xa9"])
async def test_bytes_of_a_query_that_are_no_text_are_no_error(path: str, query: bytes) -> None:
    site = ConsentMiddleware(Starlette(), make_policy(), "k" * 40, Ledger("sqlite://", memory=True))
    reply = await ask(site, path, {"host": "shop.example", **HTML}, query_string=query)
    assert reply.error is None
    assert reply.status < 500


async def test_whoever_has_chosen_reads_what_changed_since_and_no_cache_shares_it(ledger: Ledger) -> None:
    """The log tells a process of the policies before its own."""
    clock = float(round(time.time()) - 86_400)  # in whole seconds, as a moment keeps no more than microseconds
    chat = {"name": "Acme Chat", "category": "preferences", "hosts": ["chat.example"]}
    old = site(ledger, clock=lambda: clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=old), base_url=ORIGIN) as visitor:
        await visitor.post("/_consent/choices", json={"granted": ["analytics"]}, headers={"Origin": ORIGIN})
        cookies = visitor.cookies
        assert (await visitor.get("/_consent/policy.json")).json()["since_choice"] == []
    await anyio.to_thread.run_sync(old.close)
    services = {"google-analytics": {}, "chat": chat}
    app = site(ledger, version="2026-12-01", services=services, clock=lambda: time.time() + 86_400)
    await anyio.to_thread.run_sync(app._background.start)  # as a server does with the lifespan
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as everybody:
        for path in ("policy", "policy?fragment=1", "policy.json", "policy.md"):
            response = await everybody.get(f"/_consent/{path}")
            assert "private" not in response.headers["cache-control"]
            assert response.headers["vary"] == "Accept-Language, Cookie"
            own = await everybody.get(
                f"/_consent/{path}", headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())}
            )
            assert own.headers["cache-control"] == "private, no-cache"
            assert own.headers["etag"] != response.headers["etag"]
            assert own.text.count("New service: Acme Chat") == response.text.count("New service: Acme Chat") + 1
    app.close()


async def test_what_the_site_is_found_to_use_is_in_the_declaration_at_once(ledger: Ledger) -> None:
    policy, page = (
        Policy(version="1"),
        HTMLResponse("<!doctype html><iframe src=https://www.youtube.com/embed/a></iframe>"),
    )
    app = ConsentMiddleware(page, policy, secret="x" * 40, ledger=ledger)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ORIGIN, headers=HTML) as visitor:
        assert "YouTube" not in (await visitor.get("/_consent/policy")).text
        await visitor.get("/", headers={"sec-fetch-dest": "document"})
        assert "YouTube" in (await visitor.get("/_consent/policy")).text


async def test_a_library_that_a_page_names_is_in_the_declaration(ledger: Ledger) -> None:
    page = HTMLResponse("<!doctype html><title>a</title><script src=https://unpkg.com/vue@3.4.1></script>")
    app = ConsentMiddleware(page, make_policy(gate={"mirror": True}), secret="x" * 40, ledger=ledger)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ORIGIN, headers=HTML) as visitor:
        assert (await visitor.get("/_consent/policy.json")).json()["libraries"] == []
        assert "/_consent/mirror/unpkg.com/vue@3.4.1" in (await visitor.get("/")).text
        found = (await visitor.get("/_consent/policy.json")).json()["libraries"]
    assert found == [{"name": "vue", "version": "3.4.1", "host": "unpkg.com"}]
