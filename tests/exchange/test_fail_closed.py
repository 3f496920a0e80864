"""If anything of ours fails, the visitor gets the page and the gate stays shut."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.responses import HTMLResponse, StreamingResponse

from cookie_consent import ConsentMiddleware
from cookie_consent.gate import TagGate
from cookie_consent.logs import _logged
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

    from cookie_consent.rewriter import StartTag

pytestmark = pytest.mark.anyio

HTML = {"accept": "text/html"}
BEFORE, AFTER = "<!doctype html><title>Shop</title><p class=before>", "<p class=after>"
POLICY = {"version": "1", "services": {"chat": {"name": "Chat", "category": "social", "inline": ["Chat("]}}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def get(ledger_url: str, body: str, *, pieces: bool = False, **gate: Any) -> str:
    """Return what becomes of a page that comes whole, or in pieces."""

    async def parts() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 5):
            yield body[at : at + 5].encode()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer = StreamingResponse(parts(), media_type="text/html") if pieces else HTMLResponse(body)
        await answer(scope, receive, send)

    policy = parse_policy({**POLICY, "gate": gate}, source="test")
    gated = ConsentMiddleware(app, policy, secret="x" * 40, ledger=ledger_url)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=gated), base_url="http://site.test") as client:
        answer = await client.get("/", headers=HTML)
    assert answer.status_code == 200
    return answer.text


@pytest.fixture
def unjudged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the gate raise for every tag of a third party, and for every script that belongs to the chat."""
    start_tag, text_of = TagGate.start_tag, TagGate.text

    def start(gate: TagGate, tag: StartTag) -> bool:
        if b"x.test" in tag.raw:
            raise RuntimeError("a fault of the gate")
        return start_tag(gate, tag)

    def text(gate: TagGate, tag: StartTag, text: bytes, *, more: bool) -> bytes:
        if b"Chat(" in text:
            raise RuntimeError("a fault of the gate")
        return text_of(gate, tag, text, more=more)

    monkeypatch.setattr(TagGate, "start_tag", start)
    monkeypatch.setattr(TagGate, "text", text)
    for key in ("tag", "text"):
        _logged.discard(key)


@pytest.mark.parametrize(
    ("tag", "left"),
    [
        ("<img src=//x.test/a alt=b>", "<img>"),  # fetches by itself
        ("<script async src=//x.test/a.js></script>", '<script type="text/plain"></script>'),  # runs
        ("<link rel=stylesheet href=//x.test/a.css>", "<link>"),
        ("<iframe srcdoc='<img src=//x.test/a>'></iframe>", "<iframe></iframe>"),  # markup in an attribute
        ("<p style='background:url(//x.test/a)'>", "<p>"),
        ("<svg><image href=//x.test/a /></svg>", "<svg><image></svg>"),
        ("<meta http-equiv=refresh content='0;url=//x.test/'>", "<meta>"),
    ],
)
@pytest.mark.parametrize("pieces", [False, True])
@pytest.mark.usefixtures("unjudged")
async def test_a_tag_that_cannot_be_judged_does_not_load(
    ledger_url: str, caplog: pytest.LogCaptureFixture, tag: str, left: str, *, pieces: bool
) -> None:
    page = await get(ledger_url, BEFORE + tag + AFTER, pieces=pieces)
    assert BEFORE.partition("<p")[2] in page  # the rest of the page is as it was
    assert AFTER in page
    assert "x.test" not in page
    assert left in page
    assert 'id="consent-root"' in page
    assert [record.levelno for record in caplog.records if "could not be judged" in record.message] == [logging.ERROR]


@pytest.mark.parametrize("pieces", [False, True])
@pytest.mark.usefixtures("unjudged")
async def test_a_script_whose_text_cannot_be_judged_does_not_run(ledger_url: str, *, pieces: bool) -> None:
    page = await get(ledger_url, f"{BEFORE}<script>own()</script><script>Chat(1)</script>{AFTER}", pieces=pieces)
    assert "<script>own()</script>" in page
    assert "Chat(" not in page
    assert AFTER in page


@pytest.mark.usefixtures("unjudged")
async def test_where_the_page_is_only_watched_a_fault_changes_nothing(ledger_url: str) -> None:
    page = await get(ledger_url, f"{BEFORE}<img src=//x.test/a>{AFTER}", html=False)
    assert "<img src=//x.test/a>" in page


async def test_a_cookie_that_cannot_be_judged_is_not_set(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> str:
        raise RuntimeError("a fault of the gate")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer = HTMLResponse(BEFORE)
        answer.set_cookie("_ga", "1")
        await answer(scope, receive, send)

    gated = ConsentMiddleware(app, parse_policy(POLICY, source="test"), secret="x" * 40, ledger=ledger_url)
    monkeypatch.setattr("cookie_consent.gate.cookies.gate.parse_set_cookie", broken)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=gated), base_url="http://site.test") as client:
        answer = await client.get("/", headers=HTML)
    assert (answer.status_code, answer.headers.get_list("set-cookie")) == (200, [])
    assert 'id="consent-root"' in answer.text


async def test_a_header_that_cannot_be_judged_fails_no_page(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: TagGate, address: str) -> bool:
        raise RuntimeError(address)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = {
            "link": "<https://x.test/a>; rel=preload",
            "refresh": "0;url=https://x.test/",
            "content-security-policy": "default-src 'self'; report-uri https://x.test/",
        }
        await HTMLResponse(f"{BEFORE}{AFTER}", headers=headers)(scope, receive, send)

    monkeypatch.setattr(TagGate, "hold_address", fail)
    gated = ConsentMiddleware(app, parse_policy(POLICY, source="test"), secret="x" * 40, ledger=ledger_url)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=gated), base_url="http://site.test") as client:
        answer = await client.get("/", headers=HTML)
    assert answer.status_code == 200
    assert AFTER in answer.text
    assert {"link", "refresh"}.isdisjoint(answer.headers)
    assert "default-src 'self'" in answer.headers["content-security-policy"]
