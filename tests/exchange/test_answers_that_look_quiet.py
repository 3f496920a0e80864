"""Answers that the fast path might let pass, and what the page cache and rules files keep."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cookie_consent import ConsentMiddleware
from cookie_consent.exchange.exchange import Exchange
from cookie_consent.gate import ADDRESS_HEADERS
from cookie_consent.gate.headers import GATED_HEADERS, PLAIN_HEADERS
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Receive, Scope, Send

pytestmark = pytest.mark.anyio

COOKIES = [{"name": "sid", "category": "session"}, {"name": "stat", "category": "analytics"}]
POLICY = parse_policy({"version": "1", "cookies": COOKIES}, source="test")
Headers = list[tuple[str, str]]


class Site:
    """A site whose application answers with the headers and the body that it was given last."""

    def __init__(self, ledger_url: str) -> None:
        self.headers: Headers = []
        self.body = b""
        self._app = ConsentMiddleware(self._answer, POLICY, secret="x" * 40, ledger=ledger_url)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        headers = [(name.encode(), value.encode()) for name, value in self.headers]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    async def get(self, body: bytes, answered: Sequence[tuple[str, str]], **asked: str) -> httpx.Response:
        self.body, self.headers = body, list(answered)
        names = {name.replace("_", "-"): value for name, value in asked.items()}
        transport = httpx.ASGITransport(app=self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://site.test") as client:
            return await client.get("/a", headers={"accept": "*/*", **names})


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def site(ledger_url: str) -> Site:
    return Site(ledger_url)


BROWSER: dict[str, str] = {"sec_fetch_dest": "image", "accept": "image/*"}
CLIENTS: list[dict[str, str]] = [{}, BROWSER, {"accept": "text/html"}]
PASSIVE = ["image/png", "application/json", "text/css; charset=utf-8", "font/woff2", "application/pdf", "video/mp4"]


@pytest.mark.parametrize("asked", CLIENTS)
async def test_a_cookie_on_an_answer_that_is_no_page_is_gated(site: Site, asked: dict[str, str]) -> None:
    cookies = [("set-cookie", "sid=1; Max-Age=9"), ("set-cookie", "stat=1; Max-Age=9"), ("set-cookie", "odd=1")]
    for content_type in PASSIVE:
        answer = await site.get(b"x", [("content-type", content_type), *cookies], **asked)
        assert answer.content == b"x"
        assert answer.headers.get_list("set-cookie") == ["sid=1", "odd=1"], content_type
        shouted = await site.get(b"x", [("Content-Type", content_type), ("Set-Cookie", "stat=1")], **asked)
        assert shouted.headers.get_list("set-cookie") == [], content_type


@pytest.mark.parametrize("asked", CLIENTS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("link", "<//x.test/a>; rel=preload; as=image"),  # fetched with whatever it comes
        ("refresh", "0; url=//x.test/"),
        ("speculation-rules", '"//x.test/rules.json"'),
    ],
)
async def test_an_address_in_a_header_of_an_answer_that_is_no_page_is_gated(
    site: Site, name: str, value: str, asked: dict[str, str]
) -> None:
    for content_type in PASSIVE:
        answer = await site.get(b"x", [("content-type", content_type), (name, value)], **asked)
        assert "x.test" not in str(answer.headers), content_type


def test_no_gated_header_passes_unseen() -> None:
    assert {name.encode() for name in ADDRESS_HEADERS} | {b"set-cookie"} <= GATED_HEADERS
    assert not GATED_HEADERS & PLAIN_HEADERS


async def test_a_page_that_is_kept_names_what_was_held_with_this_answer(site: Site) -> None:
    """The guard tells what was held back in the headers, which differ while the body stays the same."""
    html: Headers = [("content-type", "text/html")]
    variants: list[Headers] = [
        [],
        [("set-cookie", "stat=1")],
        [("link", "<https://www.googletagmanager.com/gtag/js>; rel=preload")],
        [("set-cookie", "stat=1"), ("link", "<https://www.googletagmanager.com/gtag/js>; rel=preload")],
    ]
    for _ in range(2):  # made, and from the cache
        held = []
        for more in variants:
            page = (await site.get(b"<!doctype html><p>a", html + more, accept="text/html")).text
            held.append(re.findall(r'data-held="([^"]*)"', page))
        assert held == [[], ["analytics/-"], ["analytics/google-analytics"], ["analytics/- analytics/google-analytics"]]


RULES: dict[str, Any] = {"sec_fetch_dest": "speculationrules"}
MARKS: Headers = [("etag", '"1"'), ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT")]


async def test_a_refused_rules_file_has_nothing_to_be_compared_with(site: Site) -> None:
    """By its entity tag, a browser would learn that the rules from before the refusal are still good."""
    json: Headers = [("content-type", "application/speculationrules+json"), *MARKS]
    refused = await site.get(b'{"prefetch":[{"urls":["//x.test/a"]}]}', json, **RULES)
    assert refused.content == b"{}"
    assert refused.headers["content-length"] == "2"
    assert {"etag", "last-modified", "content-encoding"}.isdisjoint(refused.headers)
    assert "Cookie" in refused.headers["vary"]
    good = await site.get(b'{"prefetch":[{"urls":["/a"]}]}', json, **RULES)
    assert good.content == b'{"prefetch":[{"urls":["/a"]}]}'
    assert "Cookie" in good.headers["vary"]


async def test_rules_in_a_coding_that_is_none_are_judged_as_they_are(site: Site) -> None:
    json: Headers = [("content-type", "application/json"), ("content-encoding", "x-odd"), *MARKS]
    refused = await site.get(b'{"prefetch":[{"urls":["//x.test/a"]}]}', json, **RULES)
    assert refused.content == b"{}"
    good = await site.get(b'{"prefetch":[{"urls":["/a"]}]}', json, **RULES)
    assert good.content == b'{"prefetch":[{"urls":["/a"]}]}'


async def test_rules_in_a_coding_that_cannot_be_read_are_refused(site: Site) -> None:
    json: Headers = [("content-type", "application/json"), ("content-encoding", "dcb"), *MARKS]
    refused = await site.get(b'{"prefetch":[{"urls":["/a"]}]}', json, **RULES)
    assert refused.content == b"{}"
    assert {"etag", "last-modified", "content-encoding"}.isdisjoint(refused.headers)


async def test_a_page_that_is_kept_is_of_the_host_that_was_asked(site: Site) -> None:
    """What is the page's own on one host is a third party on another."""
    html: Headers = [("content-type", "text/html")]
    body = b"<!doctype html><img src=//one.test/a><img src=//two.test/b>"
    for _ in range(2):  # made, and from the cache
        one = (await site.get(body, html, accept="text/html", host="one.test")).text
        two = (await site.get(body, html, accept="text/html", host="two.test")).text
        assert ("<img src=//one.test/a>" in one, "<img src=//two.test/b>" in one) == (True, False)
        assert ("<img src=//one.test/a>" in two, "<img src=//two.test/b>" in two) == (False, True)


@pytest.mark.parametrize("part", ["banner", "guard"])
async def test_a_page_without_a_part_of_ours_is_not_kept(
    site: Site, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    html: Headers = [("content-type", "text/html")]
    body = b"<!doctype html><title>a</title><p>a"
    mark = {"banner": 'id="consent-root"', "guard": "/assets/guard."}[part]

    def broken(_exchange: Exchange) -> bytes:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as patch:
        patch.setattr(Exchange, part, broken)
        page = await site.get(body, html, accept="text/html")
        assert (page.status_code, mark in page.text, "<p>a" in page.text) == (200, False, True)
    assert mark in (await site.get(body, html, accept="text/html")).text
