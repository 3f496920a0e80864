"""Services on the site's own host, which scripts ask for: the guard is the one layer that can hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.harness import SITE
from tests.browser.journey import choose
from tests.browser.test_guard import errors_of, make, paged

if TYPE_CHECKING:
    from playwright.sync_api import Request

    from tests.browser.conftest import Visit, Visiting

SCRIPT = "s = document.createElement('script');"
BEACONS = {
    "an image": "new Image().src = '/matomo.php?idsite=1&rec=1'",
    "an image's attribute": "i = document.createElement('img'); i.setAttribute('SRC', '/matomo.php?idsite=1&rec=1');"
    "document.body.append(i)",
    "an image's candidates": "i = document.body.appendChild(new Image());i.srcset = '/t/1.png 1x, /own.png 2x'",
    "an image in markup": "d = document.createElement('p'); d.innerHTML = 'a<img src=/t/1.png alt=it\\'s>'",
    "candidates in markup": "document.body.insertAdjacentHTML('beforeend', '<picture><source srcset=\"/t/1.png 2x\">"
    "<img alt=a src=data:,></picture>')",
    "an image that is parsed elsewhere": "p = new DOMParser().parseFromString("
    "'<img src=\"/matomo.php?rec=1&amp;idsite=1\">', 'text/html'); document.body.append(p.querySelector('img'))",
    "an image that is written": "document.write('<img src=/t/1.png>')",
    "a script that is written": "document.write('<script async src=/matomo.js></scr' + 'ipt>')",
    "fetch": "fetch('/g/collect?v=2&tid=G-1', { method: 'POST' }).catch(() => {})",
    "fetch of a request": "fetch(new Request('/t/1')).catch(() => {})",
    "an address as an object": "fetch(new URL('/t/1', location)).catch(() => {})",
    "XMLHttpRequest": "x = new XMLHttpRequest(); x.open('POST', '/matomo.php');"
    "x.onerror = () => { window.failed = true }; x.send('idsite=1&rec=1')",
    "a beacon": "navigator.sendBeacon('/matomo.php', new Blob(['idsite=1&rec=1']))",
    "a script": f"{SCRIPT} s.src = '/matomo.js'; document.head.appendChild(s)",
    "a script with attributes": f"{SCRIPT} s.src = '/u.js'; s.dataset.websiteId = '1'; document.head.append(s)",
    "a script beside another": f"{SCRIPT} s.src = '/u.js'; s.setAttribute('data-website-id', '1');"
    "document.querySelector('script').after(s)",
    "a script in an element": f"{SCRIPT} s.src = '/u.js'; s.dataset.websiteId = '1'; d = document.createElement('div');"
    "d.innerHTML = '<p>a</p>'; d.firstChild.append('b', s); document.body.insertBefore(d, null)",
    "a script after a text": f"{SCRIPT} s.src = '/matomo.js'; t = document.createTextNode('a');"
    "document.body.append(t); t.after(s)",
    "a frame": "f = document.createElement('iframe'); f.src = '/t/f'; document.body.append(f)",
    "a frame's fetch": "f = document.createElement('iframe'); document.body.append(f);"
    "f.contentWindow.fetch('/t/1').catch(() => {})",
}
OWN = {
    "stats": {"name": "Stats", "category": "analytics", "hosts": ["/t/"]},
    **{name: {} for name in ("matomo-cloud", "umami-cloud", "google-analytics")},
}
MARKS = ("/matomo", "/g/collect", "/t/", "/u.js")


def asked_by(visit: Visit) -> list[str]:
    """Return the list into which all beacons go that the browser asks for."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.url.removeprefix(f"http://{SITE}").startswith(MARKS):
            asked.append(request.url)

    visit.page.on("request", note)
    return asked


@pytest.mark.parametrize("way", list(BEACONS))
def test_what_scripts_ask_for_waits_for_the_choice(visiting: Visiting, ledger_url: str, way: str) -> None:
    code = BEACONS[way]
    with visiting(paged(code)) as visit:
        asked = asked_by(visit)
        visit.open()
        assert asked  # without the guard: the test can fail
    with visiting(make(paged(code), ledger_url, services=OWN, unknown_hosts="block")) as visit:
        asked, errors = asked_by(visit), errors_of(visit.page)
        visit.open()
        assert (asked, errors) == ([], [])
        services = visit.page.evaluate("cookieConsent.held.map(({ service }) => service)")
        assert len(set(services)) == 1  # elements in markup are there twice
        choose(visit, "Refuse all")
        visit.open()
        assert (asked, errors) == ([], [])
        if way == "XMLHttpRequest":
            assert visit.page.evaluate("window.failed")
    with visiting(make(paged(code), ledger_url, services=OWN, unknown_hosts="block")) as visit:
        asked = asked_by(visit)
        visit.open()
        choose(visit, "Accept all")
        visit.until(lambda: asked)  # here, or on the page that is loaded again
        visit.settled()
        asked.clear()
        visit.open()
        assert asked


def test_the_sites_own_requests_go_on(visiting: Visiting, ledger_url: str) -> None:
    code = (
        "window.seen = []; const own = ['/a/b?idsite=1', '/api/event', '/matomo.php'];"
        "for (const address of own) fetch(address).then(({ status }) => seen.push(status));"
        "x = new XMLHttpRequest(); x.open('GET', '/a/b'); x.onload = () => seen.push(x.status); x.send();"
        "new Image().src = '/p.gif?rec=1';"
        f"{SCRIPT} s.src = '/app.js'; s.dataset.domain = 'x.test'; s.onerror = () => seen.push('asked');"
        "document.head.append(s);"
        "const kept = '<p>it\\'s <!-- <img src=/t/1> --> <img src=/p.gif?rec=2 alt=\"<img src=/t/2>\">';"
        "d = document.createElement('div'); d.innerHTML = kept; window.markup = d.innerHTML;"
        "new DOMParser().parseFromString('<svg><image href=\"/t/3\"/></svg>', 'image/svg+xml')"
    )
    with visiting(make(paged(code), ledger_url, services=OWN)) as visit:
        visit.page.goto(f"http://{SITE}/")
        visit.page.wait_for_function("window.seen.length === 5")
        assert sorted(map(str, visit.page.evaluate("seen"))) == ["200", "200", "404", "404", "asked"]
        markup = visit.page.evaluate("markup")
        assert markup.startswith("<p>it's <!-- <img src=/t/1> --> <img src=")
        assert visit.page.evaluate("cookieConsent.held.length") == 0
