from __future__ import annotations

import pytest

from cookie_consent.scanner.browser.cookies import CookieNotes
from cookie_consent.scanner.collector import Collector
from cookie_consent.scanner.model import Initiator, Mode, Scan, Sighting

PAGE = "https://www.shop.example/a/b"
SIGHTING = Sighting(page=PAGE)
BY = Initiator(by="script")


def notes() -> tuple[CookieNotes, Scan]:
    scan = Scan(site=PAGE, mode=Mode.BROWSER, started="")
    return CookieNotes(Collector(scan)), scan


WRITTEN = [
    ("a=1", ("a", "www.shop.example", "/a", True, None)),
    ("a=1; path=/; domain=.shop.example; max-age=60", ("a", "shop.example", "/", False, 60)),
    ("a=1; max-age=99999999999", ("a", "www.shop.example", "/a", True, 400 * 86_400)),
    ("a=1; domain=example", None),  # a public suffix: scripts try them
    ("a=1; domain=co.uk", None),
    ("a=1; domain=other.example", None),
    ("a=1; max-age=0", None),  # it deletes
    ("a=; expires=Thu, 01 Jan 1970 00:00:00 GMT", None),
    ("__Host-a=1", None),  # no browser keeps it without Secure
    ("", None),
]


@pytest.mark.parametrize(("line", "expected"), WRITTEN)
def test_what_scripts_write(line: str, expected: tuple[object, ...] | None) -> None:
    noted, scan = notes()
    noted.from_script(line, PAGE, SIGHTING, BY)
    found = [(each.name, each.domain, each.path, each.host_only, each.lifetime) for each in scan.cookies]
    assert found == ([expected] if expected else [])


def test_script_cannot_set_http_only() -> None:
    noted, scan = notes()
    noted.from_script("a=1; httponly", PAGE, SIGHTING, BY)
    assert not scan.cookies[0].http_only


@pytest.mark.parametrize(
    ("reasons", "listed"),
    [
        (set(), True),
        ({"ThirdPartyPhaseout"}, True),  # other browsers keep it
        ({"SameSiteUnspecifiedTreatedAsLax"}, True),
        ({"InvalidDomain"}, False),  # none keeps it
        ({"ThirdPartyPhaseout", "InvalidPrefix"}, False),
    ],
)
def test_cookies_that_chromium_rejects(reasons: set[str], *, listed: bool) -> None:
    noted, scan = notes()
    noted.from_header("a=1", PAGE, SIGHTING, reasons)
    assert bool(scan.cookies) is listed


def test_what_the_browser_holds_is_joined_with_what_set_it() -> None:
    noted, scan = notes()
    noted.from_script("a=1; path=/; max-age=60", PAGE, SIGHTING, BY)
    held = {"name": "a", "domain": "www.shop.example", "path": "/", "expires": -1, "secure": True, "sameSite": "Lax"}
    noted.from_browser([held, {**held, "name": "b", "httpOnly": True}], SIGHTING)
    a, b = scan.cookies
    assert (a.initiators, a.secure, a.same_site, a.lifetime) == ([BY], True, "lax", 60)
    assert (b.initiators, b.http_only) == ([], True)
    count = a.count
    noted.from_browser([held], SIGHTING)  # unchanged
    assert a.count == count
