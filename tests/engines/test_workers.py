"""Workers made of a ``data:`` address, to which WebKit does not give the policy of the page."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from tests.browser.test_guard import make
from tests.engines.engine import DriverError, visiting
from tests.engines.lab import rest
from tests.engines.test_engines import holds
from tests.leaklab.page import SITE
from tests.waiting import until

if TYPE_CHECKING:
    from tests.browser.harness import Proxy

pytestmark = pytest.mark.engines

FETCH = "fetch('https://HOST/', { mode: 'no-cors' }).catch(() => {})"
CODES = {
    "a script": "importScripts('https://HOST/a.js')",
    "a request": FETCH,
    "a request by XMLHttpRequest": "const x = new XMLHttpRequest(); x.open('GET', 'https://HOST/'); x.send()",
    "an import": "import('https://HOST/a.js').catch(() => {})",
}
DATA = "`data:text/javascript,${encodeURIComponent(code)}`"
BLOB = "URL.createObjectURL(new Blob([code]))"
NESTED = "URL.createObjectURL(new Blob([`new Worker(${JSON.stringify(DATA)})`]))".replace("DATA", DATA)
FRAME = "document.body.appendChild(document.createElement('iframe')).contentWindow"
WAYS = {
    **{name: (f"new Worker({DATA})", code) for name, code in CODES.items()},
    "a static import": (f"new Worker({DATA}, {{ type: 'module' }})", "import 'https://HOST/a.js'"),
    "a shared worker": (f"new SharedWorker({DATA})", CODES["a script"]),
    "a worker of a worker": (f"new Worker({NESTED})", FETCH),
    "a worker of an empty frame": (f"new ({FRAME}).Worker({DATA})", FETCH),
    "a worker of a blob": (f"new Worker({BLOB})", FETCH),
}
OPEN = {"webkit": {"a worker of a worker"}}
"""What an engine does not hold: docs/browsers.md."""
IDLE = {"chromium": {"a shared worker"}}
"""What an engine does not do here even without a policy. Chromium contacts nobody from a shared worker of this kind."""
HOSTS = {way: f"n{number}.acme.test" for number, way in enumerate(WAYS)}


def page(way: str) -> HTMLResponse:
    make_it, code = WAYS[way]
    code = json.dumps(code.replace("HOST", HOSTS[way]))
    return HTMLResponse(
        f"<!doctype html><html lang=en><head><title>Site</title></head><body><script>const code = {code}; {make_it}"
        "</script></body></html>"
    )


SITE_ITSELF = Starlette(routes=[Route(f"/{number}", lambda _, way=way: page(way)) for number, way in enumerate(WAYS)])


def is_contacted(proxy: Proxy, host: str) -> bool:
    return host in proxy.hosts()


def test_no_worker_contacts_whom_the_policy_does_not_allow(name: str, ledger_url: str) -> None:
    with visiting(name, SITE_ITSELF) as (engine, proxy):
        for number, way in enumerate(WAYS):
            engine.open(f"https://{SITE}/{number}")
            if way not in IDLE.get(name, ()):
                until(partial(is_contacted, proxy, HOSTS[way]))  # else it would prove nothing below
    with visiting(name, make(SITE_ITSELF, ledger_url)) as (engine, proxy):
        for number in range(len(WAYS)):
            with suppress(DriverError):
                engine.open(f"https://{SITE}/{number}")
            rest(proxy)
        contacted = {way for way, host in HOSTS.items() if host in proxy.hosts()}
    assert contacted == OPEN.get(name, set())


def test_a_worker_that_webkit_refuses_is_told(name: str, ledger_url: str) -> None:
    held = '[{"kind":"worker","name":"data:","category":"blocked","service":null,"layer":"guard"}]'
    with visiting(name, make(SITE_ITSELF, ledger_url)) as (engine, _):
        engine.open(f"https://{SITE}/0")
        expected = held if name == "webkit" else "[]"
        until(lambda: holds(engine, f"JSON.stringify(cookieConsent.held) === {json.dumps(expected)}"))


def test_a_worker_that_webkit_refuses_tells_the_page(name: str, ledger_url: str) -> None:
    page = "<!doctype html><title>a</title><script>new Worker('data:,1').onerror = () => { document.title = 'failed' }"
    app = make(Starlette(routes=[Route("/", lambda _: HTMLResponse(f"{page}</script>"))]), ledger_url)
    with visiting(name, app) as (engine, _):
        engine.open(f"https://{SITE}/")
        expected = "failed" if name == "webkit" else "a"
        until(lambda: holds(engine, f"document.title === '{expected}'"))
