"""The placeholders of held frames in Chromium: whom they answer for, and where their answer leads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cookie_consent import ConsentMiddleware, Ledger
from cookie_consent.policy import parse_policy
from tests.browser import harness
from tests.browser.harness import SITE

if TYPE_CHECKING:
    from playwright.sync_api import FrameLocator
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visit, Visiting

FILM = "<iframe src='https://www.youtube.com/embed/x' width=400 height=220></iframe>"
PAGE = "<!doctype html><html lang=en><head><title>Films</title></head><body><h1>Films</h1>{}</body></html>"
MODAL = """<div id=m></div><script>
const show = async () => {
  m.innerHTML = await (await fetch("/fragment", { headers: { "X-Requested-With": "XMLHttpRequest" } })).text();
};
const showData = async () => {
  m.innerHTML = (await (await fetch("/data")).json()).html;
};
</script>"""


def site(ledger: str, **gate: Any) -> ASGIApp:
    pages = {
        "/": PAGE.format(FILM),
        "/fragment": f"<div class=modal>{FILM}</div>",
        "/data": json.dumps({"html": f"<div class=modal>{FILM}</div>"}),
        "/modal": PAGE.format(MODAL),
    }

    def answer(request: Request) -> Response:
        path = request.url.path
        return Response(pages[path], media_type="application/json" if path == "/data" else "text/html")

    routes = [Route(path, answer) for path in pages]
    limits = {"choices_per_address": 0, "choices": 0}
    policy = parse_policy({"version": "1", "limits": limits, "gate": gate}, source="test")
    return ConsentMiddleware(Starlette(routes=routes), policy, secret="x" * 40, ledger=ledger)


def allow(placeholder: FrameLocator) -> None:
    placeholder.get_by_role("button", name="YouTube").click()


def test_allowing_one_film_leaves_the_banner_open(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        assert visit.open() == set()
        allow(visit.page.frame_locator("iframe"))
        assert visit.settled(awaited={"www.youtube.com"}) == {"www.youtube.com"}
        assert visit.page.get_by_role("button", name="Accept all").is_visible()
        state = visit.page.evaluate("cookieConsent.state")
        assert (state["decided"], state["refused"], state["services"]) == (False, [], {"youtube": True})
        assert "analytics" in state["unanswered"]
    (record,) = Ledger(ledger_url).records()
    assert (record.action, record.refused, record.granted_services) == ("given", (), ("youtube",))
    notice = Ledger(ledger_url).notice(record.notice or "")
    assert notice is not None
    assert "[Allow YouTube]" in notice.text
    assert (record.control, len(record.build), len(record.edition)) == ("placeholder", 16, 16)


@pytest.mark.parametrize("csp", ["enforce", "off"])
def test_a_placeholder_in_a_fragment_answers_without_leaving_the_page(
    visiting: Visiting, ledger_url: str, csp: str
) -> None:
    with visiting(site(ledger_url, csp=csp)) as visit:
        visit.open("/modal")
        visit.page.evaluate("show()")
        frame = visit.page.frame_locator("#m iframe")
        frame.get_by_role("button", name="YouTube").wait_for()
        posted: list[str] = []
        visit.page.on("request", lambda request: posted.append(request.resource_type) if request.post_data else None)
        allow(frame)
        if csp == "enforce":  # the document keeps its policy, so the page is loaded again
            visit.page.wait_for_function("cookieConsent.allows('youtube') && !m.firstChild")
            visit.page.evaluate("show()")
        assert visit.settled(awaited={"www.youtube.com"}) == {"www.youtube.com"}
        assert visit.page.url == f"http://{SITE}/modal"
        assert posted[0] == "fetch"


def test_a_frame_that_a_script_makes_of_data_has_a_placeholder(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open("/modal")
        visit.page.evaluate("showData()")
        frame = visit.page.frame_locator("#m iframe")
        frame.get_by_role("button", name="YouTube").wait_for()
        assert visit.settled() == set()
        allow(frame)  # the document keeps its policy, so the page is loaded again
        visit.page.wait_for_function("cookieConsent.allows('youtube') && !m.firstChild")
        assert visit.page.url == f"http://{SITE}/modal"
        visit.page.evaluate("showData()")
        assert visit.settled(awaited={"www.youtube.com"}) == {"www.youtube.com"}


@pytest.mark.parametrize("scripts", [True, False])
def test_in_a_framed_page_a_placeholder_leaves_the_host_page_alone(
    visiting: Visiting, ledger_url: str, monkeypatch: pytest.MonkeyPatch, *, scripts: bool
) -> None:
    host = f"<!doctype html><title>Host</title><iframe id=w src='http://{SITE}/' width=900 height=1600></iframe>"
    monkeypatch.setitem(harness.STUBS, "host.test", ("text/html", host.encode()))
    with visiting(site(ledger_url), scripts=scripts) as visit:
        visit.page.goto("http://host.test/")
        placeholder = visit.page.frame_locator("#w").frame_locator("iframe")
        with visit.page.expect_response(lambda response: response.url.endswith("/_consent/choices")):
            allow(placeholder)
        visit.settled()
        assert visit.page.url == "http://host.test/"
        assert visit.page.title() == "Host"
        assert visit.page.frame_locator("#w").get_by_role("heading", name="Films").is_visible()
    assert [record.granted_services for record in Ledger(ledger_url).records()] == [("youtube",)]


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two other sites that show the site in a frame."""
    frame = f"<!doctype html><title>Host</title><iframe id=w src='https://{SITE}/' width=900 height=900></iframe>"
    for name in ("host.test", "other-host.test"):
        monkeypatch.setitem(harness.STUBS, name, ("text/html", frame.encode()))


