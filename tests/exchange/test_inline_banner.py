"""The banner as a part of the page: which pages have it in their flow, and that none has two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy
from tests.asking import HTML, ask

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

pytestmark = pytest.mark.anyio

PAGE = (
    "<!doctype html><html><head><title>a</title></head><body class=x><p>1</p><consent-banner></consent-banner><p>2</p>"
)
TWICE = PAGE + "<consent-banner></consent-banner>"
BANNER = 'id="consent-root"'
PANEL = 'id="cookie-consent"'


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def site(body: str, ledger_url: str, position: str, kind: bytes = b"text/html; charset=utf-8") -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": body.encode()})

    banner = {"layout": "inline", "position": position}
    policy = parse_policy({"version": "1", "services": {"youtube": {}}, "banner": banner}, source="test")
    return ConsentMiddleware(app, policy, secret="x" * 40, ledger=ledger_url)


@pytest.mark.parametrize(
    ("position", "body", "before"),
    [
        ("start", PAGE, "<body class=x>"),
        ("element", PAGE, "<p>1</p><consent-banner>"),
        ("element", TWICE, "<p>1</p><consent-banner>"),
        ("element", "<body><p>1</p></body>", "<p>1</p>"),
        ("start", "<title>a</title><p>1</p>", "<p>1</p>"),  # browsers add the body, but nobody says where
    ],
)
async def test_it_stands_in_its_place_once(ledger_url: str, position: str, body: str, before: str) -> None:
    text = (await ask(site(body, ledger_url, position), headers=HTML)).text
    assert (text.count(BANNER), text.count(PANEL)) == (1, 1)
    assert before + '<div id="consent-root"' in text
    is_inline = 'class="cc-inline cc-box cc-center ' in text
    assert is_inline == (body in {PAGE, TWICE})
    assert ('tabindex="1"' in text) != is_inline


@pytest.mark.parametrize("position", ["start", "element"])
@pytest.mark.parametrize(
    ("body", "before"),
    [
        # The page's own form would take its buttons for its own.
        ("<body><form action=/buy><consent-banner></consent-banner><p>1</p></form><p>2</p></body>", "<p>2</p>"),
        ("<body><form action=/buy><consent-banner></consent-banner><p>1</p></body>", "<p>1</p></form>"),
        ("<body><form action=/buy><consent-banner></consent-banner><p>1</p>", "<p>1</p></form>"),
        ("<body><FORM><template></form><form></template><consent-banner></consent-banner><p>1</p>", "<p>1</p></form>"),
    ],
)
async def test_it_stands_in_no_form_of_the_page(ledger_url: str, position: str, body: str, before: str) -> None:
    text = (await ask(site(body, ledger_url, position), headers=HTML)).text
    at = "<body>" if position == "start" else before
    assert (text.count(BANNER), text.count(PANEL)) == (1, 1)
    assert at + '<div id="consent-root"' in text


async def test_a_form_that_is_closed_hides_no_place(ledger_url: str) -> None:
    text = (await ask(site("<body><form></form>" + PAGE, ledger_url, "element"), headers=HTML)).text
    assert "<p>1</p><consent-banner>" + '<div id="consent-root"' in text
    assert text.count("</form><div") == 0


async def test_whoever_is_not_asked_has_the_way_back_at_the_end(ledger_url: str) -> None:
    app = site(PAGE, ledger_url, "start")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="https://shop.example") as client:
        await client.post("/_consent/choices", json={"granted": []})
        decided = (await client.get("/", headers=HTML)).text
    for text in (decided, (await ask(app, headers={**HTML, "sec-gpc": "1"})).text):
        assert text.count(BANNER) == 1
        assert "cc-inline" not in text
        assert PANEL not in text
        assert text.index(BANNER) > text.index("<p>2</p>")


async def test_a_visitor_who_comes_from_another_sites_form_is_asked_in_a_box(ledger_url: str) -> None:
    """The panel is shown once the server has said that there is no choice: the page must not move then."""
    headers = {**HTML, "sec-fetch-site": "cross-site", "content-type": "application/x-www-form-urlencoded"}
    text = (await ask(site(PAGE, ledger_url, "start"), method="POST", headers=headers)).text
    assert 'data-unsure="true"' in text
    assert "cc-inline" not in text
