"""Where the banner and the guard belong: pages, what scripts ask for, and what is asked for in advance."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from cookie_consent import ConsentMiddleware, Policy
from cookie_consent.exchange.purpose import PREFETCH_HEADERS, SCRIPT_HEADERS
from tests.asking import HTML, ask

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

pytestmark = pytest.mark.anyio

TAG = "<img src=//x.test/a>"
FRAGMENT = f"<div class=modal>{TAG}</div>"
PAGE = f"<!doctype html><html><head><title>a</title></head><body>{FRAGMENT}</body></html>"
BANNER = 'id="consent-root"'
GUARD = "/guard."


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def site(body: str | bytes, ledger_url: str, *headers: tuple[bytes, bytes], piece: int = 1 << 20) -> ConsentMiddleware:
    content = body if isinstance(body, bytes) else body.encode()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
        given = [(b"content-type", b"text/html; charset=utf-8"), *headers]
        await send({"type": "http.response.start", "status": 200, "headers": given})
        for at in range(0, len(content), piece):
            more = at + piece < len(content)
            await send({"type": "http.response.body", "body": content[at : at + piece], "more_body": more})

    return ConsentMiddleware(app, Policy(version="1"), secret="x" * 40, ledger=ledger_url)


SCRIPTED = [
    {**HTML, "sec-fetch-dest": "empty"},
    {"accept": "*/*"},
    {},
    {"accept": "application/json"},
    {"accept": "*/*", "sec-fetch-dest": "document"},
    *({**HTML, name: "true"} for name in SCRIPT_HEADERS),
    {**HTML, "X-Requested-With": "XMLHttpRequest"},
    {**HTML, "X-Requested-With": "swup"},
    {**HTML, "Turbo-Frame": ""},
]
SHOWN = [
    HTML,
    {**HTML, "sec-fetch-dest": "document"},
    {**HTML, "x-requested-with": "com.example.shop"},  # Android's WebView names its app
    {**HTML, "x-csrf-token": "a", "x-forwarded-for": "192.0.2.1"},
]


@pytest.mark.parametrize("headers", SCRIPTED)
@pytest.mark.parametrize("piece", [7, 1 << 20])
async def test_what_a_script_asks_for_is_told_by_its_first_tag(
    ledger_url: str, headers: dict[str, str], piece: int
) -> None:
    asked = {name.lower(): value for name, value in headers.items()}
    pages, fragments = (site(body, ledger_url, piece=piece) for body in (PAGE, FRAGMENT))
    for _ in range(2):  # made, and from the cache
        page = (await ask(pages, headers=asked)).text
        assert page.count(BANNER) == page.count(GUARD) == 1
        assert "data-consent" in page
        part = (await ask(fragments, headers=asked)).text
        assert BANNER not in part
        assert (GUARD in part) is (asked.get("sec-fetch-dest") == "document")  # which a browser shows, whoever asked
        assert "data-consent" in part


@pytest.mark.parametrize("headers", SHOWN)
@pytest.mark.parametrize("body", [PAGE, FRAGMENT, f"Text {TAG}"])
async def test_a_page_that_is_shown_has_banner_and_guard_however_it_begins(
    ledger_url: str, headers: dict[str, str], body: str
) -> None:
    text = (await ask(site(body, ledger_url), headers=headers)).text
    assert text.count(BANNER) == text.count(GUARD) == 1


@pytest.mark.parametrize("destination", ["iframe", "frame", "object", "embed", "image", "script", "style", "made-up"])
async def test_parts_of_a_page_have_no_banner(ledger_url: str, destination: str) -> None:
    text = (await ask(site(PAGE, ledger_url), headers={**HTML, "sec-fetch-dest": destination})).text
    assert BANNER not in text
    assert "data-consent" in text
    assert (GUARD in text) is (destination in {"iframe", "frame", "object", "embed"})


@pytest.mark.parametrize(
    ("headers", "advance"),
    [
        ({"sec-purpose": "prefetch"}, True),
        ({"sec-purpose": "prefetch;prerender"}, True),
        ({"sec-purpose": "prefetch;anonymous-client-ip"}, True),
        ({"purpose": "prefetch"}, True),
        ({"x-moz": "prefetch"}, True),
        ({"sec-purpose": " Prefetch"}, True),
        ({"sec-purpose": "something-else"}, False),
    ],
)
@pytest.mark.parametrize(
    "asked", [HTML, {**HTML, "sec-fetch-dest": "document"}, {"accept": "*/*", "sec-fetch-dest": "empty"}]
)
async def test_what_is_asked_for_in_advance_has_no_banner(
    ledger_url: str, headers: dict[str, str], asked: dict[str, str], *, advance: bool
) -> None:
    gated = site(PAGE, ledger_url, (b"cache-control", b"public"))
    before = await ask(gated, headers=asked)
    reply = await ask(gated, headers={**asked, **headers})
    assert (BANNER in reply.text) is not advance
    assert GUARD in reply.text  # it may be shown later as it is
    assert "data-consent" in reply.text
    assert ("private" in reply.listed("cache-control")) is advance  # or a cache would show it to all
    for answer in (before, reply):
        assert {name.lower() for name in PREFETCH_HEADERS} <= answer.listed("vary")


@pytest.mark.parametrize("headers", [*SCRIPTED[:3], *SHOWN[:2]])
@pytest.mark.parametrize("piece", [7, 1 << 20])
async def test_a_fragment_varies_with_what_asks_for_it(ledger_url: str, headers: dict[str, str], piece: int) -> None:
    names = {"accept", "cookie", "sec-fetch-dest", *(name.lower() for name in SCRIPT_HEADERS)}
    gated = site(FRAGMENT, ledger_url, (b"vary", b"Origin, accept"), piece=piece)
    for _ in range(2):  # made, and from the cache
        reply = await ask(gated, headers=headers)
        assert names | {"origin"} <= reply.listed("vary")
        assert (reply.header("vary") or "").lower().count("accept,") == 1
    whole = await ask(site(PAGE, ledger_url), headers=headers)
    assert "hx-request" not in whole.listed("vary")  # which is the same for all
    assert "cookie" in whole.listed("vary")


async def test_the_cache_of_pages_knows_what_asks(ledger_url: str) -> None:
    gated = site(FRAGMENT, ledger_url)
    scripted = {**HTML, "hx-request": "true"}
    advance = {**HTML, "sec-purpose": "prefetch"}
    shown = [BANNER in (await ask(gated, headers=asked)).text for asked in [HTML, scripted, advance, HTML, scripted]]
    assert shown == [True, False, False, True, False]


async def test_entity_tags_know_what_asks(ledger_url: str) -> None:
    gated = site(FRAGMENT, ledger_url, (b"etag", b'"a"'))
    asked = [HTML, {**HTML, "hx-request": "true"}, {**HTML, "sec-purpose": "prefetch"}]
    tags = {(await ask(gated, headers=headers)).header("etag") for headers in asked}
    assert len(tags) == 3


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (PAGE.encode("utf-16"), [(b"content-type", b"text/html; charset=utf-16")]),
        (gzip.compress(PAGE.encode()), [(b"content-encoding", b"gzip")]),
        (b"\xef\xbb\xbf<!-- a -->" + PAGE.encode(), []),
    ],
)
@pytest.mark.parametrize("piece", [1, 1 << 20])
async def test_the_first_tag_is_read_as_the_browser_reads_it(
    ledger_url: str, body: bytes, headers: list[tuple[bytes, bytes]], piece: int
) -> None:
    gated = site(body, ledger_url, *headers, piece=piece)
    reply = await ask(gated, headers={"accept": "*/*", "accept-encoding": "gzip"})
    sent = b"".join(message.get("body", b"") for message in reply.messages[1:])
    text = gzip.decompress(sent) if b"gzip" in dict(headers).values() else sent
    assert BANNER.encode() in text.replace(b"\0", b"")


async def test_a_head_request_says_what_the_answer_may_depend_on(ledger_url: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body"})

    gated: ASGIApp = ConsentMiddleware(app, Policy(version="1"), secret="x" * 40, ledger=ledger_url)
    assert "hx-request" in (await ask(gated, method="HEAD")).listed("vary")
