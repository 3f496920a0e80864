"""One journey in each engine: the banner, both choices, the keyboard, what the guard holds, and nobody contacted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.browser.harness import SITE
from tests.browser.test_guard import make
from tests.engines.engine import DriverError, visiting
from tests.engines.limits import LIMITS
from tests.waiting import until

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tests.browser.harness import Proxy
    from tests.engines.engine import Engine

SCRIPT, IMAGE, LATE = "acme.test", "pixel.acme.test", "late.test"
THIRD = {SCRIPT, IMAGE, LATE}
"""What else a browser contacts is its own affair: updates, certificates, search."""
PAGE = f"""<!doctype html><html lang=en><head><title>Site</title><link rel=icon href=data:,>
<script src=https://{SCRIPT}/tag.js></script></head><body><p>a</p><img src=https://{IMAGE}/a.png alt="">
<script>
document.cookie = "_ga=1; Max-Age=1000; Path=/"; localStorage.setItem("_ga", "1");
fetch("https://{LATE}/late").catch(() => {{}}); new Image().src = "https://{SCRIPT}/made.png";
</script></body></html>"""
QUIET = 0.7


def site(ledger: str, *, led_to: str = "") -> ASGIApp:
    def answer(_: Request) -> Response:
        return HTMLResponse(PAGE if not led_to else f"<!doctype html><body><script>location = '{led_to}'</script>")

    plain = Starlette(routes=[Route("/", answer)])
    service = {"name": "Acme", "category": "analytics", "hosts": ["acme.test", "*.acme.test"]}
    late = {"name": "Late", "category": "advertising", "hosts": [LATE]}
    return make(plain, ledger, services={"acme": service, "late": late, "google-analytics": {}}) if ledger else plain


def contacted(engine: Engine, proxy: Proxy) -> set[str]:
    """Open the site, and return who was contacted until nothing more came."""
    proxy.contacts.clear()
    engine.open(f"http://{SITE}/")
    before = -1
    while len(proxy.contacts) != before:
        before = len(proxy.contacts)
        time.sleep(QUIET)
    return proxy.hosts() & THIRD


def holds(engine: Engine, condition: str) -> bool:
    """Say whether a condition holds; not while the page is being loaded again, as after a choice."""
    try:
        return bool(engine.run(condition))
    except DriverError:
        return False


def use(engine: Engine, found: str) -> None:
    """Use the button that an expression finds, by the keyboard: a script's click consents to nothing."""
    engine.run(f"void {found}.focus()")
    engine.press("Enter")


def choose(engine: Engine, button: str) -> None:
    use(engine, f"[...document.querySelectorAll('.cc-panel button')].find(b => b.innerText === '{button}')")
    until(lambda: holds(engine, "cookieConsent.state.decided"))


def test_the_page_is_live(name: str) -> None:
    """Without the middleware all are contacted and both are kept: the journeys can fail."""
    with visiting(name, site("")) as (engine, proxy):
        assert contacted(engine, proxy) == THIRD
        assert engine.run("[document.cookie.includes('_ga'), localStorage._ga]") == [True, "1"]


@pytest.mark.parametrize("button", ["Refuse all", "Accept all"])
def test_a_choice_holds(name: str, ledger_url: str, button: str) -> None:
    with visiting(name, site(ledger_url)) as (engine, proxy):
        assert contacted(engine, proxy) == set()
        assert engine.run("[document.cookie.includes('_ga'), localStorage.getItem('_ga')]") == [False, None]
        assert engine.run("document.querySelector('.cc-panel').getBoundingClientRect().height > 50")
        choose(engine, button)
        if button == "Accept all":
            until(lambda: {SCRIPT, IMAGE} <= proxy.hosts())
            until(lambda: holds(engine, "(self.order ?? []).length > 0"))
            assert contacted(engine, proxy) == THIRD
        else:
            assert contacted(engine, proxy) == set()
            assert engine.run("[document.cookie.includes('_ga'), localStorage.getItem('_ga')]") == [False, None]


def test_the_keyboard_reaches_the_choice(name: str, ledger_url: str) -> None:
    with visiting(name, site(ledger_url)) as (engine, proxy):
        assert contacted(engine, proxy) == set()
        reached: set[str] = set()
        for _ in range(20):
            engine.press("Tab")
            reached.add(str(engine.run("document.activeElement?.innerText.trim() ?? ''")))
        assert {"Accept all", "Refuse all"} <= reached


def test_no_page_leads_to_a_refused_service(name: str, ledger_url: str) -> None:
    with visiting(name, site(ledger_url, led_to=f"https://{SCRIPT}/sso")) as (engine, proxy):
        is_led = "location" in LIMITS[name]
        assert contacted(engine, proxy) == ({SCRIPT} if is_led else set())
        assert engine.run("location.host") == (SCRIPT if is_led else SITE)
