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
    "a frame's fetch": "f = document.createElement('iframe'); document.body.append(f);"
    "f.contentWindow.fetch('/t/1').catch(() => {})",
}
OWN = {"stats": {"name": "Stats", "category": "analytics", "hosts": ["/t/"]}}
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
        assert len(visit.page.evaluate("cookieConsent.held")) == 1
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
        "document.head.append(s)"
    )
    with visiting(make(paged(code), ledger_url)) as visit:
        visit.page.goto(f"http://{SITE}/")
        visit.page.wait_for_function("window.seen.length === 5")
        assert sorted(map(str, visit.page.evaluate("seen"))) == ["200", "200", "404", "404", "asked"]
        assert visit.page.evaluate("cookieConsent.held.length") == 0
