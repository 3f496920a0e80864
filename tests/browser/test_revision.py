"""What pages say of a policy that is announced: one line, which closes without a script and stays closed with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.responses import HTMLResponse

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy
from tests.browser.journey import choose
from tests.declaring import own_cookies

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visit, Visiting

pytestmark = pytest.mark.browser
PAGE = "<!doctype html><title>a</title><h1>a</h1><p><a href=/>a link</a>"
LINE = "Our use of cookies changes on 1 December 2099"


def site(ledger_url: str, version: str = "2") -> ASGIApp:
    present = {"version": "1", "cookies": own_cookies("preferences")}
    following = {**present, "version": version, "effective": "2099-12-01", "services": {"youtube": {}}}
    policy = parse_policy({**present, "next": following}, source="test")
    return ConsentMiddleware(HTMLResponse(PAGE), policy, secret="x" * 40, ledger=ledger_url)


def shown(page: Page) -> bool:
    return page.locator(".cc-revision").is_visible()


def refuse(visit: Visit) -> None:
    """Refuse all, and close what is said after that."""
    choose(visit, "Refuse all")
    visit.page.locator(".cc-panel").wait_for(state="detached")
    visit.page.locator(".cc-status").get_by_role("button").click()


def test_it_waits_until_the_confirmation_is_closed(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open()
        choose(visit, "Refuse all")
        visit.page.locator(".cc-panel").wait_for(state="detached")
        visit.page.locator(".cc-status").get_by_role("button").wait_for()
        visit.open()
        visit.page.locator(".cc-status").get_by_role("button").wait_for()
        assert not shown(visit.page)
        visit.page.locator(".cc-status").get_by_role("button").click()
        assert shown(visit.page)


def test_it_is_closed_by_the_keyboard_and_stays_closed(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open()
        assert visit.page.locator(".cc-panel").get_by_role("link", name=LINE).is_visible()
        assert not shown(visit.page)
        refuse(visit)
        visit.open()
        dialog = visit.page.get_by_role("dialog", name="Coming changes")
        assert dialog.get_by_role("link", name=LINE).is_visible()
        assert visit.page.evaluate("document.activeElement === document.body")  # it takes no focus by itself
        assert visit.page.evaluate("Object.keys(localStorage).includes('cookie_consent.revision')") is False
        dialog.get_by_role("button", name="Close").focus()
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_function("localStorage['cookie_consent.revision'] === '2'")
        assert not shown(visit.page)
        visit.open()
        assert not shown(visit.page)
        assert visit.page.evaluate("localStorage['cookie_consent.revision']") == "2"  # the guard leaves it


def test_another_announcement_is_shown_again(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url, "3")) as visit:
        visit.open()
        refuse(visit)
        visit.page.evaluate("localStorage['cookie_consent.revision'] = '2'")
        visit.open()
        assert shown(visit.page)
        visit.page.get_by_role("link", name=LINE).click()
        visit.page.wait_for_url("**/_consent/policy#revision")
        assert visit.page.get_by_role("heading", name="Coming changes").is_visible()
        assert visit.page.get_by_text("New service: YouTube").is_visible()


def test_it_closes_without_a_script(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url), scripts=False) as visit:
        visit.open()
        visit.page.get_by_role("button", name="Refuse all").click()
        visit.page.wait_for_load_state()
        visit.open()
        assert shown(visit.page)
        address = visit.page.url
        visit.page.get_by_role("dialog").get_by_role("button").click()
        visit.until(lambda: not shown(visit.page))
        assert visit.page.url == address


@pytest.mark.parametrize("locale", ["en-US", "ar"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_small_window_with_large_text(visiting: Visiting, ledger_url: str, locale: str, scheme: str) -> None:
    with visiting(site(ledger_url), locale=locale) as visit:
        visit.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        visit.page.set_viewport_size({"width": 320, "height": 480})
        visit.open()
        visit.page.locator(".cc-actions button").first.click()
        visit.page.locator(".cc-panel").wait_for(state="detached")
        visit.page.locator(".cc-status button").click()
        visit.open()
        visit.page.evaluate(
            "document.querySelector('#consent-root').style.setProperty('font-size', '200%', 'important')"
        )
        box = visit.page.locator(".cc-revision").bounding_box()
        back = visit.page.locator(".cc-back").bounding_box()
        assert box is not None
        assert back is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= back["y"]
        assert (box["x"] + box["width"] > 300) is (locale == "ar") or box["width"] > 280
        button = visit.page.locator(".cc-revision button").bounding_box()
        assert button is not None
        assert min(button["width"], button["height"]) >= 44
        colors = visit.page.locator(".cc-revision").evaluate(
            "(node) => [getComputedStyle(node).color, getComputedStyle(node).backgroundColor]"
        )
        assert (colors == ["rgb(238, 241, 245)", "rgb(28, 33, 41)"]) is (scheme == "dark")


def test_what_has_the_focus_is_not_left_under_it(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open()
        refuse(visit)
        visit.open()
        visit.page.evaluate(
            "document.querySelector('a').style = 'position: fixed; bottom: 80px; left: 30px; background: red'"
        )
        visit.page.keyboard.press("Tab")
        visit.page.wait_for_function("document.activeElement.innerText === 'a link'")
        visit.page.wait_for_function(
            """() => {
                const { x, y, width, height } = document.activeElement.getBoundingClientRect();
                return document.elementFromPoint(x + width / 2, y + height / 2) === document.activeElement;
            }"""
        )
