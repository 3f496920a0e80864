"""The banner beside the page's own layout in Chromium: it moves nothing, hides nothing, and nothing hides it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy
from tests.browser.journey import choose
from tests.declaring import own_cookies

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visit, Visiting

THREE = "<header>H</header><main id=m>Main</main><footer>F</footer>"
LONG = "<p>paragraph</p>" * 60 + "<footer><a href=/imprint>Imprint</a> <a href=/privacy>Privacy policy</a></footer>"
LINKS = "<h1>List</h1><ul>" + "".join(f"<li><a href=/x{at}>Link {at}</a></li>" for at in range(60)) + "</ul>"
SIZES = [(800, 600), (390, 844)]


def app(style: str, body: str, language: str = "en") -> ASGIApp:
    page = (
        f"<!doctype html><html lang={language}><head><title>Site</title>"
        f"<meta name=viewport content='width=device-width'><style>{style}</style></head><body>{body}</body></html>"
    )
    return Starlette(routes=[Route("/", lambda _: HTMLResponse(page))])


def gated(inner: ASGIApp, ledger: str, **banner: Any) -> ASGIApp:
    policy = parse_policy({"version": "1", "cookies": own_cookies(), "banner": banner}, source="test")
    return ConsentMiddleware(inner, policy=policy, secret="x" * 40, ledger=ledger)


def boxes(page: Page) -> Any:
    return page.evaluate(
        """[...document.body.querySelectorAll('*')].filter((node) => !node.closest('#consent-root'))
           .map((node) => node.getBoundingClientRect()).map(({ x, y, width, height }) => [x, y, width, height])"""
    )


def is_on_top(page: Page, selector: str) -> bool:
    """Whether a click in the middle of the element, and at its edges, reaches it."""
    return bool(
        page.locator(selector).first.evaluate(
            """(node) => { const box = node.getBoundingClientRect();
                 return [[0.5, 0.5], [0.5, 0.1], [0.5, 0.9]].every(([x, y]) => node.contains(
                   document.elementFromPoint(box.left + box.width * x, box.top + box.height * y))); }"""
        )
    )


STYLES = [
    "body { display: flex; margin: 0; justify-content: space-between }",
    "body { display: flex; flex-direction: column; gap: 2rem; justify-content: center; align-items: center;"
    " min-height: 100vh; margin: 0 }",
    "body { display: grid; grid-template-rows: auto 1fr auto; min-height: 100vh; margin: 0; gap: 10px }",
    "body { columns: 3; gap: 1rem }",
    "body > :first-child { margin-top: 3em } body > * + * { margin-top: 2em }",
    "* { box-sizing: border-box } html, body { height: 100% } body { display: flex; flex-direction: column }"
    " main { flex: 1 }",
]
# Without scripts, the room at the end is a box in the root's flow.
ROOT_STYLES = [
    "html { display: grid; height: 100% } body { align-self: end }",
    "html { position: relative; min-height: 100% } footer { position: absolute; bottom: 0 }",
]


@pytest.mark.parametrize(
    ("style", "scripts"),
    [*((style, scripts) for style in STYLES for scripts in (True, False)), *((style, True) for style in ROOT_STYLES)],
)
def test_nothing_moves(visiting: Visiting, ledger_url: str, style: str, *, scripts: bool) -> None:
    bare = app(style, THREE)
    with visiting(bare, scripts=scripts) as visit:
        visit.open()
        expected = boxes(visit.page)
    with visiting(gated(bare, ledger_url), scripts=scripts) as visit:
        visit.open()
        assert visit.page.locator("#consent-root .cc-panel").is_visible()
        assert boxes(visit.page) == expected
        choose(visit, "Refuse all")
        visit.page.locator(".cc-back").wait_for()
        assert boxes(visit.page) == expected


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("position", ["bottom", "center"])
@pytest.mark.parametrize(
    "style",
    [
        "",
        "html, body { height: 100%; margin: 0 }",  # the body's content goes on below the body
        "html { scroll-behavior: smooth }",
        "html, body { margin: 0; height: 100%; overflow: hidden } body > div { height: 100%; overflow: auto }",
        "body { margin: 0; height: 100vh; overflow: auto }",
        "html { overflow: hidden } body { margin: 0; height: 100vh; overflow: auto }",
        "html { padding-bottom: 3em; position: relative }",
    ],
)
def test_the_page_end_can_be_scrolled_out_from_under_it(
    visiting: Visiting, ledger_url: str, style: str, position: str, size: tuple[int, int]
) -> None:
    with visiting(gated(app(style, f"<div>{LONG}</div>"), ledger_url, position=position)) as visit:
        visit.page.set_viewport_size({"width": size[0], "height": size[1]})
        visit.open()
        before = visit.page.evaluate("getComputedStyle(document.documentElement).scrollPaddingBottom")
        assert before != "auto"
        visit.page.mouse.move(20, 20)

        def at_end() -> bool:
            visit.page.mouse.wheel(0, 3000)
            return is_on_top(visit.page, "a[href='/imprint']")

        visit.until(at_end)
        choose(visit, "Refuse all")
        visit.page.locator(".cc-back").wait_for()
        assert visit.page.evaluate("getComputedStyle(document.documentElement).scrollPaddingBottom") == "auto"
        assert visit.page.locator("[data-cookie-consent-room]").count() == 0
        end = visit.page.evaluate(
            "[document.scrollingElement.scrollHeight, document.querySelector('footer').getBoundingClientRect().bottom"
            " + scrollY]"
        )
        assert end[0] <= max(end[1] + 60, size[1])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("style", "body"),
    [
        ("", LONG),
        ("html { scroll-behavior: smooth }", LONG),
        (
            "html, body { margin: 0; height: 100%; overflow: hidden } main { height: 100%; overflow: auto }",
            f"<main>{LONG}</main>",
        ),
        ("footer { position: fixed; bottom: 0; left: 0; right: 0 }", LONG),
        ("footer { position: sticky; bottom: 0 }", LONG),
    ],
)
def test_a_focused_link_is_not_hidden(
    visiting: Visiting, ledger_url: str, style: str, body: str, size: tuple[int, int]
) -> None:
    with visiting(gated(app(style, body), ledger_url)) as visit:
        visit.page.set_viewport_size({"width": size[0], "height": size[1]})
        visit.open()
        for _ in range(20):
            visit.page.keyboard.press("Tab")
            if visit.page.evaluate("document.activeElement.getAttribute('href') === '/imprint'"):
                break
        assert visit.page.evaluate("document.activeElement.getAttribute('href')") == "/imprint"
        visit.until(lambda: is_on_top(visit.page, "a[href='/imprint']"))


def test_only_what_covers_a_focused_field_gives_way(visiting: Visiting, ledger_url: str) -> None:
    """The rest would cover something where it goes."""
    field = "<style>input { position: fixed; bottom: 80px; left: 200px }</style><input>"
    with visiting(gated(app("", field), ledger_url)) as visit:
        visit.open()
        choose(visit, "Refuse all")
        visit.page.locator(".cc-status a").wait_for()
        places = (
            "() => ['.cc-back', '.cc-status'].map((part) => document.querySelector(part).getBoundingClientRect().y)"
        )
        back, status = visit.page.evaluate(places)
        visit.page.locator("input").focus()
        visit.until(lambda: is_on_top(visit.page, "input"))
        assert visit.page.evaluate(places)[0] == back
        assert visit.page.evaluate(places)[1] < 100 < status


def pressed_tab(visit: Visit) -> str:
    """Press Tab; return the text of what has the focus then, which of a switch is empty."""
    visit.page.keyboard.press("Tab")
    return str(visit.page.evaluate("document.activeElement.innerText.trim()"))


@pytest.mark.parametrize("scripts", [True, False])
def test_it_comes_first_in_the_order_of_tab(visiting: Visiting, ledger_url: str, *, scripts: bool) -> None:
    """All of it: the settings, opened or a link, and the links too."""
    with visiting(gated(app("", LINKS), ledger_url), scripts=scripts) as visit:
        visit.open()
        reached = [pressed_tab(visit) for _ in range(3)]
        assert reached == ["Refuse all", "Accept all", "Settings"]
        if scripts:
            visit.page.keyboard.press("Enter")
            visit.page.locator(".cc-list input:not(:disabled)").first.wait_for()
        while reached[-1] != "Link 0":
            reached.append(pressed_tab(visit))
            assert len(reached) < 20
        last = ["Save choices", "All details", "Cookie declaration", "Minimise"] if scripts else ["Cookie declaration"]
        assert [name for name in reached[3:-1] if name] == last
        choose(visit, "Refuse all")
        visit.open()
        visit.page.keyboard.press("Tab")
        assert visit.page.evaluate("document.activeElement.innerText") == "Link 0"


FORM = "<section><h2>x</h2><form id=own action=/x><input><button>b</button></form><a href=/x>x</a><p>x</p></section>"


def test_what_a_page_looks_for_is_its_own(visiting: Visiting, ledger_url: str) -> None:
    first = "document.querySelectorAll('form, input, button, a, section, h2, p, div, link').item(0).localName"
    own = "document.forms[0].id"
    found = "['form', 'input', 'button', 'a', 'h2', 'p'].every((name) => "
    found += "document.body.contains(document.querySelector(name)))"
    with visiting(gated(app("", FORM), ledger_url)) as visit:
        visit.open()
        visit.page.locator(".cc-panel").wait_for()
        assert visit.page.evaluate(own) == "own"
        assert visit.page.evaluate(found)
        assert visit.page.evaluate(first) == "section"


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize(
    "style", ["body { transform: translateY(0) }", "body { filter: none; will-change: transform }"]
)
def test_a_body_with_a_transform_does_not_take_it_along(
    visiting: Visiting, ledger_url: str, style: str, *, scripts: bool
) -> None:
    with visiting(gated(app(style, LONG), ledger_url), scripts=scripts) as visit:
        visit.open()
        panel = visit.page.locator(".cc-panel").bounding_box()
        size = visit.page.viewport_size
        assert panel is not None
        assert size is not None
        assert size["height"] - 30 < panel["y"] + panel["height"] <= size["height"]


HIGH = "<p style='position: fixed; inset: 0; z-index: 2147483647; background: #fff'>x</p>"


def test_it_is_in_front_of_everything(visiting: Visiting, ledger_url: str) -> None:
    with visiting(gated(app("html { transform: translateY(0) }", LONG + HIGH), ledger_url)) as visit:
        visit.open()
        assert is_on_top(visit.page, ".cc-panel button")


@pytest.mark.parametrize("opened", ["before", "after"])
@pytest.mark.parametrize("end", ["dialog.close()", "dialog.remove()"])
def test_it_waits_for_a_modal_dialog(visiting: Visiting, ledger_url: str, opened: str, end: str) -> None:
    script = "<script>const dialog = document.querySelector('dialog');"
    script += "dialog.showModal();" if opened == "before" else ""
    body = "<p>x</p><dialog><button id=in>dialog</button></dialog>" + script + "</script>"
    style = "dialog { width: 100%; height: 100%; max-width: none; max-height: none; inset: 0; box-sizing: border-box }"
    with visiting(gated(app(style, body), ledger_url)) as visit:
        visit.open()
        if opened == "after":
            visit.page.evaluate("dialog.showModal()")
        assert not is_on_top(visit.page, ".cc-panel button")
        assert is_on_top(visit.page, "#in")
        visit.page.evaluate(end)
        visit.until(lambda: is_on_top(visit.page, ".cc-panel button"))


@pytest.mark.parametrize("what", ["document.documentElement", "document.querySelector('main')"])
def test_fullscreen_does_not_swallow_it(visiting: Visiting, ledger_url: str, what: str) -> None:
    body = f"<main>Main</main><button id=go onclick='{what.replace(chr(39), chr(34))}.requestFullscreen()'>go</button>"
    with visiting(gated(app("", body), ledger_url)) as visit:
        visit.open()
        visit.page.locator("#go").click()
        visit.page.wait_for_function("document.fullscreenElement")
        visit.until(lambda: is_on_top(visit.page, ".cc-panel button"))
        visit.page.evaluate("document.exitFullscreen()")
        visit.until(lambda: visit.page.evaluate("document.documentElement.matches(':has(> #consent-root)')"))
        assert is_on_top(visit.page, ".cc-panel button")


BAR = "<div style='position: fixed; inset: auto 0 0; text-align: center'><button id=own>Upload</button></div>"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("position", ["bottom", "center"])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_it_can_be_folded_off_what_lies_under_it(
    visiting: Visiting, ledger_url: str, language: str, position: str, size: tuple[int, int]
) -> None:
    page = app("", LONG + BAR + "<script>own.onclick = () => { own.textContent = 'pressed' }</script>", language)
    with visiting(gated(page, ledger_url, position=position)) as visit:
        visit.page.set_viewport_size({"width": size[0], "height": size[1]})
        visit.open()
        fold = visit.page.locator(".cc-fold")
        small = fold.inner_text()
        assert fold.get_attribute("aria-expanded") == "true"
        fold.click()
        assert fold.get_attribute("aria-expanded") == "false"
        assert fold.inner_text() == visit.page.locator("#cookie-consent-title").text_content()
        box = fold.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
        is_right = box["x"] > size[0] / 2
        assert is_right is (language == "ar")
        visit.page.locator("#own").click()
        assert visit.page.locator("#own").inner_text() == "pressed"
        assert not visit.page.evaluate("cookieConsent.state.decided")
        assert not visit.page.locator(".cc-actions").is_visible()
        fold.press("Enter")
        assert fold.get_attribute("aria-expanded") == "true"
        assert fold.inner_text() == small
        fold.press("Space")
        visit.page.evaluate("cookieConsent.show()")
        assert fold.get_attribute("aria-expanded") == "true"
        assert visit.page.evaluate("document.activeElement.closest('.cc-actions') !== null")
        fold.click()
        visit.open()
        assert fold.get_attribute("aria-expanded") == "true", "it is no answer"


def test_without_scripts_a_bar_at_the_top_covers_nothing_for_good(visiting: Visiting, ledger_url: str) -> None:
    with visiting(
        gated(app("", "<a href=/x id=first>First</a>" + LONG), ledger_url, position="top"), scripts=False
    ) as visit:
        visit.page.set_viewport_size({"width": 390, "height": 844})
        visit.open()
        assert is_on_top(visit.page, "#first")
        visit.page.mouse.move(20, 20)

        def at_end() -> bool:
            visit.page.mouse.wheel(0, 3000)
            return is_on_top(visit.page, "a[href='/imprint']")

        visit.until(at_end)


def test_it_is_never_higher_than_the_window(visiting: Visiting, ledger_url: str) -> None:
    with visiting(gated(app("", LONG), ledger_url, layout="box", style={"height": "2000px"})) as visit:
        visit.page.set_viewport_size({"width": 320, "height": 300})
        visit.open()
        box = visit.page.locator(".cc-panel").bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 300


def test_without_scripts_nothing_promises_to_fold_it(visiting: Visiting, ledger_url: str) -> None:
    with visiting(gated(app("", LONG), ledger_url), scripts=False) as visit:
        visit.open()
        assert not visit.page.locator(".cc-fold").is_visible()
