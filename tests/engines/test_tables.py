"""The tables of Chromium's tests in each engine: what a page writes and whom it contacts, before and after a choice.

A page of one table has a host or a name of its own for what it gives away. So one browser opens all of them, one after
another, and what was given away tells the page.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.browser.test_contacts import WAYS as CONTACTS
from tests.browser.test_guard import LEFT, SET, make
from tests.browser.test_guard import WAYS as WRITES
from tests.engines.engine import DriverError, visiting
from tests.engines.lab import LIVE, rest
from tests.engines.limits import IDLE, LIMITS
from tests.leaklab.page import SITE
from tests.waiting import HANG

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tests.engines.engine import Engine

pytestmark = pytest.mark.engines

STATES = ("undecided", "refused")
LINGER = 0.4
"""How long a page has between two looks at what it has written, in seconds."""
TRIES = 20
DOMAIN = SITE.partition(".")[2]
CHOOSE = """fetch('/_consent/choices', { method: 'POST', headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ granted: GRANTED }) }).then((answer) => answer.status)"""
GRANTED = {"refused": [], "accepted": ["analytics"]}
NUMBERS = {way: f"n{number}" for number, way in enumerate(CONTACTS)}


def choose(engine: Engine, state: str) -> None:
    """Make the choice after which the pages are opened, if there is to be one."""
    if state in GRANTED:
        engine.open(f"https://{SITE}/")
        assert engine.run(CHOOSE.replace("GRANTED", json.dumps(GRANTED[state]))) == 200


def ways(table: dict[str, str], *, numbered: bool = False) -> ASGIApp:
    """Serve each way's page at its number."""

    def answer(request: Request) -> Response:
        way = list(table)[int(request.path_params["number"])]
        code = table[way].replace("acme.test", f"{NUMBERS[way]}.acme.test") if numbered else table[way]
        recorder = "self.errors = []; addEventListener('error', ({ message }) => errors.push(message));"
        return HTMLResponse(
            "<!doctype html><html lang=en><head><title>Site</title><link rel=icon href=data:,></head>"
            f"<body><script>{recorder}</script><script>{SET}{code}</script></body></html>"
        )

    return Starlette(routes=[Route("/{number}", answer), Route("/", lambda _: HTMLResponse("<!doctype html><p>a"))])


def contacts(name: str, app: ASGIApp, state: str) -> tuple[set[str], dict[str, list[str]]]:
    """Open each way's page. Return the ways that contacted their host, and the errors of those that had any."""
    errors = {}
    with visiting(name, app) as (engine, proxy):
        choose(engine, state)
        for number, way in enumerate(CONTACTS):
            engine.tab(0)  # a window that a page has opened hides it, and hidden pages prefetch nothing
            with suppress(DriverError):  # a page may lead elsewhere at once
                engine.open(f"https://{SITE}/{number}")
            end = time.monotonic() + (LIVE if way in IDLE[name] else HANG)
            rest(proxy)
            while state == "none" and f"{NUMBERS[way]}.acme.test" not in proxy.hosts() and time.monotonic() < end:
                rest(proxy)
            with suppress(DriverError):
                errors[way] = engine.run("self.errors ?? []")
        found = {way for way, host in NUMBERS.items() if f"{host}.acme.test" in proxy.hosts()}
    return found, {way: texts for way, texts in errors.items() if texts}


def test_contacts_that_no_policy_governs(name: str, ledger_url: str) -> None:
    plain = ways(CONTACTS, numbered=True)
    live, _ = contacts(name, plain, "none")
    assert set(CONTACTS) - live == set(IDLE[name]) & set(CONTACTS)
    service = {"name": "Acme", "category": "analytics", "hosts": ["*.acme.test"]}
    app = make(plain, ledger_url, services={"acme": service}, gate={"html": False})
    for state in STATES:
        found, errors = contacts(name, app, state)
        assert found == set(LIMITS[name]) & set(CONTACTS), state
        assert errors == {}, state


def is_written(engine: Engine) -> bool:
    return any(engine.run(f"({LEFT})()")) or "_ga" in engine.cookies()


def written(name: str, app: ASGIApp, state: str) -> set[str]:
    """Open each way's page, on a host of its own, and return the ways that left something behind."""
    kept = set()
    with visiting(name, app) as (engine, _):
        choose(engine, state)
        for number, way in enumerate(WRITES):
            host = DOMAIN if "parent" in way else f"n{number}.{DOMAIN}"
            engine.open(f"https://{host}/{number}")
            # What is to stay may come late. What is to go, as of a frame with a realm of its own, may go late.
            is_to_stay = state in {"none", "accepted"}
            tries = TRIES
            while (is_left := is_written(engine)) is not is_to_stay and (tries := tries - 1):
                time.sleep(LINGER)
            if is_left:
                kept.add(way)
            engine.run(f"document.cookie = '_ga=; Max-Age=0; Path=/; Domain={DOMAIN}'")
            if state != "none":
                assert engine.run("errors") == [], (way, state)
    return kept


def test_what_is_refused_is_not_written(name: str, ledger_url: str) -> None:
    live = written(name, ways(WRITES), "none")
    assert live >= set(WRITES) - {"another path"}
    app = make(ways(WRITES), ledger_url, cookie={"domain": DOMAIN})
    for state in STATES:
        assert written(name, app, state) == set(LIMITS[name]) & set(WRITES), state
    assert written(name, app, "accepted") == live
