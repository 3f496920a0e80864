"""Vendors in Chromium: each is told of the choice in its own words, in the right order, once for each decision.

The snippets are written after each vendor's documentation. What a vendor's server would send is a stand-in, which takes
over what the snippet has queued and records the calls.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy
from tests.browser.journey import choose

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visit, Visiting

pytestmark = pytest.mark.browser

GTAG = """<script>
window.dataLayer = window.dataLayer || [];
function gtag(){dataLayer.push(arguments);}
gtag('consent', 'default', {ad_storage: 'denied', analytics_storage: 'denied', wait_for_update: 500});
</script>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-TEST"></script>
<script>gtag('js', 1); gtag('config', 'G-TEST');</script>"""
CALLS = "() => Array.from(window.dataLayer || [], (item) => item.length ? Array.from(item) : item)"
REFUSE = """() => fetch('/_consent/choices', {
  method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({granted: []}),
}).then(() => void cookieConsent.refresh())"""
ADS = ("ad_storage", "ad_user_data", "ad_personalization")
STORAGE = ("analytics_storage", "functionality_storage", "personalization_storage")
DENIED = {**dict.fromkeys((*ADS, *STORAGE), "denied"), "security_storage": "granted"}
ANALYTICS = {**DENIED, "analytics_storage": "granted"}
BOTH = {**ANALYTICS, **dict.fromkeys(ADS, "granted")}


def site(head: str, ledger: str, **policy: Any) -> ASGIApp:
    page = f"<!doctype html><html lang=en><head><title>A</title><link rel=icon href=data:,>{head}</head><body>A</body>"

    def answer(_: Request) -> HTMLResponse:
        return HTMLResponse(page)

    app = Starlette(routes=[Route("/{path:path}", answer)])
    document = {"version": "1", "gate": {"mirror": False}, **policy}
    return ConsentMiddleware(app, policy=parse_policy(document, source="test"), secret="x" * 40, ledger=ledger)


def consent_calls(visit: Visit) -> list[Any]:
    return [call for call in visit.page.evaluate(CALLS) if isinstance(call, list) and call[0] == "consent"]


@pytest.mark.parametrize(
    ("policy", "granted"),
    [
        ({"services": {"google-analytics": {}, "google-ads": {}}}, BOTH),
        ({"inventory": True}, ANALYTICS),  # pages themselves say what they load; nobody was asked for more
    ],
    ids=["declared", "met"],
)
def test_google_is_told_before_all_else_and_not_held_to_the_default_of_the_page(
    visiting: Visiting, ledger_url: str, policy: dict[str, Any], granted: dict[str, str]
) -> None:
    with visiting(site(GTAG, ledger_url, **policy)) as visit:
        visit.open()
        visit.open()
        # The snippet's first script loads nothing, so it is not held.
        of_page = [
            "consent",
            "default",
            {"ad_storage": "denied", "analytics_storage": "denied", "wait_for_update": 500},
        ]
        assert consent_calls(visit) == [["consent", "default", DENIED], of_page]
        choose(visit, "Accept all")
        visit.settled()
        visit.open()
        calls = visit.page.evaluate(CALLS)
        assert calls[:3] == [["consent", "default", granted], ["consent", "update", granted], of_page]
        assert [call[0] for call in calls[3:]] == ["js", "config"]


@pytest.mark.parametrize("csp", ["enforce", "off"])
def test_google_is_told_once_for_each_decision(visiting: Visiting, ledger_url: str, csp: str) -> None:
    events = "<script>sessionStorage.log ??= '';addEventListener('pagehide', () => sessionStorage.log += "
    events += f"JSON.stringify(({CALLS})()) + '\\n')</script>"
    policy = {
        "services": {"google-analytics": {}, "google-ads": {}},
        "gate": {"mirror": False, "csp": csp},
        "signals": {"google": {"gtm_event": "chosen", "ads_data_redaction": True}},
    }

    def updates(visit: Visit) -> list[list[Any]]:
        """Return what is said after the defaults, page by page."""
        visit.open("/")
        pages = [json.loads(line) for line in visit.page.evaluate("sessionStorage.log").splitlines()]
        said = [[call for call in page if isinstance(call, list) and call[1] == "update"] for page in pages]
        return [[call[2]["ad_storage"] + call[2]["analytics_storage"] for call in page] for page in said]

    with visiting(site(events + GTAG, ledger_url, **policy)) as visit:
        visit.open()
        assert visit.page.evaluate(CALLS)[1] == ["set", "ads_data_redaction", True]
        choose(visit, "Accept all")
        visit.settled()
        allowed, refused = "grantedgranted", "denieddenied"
        told = updates(visit)
        # A page whose policy has to be another one is loaded again: then that one says it.
        assert told[0] == ([allowed] if csp == "off" else [])
        assert all(page == [allowed] for page in told[1:])
        calls = visit.page.evaluate(CALLS)
        assert [call for call in calls if isinstance(call, dict)] == [{"event": "chosen", **BOTH}]

        visit.page.evaluate("sessionStorage.log = ''")
        visit.page.evaluate(REFUSE)
        visit.page.wait_for_function("sessionStorage.log")
        told = updates(visit)
        assert told[0] == [allowed, refused], "the page is left, and says so before"
        assert all(page == [refused] for page in told[1:])
