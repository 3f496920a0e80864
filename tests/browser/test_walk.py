"""One visitor's way: agree, be asked for what is new, read what changes and has changed, keep a receipt, withdraw.

The site is three processes that take turns. With a folder in ``CONSENT_SCREENSHOTS`` each step leaves a picture there.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from starlette.responses import HTMLResponse

from cookie_consent import ConsentMiddleware, Ledger
from cookie_consent.policy import parse_policy
from tests.browser.journey import choose

if TYPE_CHECKING:
    from tests.browser.conftest import Visit, Visiting

pytestmark = pytest.mark.browser


class Show(Protocol):
    """Takes a picture of what the visitor sees, or of the whole page."""

    def __call__(self, name: str, *, full: bool = False) -> None: ...


BOTH = {"ads.test", "chat.test"}
SIZES = {"phone": (390, 844), "desktop": (1280, 800)}
TEXT = "<p>" + "Words that stand on this page. " * 40
IMAGES = "".join(f"<img src=//{name}.test/a.png alt='' width=9 height=9>" for name in ("ads", "chat", "maps"))
PAGE = (
    "<!doctype html><html lang={language}><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    f"<title>Shop</title><h1>Shop</h1>{IMAGES}{TEXT}"
)
ADS = {"name": "Acme Ads", "company": "Acme Inc", "category": "advertising", "hosts": ["ads.test"]}
CHAT = {"name": "Acme Chat", "category": "preferences", "hosts": ["chat.test"]}
MAPS = {"name": "Acme Maps", "category": "social", "hosts": ["maps.test"]}
COMMON: dict[str, Any] = {
    "controller": {"name": "Shop Ltd", "contact": "privacy@shop.example", "address": "1 High Street\n12345 Town"},
    "unknown_hosts": "block",
}


class Processes:
    """Three processes of a site that share a log, one after the other in each release."""

    def __init__(self, ledger_url: str) -> None:
        self._url = ledger_url
        self._running: list[ConsentMiddleware] = []
        self.ahead = timedelta()
        """By how much their clocks are put on."""

    def _clock(self) -> float:
        return time.time() + self.ahead.total_seconds()

    def release(self, version: str, services: dict[str, Any], **more: Any) -> None:
        """End what runs, and start three with another policy."""
        self.end()
        policy = parse_policy({**COMMON, "version": version, "services": services, **more}, source="test")
        page = HTMLResponse(PAGE.format(language="en"))
        for _ in range(3):
            app = ConsentMiddleware(page, policy, "x" * 40, Ledger(self._url), clock=self._clock)
            app._background.start()  # as a server does with the lifespan
            self._running.append(app)
        self._turn = cycle(self._running)

    def end(self) -> None:
        for app in self._running:
            app.close()
        self._running.clear()

    def versions(self) -> list[str]:
        return [app.policy.version for app in self._running]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await next(self._turn)(scope, receive, send)


def asked(visit: Visit) -> list[str]:
    return visit.page.locator(".cc-panel").get_by_role("listitem").all_inner_texts()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scripts", [True, False])
def test_the_whole_way(visiting: Visiting, ledger_url: str, tmp_path: Path, size: str, *, scripts: bool) -> None:
    site = Processes(ledger_url)
    site.release("2026-10-01", {"ads": ADS})
    folder = Path(os.environ.get("CONSENT_SCREENSHOTS") or tmp_path)
    with visiting(site, scripts=scripts) as visit:
        width, height = SIZES[size]
        visit.page.set_viewport_size({"width": width, "height": height})

        def show(name: str, *, full: bool = False) -> None:
            told = f"{name}-{size}{'' if scripts else '-noscript'}.png"
            visit.page.screenshot(path=folder / told, full_page=full)
            too_wide = visit.page.evaluate("document.documentElement.scrollWidth > innerWidth") if scripts else False
            assert not too_wide, told

        agree(visit, show)
        be_asked_for_what_is_new(visit, site, show)
        be_told_of_a_revision(visit, site, show)
        read_the_declaration(visit, show)
        keep_a_receipt(visit, show)
        withdraw(visit, show, scripts=scripts)
    site.end()


def agree(visit: Visit, show: Show) -> None:
    assert visit.open() == set()
    show("1-first")
    choose(visit, "Accept all")
    visit.settled(awaited={"ads.test"})
    assert visit.open(awaited={"ads.test"}) == {"ads.test"}
    show("2-agreed")


def be_asked_for_what_is_new(visit: Visit, site: Processes, show: Show) -> None:
    """Add a service: it alone is asked for, and the declaration says so."""
    site.release("2026-11-01", {"ads": ADS, "chat": CHAT})
    assert visit.open(awaited={"ads.test"}) == {"ads.test"}
    assert asked(visit) == ["Acme Chat, in the category “Personalisation”"]
    show("3-new-service")
    visit.open("/_consent/policy")
    since = visit.page.locator("#since + ul")
    assert since.get_by_role("listitem").all_inner_texts()[0].startswith("New service: Acme Chat")
    show("4-since-choice")
    visit.open(awaited={"ads.test"})
    choose(visit, "Allow")
    visit.settled(awaited={"chat.test"})
    assert visit.open(awaited=BOTH) == BOTH
    assert visit.page.locator(".cc-panel").count() == 0


def be_told_of_a_revision(visit: Visit, site: Processes, show: Show) -> None:
    """Announce one, which takes over at its time in all processes."""
    page = visit.page
    later = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=0)
    following = {**COMMON, "version": "winter", "effective": later}
    services = {"ads": ADS, "chat": CHAT}
    site.release("2026-11-01", services, next={**following, "services": {**services, "maps": MAPS}})
    visit.open(awaited=BOTH)
    if page.locator(".cc-status button").is_visible():  # what was said of the last choice stays until it is closed
        page.locator(".cc-status button").click()
    line = page.get_by_role("dialog", name="Coming changes")
    line.wait_for()
    show("5-announced")
    line.get_by_role("link").click()
    page.wait_for_url("**/_consent/policy#revision")
    assert (
        page.locator("#revision ~ ul")
        .first.get_by_role("listitem")
        .first.inner_text()
        .startswith("New service: Acme Maps")
    )
    show("6-coming-changes")
    assert site.versions() == ["2026-11-01"] * 3
    site.ahead = timedelta(days=2, minutes=1)
    assert visit.open(awaited=BOTH) == BOTH
    assert site.versions() == ["winter"] * 3
    assert asked(visit) == ["Acme Maps, in the category “Social media and embedded content”"]
    show("7-took-over")
    choose(visit, "Refuse")


def read_the_declaration(visit: Visit, show: Show) -> None:
    """In two languages."""
    page = visit.page
    visit.open("/_consent/policy")
    told = page.locator("#history ~ ul").first.get_by_role("listitem").all_inner_texts()
    assert told[0].startswith("New service: Acme Maps")
    assert len(page.locator("#history ~ h3").all()) == 3
    page.locator("#history").scroll_into_view_if_needed()
    show("8-past-changes")
    page.locator(".cc-languages summary").click()
    page.get_by_role("link", name="Deutsch").click()
    page.wait_for_url("**/_consent/policy?language=de")
    assert page.get_by_role("heading", name="Frühere Änderungen").is_visible()
    show("9-declaration-german")


def keep_a_receipt(visit: Visit, show: Show) -> None:
    page = visit.page
    visit.open("/_consent/receipt")
    show("10-receipt", full=True)
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON").click()
    receipt = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert download.value.suggested_filename == "consent-receipt.json"
    assert [record["action"] for record in receipt["records"]] == ["given", "changed", "changed"]


def withdraw(visit: Visit, show: Show, *, scripts: bool) -> None:
    """With a script where they are, without one on a page of ours."""
    page = visit.page
    visit.open(awaited=BOTH)
    page.get_by_role("link", name="Privacy settings").click()
    page.get_by_role("button", name="Refuse all", exact=True).first.wait_for()
    show("11-withdraw")
    choose(visit, "Refuse all")
    page.wait_for_load_state("load")
    if scripts:
        page.get_by_text("You have withdrawn consent, from now on.").wait_for()
    show("12-withdrawn")
    assert visit.open() == set()
