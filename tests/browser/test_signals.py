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
from tests.browser.harness import SITE
from tests.browser.journey import choose

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visit, Visiting
    from tests.browser.harness import Proxy

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

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
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


# Each vendor's snippet, without the script that it loads, and the page's own first calls.
FUNCTION = """!function(f,n,q){if(f[n])return;
var v=f[n]=function(){v.real?v.real.apply(v,arguments):v[q].push(arguments)};
v.push=v;v.loaded=!0;v[q]=[];}(window,'%s','%s');"""
LIST = "window.%s = window.%s || [];"
OBJECT = """!function(w,n,ms){var t=w[n]=w[n]||[];if(t.ready)return;t.ready=1;
ms.forEach(function(m){t[m]=function(){t.push([m].concat([].slice.call(arguments)))}});t.init();}(window,'%s',%s);"""
SNIPPETS = {
    "bing-ads": LIST % ("uetq", "uetq") + "uetq.push('consent','default',{ad_storage:'denied'});",
    "clarity": "(function(c,a){c[a]=c[a]||function(){(c[a].q=c[a].q||[]).push(arguments)}})(window,'clarity');",
    "facebook-pixel": FUNCTION % ("fbq", "queue") + "fbq('consent','revoke');fbq('init','1');fbq('track','PageView');",
    "matomo-cloud": "var _paq = window._paq = window._paq || [];"
    "_paq.push(['requireConsent']);_paq.push(['trackPageView']);",
    "matomo-cloud without asking": "var _paq = window._paq = window._paq || [];_paq.push(['trackPageView']);",
    "adobe-analytics": """!function(n,o){n[o]||(n[o]=function(){var u=arguments;
return new Promise(function(i,l){n[o].q.push(u)})},n[o].q=[])}(window,'alloy');
alloy('configure',{defaultConsent:'pending'});""",
    **dict.fromkeys(
        ("adobe-analytics by the ID service", "adobe-target", "adobe-audience-manager"),
        "window.adobe = {optIn: {log: [], approve(...all) { this.log.push(['approve', ...all]) },"
        "deny(...all) { this.log.push(['deny', ...all]) }, complete() { this.log.push(['complete']) }}};",
    ),
    "tiktok-pixel": OBJECT % ("ttq", "['init','holdConsent','grantConsent','revokeConsent','page']") + "ttq.page();",
    "pinterest-tag": """!function(e){if(!window.pintrk){window.pintrk=function(){
window.pintrk.queue.push(Array.prototype.slice.call(arguments))};var n=window.pintrk;n.queue=[],n.version='3.0'}}();
pintrk('load','1');pintrk('page');""",
    "reddit-pixel": FUNCTION % ("rdt", "callQueue") + "rdt('init','1');",
    "hubspot": LIST % ("_hsp", "_hsp"),
    "shopify": "window.Shopify = {customerPrivacy: {log: [], setTrackingConsent(c) { this.log.push(['set', c]) }}};",
    "wordpress": "var log = []; function wp_set_consent(category, value) { log.push([category, value]) }",
    "piano": "window.pdl = {consent: {products: ['PA', 'DMP'], defaultPreset: {DMP: 'essential'}}};"
    "window.pa = {log: [], consent: {setMode(mode) {"
    "var c = pdl.consent; pa.log.push([mode, c.defaultPreset, c.products.length]) }}};",
    "posthog": OBJECT % ("posthog", "['init','opt_in_capturing','opt_out_capturing']"),
    "mixpanel": OBJECT % ("mixpanel", "['init','opt_in_tracking','opt_out_tracking']"),
    "amplitude": "!function(w){var a=w.amplitude||{_q:[]};['init','setOptOut'].forEach(function(m){"
    "a[m]=function(){a._q.push([m].concat([].slice.call(arguments)))}});w.amplitude=a}(window);amplitude.init('1');",
}
QUEUES = {
    "bing-ads": "uetq",
    "clarity": "clarity.q",
    "facebook-pixel": "fbq.queue",
    "matomo-cloud": "_paq",
    "matomo-cloud without asking": "_paq",
    "adobe-analytics": "alloy.q",
    **dict.fromkeys(("adobe-analytics by the ID service", "adobe-target", "adobe-audience-manager"), "adobe.optIn.log"),
    "tiktok-pixel": "ttq",
    "pinterest-tag": "pintrk.queue",
    "reddit-pixel": "rdt.callQueue",
    "hubspot": "_hsp",
    "shopify": "Shopify.customerPrivacy.log",
    "wordpress": "log",
    "piano": "pa.log",
    "posthog": "posthog",
    "mixpanel": "mixpanel",
    "amplitude": "amplitude._q",
}
OWN = {
    "services": {
        "google-analytics": {},
        "google-ads": {},
        "bing-ads": {},
        "youtube": {},
        "chat": {"name": "A", "category": "preferences"},
    }
}


