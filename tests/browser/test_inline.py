"""The banner as a part of the page: where it stands, that it covers and moves nothing, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.journey import choose
from tests.browser.test_layout import LINKS, LONG, app, gated, is_on_top
from tests.browser.test_looks import AXE, LAYOUTS, NODE_MODULES, WATCH, needs_packages, slowly

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Visiting

PLACE = "<h1>Shop</h1><consent-banner></consent-banner>"
SHOWN = "() => !!document.querySelector('.cc-inline > .cc-panel')?.getClientRects().length"


def tops(page: Page, *selectors: str) -> list[float]:
    return [page.locator(selector).first.bounding_box()["y"] for selector in selectors]  # type: ignore[index]


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize(("position", "before"), [("start", ""), ("element", "h1")])
def test_it_has_its_place_in_the_page(
    visiting: Visiting, ledger_url: str, position: str, before: str, *, scripts: bool
) -> None:
    site = gated(app("", PLACE + LONG), ledger_url, layout="inline", position=position)
    with visiting(slowly(site, b'<div class="cc-settings'), scripts=scripts) as visit:
        page = visit.page
        if scripts:
            page.add_init_script(WATCH)
        visit.open()
        page.locator(".cc-inline > .cc-panel").wait_for()
        found = tops(page, *filter(None, [before]), ".cc-panel", "p:not(.cc-panel *)")
        assert found == sorted(found)
        bottom = page.locator(".cc-panel").bounding_box()
        assert bottom is not None
        first = page.locator("body > p").first.bounding_box()
        assert first is not None
        assert bottom["y"] + bottom["height"] <= first["y"]
        height = "document.documentElement.scrollHeight - document.body.getBoundingClientRect().bottom - scrollY"
        assert page.evaluate(height) < 60, "no room is left at the page's end"
        assert page.evaluate("getComputedStyle(document.documentElement).scrollPaddingBottom") == "auto"
        assert is_on_top(page, ".cc-panel button")
        page.evaluate("scrollTo(0, 1e6)")
        assert page.locator(".cc-panel").bounding_box()["y"] < 0, "it scrolls with the page"  # type: ignore[index]
        page.evaluate("scrollTo(0, 0)")
        if scripts:
            assert page.evaluate("self.shifts") == 0
        choose(visit, "Refuse all")
        page.locator(".cc-back").wait_for()
        assert page.locator(".cc-panel").count() == 0
        if scripts:
            # From now on all is as with any other layout: the settings open in a box.
            assert page.evaluate("document.querySelector('#consent-root').parentNode === document.documentElement")
            page.locator(".cc-back").click()
            page.locator(".cc-again").wait_for()
            assert is_on_top(page, ".cc-again button")
        visit.open()
        assert page.locator(".cc-panel").count() == 0


def test_a_page_without_the_element_has_a_box(visiting: Visiting, ledger_url: str) -> None:
    with visiting(gated(app("", LONG), ledger_url, layout="inline", position="element")) as visit:
        visit.open()
        assert visit.page.locator("html > .cc-box.cc-center > .cc-panel").is_visible()
        choose(visit, "Refuse all")


def test_the_keyboard_meets_it_where_it_stands(visiting: Visiting, ledger_url: str) -> None:
    body = "<a href=/x>Before</a><consent-banner></consent-banner>" + LINKS
    for scripts in (True, False):
        with visiting(gated(app("", body), ledger_url, layout="inline", position="element"), scripts=scripts) as visit:
            page = visit.page
            visit.open()
            reached: list[str] = []
            while reached[-1:] != ["Link 0"]:
                page.keyboard.press("Tab")
                reached.append(page.evaluate("document.activeElement.innerText.trim()"))
                assert len(reached) < 20
            assert reached == ["Before", "Refuse all", "Accept all", "Settings", "Cookie declaration", "Link 0"]
            for _ in range(4):
                page.keyboard.press("Shift+Tab")
            ring = "getComputedStyle(document.activeElement).outlineStyle"
            assert page.evaluate(ring) == "solid"
            with page.expect_response(lambda response: response.url.endswith("/choices")):
                page.keyboard.press("Enter")
            page.locator(".cc-back").wait_for()
            if scripts:
                page.wait_for_function("document.activeElement.className === 'cc-back'")


@needs_packages
@pytest.mark.parametrize("language", ["en", "ar"])
def test_axe_finds_nothing(visiting: Visiting, ledger_url: str, language: str) -> None:
    axe = (NODE_MODULES / "axe-core" / "axe.min.js").read_text("utf-8")
    direction = "<script>document.documentElement.dir = document.documentElement.lang === 'ar' ? 'rtl' : 'ltr'</script>"
    looks: list[dict[str, Any]] = [{"theme": "light", "close": True}, {"theme": "dark", "imprint_url": "/i"}]
    for look in looks:
        with visiting(gated(app("", direction + LINKS, language), ledger_url, layout="inline", **look)) as visit:
            page = visit.page
            visit.open()
            page.evaluate(axe)
            assert page.evaluate(AXE) == [], (look, "as it asks")
            page.locator("button.cc-toggle").click()
            assert page.evaluate(AXE) == [], (look, "settings")
            page.set_viewport_size({"width": 320, "height": 640})
            page.evaluate("document.querySelector('#consent-root').style.setProperty('font-size', '200%', 'important')")
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(wide) == 0
            page.locator("[data-action=refuse]").first.click()
            page.locator(".cc-status a").wait_for()
            assert page.evaluate(AXE) == [], (look, "after a choice")


@pytest.mark.parametrize("position", ["start", "element"])
@pytest.mark.parametrize(
    "change",
    [
        "document.body.replaceWith(document.body.cloneNode(true))",
        "document.body.innerHTML = '<h1>Next</h1><consent-banner></consent-banner>'",
        "fetch('/').then((response) => response.text()).then((text) => { const parser = new DOMParser();"
        " document.body.replaceWith(document.adoptNode(parser.parseFromString(text, 'text/html').body)) })",
    ],
)
def test_it_keeps_its_place_where_scripts_change_the_page(
    visiting: Visiting, ledger_url: str, position: str, change: str
) -> None:
    with visiting(gated(app("", PLACE + LONG), ledger_url, layout="inline", position=position)) as visit:
        page = visit.page
        visit.open()
        page.evaluate("self.root = document.querySelector('#consent-root')")
        page.locator("button.cc-toggle").click()
        page.locator(".cc-list input:not(:disabled)").first.check()
        page.evaluate("self.before = document.querySelector('h1')")
        page.evaluate(change)
        visit.until(lambda: not page.evaluate("before.isConnected"))
        visit.until(lambda: page.evaluate(SHOWN) and page.evaluate("root.isConnected"))
        visit.until(lambda: page.locator("#consent-root").count() == 1)
        assert page.evaluate("document.body.contains(root)")
        assert page.locator(".cc-list input:not(:disabled)").first.is_checked(), "what was filled in stays"
        choose(visit, "Refuse all")
        page.locator(".cc-back").wait_for()
        assert page.locator(".cc-panel").count() == 0


def test_the_layouts_are_those_of_the_policy() -> None:
    assert "inline" not in {entry[0].get("layout") for entry in LAYOUTS}, "this file has its tests"


MODAL = {"layout": "modal", "privacy_url": "/privacy", "imprint_url": "/app?page=imprint", "terms_url": "/#terms"}
GO = "path => { history.pushState(null, '', path); document.querySelector('h1').textContent = path }"


def is_modal(page: Page) -> bool:
    return bool(page.evaluate("document.querySelector('dialog.cc-panel').matches(':modal')"))


def pages(ledger_url: str) -> Any:
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    text = "<!doctype html><html lang=en><title>Shop</title><body><h1>Shop</h1><button id=own>own</button>" + LONG
    return gated(Starlette(routes=[Route("/{path:path}", lambda _: HTMLResponse(text))]), ledger_url, **MODAL)


def test_what_a_modal_banner_links_to_can_be_read_before_the_choice(visiting: Visiting, ledger_url: str) -> None:
    with visiting(pages(ledger_url)) as visit:
        page = visit.page
        for path in ("/privacy", "/privacy/", "/privacy?x=1", "/app?page=imprint", "/#terms"):
            page.goto("about:blank")
            visit.open(path)
            assert page.locator("dialog.cc-panel").is_visible()
            assert not is_modal(page), path
            fold = page.locator(".cc-fold")
            fold.click()
            assert is_on_top(page, "h1")
            assert is_on_top(page, "#own")
            page.mouse.move(20, 20)
            fold.click()
            page.locator("[data-action=refuse]").first.wait_for()
        for path in ("/", "/app", "/app?page=other", "/privacy/more"):
            page.goto("about:blank")
            visit.open(path)
            assert is_modal(page), path
            assert not page.locator(".cc-fold").is_visible()
        # A page that scripts change, and back.
        page.evaluate(GO, "/privacy")
        visit.until(lambda: not is_modal(page))
        page.locator(".cc-fold").click()
        assert is_on_top(page, "#own")
        page.evaluate(GO, "/next")
        visit.until(lambda: is_modal(page))
        assert page.locator("[data-action=refuse]").first.is_visible(), "it is no longer small"
        page.evaluate(GO, "/")
        page.locator(".cc-links").get_by_role("link", name="Terms").click()
        visit.until(lambda: not is_modal(page))
        choose(visit, "Refuse all")
        page.locator(".cc-panel").wait_for(state="detached")
