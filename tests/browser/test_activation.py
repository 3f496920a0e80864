"""What a choice does to the page on which it is made, and to the other open pages of the site, in Chromium."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy
from tests.browser import harness
from tests.browser.conftest import Visit
from tests.browser.harness import FLAGS, SITE, serving
from tests.browser.journey import choose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visiting
    from tests.browser.harness import Proxy

HELD = """
<script>window.order = []; function acmeStats(name) { order.push(name); }</script>
<script async src=//async.acme.test/a.js></script>
<script src=//one.acme.test/a.js onload="order.push('loaded')"></script>
<script>acmeStats('inline')</script>
<script type=module>acmeStats('module')</script>
<script defer src=//late.acme.test/a.js></script>
<script src=//two.acme.test/a.js integrity="sha256-AAAA" crossorigin></script>
<template id=t><img src=//template.acme.test/a.gif></template>
<div><template shadowrootmode=open><img src=//shadow.acme.test/a.gif></template></div>
"""
PAGE = """<!doctype html><html lang=en><head><title>{method}</title><link rel=icon href=data:,></head><body>
<a id=next href="/page?utm_source=letter#part">Next</a>
<form id=form method=post action=/page><input name=a><textarea name=b></textarea><button>Send</button></form>
<div style="height:3000px"></div><p id=part>Part</p>{body}</body></html>"""


@pytest.fixture(autouse=True)
def stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("async", "one", "late", "two"):
        monkeypatch.setitem(harness.STUBS, f"{name}.acme.test", ("text/javascript", f"order.push('{name}')".encode()))


def site(
    ledger: str, body: str = HELD, csp: str = "enforce", framed: str = "", **gate: Any
) -> tuple[ASGIApp, list[str]]:
    """Return the site and the log of the requests for its page. Its page ``/framed`` has only ``framed``."""
    log: list[str] = []

    async def answer(request: Request) -> Response:
        await request.body()
        log.append(f"{request.method} {request.url.path}?{request.url.query}")
        return HTMLResponse(PAGE.format(method=request.method, body=body))

    async def answer_frame(_: Request) -> Response:
        return HTMLResponse(f"<!doctype html><html><head><title>a</title></head><body>{framed}</body></html>")

    policy = parse_policy(
        {
            "version": "1",
            "gate": {"csp": csp, **gate},
            "services": {
                "acme": {
                    "name": "Acme",
                    "category": "analytics",
                    "hosts": ["*.acme.test"],
                    "inline": ["acmeStats('"],
                    "stubs": [{"name": "acmeCall", "queue": "q"}],
                }
            },
        },
        source="test",
    )
    routes = [
        Route("/", answer),
        Route("/page", answer, methods=["GET", "POST"]),
        Route("/framed", answer_frame),
    ]
    return ConsentMiddleware(Starlette(routes=routes), policy=policy, secret="x" * 40, ledger=ledger), log


def loads(page: Page) -> float:
    return float(page.evaluate("performance.timeOrigin"))


def test_what_was_held_back_comes_by_one_reload_that_keeps_the_place(visiting: Visiting, ledger_url: str) -> None:
    app, log = site(ledger_url)
    with visiting(app) as visit:
        errors: list[str] = []
        visit.page.on("pageerror", lambda error: errors.append(str(error)))
        visit.open("/")
        visit.page.click("#next")
        visit.page.wait_for_url("**/page?utm_source=letter#part")
        visit.page.evaluate("scrollTo(0, 1234)")
        assert visit.settled() == set()
        before = loads(visit.page)
        log.clear()
        choose(visit, "Accept all")
        expected = {"one.acme.test", "two.acme.test", "late.acme.test", "shadow.acme.test"}
        contacted = visit.settled(awaited=expected)
        assert loads(visit.page) != before
        assert log == ["GET /page?utm_source=letter"]
        assert expected <= contacted
        order = visit.page.evaluate("order")
        assert sorted(order) == sorted(["async", "one", "loaded", "inline", "module", "late"])
        order.remove("async")
        assert order == ["one", "loaded", "inline", "module", "late"]
        assert visit.page.evaluate("[location.search, location.hash]") == ["?utm_source=letter", "#part"]
        assert visit.page.evaluate("document.referrer") == f"http://{SITE}/"
        assert visit.page.evaluate("Object.keys(sessionStorage)") == []
        assert abs(visit.page.evaluate("scrollY") - 1234) < 2
        assert errors == []


def test_without_a_fixed_policy_it_comes_alive_in_place(visiting: Visiting, ledger_url: str) -> None:
    app, log = site(ledger_url, csp="report-only")
    with visiting(app) as visit:
        visit.open("/")
        visit.page.evaluate("acmeCall('before', 1); document.getElementById('form').a.value = 'typed'")
        before = loads(visit.page)
        choose(visit, "Accept all")
        visit.settled()
        assert loads(visit.page) == before
        assert len(log) == 1
        visit.until(lambda: len(visit.page.evaluate("order")) >= 6)
        order = visit.page.evaluate("order")
        order.remove("async")
        assert order == ["one", "loaded", "inline", "module", "late"]
        assert visit.page.evaluate("document.getElementById('form').a.value") == "typed"
        assert visit.page.locator("[data-consent]").count() == 0
        assert visit.page.evaluate("document.getElementById('t').content.firstChild.src").endswith("/a.gif")
        two = visit.page.locator("script[integrity]")
        assert (two.get_attribute("integrity"), two.get_attribute("crossorigin")) == ("sha256-AAAA", "")


LAZY = """<script>addEventListener("DOMContentLoaded", () => setTimeout(() => {
  for (const node of document.querySelectorAll(".lazyload"))
    for (const name of ["src", "srcset"]) if (node.dataset[name]) node.setAttribute(name, node.dataset[name]);
}))</script>
<img class=lazyload src=//one.acme.test/only.gif>
<img class=lazyload srcset="//one.acme.test/set.gif 1x">
<img class=lazyload id=own data-src=/own.gif src=//one.acme.test/tiny.gif>
<img class=lazyload id=stand data-src=data:, src=//one.acme.test/real.gif>
<a id=link data-consent=analytics data-consent-href=javascript:1>a</a>"""


def test_a_lazy_loader_wakes_nothing(visiting: Visiting, ledger_url: str) -> None:
    app, _ = site(ledger_url, body=LAZY, csp="off")
    with visiting(app) as visit:
        assert visit.open("/") == set()
        choose(visit, "Accept all")
        visit.settled()
        asked = {contact for contact in visit.proxy.contacts if ".test/" in contact}
        assert asked == {f"one.acme.test/{name}.gif" for name in ("only", "set", "real")}
        assert visit.page.get_attribute("#own", "src") == "/own.gif"  # the loader has set it since
        assert visit.page.get_attribute("#link", "href") is None  # of a link the gate holds no address


def test_queued_calls_go_to_the_script_that_comes(
    visiting: Visiting, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = b"window.acmeCall = (...values) => order.push(values.join())"
    monkeypatch.setitem(harness.STUBS, "one.acme.test", ("text/javascript", script))
    app, _ = site(ledger_url, csp="off")
    with visiting(app) as visit:
        visit.open("/")
        visit.page.evaluate("acmeCall('before', 1); acmeCall('before', 2)")
        choose(visit, "Accept all")
        visit.settled()
        assert [entry for entry in visit.page.evaluate("order") if "before" in entry] == ["before,1", "before,2"]


@pytest.mark.parametrize("button", ["Accept all", "Refuse all"])
def test_nothing_held_no_reload(visiting: Visiting, ledger_url: str, button: str) -> None:
    app, log = site(ledger_url, body=HELD if button == "Refuse all" else "")
    with visiting(app) as visit:
        visit.open("/")
        before = loads(visit.page)
        choose(visit, button)
        assert visit.settled() == set()
        assert (loads(visit.page), len(log)) == (before, 1)
        assert visit.page.get_by_role("button", name="Accept all").count() == 0


def test_what_a_script_was_stopped_from_loading_comes_by_the_reload(visiting: Visiting, ledger_url: str) -> None:
    body = "<script>new Image().src = 'http://one.acme.test/pixel'</script>"
    app, log = site(ledger_url, body=body)
    with visiting(app) as visit:
        assert visit.open("/") == set()
        choose(visit, "Accept all")
        assert visit.settled(awaited={"one.acme.test"}) == {"one.acme.test"}
        assert len(log) == 2


def test_what_is_held_in_a_frame_of_the_site_comes_by_the_reload(visiting: Visiting, ledger_url: str) -> None:
    app, log = site(ledger_url, "<iframe src=/framed></iframe>", framed="<script src=//one.acme.test/a.js></script>")
    with visiting(app) as visit:
        assert visit.open() == set()
        choose(visit, "Accept all")
        visit.until(lambda: visit.proxy.hosts() == {"one.acme.test"})
    assert len(log) == 2


def test_what_the_visitor_has_typed_is_there_after_the_reload(visiting: Visiting, ledger_url: str) -> None:
    app, log = site(ledger_url)
    with visiting(app) as visit:
        visit.open("/")
        visit.page.click("input[name=a]")
        visit.page.keyboard.type("typed")
        choose(visit, "Accept all")
        assert "one.acme.test" in visit.settled(awaited={"one.acme.test"})
        visit.page.wait_for_function("document.querySelector('input[name=a]').value === 'typed'")
        assert len(log) == 2


def test_a_page_with_a_typed_password_is_not_loaded_again(visiting: Visiting, ledger_url: str) -> None:
    app, log = site(ledger_url)
    with visiting(app) as visit:
        visit.open("/")
        visit.page.evaluate("document.querySelector('input[name=a]').type = 'password'")
        visit.page.click("input[name=a]")
        visit.page.keyboard.type("typed")
        choose(visit, "Accept all")
        status = visit.page.locator("#consent-root [role=status]")
        status.filter(has_text="with the next page").wait_for()
        assert visit.settled() == set()
        assert (visit.page.input_value("input[name=a]"), len(log)) == ("typed", 1)
        assert "one.acme.test" in visit.open("/", awaited={"one.acme.test"})


@pytest.mark.parametrize("guard", [True, False])
def test_a_page_that_answered_a_form_is_not_sent_again(visiting: Visiting, ledger_url: str, *, guard: bool) -> None:
    app, log = site(ledger_url, guard=guard)
    with visiting(app) as visit:
        visit.open("/")
        visit.page.click("#form button")
        visit.page.wait_for_url("**/page")
        assert visit.page.title() == "POST"
        log.clear()
        before = loads(visit.page)
        choose(visit, "Accept all")
        status = visit.page.locator("#consent-root [role=status]")
        status.filter(has_text="with the next page").wait_for()
        assert visit.settled() == set()
        assert (loads(visit.page), log) == (before, [])
        assert "one.acme.test" in visit.open("/page", awaited={"one.acme.test"})


def test_a_withdrawal_stops_the_site_s_other_pages(visiting: Visiting, ledger_url: str) -> None:
    body = "<script>setInterval(() => new Image().src = 'http://one.acme.test/' + Math.random(), 200)</script>"
    app, _ = site(ledger_url, body=body, csp="off")
    with visiting(app) as visit:
        visit.open("/_consent/preferences")
        choose(visit, "Accept all")
        visit.page.goto(f"http://{SITE}/")
        visit.until(lambda: len(visit.proxy.contacts) > 2)  # the script runs: the test can fail
        before = loads(visit.page)
        first, second = visit.page, visit.context.new_page()
        second.goto(f"http://{SITE}/_consent/preferences?return_to=/_consent/preferences")
        second.get_by_role("button", name="Refuse all").click()
        second.wait_for_load_state("load")
        first.wait_for_function("(before) => performance.timeOrigin !== before", arg=before)
        assert first.evaluate("cookieConsent.allows('analytics')") is False


def test_a_withdrawal_while_a_page_is_on_its_way_stops_that_page_too(visiting: Visiting, ledger_url: str) -> None:
    app, _ = site(ledger_url)
    with visiting(app) as visit:
        visit.open("/_consent/preferences")
        choose(visit, "Accept all")
        first, second = visit.page, visit.context.new_page()
        answer = first.goto(f"http://{SITE}/")
        assert answer is not None
        earlier = answer.body()
        first.goto("about:blank")
        second.goto(f"http://{SITE}/_consent/preferences?return_to=/_consent/preferences")
        second.get_by_role("button", name="Refuse all").click()
        second.wait_for_load_state("load")
        first.route(f"http://{SITE}/", lambda route: route.fulfill(body=earlier, content_type="text/html"), times=1)
        first.goto(f"http://{SITE}/")
        first.wait_for_function("() => window.cookieConsent?.allows('analytics') === false")


def test_the_server_is_not_asked_on_each_page_for_what_the_page_says(visiting: Visiting, ledger_url: str) -> None:
    app, _ = site(ledger_url)
    with visiting(app) as visit:
        asked: list[str] = []
        visit.context.on("request", lambda request: asked.append(request.url))
        for button in ("Accept all", "Refuse all"):
            visit.open("/_consent/preferences")
            choose(visit, button)
            visit.open()  # after a form's choice the server may be asked once
            asked.clear()
            visit.open()
            assert f"http://{SITE}/" in asked, "requests are seen: the test can fail"
            assert f"http://{SITE}/_consent/state" not in asked


@contextmanager
def visiting_with_cache(browser: Browser, proxy: Proxy, chromium_path: str, app: ASGIApp) -> Iterator[Visit]:
    """Visit with the back/forward cache, which Playwright switches off."""
    with serving(app) as port:
        proxy.upstream = port
        launched = browser.browser_type.launch(
            executable_path=chromium_path,
            args=[*FLAGS, f"--proxy-server=http://127.0.0.1:{proxy.port}"],
            ignore_default_args=["--disable-back-forward-cache"],
        )
        try:
            yield Visit(launched.new_context(), proxy)
        finally:
            launched.close()


def test_a_page_from_the_back_forward_cache_is_not_older_than_the_choice(
    browser: Browser, proxy: Proxy, chromium_path: str, ledger_url: str
) -> None:
    app, log = site(ledger_url)
    with visiting_with_cache(browser, proxy, chromium_path, app) as visit:
        page = visit.page
        page.goto(f"http://{SITE}/")
        page.evaluate("addEventListener('pageshow', ({ persisted }) => { sessionStorage.persisted = persisted; })")
        for button, asked in (("Accept all", True), ("Refuse all", False)):
            page.goto(f"http://{SITE}/_consent/preferences?return_to=/_consent/preferences")
            page.get_by_role("button", name=button).click()
            page.wait_for_load_state("load")
            log.clear()
            steps = -2
            page.evaluate("(steps) => history.go(steps)", steps)
            page.wait_for_url(f"http://{SITE}/")
            visit.settled()
            assert page.evaluate("sessionStorage.persisted") == "true", "it came from the cache: the test can fail"
            assert log == ["GET /?"]
            assert page.evaluate("cookieConsent.allows('analytics')") is asked
            page.evaluate("addEventListener('pageshow', ({ persisted }) => { sessionStorage.persisted = persisted; })")
            page.evaluate("sessionStorage.persisted = 'new'")
