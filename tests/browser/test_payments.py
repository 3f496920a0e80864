"""A shop and its forms in a browser: paying works, the bank's check too, and what watches the payer does not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy
from tests.browser.harness import STUBS
from tests.browser.journey import choose
from tests.browser.test_xray import TOKEN, switch_on
from tests.declaring import own_cookies
from tests.waiting import HANG

if TYPE_CHECKING:
    from playwright.sync_api import Route as PlaywrightRoute
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visit, Visiting

STRIPE = b"""
const frame = (src) => document.body.append(Object.assign(document.createElement("iframe"), { src }));
window.Stripe = () => ({ elements: () => ({ create: () => ({ mount: (at) => {
  frame("https://js.stripe.com/v3/elements-inner-card-1.html");
  frame("https://js.stripe.com/v3/m-outer-1.html");
  frame("https://m.stripe.network/inner.html");
  fetch("https://api.stripe.com/v1/tokens", { method: "POST" });
  navigator.sendBeacon("https://r.stripe.com/b", "x");
  document.cookie = "__stripe_mid=1; max-age=31536000";
} }) }) });
"""
"""What the real script does, as far as a page sees it."""
SHOP = """<!doctype html><html><head><link rel=icon href=data:,><script src="https://js.stripe.com/v3/"></script></head>
<body><div id=card></div><button id=s>Pay</button><script>
Stripe("pk_test").elements().create("card").mount("#card");
s.onclick = () => { document.title = "PAID"; };
</script></body></html>"""
BANK = """<!doctype html><html><head><link rel=icon href=data:,></head><body><button id=pay>Pay</button>{markup}<script>
const post = (name, action) => {{
  const frame = document.body.appendChild(Object.assign(document.createElement("iframe"), {{ name }}));
  const form = Object.assign(document.createElement("form"), {{ method: "post", action, target: name }});
  document.body.append(form);
  form.submit();
}};
const show = (src) => document.body.append(Object.assign(document.createElement("iframe"), {{ src }}));
pay.onclick = () => {{ {script} }};
</script></body></html>"""
FORM = "post('acs', 'https://acs.bank.test/challenge')"
FRAME = "show('https://acs.bank.test/challenge')"
LATE = "document.body.insertAdjacentHTML('beforeend', '<iframe src=https://acs.bank.test/challenge></iframe>')"
TRACKERS = (
    "post('known', 'https://www.facebook.com/tr'); show('https://www.facebook.com/plugins/page.php');"
    "document.body.insertAdjacentHTML('beforeend', '<iframe src=https://www.facebook.com/tr></iframe>');"
)
BEACONS = "new Image().src = 'https://acs.bank.test/image'; fetch('https://acs.bank.test/fetch').catch(() => {});"
RETURN = "<!doctype html><form method=post action='http://site.test/thanks'><button>Transfer</button></form>"
ANALYTICS = """<!doctype html><html><head><link rel=icon href=data:,>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-TEST"></script></head><body>A shop</body></html>"""
CAPTCHA = """<!doctype html><html><head><link rel=icon href=data:,><script src="{src}" async defer></script></head>
<body><form method=post action="/send"><div class="x"></div><button>Send</button></form></body></html>"""


def site(page: str, ledger: str, path: str = "/", **options: Any) -> ASGIApp:
    async def show(_: Request) -> Response:
        return HTMLResponse(page)

    limits = {"choices_per_address": 0, "choices": 0}
    policy = parse_policy({"version": "1", "limits": limits, "cookies": own_cookies(), **options}, source="test")
    return ConsentMiddleware(
        Starlette(routes=[Route(path, show)]), policy, secret="s" * 40, ledger=ledger, admin_token=TOKEN
    )


@pytest.fixture
def _stripe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STUBS, "js.stripe.com", ("text/javascript", STRIPE))


