"""The panel in the narrowest window that WCAG names, in every language and at two sizes of text (1.4.4, 1.4.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware
from cookie_consent.banner.locale import load_locales
from cookie_consent.policy import parse_policy
from tests.browser.harness import FLAGS, SITE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page
    from starlette.requests import Request

    from tests.browser.conftest import Visiting
    from tests.browser.harness import Proxy

pytestmark = [pytest.mark.browser, pytest.mark.server]
POLICY = {
    "version": "1",
    "services": {"google-analytics": {}, "facebook-pixel": {}, "youtube": {}, "google-fonts": {}},
    "controller": {"name": "Acme Gesellschaft mit beschränkter Haftung"},
}
CUT = r"""(panel) => {
  const found = [];
  if (panel.scrollWidth > panel.clientWidth) found.push(`panel: ${panel.scrollWidth} in ${panel.clientWidth}`);
  if (document.documentElement.scrollWidth > innerWidth) found.push("page");
  const frame = panel.getBoundingClientRect();
  for (const node of panel.querySelectorAll("button, a, h2, p, li, label")) {
    if (!node.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = node.matches("button, .cc-toggle") ? node.getBoundingClientRect() : frame;
    for (const line of range.getClientRects()) {
      if (line.left >= box.left - 0.5 && line.right <= box.right + 0.5) continue;
      found.push(`${node.textContent.trim().slice(0, 30)}: ${line.left}..${line.right} in ${box.left}..${box.right}`);
      break;
    }
  }
  for (const button of panel.querySelectorAll("button, a.cc-toggle")) {
    if (!button.checkVisibility()) continue;
    const text = button.firstChild;
    for (const { index, 0: word } of text.data.matchAll(/[\p{L}\p{M}]+/gu)) {
      if (/\p{Script=Thai}|\p{Script=Han}/u.test(word)) continue; // several words without a space between them
      const range = document.createRange();
      range.setStart(text, index);
      range.setEnd(text, index + word.length);
      const tops = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
      if (tops.size > 1) found.push(`broken: ${word}`);
    }
  }
  const answers = [...panel.querySelectorAll(".cc-actions button")];
  const [refuse, accept] = answers.map((node) => node.getBoundingClientRect());
  if (Math.abs(refuse.width - accept.width) > 1 || Math.abs(refuse.height - accept.height) > 1) found.push("sizes");
  return found;
}"""
"""What reaches over the edge of the panel or of its button; and whether the two answers differ in size."""


DISTANCE = r"""(panel) => {
  const lines = (node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    return [...range.getClientRects()];
  };
  const found = [320];
  for (const node of panel.querySelectorAll("h2, .cc-site"))
    for (const line of lines(node))
      for (const label of lines(panel.querySelector(".cc-fold")))
        if (line.top < label.bottom && label.top < line.bottom)
          found.push(Math.max(label.left - line.right, line.left - label.right));
  return Math.min(...found);
}"""
"""How many pixels lie between the title and the button beside it."""


async def page(request: Request) -> HTMLResponse:
    language = request.path_params["language"]
    viewport = "<meta name=viewport content='width=device-width'>"
    return HTMLResponse(
        f"<!doctype html><html lang={language}><head><title>Site</title>{viewport}</head><body>x</body>"
    )


@pytest.fixture(scope="module", params=[16, 32], ids=["usual text", "text of 200 %"])
def browser(request: pytest.FixtureRequest, chromium_path: str, proxy: Proxy) -> Iterator[Browser]:
    """Start a browser whose visitor has chosen a size of text, as its settings have it."""
    flags = [f"--proxy-server=http://127.0.0.1:{proxy.port}", f"--blink-settings=defaultFontSize={request.param}"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium_path, args=[*FLAGS, *flags])
        yield launched
        launched.close()


def cut(page: Page) -> list[str]:
    return list(page.locator(".cc-panel").evaluate(CUT))


def test_nothing_of_the_panel_is_cut_at_320_pixels(visiting: Visiting, ledger_url: str) -> None:
    site = Starlette(routes=[Route("/{language}", page)])
    app = ConsentMiddleware(site, policy=parse_policy(POLICY, source="test"), secret="x" * 40, ledger=ledger_url)
    found = {}
    with visiting(app) as visit:
        visit.page.set_viewport_size({"width": 320, "height": 640})
        for language in load_locales():
            visit.page.goto(f"http://{SITE}/{language}")
            assert visit.page.locator("#consent-root").get_attribute("lang") == language
            found[language] = cut(visit.page)
            visit.page.locator("button.cc-toggle").click()
            found[f"{language}, settings"] = cut(visit.page)
    assert [f"{language}: {what}" for language, what in found.items() if what] == []


@pytest.mark.parametrize("banner", [{}, {"layout": "box", "site_name": "Acme"}], ids=["bar", "box"])
def test_the_title_keeps_off_the_button_in_every_language(
    visiting: Visiting, ledger_url: str, banner: dict[str, str]
) -> None:
    site = Starlette(routes=[Route("/{language}", page)])
    policy = parse_policy({**POLICY, "banner": banner}, source="test")
    app = ConsentMiddleware(site, policy=policy, secret="x" * 40, ledger=ledger_url)
    found = {}
    with visiting(app) as visit:
        visit.page.set_viewport_size({"width": 320, "height": 640})
        for language in load_locales():
            visit.page.goto(f"http://{SITE}/{language}")
            visit.page.wait_for_selector(".cc-fold:not([hidden])")
            found[language] = visit.page.locator(".cc-panel").evaluate(DISTANCE)
    assert {language: distance for language, distance in found.items() if distance < 8} == {}


@pytest.mark.parametrize("language", ["en", "de", "ta"])
def test_a_long_line_of_links_takes_no_room_from_the_text(visiting: Visiting, ledger_url: str, language: str) -> None:
    site = Starlette(routes=[Route("/{language}", page)])
    app = ConsentMiddleware(site, policy=parse_policy(POLICY, source="test"), secret="x" * 40, ledger=ledger_url)
    with visiting(app) as visit:
        visit.page.set_viewport_size({"width": 1280, "height": 800})
        visit.page.goto(f"http://{SITE}/{language}")
        text, panel = (visit.page.locator(part).bounding_box() for part in (".cc-text", ".cc-panel"))
        assert text is not None
        assert panel is not None
        assert text["width"] > panel["width"] * 0.4


def test_the_answers_in_tamil_stand_one_above_the_other_on_a_phone(visiting: Visiting, ledger_url: str) -> None:
    """Its longest word would be broken in half the width, in fonts that have its letters."""
    site = Starlette(routes=[Route("/{language}", page)])
    app = ConsentMiddleware(site, policy=parse_policy(POLICY, source="test"), secret="x" * 40, ledger=ledger_url)
    with visiting(app) as visit:
        visit.page.set_viewport_size({"width": 320, "height": 640})
        visit.page.goto(f"http://{SITE}/ta")
        boxes = [button.bounding_box() for button in visit.page.locator(".cc-actions button").all()]
        refuse, accept = (box for box in boxes if box is not None)
        assert refuse["width"] == accept["width"] > 200
        assert accept["y"] > refuse["y"] + refuse["height"]
