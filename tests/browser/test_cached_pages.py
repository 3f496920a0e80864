"""Pages that a cache of the site's keeps whatever the visitor has chosen, in Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy
from tests.browser.journey import choose

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tests.browser.conftest import Visit, Visiting

SERVICES = {"acme": {"name": "Acme", "category": "analytics", "hosts": ["one.acme.test"]}}
LATER = "<script>setInterval(() => { new Image().src = '//one.acme.test/b.gif' }, 500)</script>"
BODY = f'<script src="//one.acme.test/a.js"></script>{LATER}'
MOST = 3  # times that a page is loaded for one choice


class Cache:
    """Keeps each page as it was asked for first while it is on, against what the site says of it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.kept: dict[str, list[Message]] = {}
        self.is_on = False
        self.pages = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or path.startswith("/_consent"):
            return await self.app(scope, receive, send)
        self.pages += 1
        if self.is_on and path in self.kept:
            for message in self.kept[path]:
                await send(message)
            return None
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)
            await send(message)

        await self.app(scope, receive, keep)
        self.kept[path] = sent
        return None


def site(ledger: str, **gate: Any) -> Cache:
    async def answer(_: Request) -> Response:
        return HTMLResponse(f"<!doctype html><html lang=en><head><title>T</title></head><body>{BODY}")

    app = Starlette(routes=[Route("/{path:path}", answer)])
    policy = parse_policy({"version": "1", "gate": gate, "services": SERVICES}, source="test")
    return Cache(ConsentMiddleware(app, policy=policy, secret="x" * 40, ledger=ledger))


def loads(visit: Visit, cache: Cache) -> int:
    """Return how often the page is loaded from now on, within some seconds."""
    cache.pages = 0
    visit.page.wait_for_timeout(4000)
    return cache.pages


def assert_it_settles(visit: Visit, cache: Cache) -> None:
    """Neither after the choice that was just made, nor once the page is visited again, is it loaded for ever."""
    assert loads(visit, cache) <= MOST
    visit.page.goto(visit.page.url)
    assert loads(visit, cache) <= MOST


@pytest.mark.parametrize("csp", ["enforce", "off"])
def test_an_old_page_is_not_loaded_again_for_ever_after_a_consent(
    visiting: Visiting, ledger_url: str, csp: str
) -> None:
    cache = site(ledger_url, csp=csp)
    with visiting(cache) as visit:
        visit.open("/")
        cache.is_on = True
        choose(visit, "Accept all")
        assert_it_settles(visit, cache)


@pytest.mark.parametrize("csp", ["enforce", "off"])
def test_an_old_page_is_not_loaded_again_for_ever_after_a_withdrawal(
    visiting: Visiting, ledger_url: str, csp: str
) -> None:
    cache = site(ledger_url, csp=csp)
    with visiting(cache) as visit:
        visit.open("/")
        choose(visit, "Accept all")
        visit.settled(awaited={"one.acme.test"})  # the choice has the page loaded again
        visit.open("/")
        cache.is_on = True
        visit.page.evaluate("cookieConsent.refuse()")
        assert_it_settles(visit, cache)


def test_an_old_page_contacts_nobody_after_a_withdrawal(visiting: Visiting, ledger_url: str) -> None:
    cache = site(ledger_url)
    with visiting(cache) as visit:
        visit.open("/")
        choose(visit, "Accept all")
        visit.settled(awaited={"one.acme.test"})  # the choice has the page loaded again
        visit.open("/", awaited={"one.acme.test"})
        cache.is_on = True
        visit.page.evaluate("cookieConsent.refuse()")
        loads(visit, cache)
        assert visit.page.evaluate("cookieConsent.state.granted").count("analytics") == 0
        visit.proxy.contacts.clear()
        assert visit.settled() == set()
