"""A visitor who has answered is asked for what is new, and for nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware, Policy
from cookie_consent.policy import parse_policy
from tests.browser.journey import choose

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visiting

ADS = {"name": "Ads", "category": "advertising", "hosts": ["ads.test"]}
CHAT = {"name": "Acme Chat", "category": "preferences", "hosts": ["chat.test"], "inline": ["chat.open("]}
MARKUP = {
    "ads": "<img src=//ads.test/a.png>",
    "chat": '<img src=//chat.test/a.png><script>new Image().src = "//chat.test/x.png"</script>',
}


class Released:
    """A site whose pages and policy are replaced while its visitors stay."""

    def __init__(self, ledger_url: str, **services: dict[str, Any]) -> None:
        self._ledger = ledger_url
        self.release(**services)

    def release(self, **services: dict[str, Any]) -> None:
        policy = parse_policy({"version": "1", "services": services}, source="test")
        page = HTMLResponse("<!doctype html><title>a</title>" + "".join(MARKUP[name] for name in services))
        self.app: ASGIApp = ConsentMiddleware(page, policy, secret="x" * 40, ledger=self._ledger)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


@pytest.mark.parametrize("scripts", [True, False])
def test_only_a_new_service_is_asked_for(visiting: Visiting, ledger_url: str, *, scripts: bool) -> None:
    site = Released(ledger_url, ads=ADS)
    with visiting(site, scripts=scripts) as visit:
        assert visit.open() == set()
        choose(visit, "Accept all")
        visit.settled(awaited={"ads.test"})  # the page is loaded again
        assert visit.open(awaited={"ads.test"}) == {"ads.test"}
        site.release(ads=ADS, chat=CHAT)
        assert visit.open(awaited={"ads.test"}) == {"ads.test"}
        panel = visit.page.locator(".cc-panel")
        assert panel.get_by_role("listitem").all_inner_texts() == ["Acme Chat, in the category “Personalisation”"]
        assert panel.get_by_role("button", name="Accept all").count() == 0
        choose(visit, "Allow")
        both = {"ads.test", "chat.test"}
        assert visit.settled(awaited=both) == both
        panel.wait_for(state="detached")
        assert visit.open(awaited=both) == both
        assert panel.count() == 0


def test_a_new_service_stays_held_once_it_is_refused(visiting: Visiting, ledger_url: str) -> None:
    site = Released(ledger_url, ads=ADS)
    with visiting(site) as visit:
        visit.open()
        choose(visit, "Accept all")
        visit.settled(awaited={"ads.test"})
        site.release(ads=ADS, chat=CHAT)
        visit.open(awaited={"ads.test"})
        choose(visit, "Refuse")
        visit.page.locator(".cc-panel").wait_for(state="detached")
        visit.settled()
        assert visit.open(awaited={"ads.test"}) == {"ads.test"}
        assert visit.page.locator(".cc-panel").count() == 0
        assert visit.page.evaluate("cookieConsent.allows('chat')") is False
        assert visit.page.evaluate("cookieConsent.allows('ads')") is True


def test_a_page_names_what_it_loads_where_nothing_is_declared(visiting: Visiting, ledger_url: str) -> None:
    markup = "<!doctype html><title>a</title><script async src=//www.googletagmanager.com/gtag/js?id=G-1></script>"
    app = Starlette(routes=[Route("/", lambda _: HTMLResponse(markup))])
    google = {"www.googletagmanager.com", "www.google-analytics.com"}
    with visiting(ConsentMiddleware(app, Policy(version="1"), secret="x" * 40, ledger=ledger_url)) as visit:
        assert visit.open() == set()
        assert visit.page.get_by_role("link", name="Partners: 1").is_visible()
        choose(visit, "Accept all")
        assert visit.settled(awaited=google) == google
        assert visit.open(awaited=google) == google