def setting(general: str) -> list[Any]:
    value = {"general": general}
    return ["setConsent", {"consent": [{"standard": "Adobe", "version": "1.0", "value": value}]}]


def opting(*categories: str) -> tuple[list[Any], list[Any]]:
    return [["approve", [*categories], True], ["complete"]], [["deny", [*categories], True], ["complete"]]


def wordpress(state: str) -> list[list[str]]:
    names = ("preferences", "statistics-anonymous", "statistics", "marketing")
    return [["functional", "allow"], *([name, state] for name in names)]


def flags(names: str, *, on: bool, **more: bool) -> dict[str, bool]:
    return {**dict.fromkeys(names.split(), on), **more}


PIANO = {"DMP": "essential", "PA": "opt-in"}  # the site's own set-up, and what the visitor has chosen
HUBSPOT, SHOPIFY = "analytics advertisement functionality", "analytics marketing preferences sale_of_data"
# What stands in the queue of a visitor who has agreed, and what a withdrawal adds.
TOLD: dict[str, tuple[list[Any], list[Any]]] = {
    "bing-ads": (
        [
            *("consent", "default", {"ad_storage": "granted"}),
            *("consent", "default", {"ad_storage": "denied"}),
            *("consent", "update", {"ad_storage": "granted"}),
        ],
        ["consent", "update", {"ad_storage": "denied"}],
    ),
    "clarity": (
        [["consentv2", {"ad_Storage": "granted", "analytics_Storage": "granted"}]],
        [["consentv2", {"ad_Storage": "denied", "analytics_Storage": "denied"}], ["consent", False]],
    ),
    "facebook-pixel": (
        [["consent", "revoke"], ["init", "1"], ["track", "PageView"], ["consent", "grant"]],
        [["dataProcessingOptions", ["LDU"], 0, 0], ["consent", "revoke"]],
    ),
    "matomo-cloud": ([["requireConsent"], ["setConsentGiven"], ["trackPageView"]], [["forgetConsentGiven"]]),
    "matomo-cloud without asking": ([["trackPageView"]], []),
    "adobe-analytics": ([["configure", {"defaultConsent": "pending"}], setting("in")], [setting("out")]),
    "adobe-analytics by the ID service": opting("aa", "ecid"),
    "adobe-target": opting("target"),
    "adobe-audience-manager": opting("aam"),
    "tiktok-pixel": ([["init"], ["page"], ["grantConsent"]], [["holdConsent"], ["revokeConsent"]]),
    "pinterest-tag": ([["load", "1"], ["page"], ["setconsent", True]], [["setconsent", False]]),
    "reddit-pixel": ([["init", "1"], ["enableFirstPartyCookies"]], [["disableFirstPartyCookies"]]),
    "hubspot": (
        [["setHubSpotConsent", flags(HUBSPOT, on=True)]],
        [["setHubSpotConsent", flags(HUBSPOT, on=False)], ["revokeCookieConsent"]],
    ),
    "shopify": ([["set", flags(SHOPIFY, on=True)]], [["set", flags(SHOPIFY, on=False)]]),
    "wordpress": (wordpress("allow"), wordpress("deny")[1:]),  # what does not change is not said again
    "piano": ([["opt-in", PIANO, 2]], [["opt-out", PIANO, 2]]),
    "posthog": ([["init"], ["opt_in_capturing", {"captureEventName": False}]], [["opt_out_capturing"]]),
    "mixpanel": ([["init"], ["opt_in_tracking", {"track": False}]], [["opt_out_tracking"]]),
    "amplitude": ([["init", "1"], ["setOptOut", False]], [["setOptOut", True]]),
}
# What a vendor is told before a choice, where its script is on the page all the same: before all else.
FIRST: dict[str, list[Any]] = {
    "bing-ads": ["consent", "default", {"ad_storage": "denied"}],
    "reddit-pixel": [["disableFirstPartyCookies"], ["init", "1"]],
    "tiktok-pixel": [["holdConsent"]],
    # These would keep a refusal that nobody has made.
    "posthog": [["init"]],
    "mixpanel": [["init"]],
    "amplitude": [["setOptOut", True], ["init", "1"]],
}


