"""Advanced mode in Chromium: the tag loads before a choice, told first that it is denied, and can store nothing.

What the vendors' servers would send are stand-ins. They read what they have been told when they start, as the real ones
do, send their pings, and try to set their cookies.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy
from tests.browser.harness import stubbed
from tests.browser.journey import choose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visit, Visiting
    from tests.browser.harness import Proxy

pytestmark = pytest.mark.browser

GTAG = """<script>
window.dataLayer = window.dataLayer || [];
function gtag(){dataLayer.push(arguments);}
gtag('js', 1); gtag('config', 'G-TEST');
</script>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-TEST"></script>"""
GOOGLE = """(() => {
  const read = () => [...dataLayer].filter((entry) => entry[0] === 'consent').map((entry) => [...entry]);
  const state = () => Object.assign({}, ...read().map((entry) => entry[2])).analytics_storage;
  window.toldFirst = read();
  const ping = () => {
    document.cookie = '_ga=GA1.1.1.1; path=/; max-age=1000';
    const letter = state() === 'granted' ? 'granted' : 'denied';
    fetch(`https://www.google-analytics.com/g/collect/${letter}`, {mode: 'no-cors', keepalive: true}).catch(() => {});
  };
  ping();
  const { push } = dataLayer;
  dataLayer.push = function (...entries) {
    const result = push.apply(this, entries);
    if (entries.some((entry) => entry[0] === 'consent')) ping();
    return result;
  };
})();"""
ACME = {
    "name": "Acme",
    "category": "analytics",
    "hosts": ["*.acme.test", "/stats/"],
    "inline": ["Acme.boot("],
    "cookies": [{"name": "acme_*", "max_age": "30d", "purpose": "Counts"}],
    "storage": ["acme.*"],
    "signals": [{"on": "default", "push": "acme", "args": ["consent"], "values": ""}],
}
# Everything by which a script can ask a host, and everything by which it can store.
TAG = """(() => {
  window.toldFirst = JSON.stringify(window.acme);
  const at = 'https://ping.acme.test/';
  fetch(at + 'fetch', {mode: 'no-cors'}).catch(() => {});
  const request = new XMLHttpRequest();
  request.open('GET', at + 'request');
  request.send();
  navigator.sendBeacon(at + 'beacon', 'a=1');
  navigator.sendBeacon('/stats/beacon', 'a=1');
  fetch('/stats/fetch').catch(() => {});
  new Image().src = at + 'image';
  new Image().src = '/stats/image';
  for (const src of [at + 'script', '/stats/script']) {
    document.head.append(Object.assign(document.createElement('script'), {src}));
  }
  document.body.append(Object.assign(document.createElement('iframe'), {src: at + 'frame'}));
  document.cookie = 'acme_id=1; path=/; max-age=1000';
  window.cookieStore?.set('acme_store', '1');
  localStorage.setItem('acme.local', '1');
  localStorage['acme.named'] = '1';
  sessionStorage.setItem('acme.session', '1');
})();"""
PINGS = {f"ping.acme.test/{kind}" for kind in ("fetch", "request", "beacon", "image", "script", "frame")}
OWN_PINGS = {f"/stats/{kind}" for kind in ("beacon", "fetch", "image", "script")}
MARKUP = """<script>Acme.boot = 1; window.isBooted = 1</script>
<img src=https://ping.acme.test/markup alt><iframe src=https://ping.acme.test/markup-frame></iframe>
<script async src=https://tag.acme.test/tag.js></script>"""
STORED = """async () => [document.cookie, ...Object.keys(localStorage), ...Object.keys(sessionStorage)].filter(
  (text) => /acme|_ga/.test(text))"""
REFUSE = "() => void cookieConsent.refuse()"


def stand_in(host: str, path: str) -> tuple[str, bytes]:
    if host == "www.googletagmanager.com":
        return "text/javascript", GOOGLE.encode()
    if host == "tag.acme.test":
        return "text/javascript", TAG.encode()
    return stubbed(host, path)


@pytest.fixture(autouse=True)
def vendors(proxy: Proxy) -> Iterator[None]:
    proxy.answers = stand_in
    yield
    proxy.answers = None


def site(head: str, ledger: str, services: dict[str, Any], **policy: Any) -> ASGIApp:
    page = f"<!doctype html><html lang=en><head><title>A</title><link rel=icon href=data:,></head><body>{head}</body>"

    def answer(request: Request) -> Response:
        if request.url.path.startswith("/stats/"):
            return Response("", media_type="text/javascript", headers={"set-cookie": "acme_beacon=1; Max-Age=1000"})
        return HTMLResponse(page)

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    document = {"version": "1", "gate": {"mirror": False}, "services": services, **policy}
    return ConsentMiddleware(app, policy=parse_policy(document, source="test"), secret="x" * 40, ledger=ledger)


