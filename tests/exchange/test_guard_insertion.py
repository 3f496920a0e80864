"""Where the guard goes into an answer, and where not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import httpx
import pytest
from starlette.responses import Response

from cookie_consent import ConsentMiddleware, Policy
from cookie_consent.policy import GateOptions

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

pytestmark = pytest.mark.anyio
GUARD = re.compile(r'<script src="(/[^"]*/guard\.[0-9a-f]{12}\.js)" [^<>]*></script>')
XHTML = "application/xhtml+xml"
NS = "http://www.w3.org/1999/xhtml"


async def fetched(
    content: str, media_type: str, ledger_url: str, policy: Policy | None = None, root_path: str = "", **headers: str
) -> str:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(content, media_type=media_type)(scope, receive, send)

    gated = ConsentMiddleware(app, policy, secret="x" * 40, ledger=ledger_url)
    transport = httpx.ASGITransport(app=gated, root_path=root_path)
    async with httpx.AsyncClient(transport=transport, base_url="http://site.test") as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return (await client.get(f"{root_path}/", headers={"accept": "text/html", **named})).text


@pytest.mark.parametrize(
    ("page", "before"),
    [
        ("<!doctype html><html><head><title>a</title></head><body></body></html>", "<!doctype html><html><head>"),
        ("<title>no head tag</title><p>a", ""),
        ("\n<!-- a --><!doctype html>\n<html lang=en>\n<body><p>a", "\n<!-- a --><!doctype html>\n<html lang=en>\n"),
        # the base comes after it and cannot lead it to another host
        ("<head><base href=//x.test/><script src=a.js></script>", "<head>"),
        # and so does a policy that the page carries
        ("<head><meta http-equiv=content-security-policy content=\"script-src 'none'\"></head>", "<head>"),
        ("text only", ""),
    ],
)
async def test_it_stands_first_in_the_head(page: str, before: str, ledger_url: str) -> None:
    text = await fetched(page, "text/html", ledger_url)
    match = GUARD.search(text)
    assert match is not None
    assert text[: match.start()] == before
    assert text.count("/guard.") == 1


async def test_the_rest_of_the_page_keeps_its_bytes(ledger_url: str) -> None:
    page = "<!doctype html><html><head><link rel=x href=/a></head><body class=a ><p>&amp;<br/>\r\n</body></html>"
    text = GUARD.sub("", await fetched(page, "text/html", ledger_url))
    before, after = page.split("</body>")
    assert text.startswith(before)
    assert text.endswith("</body>" + after)


@pytest.mark.parametrize(
    ("page", "media_type", "headers"),
    [
        ("<p>part</p>", "text/html", {"sec_fetch_dest": "empty"}),  # fetched by a script
        ("<p>part</p>", "text/html", {"x_requested_with": "XMLHttpRequest"}),
        ("<p>part</p>", "text/html", {"hx_request": "true"}),
        ('{"a": "<html>"}', "application/json", {}),
        ("<html/>", XHTML, {}),  # no place inside
        (f'<h:html xmlns:h="{NS}"><h:body/></h:html>', XHTML, {}),  # a second root would be no XML
        ('<svg xmlns="http://www.w3.org/2000/svg"><title>a</title></svg>', XHTML, {}),
    ],
)
async def test_it_goes_into_documents_only(
    page: str, media_type: str, headers: dict[str, Any], ledger_url: str
) -> None:
    text = await fetched(page, media_type, ledger_url, **headers)
    assert "/guard." not in text


async def test_it_stands_behind_a_doctype_with_entities(ledger_url: str) -> None:
    page = f'<!DOCTYPE html [<!ENTITY a "b">]><html xmlns="{NS}"><head/></html>'
    text = await fetched(page, XHTML, ledger_url)
    assert GUARD.search(text) is not None
    assert GUARD.sub("", text) == page


@pytest.mark.parametrize("destination", ["document", "iframe", "frame", "embed", "object"])
async def test_it_goes_into_framed_documents_too(destination: str, ledger_url: str) -> None:
    text = await fetched("<p>a", "text/html", ledger_url, sec_fetch_dest=destination)
    assert len(GUARD.findall(text)) == 1
    assert ('id="consent-root"' in text) == (destination == "document")


@pytest.mark.parametrize(
    "page",
    [
        f'<?xml version="1.0"?>\n<!DOCTYPE html>\n<html xmlns="{NS}"><head><title>a</title></head><body/></html>',
        f'<html xmlns="{NS}"><head/><body><p>a</p></body></html>',
        f'<html xmlns="{NS}"><body><p>a</p></body></html>',
    ],
)
async def test_xhtml_stays_well_formed(page: str, ledger_url: str) -> None:
    root = ET.fromstring(await fetched(page, XHTML, ledger_url))  # noqa: S314 - our own text
    assert len(root.findall(f".//{{{NS}}}script")) == 1


async def test_the_policy_can_do_without_it(ledger_url: str) -> None:
    policy = Policy(version="1", gate=GateOptions(guard=False))
    assert "/guard." not in await fetched("<p>a", "text/html", ledger_url, policy)


async def test_below_a_root_path_it_is_led_there(ledger_url: str) -> None:
    match = GUARD.search(await fetched("<p>a", "text/html", ledger_url, root_path="/shop"))
    assert match is not None
    assert match[1].startswith("/shop/_consent/assets/guard.")