@pytest.mark.usefixtures("_stripe")
@pytest.mark.parametrize("answer", ["", "Refuse all"])
def test_one_can_pay_without_consent_and_is_not_watched(visiting: Visiting, ledger_url: str, answer: str) -> None:
    with visiting(site(SHOP, ledger_url)) as visit:
        needed = {"js.stripe.com", "api.stripe.com"}
        if answer:
            visit.open(awaited=needed)
            choose(visit, answer)
        assert visit.open(awaited=needed) == needed
        assert "js.stripe.com/v3/elements-inner-card-1.html" in visit.proxy.contacts
        assert not any("m-outer" in contact for contact in visit.proxy.contacts)
        assert "__stripe_mid" not in visit.cookies()
        visit.page.get_by_role("button", name="Pay").click()
        assert visit.page.title() == "PAID"


def paid(visit: Visit, path: str) -> set[str]:
    """Grant all but what is unknown and social media, open the page and pay; return what was contacted then."""
    visit.open(path)
    granted = ["login", "preferences", "analytics", "advertising"]
    visit.page.evaluate(
        """granted => fetch("/_consent/choices", { method: "POST", body: JSON.stringify({ granted }),
        headers: { "Content-Type": "application/json" } })""",
        granted[:2],
    )
    assert visit.open(path) == set()
    visit.page.get_by_role("button", name="Pay").click()
    return visit.settled()


@pytest.mark.parametrize("script", [FORM, FRAME, LATE])
@pytest.mark.parametrize(
    ("payment", "hosts"),
    [(["/checkout/*"], {"acs.bank.test"}), (["/account/*"], set()), ([], set())],
)
def test_the_bank_shows_itself_where_visitors_pay_and_nowhere_else(
    visiting: Visiting, ledger_url: str, script: str, payment: list[str], hosts: set[str]
) -> None:
    app = site(BANK.format(script=script, markup=""), ledger_url, "/checkout/pay", gate={"payment": payment})
    with visiting(app) as visit:
        assert paid(visit, "/checkout/pay") == hosts


@pytest.mark.parametrize(
    ("script", "markup"),
    [(TRACKERS, ""), (BEACONS, ""), ("", '<iframe src="https://acs.bank.test/markup"></iframe>')],
    ids=["known services", "other than frames", "in markup"],
)
def test_nothing_else_passes_where_visitors_pay(visiting: Visiting, ledger_url: str, script: str, markup: str) -> None:
    app = site(
        BANK.format(script=script, markup=markup), ledger_url, "/checkout/pay", gate={"payment": ["/checkout/*"]}
    )
    with visiting(app) as visit:
        assert paid(visit, "/checkout/pay") == set()