@pytest.mark.parametrize("vendor", TOLD)
def test_a_vendor_is_told_once_for_each_decision(visiting: Visiting, ledger_url: str, vendor: str) -> None:
    queue = (
        f"Array.from({QUEUES[vendor]} || [], (call) => "
        "Object.prototype.toString.call(call) === '[object Arguments]' ? Array.from(call) : call)"
    )
    log = f"<script>addEventListener('pagehide', () => sessionStorage.log = JSON.stringify({queue}))</script>"
    services = {**OWN["services"], vendor.partition(" ")[0]: {}}
    app = site(
        f"<script>{SNIPPETS[vendor]}</script><script>window.seen = 1</script>{log}",
        ledger_url,
        services=services,
        gate={"html": False, "csp": "off", "mirror": False},
    )
    before, added = TOLD[vendor]
    with visiting(app) as visit:
        errors: list[str] = []
        visit.page.on("pageerror", lambda error: errors.append(str(error)))
        visit.open()
        first = FIRST.get(vendor, [])
        assert visit.page.evaluate(queue)[: len(first)] == first
        choose(visit, "Accept all")
        visit.settled()
        visit.open()
        assert visit.page.evaluate(queue) == before
        visit.page.evaluate("sessionStorage.log = ''")
        visit.page.evaluate(REFUSE)
        visit.page.wait_for_function("sessionStorage.log")
        assert json.loads(visit.page.evaluate("sessionStorage.log")) == before + added
        assert errors == []


@pytest.mark.parametrize(("choice", "said"), [("Accept all", "granted"), ("Refuse all", "denied")])
def test_where_the_server_does_not_know_the_state_denied_is_said_first(
    visiting: Visiting, ledger_url: str, proxy: Proxy, choice: str, said: str
) -> None:
    """What another site posts comes without the choice, for which the guard asks."""
    form = f"<form method=post action=http://{SITE}/></form><script>document.forms[0].submit()</script>"
    proxy.answers = lambda _, path: ("text/html", form.encode()) if path == "/form" else ("text/javascript", b"")
    mark = "<script>window.first = JSON.stringify(Array.from(dataLayer, (entry) => Array.from(entry)))</script>"
    services: dict[str, Any] = {"google-analytics": {}}
    try:
        with visiting(site(mark, ledger_url, services=services, gate={"mirror": False, "csp": "off"})) as visit:
            visit.open()
            choose(visit, choice)
            visit.settled()
            visit.page.goto("http://bank.test/form")
            visit.page.wait_for_function("window.cookieConsent?.state.decided")
            first = json.loads(visit.page.evaluate("first"))
            assert first == [["consent", "default", DENIED]]
            now = ANALYTICS if said == "granted" else DENIED
            assert consent_calls(visit) == [*first, ["consent", "update", now]]
    finally:
        proxy.answers = None


def test_a_default_of_regions_is_followed_by_an_update_for_all(visiting: Visiting, ledger_url: str) -> None:
    """The most specific region wins over a default for all, and an update over both."""
    regions = ["DE", "US-CA"]
    services: dict[str, Any] = {"google-analytics": {}}
    with visiting(site(GTAG, ledger_url, services=services, signals={"google": {"regions": regions}})) as visit:
        visit.open()
        default, of_page = consent_calls(visit)
        assert default == ["consent", "default", {**DENIED, "region": regions}]
        assert "region" not in of_page[2]
        choose(visit, "Accept all")
        visit.settled()
        visit.open()
        told = consent_calls(visit)
        assert told[:2] == [
            ["consent", "default", {**ANALYTICS, "region": regions}],
            ["consent", "update", ANALYTICS],
        ]
        assert told[2:] == [of_page]


def test_no_function_of_the_browser_is_called(visiting: Visiting, ledger_url: str) -> None:
    code = "window.isRun = true"
    signals = [
        {"on": "default", "call": "eval", "args": [code]},
        {"on": "refuse", "call": "setTimeout", "args": [code]},
        {"on": "default", "call": "window.eval", "args": [code], "late": True},
        {"on": "default", "call": "document.write", "args": ["<script>" + code + "</script>"]},
        {"on": "default", "set": "document.title", "args": ["changed"]},
        {"on": "default", "set": "onload.x", "args": [1]},
        {"on": "default", "set": "acme.state", "args": ["told"]},
    ]
    services = {"acme": {"name": "Acme", "category": "analytics", "signals": signals}}
    with visiting(site("", ledger_url, services=services)) as visit:
        visit.open()
        assert visit.page.evaluate("[window.isRun, document.title, onload, acme.state]") == [None, "A", None, "told"]