def collected(visit: Visit) -> list[str]:
    """Return which state each ping to Google had."""
    return [contact.rpartition("/")[2] for contact in visit.proxy.contacts if "/g/collect/" in contact]


def pings(visit: Visit) -> tuple[set[str], set[str]]:
    """Return what was asked of the service's hosts, and of the site on its behalf."""
    own = {path.split()[-1] for path in visit.proxy.own}
    return {contact for contact in visit.proxy.contacts if "ping.acme.test/" in contact}, own & OWN_PINGS


def test_google_s_tag_is_told_that_consent_is_denied_and_pings_without_a_cookie(
    visiting: Visiting, ledger_url: str
) -> None:
    services = {"google-analytics": {"consent_mode": "advanced"}}
    with visiting(site(GTAG, ledger_url, services)) as visit:
        visit.open(awaited={"www.google-analytics.com"})
        told = visit.page.evaluate("toldFirst")
        assert [entry[:2] for entry in told] == [["consent", "default"]]
        assert told[0][2]["analytics_storage"] == "denied"
        assert collected(visit) == ["denied"]
        assert visit.page.evaluate(STORED) == []
        assert "_ga" not in visit.cookies()

        visit.proxy.contacts.clear()
        choose(visit, "Accept all")
        visit.until(lambda: "granted" in collected(visit))
        visit.until(lambda: visit.cookies().get("_ga", -1) > 0)
        visit.open(awaited={"www.google-analytics.com"})
        assert visit.page.evaluate("toldFirst.map((entry) => entry[2].analytics_storage)") == ["granted", "granted"]
        assert set(collected(visit)) == {"granted"}
        assert visit.cookies()["_ga"] > 0


@pytest.mark.parametrize("csp", ["enforce", "off"])
def test_all_that_its_scripts_ask_for_is_let_through_and_all_that_they_store_is_held(
    visiting: Visiting, ledger_url: str, csp: str
) -> None:
    services = {"acme": {**ACME, "consent_mode": "advanced"}}
    with visiting(site(MARKUP, ledger_url, services, gate={"mirror": False, "csp": csp})) as visit:
        visit.proxy.own.clear()
        visit.open(awaited={"ping.acme.test"})
        visit.until(lambda: pings(visit) == (PINGS, OWN_PINGS))
        assert json.loads(visit.page.evaluate("toldFirst")) == [["consent", "denied"]]
        assert visit.page.evaluate(STORED) == []
        assert not [name for name in visit.cookies() if name.startswith("acme")]
        # What says nothing of the choice is held.
        assert visit.page.locator("[data-consent-service=acme]").count() == 2
        held = visit.page.evaluate(
            "cookieConsent.held.filter(({ service }) => service === 'acme').map((item) => item.name)"
        )
        assert {"acme_id", "acme.local"} <= set(held)

        choose(visit, "Accept all")
        visit.until(lambda: visit.cookies().get("acme_id", -1) > 0)
        visit.until(lambda: visit.page.evaluate("localStorage['acme.local']") == "1")
        visit.until(lambda: "ping.acme.test/markup" in visit.proxy.contacts)


@pytest.mark.parametrize("services", [{"acme": ACME}, {"google-analytics": {}}], ids=["own", "google"])
def test_without_the_key_nothing_loads(visiting: Visiting, ledger_url: str, services: dict[str, Any]) -> None:
    with visiting(site(MARKUP + GTAG, ledger_url, services)) as visit:
        visit.proxy.own.clear()
        assert visit.open() == set()
        assert pings(visit) == (set(), set())


def test_a_refusal_ends_it_at_once_and_for_good(visiting: Visiting, ledger_url: str) -> None:
    services = {"acme": {**ACME, "consent_mode": "advanced"}}
    with visiting(site(MARKUP, ledger_url, services)) as visit:
        visit.open(awaited={"ping.acme.test"})
        visit.until(lambda: pings(visit)[0] == PINGS)
        visit.page.evaluate("window.isOld = true")
        visit.page.evaluate(REFUSE)
        visit.page.wait_for_function("!window.isOld")  # the page is left, with its scripts
        visit.settled()
        visit.proxy.own.clear()
        assert visit.open("/other") == set()
        assert pings(visit) == (set(), set())
        assert visit.page.evaluate("window.toldFirst") is None


def test_a_signal_of_the_browser_alone_ends_it(visiting: Visiting, ledger_url: str) -> None:
    services = {"acme": {**ACME, "category": "advertising", "consent_mode": "advanced"}}
    with visiting(site(MARKUP, ledger_url, services)) as visit:
        # Without its header, as in a browser that tells scripts alone.
        visit.page.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
        # Only what the browser had begun to fetch ahead of all scripts is asked for, and it does not run.
        assert visit.open() <= {"tag.acme.test"}
        assert pings(visit)[0] == set()
        assert visit.page.evaluate("window.toldFirst") is None
        assert visit.open("/other") == set()