@pytest.mark.parametrize("answer", ["", "Accept all", "Refuse all"])
def test_who_comes_back_from_the_bank_is_not_asked_again_and_loses_nothing(
    visiting: Visiting, ledger_url: str, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    async def show(_: Request) -> Response:
        return HTMLResponse(ANALYTICS)

    monkeypatch.setitem(STUBS, "bank.test", ("text/html", RETURN.encode()))
    routes = [Route("/", show), Route("/thanks", show, methods=["POST"])]
    with visiting(ConsentMiddleware(Starlette(routes=routes), secret="s" * 40, ledger=ledger_url)) as visit:
        visit.open()
        if answer:
            choose(visit, answer)
        if answer == "Accept all":
            visit.until(lambda: "_ga" in visit.cookies())
            visit.settled()
        else:  # what an older release of the site has left behind
            visit.context.add_cookies([{"name": "_ga", "value": "1", "url": "http://site.test"}])
        visit.page.goto("http://bank.test/")
        visit.page.get_by_role("button", name="Transfer").click()
        visit.page.wait_for_url("**/thanks")
        visit.page.locator(".cc-panel").wait_for(state="detached" if answer else "visible")
        visit.settled()
        assert ("_ga" in visit.cookies()) is (answer == "Accept all")


AFTER = """<!doctype html><html><head><link rel=icon href=data:,></head><body><script>
cookieConsent.onChange(() => fetch("/changed"));
</script><script src="/slow.js"></script>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-TEST"></script></body></html>"""
"""A page that gets its end, where the banner is, only once the guard has found out what was chosen."""


def decide(visit: Visit, answer: str) -> None:
    visit.open()
    choose(visit, answer)
    visit.page.locator(".cc-panel").wait_for(state="detached")


def come_back(visit: Visit) -> None:
    """Come back from the bank, by a form with which the browser does not send the choice."""
    visit.page.goto("http://bank.test/")
    visit.page.get_by_role("button", name="Transfer").click()
    visit.page.wait_for_url("**/thanks", wait_until="commit")


@pytest.mark.parametrize("answer", ["Accept all", "Refuse all"])
def test_the_banner_goes_if_the_choice_is_known_before_its_script_runs(
    visiting: Visiting, ledger_url: str, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    has_changed = asyncio.Event()

    async def home(_: Request) -> Response:
        return HTMLResponse(ANALYTICS)

    async def thanks(_: Request) -> Response:
        return HTMLResponse(AFTER)

    async def changed(_: Request) -> Response:
        has_changed.set()
        return Response(status_code=204)

    async def slow(_: Request) -> Response:
        await asyncio.wait_for(has_changed.wait(), HANG)
        return Response("", media_type="text/javascript")

    monkeypatch.setitem(STUBS, "bank.test", ("text/html", RETURN.encode()))
    routes = [
        Route("/", home),
        Route("/thanks", thanks, methods=["POST"]),
        Route("/changed", changed),
        Route("/slow.js", slow),
    ]
    with visiting(ConsentMiddleware(Starlette(routes=routes), secret="s" * 40, ledger=ledger_url)) as visit:
        decide(visit, answer)
        come_back(visit)
        visit.page.wait_for_load_state()
        assert has_changed.is_set()
        visit.page.locator("#consent-root .cc-back").wait_for()
        visit.page.locator(".cc-panel").wait_for(state="detached")


@pytest.mark.parametrize("status", [0, 503], ids=["no answer", "an error"])
def test_the_choice_is_asked_for_again_if_the_network_or_the_server_fails(
    visiting: Visiting, ledger_url: str, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    async def show(_: Request) -> Response:
        return HTMLResponse(ANALYTICS)

    tried = 0

    def fail_at_first(route: PlaywrightRoute) -> None:
        nonlocal tried
        tried += 1
        if tried > 2:
            route.continue_()
        elif status:
            route.fulfill(status=status)
        else:
            route.abort("connectionreset")

    monkeypatch.setitem(STUBS, "bank.test", ("text/html", RETURN.encode()))
    routes = [Route("/", show), Route("/thanks", show, methods=["POST"])]
    with visiting(ConsentMiddleware(Starlette(routes=routes), secret="s" * 40, ledger=ledger_url)) as visit:
        decide(visit, "Refuse all")
        visit.page.route("**/_consent/state", fail_at_first)
        come_back(visit)
        visit.until(lambda: tried == 3)
        visit.page.locator("#consent-root .cc-back").wait_for()
        visit.page.locator(".cc-panel").wait_for(state="detached")


@pytest.mark.parametrize("guard", [True, False], ids=["with the guard", "without it"])
@pytest.mark.parametrize("answer", ["", "Accept all", "Refuse all"])
def test_nobody_who_comes_back_is_asked_before_their_choice_is_known(
    visiting: Visiting,
    ledger_url: str,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    guard: bool,  # noqa: FBT001
) -> None:
    async def show(_: Request) -> Response:
        return HTMLResponse(ANALYTICS)

    monkeypatch.setitem(STUBS, "bank.test", ("text/html", RETURN.encode()))
    site = Starlette(routes=[Route("/", show), Route("/thanks", show, methods=["POST"])])
    policy = parse_policy({"version": "1", "gate": {"guard": guard}}, source="test")
    with visiting(ConsentMiddleware(site, policy=policy, secret="s" * 40, ledger=ledger_url)) as visit:
        visit.open()
        if answer:
            choose(visit, answer)
            visit.settled()
        asked: list[PlaywrightRoute] = []
        visit.page.route("**/_consent/state", lambda route: asked.append(route))  # noqa: PLW0108 - no builtin is taken
        come_back(visit)
        visit.until(lambda: asked)
        panel = visit.page.locator(".cc-panel")
        panel.wait_for(state="attached")
        visit.page.wait_for_load_state()
        assert not panel.is_visible()
        for route in asked:
            route.continue_()
        if answer:
            visit.page.locator("#consent-root .cc-back").wait_for()
            assert panel.count() == 0
        else:
            panel.wait_for(state="visible")


def test_who_comes_back_without_scripts_is_asked(
    visiting: Visiting, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def show(_: Request) -> Response:
        return HTMLResponse(ANALYTICS)

    monkeypatch.setitem(STUBS, "bank.test", ("text/html", RETURN.encode()))
    site = Starlette(routes=[Route("/thanks", show, methods=["POST"])])
    with visiting(ConsentMiddleware(site, secret="s" * 40, ledger=ledger_url), scripts=False) as visit:
        come_back(visit)
        visit.page.locator(".cc-panel").wait_for(state="visible")


SHARED = {
    "script": "document.head.append(Object.assign(document.createElement('script'), { src: ADDRESS }))",
    "written script": "document.write('<script src=' + ADDRESS + '></scr' + 'ipt>')",
    "image": "new Image().src = ADDRESS",
    "fetch": "fetch(ADDRESS, { mode: 'no-cors' }).catch(() => 0)",
    "request": "x = new XMLHttpRequest(); x.open('GET', ADDRESS); x.send()",
    "beacon": "navigator.sendBeacon(ADDRESS, 'x')",
    "frame": "document.body.append(Object.assign(document.createElement('iframe'), { src: ADDRESS }))",
}


@pytest.mark.parametrize("way", list(SHARED))
def test_what_else_the_host_of_a_payment_form_serves_is_held(visiting: Visiting, ledger_url: str, way: str) -> None:
    page = "<!doctype html><html><head><link rel=icon href=data:,></head><body><script>{}</script></body></html>"

    def calling(address: str) -> str:
        return page.format(SHARED[way].replace("ADDRESS", f"'{address}'"))

    with visiting(site(calling("https://js.klarna.com/web-sdk/v2/klarna.js"), ledger_url)) as visit:
        assert visit.open(awaited={"js.klarna.com"}) == {"js.klarna.com"}
    named = site(calling("https://js.klarna.com/web-sdk/v1/klarna.js"), ledger_url, services={"klarna-messaging": {}})
    with visiting(named) as visit:
        assert visit.open() == set()
        held = visit.page.evaluate("cookieConsent.held.map(({ name, service }) => `${name} ${service}`)")
        assert "js.klarna.com klarna-messaging" in held
        choose(visit, "Accept all")
        assert visit.settled(awaited={"js.klarna.com"}) == {"js.klarna.com"}


@pytest.mark.parametrize("script", [FORM, FRAME])
def test_the_xray_tells_how_to_let_the_bank_in(visiting: Visiting, ledger_url: str, script: str) -> None:
    with visiting(site(BANK.format(script=f"{script};{BEACONS}", markup=""), ledger_url, "/checkout/pay")) as visit:
        switch_on(visit)
        paid(visit, "/checkout/pay")
        visit.page.locator("cookie-consent-xray .edge").click()
        items = visit.page.locator("cookie-consent-xray li[data-name='acs.bank.test']")
        items.first.wait_for()
        texts = items.all_inner_texts()
        assert any('# payment = ["/checkout/pay"]' in text for text in texts)
        assert not any("payment" in text for text in texts if "a script's request" in text)


@pytest.mark.parametrize(
    ("src", "services", "live"),
    [
        ("https://challenges.cloudflare.com/turnstile/v0/api.js", {}, True),
        ("https://www.google.com/recaptcha/api.js", {}, False),
        ("https://www.google.com/recaptcha/api.js?render=KEY", {}, False),
        ("https://www.google.com/recaptcha/api.js", {"recaptcha": {"category": "session"}}, True),
    ],
)
def test_a_captcha_is_there_if_it_keeps_no_profile_or_the_policy_says_so(
    visiting: Visiting,
    ledger_url: str,
    src: str,
    services: dict[str, Any],
    live: bool,  # noqa: FBT001
) -> None:
    host = src.split("/")[2]
    with visiting(site(CAPTCHA.format(src=src), ledger_url, services=services)) as visit:
        assert visit.open(awaited={host} if live else set()) == ({host} if live else set())
