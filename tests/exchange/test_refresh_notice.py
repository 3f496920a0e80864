"""What a page says where a refresh is held."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.responses import HTMLResponse

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

pytestmark = pytest.mark.anyio
NAVIGATION = {"accept": "text/html", "sec-fetch-dest": "document", "sec-fetch-mode": "navigate"}
LINK = re.compile(r'<a href="([^"]*)" target="_self" rel="noreferrer nofollow">([^<]*)</a>')


async def leads(
    markup: str,
    ledger_url: str,
    *,
    refresh: str = "",
    policy: Mapping[str, Any] | None = None,
    times: int = 1,
    headers: Mapping[str, str] | None = None,
) -> list[tuple[str, str]]:
    """Return the address and the text of each link that the page shows."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await HTMLResponse(markup, headers={"refresh": refresh} if refresh else {})(scope, receive, send)

    document: dict[str, Any] = {"version": "1", **(policy or {})}
    site = ConsentMiddleware(app, policy=parse_policy(document, source="test"), secret="x" * 40, ledger=ledger_url)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=site), base_url="https://site.test") as client:
        for _ in range(times):
            page = (await client.get("/", headers={**NAVIGATION, **(headers or {})})).text
    assert page.count('class="cc-refresh"') == bool(LINK.search(page))
    return [(html.unescape(address), html.unescape(text)) for address, text in LINK.findall(page)]


def page(content: str, head: str = "") -> str:
    return (
        f'<!doctype html><html><head>{head}<meta http-equiv=refresh content="{content}"></head><body><p>a</body></html>'
    )


@pytest.mark.parametrize(
    ("content", "address", "host"),
    [
        ("0; url=https://idp.test/a?b=1&amp;c=2", "https://idp.test/a?b=1&c=2", "idp.test"),
        ("5;URL='//idp.test:8443/a'", "//idp.test:8443/a", "idp.test"),
        # What stands before the @ is no host, whatever it looks like.
        ("0; url=https://site.test@idp.test/", "https://site.test@idp.test/", "idp.test"),
        # Markup and control characters in the address stay inside the attribute.
        ("0; url=https://idp.test/&quot;><script>", 'https://idp.test/"><script>', "idp.test"),
        ("0; url=\thtt&#9;ps://idp.test/", "https://idp.test/", "idp.test"),
        ("0; url=https:\\\\idp.test\\a", "https:\\\\idp.test\\a", "idp.test"),
    ],
)
async def test_a_held_refresh_is_a_link(ledger_url: str, content: str, address: str, host: str) -> None:
    expected = [(address, f"Continue to {host}")]
    # The second answer comes from the caches.
    assert await leads(page(content), ledger_url, times=2) == expected
    assert await leads("<!doctype html><p>a", ledger_url, refresh=html.unescape(content).strip(), times=2) == expected


@pytest.mark.parametrize(
    "content",
    [
        "9",
        "9; url=/next",
        "9; url=https://site.test/next",
        # No link leads to these; both are held.
        "0; url=data:text/html,<img src=//idp.test/a>",
        "0; url=javascript:location=%22//idp.test%22",
    ],
)
async def test_no_other_refresh_is(ledger_url: str, content: str) -> None:
    assert await leads(page(content), ledger_url) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-dest": "iframe"},
        {"sec-fetch-dest": "empty", "hx-request": "true", "accept": "*/*"},
        {"sec-purpose": "prefetch"},
    ],
)
async def test_only_pages_have_it(ledger_url: str, headers: dict[str, str]) -> None:
    markup = '<meta http-equiv=refresh content="0; url=//idp.test/"><p>a'
    assert await leads(markup, ledger_url) != []
    assert await leads(markup, ledger_url, headers=headers) == []


async def test_a_relative_address_leads_where_the_base_does(ledger_url: str) -> None:
    shown = await leads(page("0; url=a", head="<base href=https://idp.test/b/>"), ledger_url)
    assert shown == [("a", "Continue to idp.test")]


async def test_pages_without_a_banner_have_it(ledger_url: str) -> None:
    shown = await leads(page("0; url=//idp.test/"), ledger_url, policy={"banner": {"exclude": ["/*"]}})
    assert shown == [("//idp.test/", "Continue to idp.test")]


async def test_what_is_not_held_is_not_shown(ledger_url: str) -> None:
    """With the HTML gate off the page leads on by itself. Headers are gated all the same."""
    off = {"gate": {"html": False}}
    assert await leads(page("0; url=//idp.test/"), ledger_url, policy=off) == []
    shown = await leads(page("9"), ledger_url, policy=off, refresh="0; url=//idp.test/")
    assert shown == [("//idp.test/", "Continue to idp.test")]


async def test_it_tells_of_a_few(ledger_url: str) -> None:
    many = "".join(f"<meta http-equiv=refresh content='0; url=//h{at}.test/'>" for at in range(99))
    assert len(await leads(page("9", head=many), ledger_url)) == 4


@pytest.mark.parametrize(("language", "text"), [("de", "Weiter zu"), ("fr", "Continuer vers"), ("ar", "المتابعة إلى")])
async def test_it_speaks_the_visitors_language(ledger_url: str, language: str, text: str) -> None:
    shown = await leads(page("0; url=//idp.test/"), ledger_url, headers={"accept-language": language})
    assert shown == [("//idp.test/", f"{text} idp.test")]


async def test_the_header_of_one_answer_is_not_shown_with_another(ledger_url: str) -> None:
    """Two answers with the same body, from the cache of pages."""
    answers = iter(["0; url=//a.test/", "0; url=//b.test/", ""])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        refresh = next(answers)
        await HTMLResponse("<!doctype html><p>a", headers={"refresh": refresh} if refresh else {})(scope, receive, send)

    site = ConsentMiddleware(
        app, policy=parse_policy({"version": "1"}, source="test"), secret="x" * 40, ledger=ledger_url
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=site), base_url="https://site.test") as client:
        shown = [LINK.findall((await client.get("/", headers=NAVIGATION)).text) for _ in range(3)]
    assert [[address for address, _ in links] for links in shown] == [["//a.test/"], ["//b.test/"], []]
