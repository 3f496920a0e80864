"""After a choice, the settings open on the page where the visitor is: one click withdraws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import HTMLResponse

from cookie_consent import ConsentMiddleware, Ledger
from cookie_consent.policy import parse_policy
from tests.browser.journey import choose
from tests.browser.test_layout import is_on_top
from tests.declaring import own_cookies

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visiting

POLICY = parse_policy(
    {
        "version": "1",
        "services": {
            "ads": {"name": "Ads", "category": "advertising", "hosts": ["ads.test"]},
            "chat": {"name": "Chat", "category": "preferences", "hosts": ["chat.test"]},
        },
        "cookies": own_cookies("analytics"),
    },
    source="test",
)
PAGE = "<!doctype html><title>a</title><h1>a</h1><input><img src=//ads.test/a.png><img src=//chat.test/a.png>"
BOTH = {"ads.test", "chat.test"}


def site(ledger_url: str) -> ASGIApp:
    return ConsentMiddleware(HTMLResponse(PAGE), POLICY, secret="x" * 40, ledger=ledger_url)


def open_settings(page: Page) -> Any:
    """Open them by the link, and return the panel."""
    page.get_by_role("link", name="Privacy settings").click()
    panel = page.get_by_role("region", name="Privacy settings")
    panel.wait_for()
    return panel


def test_one_click_refuses_all_from_any_page(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open()
        choose(visit, "Accept all")
        visit.settled(awaited=BOTH)  # the page is loaded again
        assert visit.open(awaited=BOTH) == BOTH
        visit.page.evaluate("window.isSame = true")
        open_settings(visit.page)
        assert visit.page.evaluate("[isSame, document.activeElement.innerText]") == [True, "Refuse all"]
        choose(visit, "Refuse all")
        visit.page.wait_for_function("!window.isSame && document.readyState === 'complete'")
        visit.proxy.contacts.clear()
        assert visit.open() == set()
    last = max(Ledger(ledger_url).records(), key=lambda record: record.id)
    assert (last.action, last.channel, last.url) == ("withdrawn", "preferences", "/")


def test_they_show_what_was_chosen_and_keep_single_services(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open()
        body = "JSON.stringify({ granted: ['preferences'], services: { ads: true } })"
        headers = "{ 'Content-Type': 'application/json' }"
        visit.page.evaluate(f"fetch('/_consent/choices', {{ method: 'POST', headers: {headers}, body: {body} }})")
        assert visit.open(awaited=BOTH) == BOTH
        panel = open_settings(visit.page)
        assert panel.get_by_role("button", name="Settings").get_attribute("aria-expanded") == "true"
        checked = panel.locator("input[name=granted]:checked")
        assert [box.get_attribute("value") for box in checked.all()] == ["preferences"]
        panel.get_by_role("checkbox", name="Audience measurement").check()
        choose(visit, "Save choices")
        visit.page.wait_for_function("cookieConsent.allows('analytics')")
        assert visit.page.evaluate("[cookieConsent.allows('ads'), cookieConsent.allows('chat')]") == [True, True]


@pytest.mark.parametrize("way", ["Escape", "Close"])
def test_they_close_without_a_choice(visiting: Visiting, ledger_url: str, way: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open()
        choose(visit, "Accept all")
        visit.settled(awaited=BOTH)
        panel = open_settings(visit.page)
        visit.page.evaluate("document.body.append('more')")  # the page goes on meanwhile
        if way == "Escape":
            visit.page.keyboard.press("Escape")
        else:
            panel.get_by_role("button", name="Close").click()
        panel.wait_for(state="detached")
        assert visit.page.evaluate("document.activeElement.className") == "cc-back"
        assert len(list(Ledger(ledger_url).records())) == 1


def test_where_they_cannot_be_had_the_link_leads_to_the_page(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open()
        choose(visit, "Accept all")
        visit.settled(awaited=BOTH)
        visit.page.route("**/_consent/settings*", lambda route: route.abort())
        visit.page.get_by_role("link", name="Privacy settings").click()
        visit.page.wait_for_url("**/_consent/preferences*")


def test_the_message_after_a_choice_does_not_lie_under_the_settings(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open()
        choose(visit, "Refuse all")
        status = visit.page.get_by_role("status")
        status.get_by_role("button", name="Close").wait_for()
        open_settings(visit.page)
        assert status.inner_text() == ""


@pytest.mark.parametrize("size", [(320, 640), (1000, 600)])
def test_save_is_in_view_and_hides_no_switch(visiting: Visiting, ledger_url: str, size: tuple[int, int]) -> None:
    with visiting(site(ledger_url)) as visit:
        page = visit.page
        page.set_viewport_size({"width": size[0], "height": size[1]})
        visit.open()
        page.locator("button.cc-toggle").click()
        assert is_on_top(page, ".cc-panel [data-action=save]")
        switches = page.locator(".cc-panel input[type=checkbox]:enabled")
        for _ in range(switches.count()):
            page.keyboard.press("Tab")
            visit.until(lambda: is_on_top(page, ":focus"))
        assert switches.last.evaluate("(node) => node === document.activeElement")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        # What follows is in front of the room around it.
        assert page.evaluate("document.activeElement.localName") == "a"
        visit.until(lambda: is_on_top(page, ":focus"))
