"""Global Privacy Control in Chromium, where the browser has it on but no header comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware, Ledger
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from starlette.requests import Request

    from tests.browser.conftest import Visiting

PAGE = (
    "<!doctype html><html lang=en><head><title>Site</title><link rel=icon href=data:,></head><body>"
    "<img src=http://ads.test/p.gif alt=''><img src=http://stats.test/p.gif alt=''></body></html>"
)
ON = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => window.name !== 'off' })"
SERVICES: dict[str, Any] = {
    "ads": {"name": "Ads", "category": "advertising", "hosts": ["ads.test"]},
    "stats": {"name": "Stats", "category": "analytics", "hosts": ["stats.test"]},
}


def test_the_signal_is_heeded_without_its_header(visiting: Visiting, ledger_url: str) -> None:
    def answer(_: Request) -> HTMLResponse:
        return HTMLResponse(PAGE)

    policy = parse_policy({"version": "1", "services": SERVICES}, source="test")
    app = ConsentMiddleware(Starlette(routes=[Route("/", answer)]), policy, secret="x" * 40, ledger=ledger_url)
    with visiting(app) as visit:
        page = visit.page
        visit.open()
        page.get_by_role("button", name="Accept all").click()
        visit.settled()
        assert visit.open() == {"ads.test", "stats.test"}
        visit.context.add_init_script(ON)
        visit.open()
        # It was held and came again, with what the signal leaves.
        assert page.evaluate("cookieConsent.state.granted.includes('advertising')") is False
        assert page.locator("img[data-consent=advertising]").count() == 1
        assert visit.open() == {"stats.test"}
        page.evaluate("window.name = 'off'")
        visit.open()
        assert "cookie_consent_gpc" not in visit.cookies()
    assert [record.action for record in Ledger(ledger_url).records()] == ["given", "signal"]


def test_the_settings_are_open_to_whoever_is_not_asked(visiting: Visiting, ledger_url: str) -> None:
    policy = parse_policy({"version": "1", "services": SERVICES}, source="test")
    app = ConsentMiddleware(HTMLResponse(PAGE), policy, secret="x" * 40, ledger=ledger_url)
    with visiting(app) as visit:
        visit.context.set_extra_http_headers({"Sec-GPC": "1"})
        visit.open()
        page = visit.page
        assert page.locator(".cc-panel").count() == 0
        link = page.get_by_role("link", name="Privacy settings")
        assert "Opt-out request honoured" in link.inner_text()
        for is_clicked in (True, False):
            link.click()
            page.get_by_role("region", name="Privacy settings").wait_for()
            if is_clicked:
                page.get_by_role("button", name="Close").click()
            else:
                page.keyboard.press("Escape")
            page.wait_for_function("!document.querySelector('.cc-panel')")
            assert link.is_visible()
