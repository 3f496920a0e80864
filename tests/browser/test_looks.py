"""The layouts of the banner in Chromium: where each stands, that nothing moves, and what keeps the visitor in it."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import Response

from cookie_consent import Ledger
from tests.browser.journey import choose
from tests.browser.test_layout import LINKS, LONG, app, gated, is_on_top
from tests.waiting import HANG

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tests.browser.conftest import Visiting

LAYOUTS: list[tuple[dict[str, str], tuple[str, str]]] = [
    ({}, ("end", "middle")),
    ({"position": "top"}, ("start", "middle")),
    ({"layout": "box"}, ("middle", "middle")),
    ({"layout": "corner"}, ("end", "start")),
    ({"layout": "corner", "position": "top-end"}, ("start", "end")),
    ({"layout": "modal"}, ("middle", "middle")),
]
WATCH = """new PerformanceObserver((list) => { for (const entry of list.getEntries()) self.shifts += entry.value; })
    .observe({ type: "layout-shift", buffered: true }); self.shifts = 0;"""


def box(page: Page) -> tuple[float, float, float, float]:
    found = page.locator(".cc-panel").bounding_box()
    assert found is not None
    return found["x"], found["y"], found["width"], found["height"]


def side(start: float, size: float, whole: float) -> str:
    """At which end of the window it stands."""
    before, after = start, whole - start - size
    return "middle" if abs(before - after) < 2 else "start" if before < after else "end"


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize(("banner", "expected"), LAYOUTS)
def test_each_layout_stands_in_its_place(
    visiting: Visiting, ledger_url: str, banner: dict[str, str], expected: tuple[str, str], language: str
) -> None:
    direction = "<script>document.documentElement.dir = document.documentElement.lang === 'ar' ? 'rtl' : 'ltr'</script>"
    with visiting(gated(app("", direction + LONG, language), ledger_url, **banner)) as visit:
        page = visit.page
        page.add_init_script(WATCH)
        page.set_viewport_size({"width": 1200, "height": 800})
        visit.open()
        x, y, width, height = box(page)
        across = side(x, width, 1200)
        if language == "ar":
            across = {"start": "end", "end": "start"}.get(across, across)
        assert (side(y, height, 800), across) == expected
        assert is_on_top(page, ".cc-panel button")
        assert page.evaluate("self.shifts") == 0
        # On a phone, with text of twice the size, all of it is in the window, and can be scrolled to.
        page.set_viewport_size({"width": 320, "height": 640})
        page.evaluate("document.querySelector('#consent-root').style.setProperty('font-size', '200%', 'important')")
        x, y, width, height = box(page)
        assert x >= 0
        assert y >= 0
        assert x + width <= 320
        assert y + height <= 640
        page.evaluate("document.querySelector('.cc-actions').style.setProperty('display', 'none', 'important')")
        wide = "(panel => panel.scrollWidth - panel.clientWidth)(document.querySelector('.cc-panel'))"
        assert page.evaluate(wide) == 0
        page.evaluate("document.querySelector('.cc-actions').removeAttribute('style')")
        page.emulate_media(forced_colors="active")
        assert page.locator(".cc-panel button").first.is_visible()
        page.emulate_media(forced_colors="none", media="print")
        assert not page.locator(".cc-panel").is_visible()
        page.emulate_media(media="screen")
        choose(visit, "Refuse all" if language == "en" else "رفض الكل")
        visit.page.locator(".cc-back").wait_for()


def test_a_focused_link_is_not_hidden_by_a_bar_at_the_top(visiting: Visiting, ledger_url: str) -> None:
    with visiting(gated(app("", "<a id=first href=/x>First</a>" + LINKS), ledger_url, position="top")) as visit:
        visit.page.set_viewport_size({"width": 390, "height": 844})
        visit.open()
        visit.page.evaluate("scrollTo(0, 600)")
        visit.page.locator("#first").focus()
        visit.page.keyboard.press("Tab")
        visit.page.keyboard.press("Shift+Tab")
        # Nothing can be scrolled further, so that the bar gives way.
        visit.until(lambda: is_on_top(visit.page, "#first"))
        assert box(visit.page)[1] > 300
        links = visit.page.locator("li a")
        links.nth(30).focus()
        for _ in range(20):
            visit.page.keyboard.press("Shift+Tab")
            visit.page.wait_for_timeout(30)
            visit.until(lambda: is_on_top(visit.page, ":focus"))


def test_a_modal_banner_has_to_be_answered(visiting: Visiting, ledger_url: str) -> None:
    body = "<button id=own onclick='this.textContent += 1'>own</button>" + LINKS
    with visiting(gated(app("", body), ledger_url, layout="modal")) as visit:
        page = visit.page
        visit.open()
        assert page.evaluate("document.activeElement.matches('dialog.cc-panel:modal')")
        page.mouse.click(20, 20)
        for key in ("Escape", "Escape", "Enter"):
            page.keyboard.press(key)
        assert page.locator("dialog.cc-panel:modal").is_visible()
        assert page.locator("#own").inner_text() == "own"
        reached = set()
        for _ in range(25):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.closest('.cc-panel,body').localName"))
        assert reached <= {"dialog", "body"}
        # A page that replaces its body, or moves the element, does not free itself of it.
        page.evaluate("document.body.replaceWith(document.body.cloneNode(true))")
        page.evaluate("document.body.append(document.querySelector('#consent-root'))")
        visit.until(lambda: page.evaluate("document.querySelector('html > * > dialog.cc-panel')?.matches(':modal')"))
        choose(visit, "Refuse all")
        page.locator(".cc-back").wait_for()
        page.locator("#own").click()
        assert page.locator("#own").inner_text() == "own1"
        page.locator(".cc-back").click()
        page.locator("dialog.cc-panel:modal").wait_for()
        page.keyboard.press("Escape")
        page.locator(".cc-panel").wait_for(state="detached")
        assert page.evaluate("document.activeElement.className") == "cc-back"


def test_a_modal_banner_is_a_form_without_scripts(visiting: Visiting, ledger_url: str) -> None:
    with visiting(gated(app("", LINKS), ledger_url, layout="modal"), scripts=False) as visit:
        visit.open()
        assert is_on_top(visit.page, ".cc-panel button")
        choose(visit, "Accept all")
        visit.page.locator(".cc-back").wait_for()
        assert visit.cookies()


def slowly(inner: ASGIApp, mark: bytes, *, at_most: float = 0.5) -> ASGIApp:
    """Send what follows ``mark`` in a response when the page asks for ``/seen``, or after some seconds."""
    seen = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        async def part(message: Message) -> None:
            body = message.get("body", b"")
            at = body.find(mark)
            if at >= 0:
                await send({**message, "body": body[:at], "more_body": True})
                with suppress(TimeoutError):
                    await asyncio.wait_for(seen.wait(), at_most)
                message = {**message, "body": body[at:]}
            await send(message)

        if scope["type"] == "http" and scope["path"] == "/seen":
            seen.set()
            await Response(status_code=204)(scope, receive, send)
        else:
            await inner(scope, receive, part)

    return slow


@pytest.mark.parametrize("banner", [entry[0] for entry in LAYOUTS])
def test_it_is_not_shown_before_all_of_it_has_come(visiting: Visiting, ledger_url: str, banner: dict[str, Any]) -> None:
    site = slowly(gated(app("", LONG), ledger_url, **banner), b'<div class="cc-settings', at_most=HANG)
    with visiting(site) as visit:
        visit.page.add_init_script(
            WATCH + "self.seen = []; const look = () => { const panel = document.querySelector('.cc-panel');"
            " if (panel && !document.querySelector('.cc-back')) self.seen.push(panel.getClientRects().length);"
            " if (self.seen.length === 5) fetch('/seen'); requestAnimationFrame(look) }; look();"
        )
        visit.open()
        assert visit.page.locator(".cc-panel").is_visible()
        assert visit.page.evaluate("self.seen.length >= 5 && self.seen.every((count) => count === 0)")
        assert visit.page.evaluate("self.shifts") == 0


def test_an_x_and_escape_refuse_where_the_policy_asks_for_them(visiting: Visiting, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/consent.db"
    for layout, scripts, way in (("bar", True, "x"), ("corner", False, "x"), ("modal", True, "Escape")):
        with visiting(gated(app("", LINKS), url, layout=layout, close=True), scripts=scripts) as visit:
            page = visit.page
            visit.open()
            cross, accept = (page.locator(f".cc-panel {part}") for part in (".cc-cross button", "[data-action=accept]"))
            assert page.get_by_role("button", name="× Close: Refuse all").is_visible()
            look = "node => { const style = getComputedStyle(node); return [style.color, style.backgroundColor] }"
            assert cross.evaluate(look) == accept.evaluate(look), "as prominent as to accept"
            assert min(cross.bounding_box()["width"], cross.bounding_box()["height"]) >= 44  # type: ignore[index]
            assert is_on_top(page, ".cc-cross button")
            with page.expect_response(lambda response: response.url.endswith("/choices")):
                if way == "x":
                    cross.click()
                else:
                    page.keyboard.press(way)
            page.locator(".cc-back").wait_for()
            page.locator(".cc-panel").wait_for(state="detached")
    assert [(record.action, record.control) for record in Ledger(url).records()] == [("refused", "close")] * 3


def test_escape_answers_nothing_where_there_is_no_x(visiting: Visiting, ledger_url: str) -> None:
    with visiting(gated(app("", LINKS), ledger_url)) as visit:
        visit.open()
        visit.page.keyboard.press("Tab")
        visit.page.keyboard.press("Escape")
        visit.page.wait_for_timeout(300)
        assert visit.page.locator(".cc-panel").is_visible()
        assert not visit.page.evaluate("cookieConsent.state.decided")


OWN = "<a href=/_consent/preferences data-consent-open id=own><b>Cookies</b></a>"


@pytest.mark.parametrize("reopen", ["icon", "link"])
def test_a_link_of_the_site_leads_back(visiting: Visiting, ledger_url: str, reopen: str) -> None:
    with visiting(gated(app("", OWN + LINKS), ledger_url, reopen=reopen)) as visit:
        page = visit.page
        visit.open()
        page.locator("#own b").click()
        assert page.locator("#cookie-consent-settings").is_visible()
        choose(visit, "Refuse all")
        page.locator(".cc-panel").wait_for(state="detached")
        back = page.locator(".cc-back")
        assert back.is_visible() == (reopen == "icon")
        if reopen == "icon":
            box = back.bounding_box()
            assert box is not None
            assert (box["width"], box["height"]) == (46, 46)
            assert page.get_by_role("link", name="Privacy settings", exact=True).count() == 1
        page.locator("#own b").click()
        page.locator(".cc-again").wait_for()
        assert page.locator("#own").is_visible()
        page.keyboard.press("Escape")
        page.locator(".cc-panel").wait_for(state="detached")
        assert page.evaluate("document.activeElement.id") == "own"
        page.evaluate("cookieConsent.show()")
        page.locator(".cc-again").wait_for()


def test_the_page_gives_the_scheme_and_its_variables_come_first(visiting: Visiting, ledger_url: str) -> None:
    look = """() => ['.cc-panel', '[data-action=refuse]', '[data-action=accept]'].map((part) =>
        getComputedStyle(document.querySelector('#consent-root ' + part)).backgroundColor)"""
    dark = "<meta name=color-scheme content=dark>"
    style = {"accent": "rgb(1 2 3)", "background-dark": "rgb(4 5 6)"}
    for body, theme, expected in (
        (LINKS, "page", ["rgb(255, 255, 255)", "rgb(1, 2, 3)"]),
        (dark + LINKS, "page", ["rgb(4, 5, 6)", "rgb(1, 2, 3)"]),
        (LINKS, "dark", ["rgb(4, 5, 6)", "rgb(1, 2, 3)"]),
        (dark + LINKS, "light", ["rgb(255, 255, 255)", "rgb(1, 2, 3)"]),
        ("<style>:root { --cookie-consent-accent: #070809 }</style>", "auto", ["rgb(255, 255, 255)", "rgb(7, 8, 9)"]),
    ):
        with visiting(gated(app("", body), ledger_url, theme=theme, style=style)) as visit:
            visit.open()
            assert visit.page.evaluate(look) == [*expected, expected[1]]


NODE_MODULES = Path(__file__).parents[2] / "node_modules"
DOCS = Path(__file__).parents[2] / "docs" / "banner.md"
AUTOCONSENT = """([rule, action]) => {
    self.said = [];
    self.autoconsentSendMessage = async (message) => {
        self.said.push(message);
        const config = { enabled: true, autoAction: action, disabledCmps: [], enablePrehide: false, detectRetries: 20,
            isMainWorld: true, enableCosmeticRules: false, enableGeneratedRules: false };
        const answer = { initResp: { rules: { autoconsent: [rule] }, config }, selfTest: {} };
        const type = message.type === "init" ? "initResp" : /^opt(In|Out)Result$/.test(message.type) ? "selfTest" : "";
        if (type) setTimeout(() => self.autoconsentReceiveMessage({ type, ...answer[type] }));
    };
}"""


needs_packages = pytest.mark.skipif(not (NODE_MODULES / "axe-core").is_dir(), reason="npm ci has not been run")


@needs_packages
@pytest.mark.parametrize(("action", "granted"), [("optOut", 1), ("optIn", 2)])
def test_autoconsent_answers_by_the_documented_rule(
    visiting: Visiting, ledger_url: str, action: str, granted: int
) -> None:
    """With their package: it finds the banner, presses the button, and sees that the answer has been taken."""
    package = NODE_MODULES / "@duckduckgo" / "autoconsent" / "dist" / "autoconsent.playwright.js"
    found = re.search(r"```json\n(\{.*?\n\})\n```", DOCS.read_text("utf-8"), re.DOTALL)
    assert found is not None
    for layout in ("bar", "modal"):
        with visiting(gated(app("", LINKS), ledger_url, layout=layout)) as visit:
            visit.open()
            visit.page.evaluate(AUTOCONSENT, [json.loads(found[1]), action])
            visit.page.evaluate(package.read_text("utf-8"))
            said = "self.said.filter(({ type }) => type === 'selfTestResult').map(({ cmp, result }) => [cmp, result])"
            visit.until(partial(visit.page.evaluate, said))
            assert visit.page.evaluate(said) == [["cookie-consent", True]]
            assert len(visit.page.evaluate("cookieConsent.state.granted")) >= granted
            assert (len(visit.page.evaluate("cookieConsent.state.granted")) == 1) == (action == "optOut")


# The panel comes first in the order of Tab on purpose, though it stands last in the page.
AXE = """async () => (await axe.run(document.querySelector('#consent-root, #consent-page'), {
    resultTypes: ['violations'], rules: { tabindex: { enabled: false } } }))
    .violations.map(({ id, nodes }) => [id, nodes[0].html.slice(0, 200), nodes[0].failureSummary])"""


@needs_packages
@pytest.mark.parametrize("language", ["en", "ar"])
def test_axe_finds_nothing(visiting: Visiting, ledger_url: str, language: str) -> None:
    """In any layout, scheme and state: as it asks, with its settings open, after a choice, and opened again."""
    axe = (NODE_MODULES / "axe-core" / "axe.min.js").read_text("utf-8")
    looks: list[dict[str, Any]] = [
        {"theme": "light", "close": True, "site_name": "Shop", "imprint_url": "/i", "terms_url": "/t"},
        {"theme": "dark", "position": "top", "reopen": "icon"},
        {"theme": "page", "layout": "box"},
        {"layout": "corner", "theme": "dark", "close": True},
        {"layout": "modal", "theme": "light"},
        {"layout": "modal", "theme": "dark", "close": True, "reopen": "icon"},
    ]
    for banner in looks:
        page_direction = "<script>document.documentElement.dir = 'rtl'</script>" if language == "ar" else ""
        with visiting(gated(app("", page_direction + LINKS, language), ledger_url, **banner)) as visit:
            page = visit.page
            visit.open()
            page.evaluate(axe)
            assert page.evaluate(AXE) == [], (banner, "as it asks")
            page.locator("button.cc-toggle").click()
            assert page.evaluate(AXE) == [], (banner, "settings")
            with page.expect_response(lambda response: response.url.endswith("/choices")):
                page.locator("[data-action=refuse]").first.click()
            page.locator(".cc-panel").wait_for(state="detached")
            page.locator(".cc-status a").wait_for()
            assert page.evaluate(AXE) == [], (banner, "after a choice")
            page.locator(".cc-back").click()
            page.locator(".cc-again").wait_for()
            assert page.evaluate(AXE) == [], (banner, "opened again")
            page.goto(page.url.rstrip("/") + "/_consent/preferences")
            page.evaluate(axe)
            assert page.evaluate(AXE) == [], (banner, "preferences")


HIDE = """css => {
    const sheet = new CSSStyleSheet(); sheet.replaceSync(css); document.adoptedStyleSheets = [sheet]; }"""


def test_what_filter_lists_hide_is_the_panel_alone(visiting: Visiting, ledger_url: str) -> None:
    hidden = "html #cookie-consent#cookie-consent { display: none !important }"
    frame = "<iframe src=//www.youtube-nocookie.com/embed/x width=400 height=300></iframe>"
    with visiting(gated(app(f"{hidden} #cookie-consent * {{ display: none }}", OWN + frame), ledger_url)) as visit:
        page = visit.page
        visit.open()
        assert not page.locator(".cc-panel").is_visible()
        page.frame_locator("iframe").locator("button").first.wait_for()
        page.locator("#own").click()
        page.wait_for_url("**/_consent/preferences*")
        page.evaluate(HIDE, hidden)
        assert page.get_by_role("heading", name="Privacy settings").first.is_visible()
        page.get_by_role("button", name="Refuse all").click()
        page.wait_for_url("**/")
        assert page.evaluate("cookieConsent.state.decided")
        # What says so and what leads back stay, and lead to the page.
        page.locator(".cc-back").click()
        page.wait_for_url("**/_consent/preferences*")
        visit.open()
        page.evaluate("cookieConsent.refuse()")
        page.locator(".cc-status").get_by_role("link").wait_for()


def test_no_other_part_has_the_id_that_filter_lists_hide(visiting: Visiting, ledger_url: str) -> None:
    ids = (
        "[...document.querySelectorAll('[id^=cookie-consent]')].filter((n) => !n.closest('.cc-panel')).map((n) => n.id)"
    )
    with visiting(gated(app("", "<p>x</p>"), ledger_url), scripts=True) as visit:
        for path in ("/", "/_consent/preferences", "/_consent/policy"):
            visit.open(path)
            assert visit.page.evaluate(ids) == []