def in_frame(visit: Visit, host: str) -> FrameLocator:
    visit.page.goto(f"https://{host}/")
    frame = visit.page.frame_locator("#w")
    frame.get_by_role("heading", name="Films").wait_for()
    return frame


@pytest.mark.usefixtures("hosts")
@pytest.mark.parametrize("scripts", [True, False])
def test_a_choice_in_another_sites_frame_counts_there_alone(
    visiting: Visiting, ledger_url: str, *, scripts: bool
) -> None:
    film = {"www.youtube.com"}
    with visiting(site(ledger_url), scripts=scripts) as visit:
        frame = in_frame(visit, "host.test")
        allow(frame.frame_locator("iframe"))
        assert visit.settled(awaited=film) >= film
        (cookie,) = [kept for kept in visit.context.cookies() if "cookie_consent" in str(kept["name"])]
        assert (cookie["name"], cookie["sameSite"]) == ("__Host-cookie_consent_framed", "None")
        assert "host.test" in str(cookie["partitionKey"])
        for elsewhere in (f"https://{SITE}/", "https://other-host.test/"):
            visit.proxy.contacts.clear()
            visit.page.goto(elsewhere)
            assert visit.settled() & film == set()
        # It is withdrawn where it was given.
        visit.proxy.contacts.clear()
        frame = in_frame(visit, "host.test")
        assert visit.settled(awaited=film) >= film
        frame.get_by_role("link", name="Privacy settings").click()
        with visit.page.expect_response(lambda response: response.url.endswith("/_consent/choices")):
            frame.get_by_role("button", name="Refuse all").click()
        visit.settled()
        visit.proxy.contacts.clear()
        in_frame(visit, "host.test")
        assert visit.settled() & film == set()
    actions = [record.action for record in Ledger(ledger_url).records()]
    assert actions == ["given", "withdrawn"]


@pytest.mark.usefixtures("hosts")
def test_the_choice_on_the_site_itself_does_not_reach_another_sites_frame(visiting: Visiting, ledger_url: str) -> None:
    film = {"www.youtube.com"}
    with visiting(site(ledger_url)) as visit:
        visit.page.goto(f"https://{SITE}/")
        allow(visit.page.frame_locator("iframe"))
        assert visit.settled(awaited=film) >= film
        visit.proxy.contacts.clear()
        in_frame(visit, "host.test")
        assert visit.settled() & film == set()


@pytest.mark.usefixtures("hosts")
def test_other_sites_cannot_frame_the_settings(
    visiting: Visiting, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = f"<!doctype html><iframe id=w src='https://{SITE}/_consent/preferences'></iframe>"
    monkeypatch.setitem(harness.STUBS, "host.test", ("text/html", page.encode()))
    with visiting(site(ledger_url)) as visit:
        with visit.page.expect_event("requestfailed") as failed:
            visit.page.goto("https://host.test/", wait_until="load")
        assert failed.value.url.endswith("/_consent/preferences")
        assert failed.value.failure == "net::ERR_BLOCKED_BY_RESPONSE"


SIZES = [
    (88, 31),
    (120, 60),
    (125, 125),
    (160, 600),
    (234, 60),
    (300, 50),
    (468, 60),
    (728, 90),
    (250, 250),
    (400, 220),
]
OUTSIDE = """() => {
  const isOutside = (button) => {
    const { x, y, right, bottom, height } = button.getBoundingClientRect();
    return x < 0 || y < 0 || right > innerWidth || bottom > innerHeight || height < 24;
  };
  const { scrollWidth, scrollHeight } = document.documentElement;
  const buttons = [...document.querySelectorAll("button")].filter((button) => button.getClientRects().length);
  return !buttons.length || buttons.some(isOutside) || scrollWidth > innerWidth || scrollHeight > innerHeight;
}"""


@pytest.mark.parametrize("locale", ["en-US", "de-DE", "ar"])
def test_placeholders_fit_frames_of_every_size(visiting: Visiting, ledger_url: str, locale: str) -> None:
    frames = "".join(f"<iframe src=https://www.youtube.com/{w}x{h} width={w} height={h}></iframe>" for w, h in SIZES)
    policy = parse_policy({"version": "1"}, source="test")
    app = Starlette(routes=[Route("/", lambda _: HTMLResponse(PAGE.format(frames)))])
    gated = ConsentMiddleware(app, policy, secret="x" * 40, ledger=ledger_url)
    with visiting(gated, locale=locale) as visit:
        assert visit.open() == set()
        inner = visit.page.frames[1:]
        assert len(inner) == len(SIZES)
        outside = [size for size, frame in zip(SIZES, inner, strict=True) if frame.evaluate(OUTSIDE)]
        assert outside == []
