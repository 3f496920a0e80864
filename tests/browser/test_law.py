"""Rows of the requirements that only a browser can show; see ``tests.law``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy
from tests.declaring import own_cookies

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visiting

PAGE = (
    "<!doctype html><html lang=en><title>a</title><link rel=icon href=data:,><h1>a</h1>"
    "<script>localStorage.setItem('visitor', '1'); sessionStorage.setItem('step', '2')</script>"
    "<button onclick='this.dataset.used = 1'>Buy</button><div style='height: 3000px'></div>"
)
OPTIONS = "[...document.querySelectorAll('.cc-panel button, .cc-panel a')].filter(n => n.offsetParent !== null)"


def site(ledger_url: str, **document: Any) -> ASGIApp:
    policy = parse_policy({"version": "1", "cookies": own_cookies(), **document}, source="test")
    return ConsentMiddleware(HTMLResponse(PAGE), policy, secret="x" * 40, ledger=ledger_url)


def test_row_3_eprivacy_5_3_storage_waits_where_the_site_says_so(visiting: Visiting, ledger_url: str) -> None:
    keys = (
        "[...Object.keys(localStorage), ...Object.keys(sessionStorage)].filter(key => key !== 'cookie_consent.state')"
    )
    for document, expected in (({}, ["visitor", "step"]), ({"unknown_cookies": "ask"}, [])):
        with visiting(site(ledger_url, **document)) as visit:
            visit.open()
            assert visit.page.evaluate(keys) == expected


def test_row_12_edpb_05_2020_the_page_can_be_used(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open()
        assert visit.page.locator(".cc-panel").is_visible()
        visit.page.get_by_role("button", name="Buy").click()
        assert visit.page.locator("[data-used]").count() == 1
        visit.page.mouse.wheel(0, 800)
        visit.page.wait_for_function("scrollY > 100")


def test_row_15_edpb_05_2020_neither_scrolling_nor_escape(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open()
        visit.page.mouse.wheel(0, 800)
        visit.page.keyboard.press("Escape")
        visit.page.wait_for_timeout(300)
        assert visit.page.evaluate("cookieConsent.state.decided") is False
        assert visit.page.locator(".cc-panel").is_visible()
        assert visit.cookies() == {}


def test_row_34_cookie_banner_taskforce_both_have_one_size(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        for width in (1280, 360):
            visit.page.set_viewport_size({"width": width, "height": 740})
            visit.open()
            looks = [
                visit.page.get_by_role("button", name=name).evaluate(
                    "n => { const s = getComputedStyle(n); return [n.offsetWidth, n.offsetHeight, s.color, "
                    "s.backgroundColor, s.fontSize, s.fontWeight, s.borderStyle] }"
                )
                for name in ("Refuse all", "Accept all")
            ]
            assert looks[0] == looks[1]
            assert looks[0][1] >= 44


def test_row_35_edpb_03_2022_phones_show_the_same(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        shown = []
        for width in (1280, 360):
            visit.page.set_viewport_size({"width": width, "height": 740})
            visit.open()
            shown.append(visit.page.evaluate(f"{OPTIONS}.map(n => n.textContent.trim())"))
        assert shown[0] == shown[1]
        assert {"Refuse all", "Accept all", "Settings"} <= set(shown[0])


def test_row_62_aepd_settings_are_as_visible(visiting: Visiting, ledger_url: str) -> None:
    look = (
        "n => { const s = getComputedStyle(n); return [n.offsetHeight, s.color, s.backgroundColor, s.fontSize, "
        "s.fontWeight, s.borderRadius, s.textDecorationLine] }"
    )
    for scripts in (True, False):
        with visiting(site(ledger_url), scripts=scripts) as visit:
            visit.open()
            settings = visit.page.get_by_role("button" if scripts else "link", name="Settings", exact=True)
            assert settings.evaluate(look) == visit.page.get_by_role("button", name="Accept all").evaluate(look)
