"""The tables of Chromium's tests in each engine: what a page writes and whom it contacts, before and after a choice.

A page of one table has a host or a name of its own for what it gives away. So one browser opens all of them, one after
another, and what was given away tells the page.
"""

from __future__ import annotations

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
from tests.engines.engine import DriverError
from tests.engines.limits import LIMITS
from tests.engines.test_engines import name, visiting  # noqa: F401 - a fixture
from tests.leaklab.page import SITE

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tests.engines.engine import Engine

pytestmark = pytest.mark.engines

STATES = ("undecided", "refused")
LINGER = 0.4
"""How long each page stays open after it has loaded, in seconds."""
TRIES = 20
CHOOSE = """fetch('/_consent/choices', { method: 'POST', headers: { 'Content-Type': 'application/json' },
  body: '{"granted": []}' }).then((answer) => answer.status)"""
NUMBERS = {way: f"n{number}" for number, way in enumerate(CONTACTS)}


def open_all(engine: Engine, addresses: list[str]) -> None:
    for address in addresses:
        with suppress(DriverError):  # a page may lead elsewhere at once
            engine.open(address)
        time.sleep(LINGER)


def refuse(engine: Engine, address: str) -> None:
    engine.open(address)
    assert engine.run(CHOOSE) == 200


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


@pytest.mark.parametrize("state", STATES)
def test_contacts_that_no_policy_governs(name: str, ledger_url: str, state: str) -> None:  # noqa: F811 - the fixture
    service = {"name": "Acme", "category": "analytics", "hosts": ["*.acme.test"]}
    app = make(ways(CONTACTS, numbered=True), ledger_url, services={"acme": service}, gate={"html": False})
    with visiting(name, app) as (engine, proxy):
        if state == "refused":
            refuse(engine, f"https://{SITE}/")
        errors = {}
        for number, way in enumerate(CONTACTS):
            open_all(engine, [f"https://{SITE}/{number}"])
            with suppress(DriverError):
                errors[way] = engine.run("self.errors ?? []")
        contacted = {way for way, host in NUMBERS.items() if f"{host}.acme.test" in proxy.hosts()}
        assert contacted == set(LIMITS[name]) & set(CONTACTS)
        assert {way: texts for way, texts in errors.items() if texts} == {}


def is_written(engine: Engine) -> bool:
    return any(engine.run(f"({LEFT})()")) or "_ga" in engine.cookies()


def test_what_is_refused_is_not_written(name: str, ledger_url: str) -> None:  # noqa: F811 - the fixture
    kept: dict[str, set[str]] = {}
    for gate, app in (("none", ways(WRITES)), ("both", make(ways(WRITES), ledger_url))):
        kept[gate] = set()
        with visiting(name, app) as (engine, _):
            for number, way in enumerate(WRITES):
                host = "site.test" if "parent" in way else f"n{number}.site.test"
                open_all(engine, [f"https://{host}/{number}"])
                tries = 1 if gate == "none" else TRIES  # what a frame of its own realm writes is taken away soon after
                while (is_left := is_written(engine)) and (tries := tries - 1):
                    time.sleep(LINGER)
                if is_left:
                    kept[gate].add(way)
                engine.run("document.cookie = '_ga=; Max-Age=0; Path=/; Domain=site.test'")
                if gate == "both":
                    assert engine.run("errors") == [], way
    assert kept["none"] >= set(WRITES) - {"another path"}
    assert kept["both"] == set(LIMITS[name]) & set(WRITES)
