"""What the guard does on a page that is not ready when a choice comes from elsewhere, in Chromium."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.responses import Response as Plain
from starlette.routing import Route

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy
from tests.browser.harness import SITE
from tests.browser.journey import choose

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visiting

NEVER_IDLE = "self.requestIdleCallback = () => 0"
NO_CHANNEL = "self.BroadcastChannel = class { constructor() { throw new DOMException('blocked', 'SecurityError') } }"


def site(ledger: str, *, answered: threading.Event | None = None, **policy: Any) -> ASGIApp:
    """Return the site. One of its pages has a picture that comes once it is to be ``answered``."""

    async def answer(request: Request) -> Response:
        picture = '<img src="/picture">' if request.url.path == "/slow" else ""
        return HTMLResponse(f"<!doctype html><html lang=en><head><title>T</title></head><body>{picture}")

    async def picture(_: Request) -> Response:
        if answered is not None:
            await anyio.to_thread.run_sync(answered.wait)
        return Plain(b"", media_type="image/gif")

    app = Starlette(routes=[Route("/picture", picture), Route("/{path:path}", answer)])
    values = {"version": "1", "services": {"google-analytics": {}}, **policy}
    return ConsentMiddleware(app, policy=parse_policy(values, source="test"), secret="x" * 40, ledger=ledger)


def test_what_another_tab_has_agreed_to_is_not_deleted(visiting: Visiting, ledger_url: str) -> None:
    answered = threading.Event()
    with visiting(site(ledger_url, answered=answered)) as visit:
        visit.open("/")
        slow = visit.context.new_page()
        slow.add_init_script(NEVER_IDLE)
        slow.goto(f"http://{SITE}/slow", wait_until="commit")
        slow.wait_for_function("self.cookieConsent?.state.decided === false")
        choose(visit, "Accept all")
        visit.page.wait_for_function("cookieConsent.state.decided")
        visit.page.evaluate("document.cookie = '_ga=1; Max-Age=999'")
        assert "_ga" in visit.cookies()
        answered.set()
        slow.wait_for_load_state("load")
        slow.wait_for_function("cookieConsent.state.decided")
        slow.wait_for_timeout(1000)  # it deletes some things only a moment after it has loaded
        assert "_ga" in visit.cookies()


def test_a_browser_without_channels_has_the_guard(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.page.add_init_script(NO_CHANNEL)
        visit.context.add_cookies([{"name": "_ga", "value": "1", "url": f"http://{SITE}"}])
        visit.page.add_init_script(NEVER_IDLE)
        errors: list[str] = []
        visit.page.on("pageerror", lambda error: errors.append(error.message))
        visit.open("/")
        assert "_ga" not in visit.page.evaluate("document.cookie")
        assert "_ga" not in visit.cookies()
        choose(visit, "Accept all")
        visit.page.wait_for_function("cookieConsent.state.decided")
        assert errors == []
