"""What is said after a choice: it stays until it is dismissed, and says what a withdrawal does not undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy
from tests.browser.journey import choose

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visiting

POLICY = parse_policy(
    {"version": "1", "services": {"ads": {"name": "Ads", "category": "advertising", "hosts": ["ads.test"]}}},
    source="test",
)


def site(ledger_url: str, page: str = "") -> ASGIApp:
    return ConsentMiddleware(
        HTMLResponse(f"<!doctype html><html lang=en><title>a</title>{page}"), POLICY, secret="x" * 40, ledger=ledger_url
    )


def test_it_stays_until_it_is_dismissed(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.page.clock.install()
        visit.open()
        choose(visit, "Refuse all")
        status = visit.page.get_by_role("status")
        status.filter(has_text="has been saved").wait_for()
        visit.page.clock.run_for(600_000)
        assert "has been saved" in status.inner_text()
        assert status.get_by_role("link", name="Record of your choices").count() == 1
        status.get_by_role("button", name="Close").click()
        assert status.inner_text() == ""
        visit.open()
        assert visit.page.get_by_role("status").inner_text() == ""


def test_it_is_on_the_page_that_the_choice_has_loaded_again(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url, "<img src=//ads.test/a.png>")) as visit:
        visit.open()
        choose(visit, "Accept all")
        visit.settled(awaited={"ads.test"})
        status = visit.page.get_by_role("status")
        status.filter(has_text="has been saved").wait_for()
        assert "You have withdrawn" not in status.inner_text()
        visit.page.get_by_role("link", name="Privacy settings").click()
        visit.page.get_by_role("region", name="Privacy settings").wait_for()
        choose(visit, "Refuse all")
        status.filter(has_text="stays with them").wait_for()
        visit.page.wait_for_function("document.querySelector('img[data-consent]')")  # it has been loaded again
        visit.page.get_by_role("status").filter(has_text="stays with them").wait_for()
        visit.page.get_by_role("status").get_by_role("button", name="Close").click()
        visit.page.reload()
        assert visit.page.get_by_role("status").inner_text() == ""
