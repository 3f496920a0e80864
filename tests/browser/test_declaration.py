"""The cookie declaration in Chromium: readable on every width, without scripts, and embedded in a site's own page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp

    from tests.browser.conftest import Visiting

LONG = "x" * 120
POLICY = {
    "version": "2026-11-01",
    "controller": {"name": "Shop Ltd", "address": "1 High Street\n12345 Town"},
    "cookies": [{"name": LONG, "category": "session", "purpose": LONG}],
    "services": {"google-analytics": {"transfers": ["US"]}, "youtube": {"privacy_url": f"https://x.example/{LONG}"}},
}
PAGE = (
    "<!doctype html><html lang=de><head><title>S</title></head><body><h1>Datenschutz</h1>"
    "<div data-consent-declaration><a href=/_consent/policy>Cookies</a></div></body></html>"
)


def site(ledger: str, *, headers: dict[str, str] | None = None) -> ASGIApp:
    inner = Starlette(routes=[Route("/", lambda _: HTMLResponse(PAGE, headers=headers))])
    return ConsentMiddleware(inner, policy=parse_policy(POLICY, source="test"), secret="x" * 40, ledger=ledger)


@pytest.mark.parametrize("path", ["/_consent/policy", "/_consent/preferences"])
@pytest.mark.parametrize(
    ("locale", "width", "scheme"),
    [("en-US", 1280, "light"), ("de", 360, "dark"), ("ar", 360, "light"), ("es", 180, "light")],
    ids=["desktop", "phone-dark", "phone-arabic", "phone-at-200-percent"],
)
def test_no_width_overflows(
    visiting: Visiting, ledger_url: str, tmp_path: Path, *, path: str, locale: str, width: int, scheme: str
) -> None:
    with visiting(site(ledger_url), locale=locale, scripts=False) as visit:
        visit.page.set_viewport_size({"width": width, "height": 844})
        visit.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        visit.open(path)
        visit.page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
        visit.page.screenshot(path=tmp_path / "page.png", full_page=True)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        assert visit.page.locator("html").get_attribute("dir") == ("rtl" if locale == "ar" else "ltr")
        dark = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (dark == "rgb(255, 255, 255)") is (scheme == "light")
        visit.page.emulate_media(media="print", color_scheme="dark")
        assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_a_page_of_the_site_contains_it_in_its_own_language(visiting: Visiting, ledger_url: str) -> None:
    policy = "default-src 'self'; require-trusted-types-for 'script'"
    with visiting(site(ledger_url, headers={"Content-Security-Policy": policy})) as visit:
        visit.open()
        visit.page.locator("[data-consent-declaration=done]").wait_for()
        section = visit.page.locator("[data-consent-declaration] > .cc-declaration")
        assert section.get_attribute("lang") == "de"
        assert "Was wir einsetzen, und wofür" in section.inner_text()
        assert visit.page.locator("h1").inner_text() == "Datenschutz"


@pytest.mark.parametrize("scripts", [True, False])
def test_the_link_stays_where_the_page_cannot_fetch_it(visiting: Visiting, ledger_url: str, *, scripts: bool) -> None:
    policy = "connect-src 'none'"
    with visiting(site(ledger_url, headers={"Content-Security-Policy": policy}), scripts=scripts) as visit:
        visit.open()
        if scripts:
            visit.page.locator("[data-consent-declaration=failed]").wait_for()
        assert visit.page.locator("[data-consent-declaration] a").inner_text() == "Cookies"
