"""Placeholders in the places of held scripts: captchas and maps, and the forms that need them, in Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy
from cookie_consent.policy.registry import registry
from tests.browser.harness import SITE, STUBS
from tests.policy.test_places import ACCEPTED

if TYPE_CHECKING:
    from playwright.sync_api import FrameLocator
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visit, Visiting

PAGE = "<!doctype html><html lang=en><head><link rel=icon href=data:,><title>T</title>{head}</head><body>{body}</body>"
CAPTCHA = PAGE.format(
    head='<script src="https://www.google.com/recaptcha/api.js" async defer></script>',
    body='<form method=post action="/send"><input name=m><div class="g-recaptcha" data-sitekey="k" '
    'style="width:304px;height:78px"></div><button>Send</button></form>',
)
INVISIBLE = PAGE.format(
    head='<script src="https://www.google.com/recaptcha/api.js?render=KEY"></script>',
    body="<form id=q><input name=q><button>Search</button></form>"
    '<form method=post action="/send" id=f><input name=m><button id=s>Send</button></form><script>'
    "f.addEventListener('submit', (event) => { event.preventDefault(); grecaptcha.ready(() => "
    "grecaptcha.execute('KEY').then(() => f.submit())) })</script>",
)
BUTTON = PAGE.format(
    head='<script src="https://www.google.com/recaptcha/api.js" async defer></script>',
    body='<form method=post action="/send"><button class="g-recaptcha" data-sitekey="k">Go</button></form>',
)
MAP = PAGE.format(
    head="",
    body='<div id=map style="width:400px;height:300px"></div><script>function initMap() '
    "{ new google.maps.Map(document.getElementById('map'), {}) }</script>"
    '<script async src="https://maps.googleapis.com/maps/api/js?key=K&callback=initMap"></script>',
)
LATE_MAP = PAGE.format(
    head="",
    body="<div id=map></div><script>window.initMap = () => { new google.maps.Map(document.getElementById('map')) };"
    "document.head.append(Object.assign(document.createElement('script'), "
    "{ src: 'https://maps.googleapis.com/maps/api/js?callback=initMap' }))</script>",
)
TIMELINE = PAGE.format(
    head='<script src="https://platform.twitter.com/widgets.js" async></script>',
    body='<p><a class="twitter-timeline" href="https://x.com/a">Posts by a</a></p>',
)
NO_SCRIPT = PAGE.format(head="", body="<div id=map style=height:300px></div><div class=g-recaptcha></div>")
PAGES = {
    "/captcha": CAPTCHA,
    "/invisible": INVISIBLE,
    "/button": BUTTON,
    "/map": MAP,
    "/late": LATE_MAP,
    "/none": NO_SCRIPT,
    "/timeline": TIMELINE,
    "/film": PAGE.format(head="", body="<iframe src=https://www.youtube.com/embed/x width=400 height=300></iframe>"),
    "/send": PAGE.format(head="", body="<h1>Sent</h1>"),
}
RECAPTCHA = b"""
window.grecaptcha = { ready: (call) => call(), execute: async () => "token" };
const draw = () => {
  for (const place of document.querySelectorAll("div.g-recaptcha")) {
    if (place.childNodes.length) throw Error("reCAPTCHA placeholder element must be empty");
    place.innerHTML = "<b id=drawn>I am not a robot</b>";
  }
};
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", draw);
else draw();
"""
MAPS = b"""
window.google = { maps: { Map: function (place) {
  if (place.childNodes.length) throw Error("the map's place is not empty");
  place.innerHTML = "<b id=drawn>Map</b>";
} } };
initMap();
"""
"""What the real scripts do, as far as a page sees it."""


@pytest.fixture(autouse=True)
def vendors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STUBS, "www.google.com", ("text/javascript", RECAPTCHA))
    monkeypatch.setitem(STUBS, "maps.googleapis.com", ("text/javascript", MAPS))


def site(ledger: str, **gate: Any) -> ASGIApp:
    async def answer(request: Request) -> Response:
        return HTMLResponse(PAGES[request.url.path])

    policy = parse_policy(
        {"version": "1", "limits": {"choices_per_address": 0, "choices": 0}, "gate": gate}, source="test"
    )
    routes = [Route(path, answer, methods=["GET", "POST"]) for path in PAGES]
    return ConsentMiddleware(Starlette(routes=routes), policy, secret="x" * 40, ledger=ledger)


def in_place(visit: Visit, selector: str) -> FrameLocator:
    return visit.page.frame_locator(f"{selector} > iframe[data-consent-placeholder]")


def notice(visit: Visit) -> FrameLocator:
    return visit.page.frame_locator("button + iframe[data-consent-placeholder]")


@pytest.mark.parametrize("csp", ["enforce", "report-only", "off"])
@pytest.mark.parametrize(
    ("path", "place", "host", "size"),
    [
        ("/captcha", ".g-recaptcha", "www.google.com", (304, 78)),
        ("/map", "#map", "maps.googleapis.com", (400, 300)),
    ],
)
def test_what_a_held_script_would_draw_has_a_placeholder(  # noqa: PLR0917 - a row of the table
    visiting: Visiting, ledger_url: str, csp: str, path: str, place: str, host: str, size: tuple[int, int]
) -> None:
    with visiting(site(ledger_url, csp=csp)) as visit:
        assert visit.open(path) == set()
        button = in_place(visit, place).get_by_role("button", name="Allow")
        button.wait_for()
        box = visit.page.locator(f"{place} > iframe").bounding_box()
        assert box is not None
        assert (box["width"], box["height"]) == size
        errors: list[str] = []
        visit.page.on("pageerror", lambda error: errors.append(str(error)))
        button.click()
        visit.page.locator(f"{place} > #drawn").wait_for()
        assert errors == []
        assert visit.page.locator("[data-consent-placeholder]").count() == 0
        assert visit.settled() == {host}


def test_a_place_without_a_height_gets_a_readable_placeholder(visiting: Visiting, ledger_url: str) -> None:
    """Here the policy has blocked what a script of the site inserts."""
    with visiting(site(ledger_url)) as visit:
        assert visit.open("/late") == set()
        frame = in_place(visit, "#map")
        frame.get_by_text("maps.googleapis.com").wait_for()
        assert frame.locator("html").evaluate("node => node.scrollHeight <= node.clientHeight")
        frame.get_by_role("button", name="Allow").click()
        visit.page.locator("#map > #drawn").wait_for()


def test_the_placeholder_of_a_link_stands_behind_it(visiting: Visiting, ledger_url: str) -> None:
    """The link stays what it is, and there is one placeholder, however often the page changes."""
    with visiting(site(ledger_url)) as visit:
        assert visit.open("/timeline") == set()
        button = visit.page.frame_locator(".twitter-timeline + iframe").get_by_role("button", name="Allow")
        button.wait_for()
        visit.page.evaluate("document.body.append(document.createElement('div'))")
        visit.page.wait_for_timeout(200)
        assert visit.page.locator("[data-consent-placeholder]").count() == 1
        assert visit.page.get_by_role("link", name="Posts by a", exact=True).is_visible()
        button.click()
        assert visit.settled(awaited={"platform.twitter.com"}) == {"platform.twitter.com"}
        assert visit.page.locator("[data-consent-placeholder]").count() == 0


def test_places_of_services_that_the_page_does_not_use_stay_empty(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open("/none")
        assert visit.page.locator("[data-consent-placeholder]").count() == 0
        # They count as soon as a script of the service is held.
        visit.page.evaluate(
            "document.head.append(Object.assign(document.createElement('script'), {src: 'https://maps.googleapis.com/x'}))"
        )
        in_place(visit, "#map").get_by_role("button", name="Google Maps").wait_for()
        assert visit.page.locator(".g-recaptcha > *").count() == 0


def test_a_place_that_a_script_inserts_later_has_a_placeholder_too(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open("/captcha")
        visit.page.evaluate(
            "document.body.insertAdjacentHTML('beforeend', '<p id=late><span class=g-recaptcha></span></p>')"
        )
        in_place(visit, "#late > .g-recaptcha").get_by_role("button", name="Allow").wait_for()
        assert visit.page.locator(".g-recaptcha > iframe").count() == 2
        box = visit.page.locator("#late iframe").bounding_box()
        assert box is not None
        assert box["width"] > 200


@pytest.mark.parametrize("path", ["/captcha", "/button"])
def test_a_form_says_at_its_button_that_it_needs_a_captcha(visiting: Visiting, ledger_url: str, path: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open(path)
        notice(visit).get_by_text("This form needs reCAPTCHA").wait_for()
        notice(visit).get_by_role("button", name="Allow").click()
        visit.page.wait_for_function("window.cookieConsent.allows('recaptcha')")
        visit.settled(awaited={"www.google.com"})
        assert visit.page.locator("[data-consent-placeholder]").count() == 0


def test_a_form_with_an_invisible_captcha_says_so_when_it_is_sent(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url, csp="off")) as visit:
        visit.open("/invisible")
        assert visit.page.locator("[data-consent-placeholder]").count() == 0
        visit.page.locator("#s").click()
        notice(visit).get_by_text("This form needs reCAPTCHA").wait_for()
        assert "reCAPTCHA" in visit.page.locator("#consent-root [role=status]").inner_text()
        assert visit.page.locator("#f iframe").count() == 1
        notice(visit).get_by_role("button", name="Allow").click()
        visit.settled(awaited={"www.google.com"})
        visit.page.locator("#s").click()
        visit.page.get_by_role("heading", name="Sent").wait_for()


def test_browsers_read_the_selectors(visiting: Visiting, ledger_url: str) -> None:
    selectors = [*ACCEPTED, *(selector for service in registry().values() for selector in service.places)]
    with visiting(site(ledger_url)) as visit:
        visit.open("/none")
        visit.page.evaluate("(all) => { for (const selector of all) document.querySelector(selector) }", selectors)


def test_other_forms_go_their_way(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open("/invisible")
        visit.page.get_by_role("button", name="Search").click()
        visit.page.wait_for_url(f"http://{SITE}/invisible?q=")
        assert visit.page.locator("[data-consent-placeholder]").count() == 0


def test_what_was_typed_is_still_there_once_the_captcha_is_allowed(visiting: Visiting, ledger_url: str) -> None:
    """The document keeps its policy, so the page is loaded again."""
    with visiting(site(ledger_url)) as visit:
        visit.open("/captcha")
        visit.page.locator("[name=m]").focus()
        visit.page.keyboard.type("hello")
        in_place(visit, ".g-recaptcha").get_by_role("button", name="Only now").click()
        visit.page.locator(".g-recaptcha > #drawn").wait_for()
        visit.page.wait_for_function("document.querySelector('[name=m]').value === 'hello'")
        assert visit.page.evaluate("Object.keys(sessionStorage)") == []
        assert visit.cookies() == {"cookie_consent_visit": -1}


@pytest.mark.parametrize("scripts", [True, False])
def test_only_now_allows_a_film_until_the_browser_closes(visiting: Visiting, ledger_url: str, *, scripts: bool) -> None:
    with visiting(site(ledger_url), scripts=scripts) as visit:
        assert visit.open("/film") == set()
        visit.page.frame_locator("iframe").get_by_role("button", name="Only now").click()
        assert visit.settled(awaited={"www.youtube.com"}) == {"www.youtube.com"}
        assert visit.cookies() == {"cookie_consent_visit": -1}
        assert visit.page.get_by_role("button", name="Accept all").is_visible()
        assert visit.open("/film", awaited={"www.youtube.com"}) == {"www.youtube.com"}
        with visit.page.expect_navigation():
            visit.page.get_by_role("button", name="Refuse all").click()
        visit.until(lambda: "cookie_consent_visit" not in visit.cookies())
        assert visit.open("/film") == set()


def test_what_a_script_stores_for_a_service_of_this_visit_ends_with_it(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url, csp="off")) as visit:
        visit.open("/captcha")
        in_place(visit, ".g-recaptcha").get_by_role("button", name="Only now").click()
        visit.page.locator(".g-recaptcha > #drawn").wait_for()
        visit.page.evaluate("document.cookie = '_GRECAPTCHA=1; max-age=1000; path=/'")
        visit.until(lambda: "_GRECAPTCHA" in visit.cookies())  # once the guard has the registry's rule for it
        assert visit.cookies()["_GRECAPTCHA"] == -1
