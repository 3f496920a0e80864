"""Libraries that change pages without loading them, in Chromium: there is one banner throughout, and it is right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy
from tests.browser.journey import choose

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from cookie_consent import Policy
    from tests.browser.conftest import Visit, Visiting

NODE_MODULES = Path(__file__).parents[2] / "node_modules"
pytestmark = pytest.mark.skipif(not (NODE_MODULES / "htmx.org").is_dir(), reason="npm ci has not been run")

POLICY = parse_policy(
    {
        "version": "1",
        "services": {
            "acme": {"name": "Acme", "category": "analytics", "hosts": ["*.acme.test"]},
        },
    },
    source="test",
)
SCRIPTS = {
    "htmx": "htmx.org/dist/htmx.min.js",
    "turbo": "@hotwired/turbo/dist/turbo.es2017-umd.js",
    "unpoly": "unpoly/unpoly.min.js",
    "swup": "swup/dist/Swup.umd.js",
    "idiomorph": "idiomorph/dist/idiomorph.min.js",
    "react": "react/umd/react.production.min.js",
    "react-dom": "react-dom/umd/react-dom.production.min.js",
}
MORPH = """
document.addEventListener('click', async (event) => {
  if (event.target.id !== 'go') return;
  event.preventDefault();
  const text = await (await fetch(event.target.href)).text();
  history.pushState(null, '', event.target.href);
  const page = new DOMParser().parseFromString(text, 'text/html');
  %s
});
"""
GO = "<h1>{name}</h1><a id=go href=/{other}>other</a><p>text</p><img src=//picture.acme.test/{name}.gif alt>"
# What is in the head, how the body begins, and what is in the body.
LIBRARIES = {
    "htmx": ("<script src=/js/htmx></script>", '<body hx-boost="true">', GO),
    "htmx-main": (
        "<script src=/js/htmx></script>",
        "<body>",
        "<main id=main hx-boost=true hx-target=#main>" + GO + "</main>",
    ),
    "turbo": ("<script src=/js/turbo></script>", "<body>", GO),
    "turbo-frame": (
        "<script src=/js/turbo></script>",
        "<body>",
        "<turbo-frame id=f data-turbo-action=advance>" + GO + "</turbo-frame>",
    ),
    "turbo-morph": (
        "<script src=/js/turbo></script><meta name=turbo-refresh-method content=morph>",
        "<body>",
        "<p>" + GO,
    ),
    "unpoly": (
        "<script src=/js/unpoly></script><script>up.fragment.config.mainTargets.unshift('body')</script>",
        "<body>",
        GO.replace("id=go", "id=go up-follow"),
    ),
    "unpoly-main": (
        "<script src=/js/unpoly></script>",
        "<body>",
        "<main>" + GO.replace("id=go", "id=go up-follow") + "</main>",
    ),
    "swup": (
        "<script src=/js/swup></script>",
        "<body>",
        "<main id=swup>" + GO + "</main><script>new Swup({animationSelector: false})</script>",
    ),
    "idiomorph-body": (
        "<script src=/js/idiomorph></script>",
        "<body>",
        GO + "<script>" + MORPH % "Idiomorph.morph(document.body, page.body, {morphStyle: 'outerHTML'})" + "</script>",
    ),
    "idiomorph-page": (
        "<script src=/js/idiomorph></script>",
        "<body>",
        GO
        + "<script>"
        + MORPH % "Idiomorph.morph(document.documentElement, page.documentElement, {morphStyle: 'outerHTML'})"
        + "</script>",
    ),
    "new body": (
        "<script>" + MORPH % "document.body.replaceWith(document.adoptNode(page.body))" + "</script>",
        "<body>",
        GO,
    ),
    "new page": (
        "<script>"
        + MORPH % "document.documentElement.replaceWith(document.adoptNode(page.documentElement))"
        + "</script>",
        "<body>",
        GO,
    ),
    "html of the page": (
        "<script>" + MORPH % "document.documentElement.innerHTML = page.documentElement.innerHTML" + "</script>",
        "<body>",
        GO,
    ),
}


def site(ledger: str, head: str, body: str, content: str, policy: Policy = POLICY) -> ASGIApp:
    def page(request: Request) -> Response:
        name = request.url.path[1:]
        names = {"name": name, "other": "b" if name == "a" else "a"}
        markup = content.replace("{name}", names["name"]).replace("{other}", names["other"])
        return HTMLResponse(
            f"<!doctype html><html lang=en><head><title>{name}</title>{head}</head>{body}{markup}</body></html>"
        )

    def script(request: Request) -> Response:
        return Response(
            (NODE_MODULES / SCRIPTS[request.path_params["name"]]).read_bytes(), media_type="text/javascript"
        )

    app = Starlette(routes=[Route("/js/{name}", script), Route("/a", page), Route("/b", page)])
    return ConsentMiddleware(app, policy=policy, secret="x" * 40, ledger=ledger)


def open_page(visit: Visit, path: str = "/a") -> list[str]:
    errors: list[str] = []
    visit.page.on("pageerror", lambda error: errors.append(str(error)))
    visit.open(path)
    visit.page.evaluate("window.isSame = true")
    return errors


def go(visit: Visit, title: str) -> None:
    visit.page.locator("#go").click()
    visit.until(lambda: visit.page.locator("h1").inner_text() == title)
    visit.page.wait_for_timeout(150)
    assert visit.page.evaluate("window.isSame === true"), "the page was loaded"


def panels(page: Page) -> list[int]:
    return [page.locator(f"#consent-root{below}").count() for below in ("", " .cc-panel", " .cc-back:visible")]


OPEN, CLOSED = [1, 1, 0], [1, 0, 1]


@pytest.mark.parametrize("library", LIBRARIES)
def test_there_is_one_banner_throughout(visiting: Visiting, ledger_url: str, library: str) -> None:
    with visiting(site(ledger_url, *LIBRARIES[library])) as visit:
        errors = open_page(visit)
        for title in ("b", "a"):
            go(visit, title)
            assert panels(visit.page) == OPEN
        visit.page.locator(".cc-toggle:visible").click()
        visit.page.locator("#consent-root [type=checkbox][value=analytics]").check()
        go(visit, "b")
        checkbox = visit.page.locator("#consent-root [type=checkbox][value=analytics]")
        if library == "idiomorph-page":  # which morphs the banner too
            visit.page.locator(".cc-toggle:visible").click()
            checkbox.check()
        assert checkbox.is_checked()
        choose(visit, "Save choices")
        visit.page.locator(".cc-back").wait_for()
        assert visit.settled(awaited=["picture.acme.test"]) == {"picture.acme.test"}
        visit.page.evaluate("window.isSame = true")  # a choice may reload the page
        for title in ("a", "b"):
            go(visit, title)
            assert panels(visit.page) == CLOSED
        assert errors == []
        visit.page.locator(".cc-back").click()
        visit.page.get_by_role("link", name="All details").click()
        visit.page.wait_for_url("**/preferences*")
        assert "return_to=%2Fb&" in visit.page.url


@pytest.mark.parametrize("answer", ["Accept all", "Refuse all"])
@pytest.mark.parametrize("library", ["htmx", "turbo", "swup", "idiomorph-page", "new page", "html of the page"])
def test_vendors_are_told_once_and_not_again_by_each_page(
    visiting: Visiting, ledger_url: str, library: str, answer: str
) -> None:
    snippet = "<script>window.dataLayer = window.dataLayer || []; dataLayer.push({page: 1})</script>"
    read = "() => [...dataLayer].filter(({ length }) => length).map((call) => [call[1], call[2].analytics_storage])"
    document = {"version": "1", "services": {"google-analytics": {}}, "gate": {"csp": "off", "mirror": False}}
    head, body, content = LIBRARIES[library]
    gated = site(ledger_url, head, body, content + snippet, parse_policy(document, source="test"))
    with visiting(gated) as visit:
        errors = open_page(visit)
        told = [["default", "denied"]]
        assert visit.page.evaluate(read) == told
        go(visit, "b")
        assert visit.page.evaluate(read) == told
        choose(visit, answer)
        visit.page.locator(".cc-back").wait_for()
        told.append(["update", "granted" if answer == "Accept all" else "denied"])
        visit.until(lambda: visit.page.evaluate(read) == told)
        for title in ("a", "b"):
            go(visit, title)
            assert visit.page.evaluate(read) == told
        assert errors == []


@pytest.mark.parametrize(
    "empty",
    [
        "document.body.innerHTML = ''",
        "document.body.replaceChildren(document.createElement('main'))",
        "document.body = document.createElement('body')",
        "document.body.replaceWith(document.createElement('body'))",
        "document.querySelector('#consent-root').remove()",
        "document.body.append(document.querySelector('#consent-root'))",
        "document.documentElement.remove(); document.append(document.createElement('html'))",
    ],
)
def test_it_stays_when_a_page_is_emptied(visiting: Visiting, ledger_url: str, empty: str) -> None:
    with visiting(site(ledger_url, "", "<body>", GO)) as visit:
        errors = open_page(visit)
        visit.page.evaluate(f"() => {{ {empty} }}")
        visit.page.wait_for_timeout(100)
        assert panels(visit.page) == OPEN
        button = visit.page.get_by_role("button", name="Refuse all")
        box = button.bounding_box()
        size = visit.page.viewport_size
        assert box is not None
        assert size is not None
        assert box["height"] >= 44, "it has its styles"
        choose(visit, "Refuse all")
        visit.page.locator(".cc-back").wait_for()
        visit.page.evaluate(f"() => {{ {empty} }}")
        visit.page.wait_for_timeout(100)
        assert panels(visit.page) == CLOSED
        assert errors == []


def test_it_stays_when_a_page_is_emptied_before_its_script_is_here(visiting: Visiting, ledger_url: str) -> None:
    empty = (
        "<script>addEventListener('readystatechange', () => { const node = document.getElementById('consent-root');"
        "if (node && document.readyState === 'interactive') { self.isEmptied = true; node.remove(); } }, true)</script>"
    )
    with visiting(site(ledger_url, empty, "<body>", GO)) as visit:
        errors = open_page(visit)
        assert visit.page.evaluate("isEmptied")
        visit.until(lambda: panels(visit.page) == OPEN)
        choose(visit, "Refuse all")
        visit.page.locator(".cc-back").wait_for()
        assert errors == []


def test_a_page_that_insists_has_its_way(visiting: Visiting, ledger_url: str) -> None:
    fight = (
        "<script>let taken = 0; new MutationObserver(() => { const node = document.getElementById('consent-root');"
        "if (node && document.readyState === 'complete') { taken += 1; node.remove(); } })"
        ".observe(document, { childList: true, subtree: true })</script>"
    )
    with visiting(site(ledger_url, fight, "<body>", GO)) as visit:
        open_page(visit)
        visit.page.evaluate("document.body.append('x')")
        visit.page.wait_for_timeout(300)
        assert visit.page.locator("#consent-root").count() == 0
        taken = visit.page.evaluate("taken")
        assert 3 < taken < 30
        visit.page.evaluate("document.body.append('x')")
        visit.page.wait_for_timeout(300)
        assert visit.page.evaluate("taken") == taken
        assert visit.page.evaluate("cookieConsent.state.decided") is False
        assert visit.page.evaluate("getComputedStyle(document.documentElement).scrollPaddingBottom") == "auto"


REACT = """
const { createElement: h, useState } = React;
function Doc() {
  const [n, set] = useState(0);
  return h("html", { lang: "en" },
    h("head", null, h("title", null, "react"), ...["react", "react-dom", "client"].map((name) =>
      h("script", { key: name, defer: true, src: "/js/" + name }))),
    h("body", null, h("h1", null, "react"), h("button", { id: "b", onClick: () => set(n + 1) }, "count " + n)));
}
setTimeout(() => ReactDOM.hydrateRoot(document, h(Doc), { onRecoverableError() {} }), WAIT);
"""


@pytest.mark.parametrize("wait", [0, 400])
def test_react_hydrates_the_document(visiting: Visiting, ledger_url: str, wait: int) -> None:
    """React 18 renders the whole document again, as it finds in it what it has not rendered."""
    scripts = "".join(f'<script defer="" src="/js/{name}"></script>' for name in ("react", "react-dom", "client"))
    page = (
        f'<!DOCTYPE html><html lang="en"><head><title>react</title>{scripts}</head>'
        '<body><h1>react</h1><button id="b">count 0</button></body></html>'
    )

    def script(request: Request) -> Response:
        name = request.path_params["name"]
        text = (
            REACT.replace("WAIT", str(wait)) if name == "client" else (NODE_MODULES / SCRIPTS[name]).read_text("utf-8")
        )
        return Response(text, media_type="text/javascript")

    app = Starlette(routes=[Route("/js/{name}", script), Route("/a", lambda _: HTMLResponse(page))])
    with visiting(ConsentMiddleware(app, policy=POLICY, secret="x" * 40, ledger=ledger_url)) as visit:
        errors = open_page(visit)
        for at in range(3):
            assert visit.page.locator("#b").inner_text() == f"count {at}"
            visit.until(lambda: panels(visit.page) == OPEN)  # React may be at it, or our script may not have answered
            visit.page.locator("#b").click()
        assert visit.page.get_by_role("button", name="Accept all").is_visible()
        choose(visit, "Refuse all")
        visit.page.locator(".cc-back").wait_for()
        visit.page.locator("#b").click()
        visit.until(lambda: panels(visit.page) == CLOSED)
        visit.open("/a")
        assert panels(visit.page) == CLOSED
        assert errors == []


@pytest.mark.parametrize("answer", ["Accept all", "Refuse all"])
def test_other_tabs_follow(visiting: Visiting, ledger_url: str, answer: str) -> None:
    with visiting(site(ledger_url, *LIBRARIES["turbo"])) as visit:
        visit.open("/a")
        first = visit.page
        visit.page = visit.context.new_page()
        visit.open("/b")
        go_on = visit.page
        choose(visit, answer)
        visit.page = first
        visit.until(lambda: panels(first) == CLOSED)
        visit.until(lambda: panels(go_on) == CLOSED)


def test_a_page_from_before_a_choice_does_not_ask_again(visiting: Visiting, ledger_url: str) -> None:
    """A cache may have kept it, with what was held then."""
    with visiting(site(ledger_url, *LIBRARIES["new body"])) as visit:
        errors = open_page(visit)
        old = visit.page.evaluate("fetch('/b').then((answer) => answer.text())")
        assert len(re.findall("data-consent-src", old)) == 1
        choose(visit, "Accept all")
        visit.page.locator(".cc-back").wait_for()
        visit.settled()
        visit.proxy.contacts.clear()
        visit.page.evaluate(
            """(text) => document.body.replaceWith(document.adoptNode(
                 new DOMParser().parseFromString(text, 'text/html').body))""",
            old,
        )
        assert visit.settled(awaited=["picture.acme.test"]) == {"picture.acme.test"}
        assert any(contact.endswith("/b.gif") for contact in visit.proxy.contacts)
        assert panels(visit.page) == CLOSED
        assert errors == []


def test_a_choice_that_was_taken_back_is_asked_for_again(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url, *LIBRARIES["new body"])) as visit:
        open_page(visit)
        choose(visit, "Refuse all")
        visit.page.locator(".cc-back").wait_for()
        visit.context.clear_cookies()
        go(visit, "b")
        visit.until(lambda: panels(visit.page) == OPEN)
        choose(visit, "Refuse all")
        visit.until(lambda: panels(visit.page) == CLOSED)
