"""When the banner's script loads its second part, under which policies, and what happens if it cannot, in Chromium."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount
from starlette.routing import Route as Path

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy
from tests.browser import harness
from tests.browser.harness import SITE
from tests.browser.journey import choose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.sync_api import Route
    from starlette.requests import Request
    from starlette.responses import Response

    from tests.browser.conftest import Visit, Visiting

ACME = '<script src="//one.acme.test/a.js"></script>'
MAP = (
    '<div id=map style="width:400px;height:300px"></div><script src="https://maps.googleapis.com/maps/api/js"></script>'
)
FORM = '<form method=post action="/send"><input name=m><button id=send>Send</button></form>'
INVISIBLE = f'<script src="https://www.google.com/recaptcha/api.js?render=KEY"></script>{FORM}'
DECLARATION = '<div data-consent-declaration><a href="/_consent/policy">Cookies</a></div>'
COMPONENT = (
    "<div id=host></div><script>host.attachShadow({ mode: 'open' }).innerHTML = "
    "'<consent-placeholder service=acme><b>Shown</b></consent-placeholder>'</script>"
)
BASE = f'<base href="/elsewhere/">{MAP}'
PAGES = {
    "/": "<p>Text",
    "/acme": ACME,
    "/map": MAP,
    "/form": INVISIBLE,
    "/declaration": DECLARATION,
    "/component": COMPONENT,
    "/base": BASE,
    "/password": f"{ACME}<input id=p type=password>",
}
PLACED = "iframe[data-consent-placeholder]"
SHOWN = [
    ("/map", f"#map {PLACED}"),
    ("/declaration", "[data-consent-declaration=done] .cc-declaration"),
    ("/component", f"consent-placeholder {PLACED}"),
]
"""Pages with what the late part shows on them."""
STOPPED = "**/banner-more.*"
SERVICES = {"acme": {"name": "Acme", "category": "analytics", "hosts": ["*.acme.test"]}}


@pytest.fixture(autouse=True)
def stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(harness.STUBS, "one.acme.test", ("text/javascript", b"window.acme = (window.acme || 0) + 1"))


def site(ledger: str, *, prefix: str = "/_consent", headers: Mapping[str, str] | None = None, **gate: Any) -> Any:
    """Return the site, whose pages have the ``headers``, and what is called with ``gate`` of the policy."""

    async def answer(request: Request) -> Response:
        body = PAGES.get(request.url.path.removeprefix("/mounted"), "<h1>Sent</h1>")
        page = f"<!doctype html><html lang=en><head><title>T</title><link rel=icon href=data:,></head><body>{body}"
        return HTMLResponse(page, headers=headers)

    routes = [Path("/{path:path}", answer, methods=["GET", "POST"])]
    policy = parse_policy({"version": "1", "gate": gate, "services": SERVICES}, source="test")
    return ConsentMiddleware(Starlette(routes=routes), policy=policy, secret="x" * 40, ledger=ledger, prefix=prefix)


def asked(visit: Visit) -> int:
    """Return how often the second part has been asked for."""
    return sum("/banner-more." in path for path in visit.proxy.own)


def open_page(visit: Visit, path: str) -> None:
    visit.proxy.own.clear()
    visit.open(path)


# -- when ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("guard", [True, False])
@pytest.mark.parametrize("path", ["/", "/acme"])
def test_a_page_without_use_for_it_does_not_load_it(
    visiting: Visiting, ledger_url: str, path: str, *, guard: bool
) -> None:
    with visiting(site(ledger_url, csp="off", guard=guard)) as visit:
        open_page(visit, path)
        choose(visit, "Refuse all")
        visit.settled()
        assert asked(visit) == 0
        open_page(visit, path)
        assert asked(visit) == 0


@pytest.mark.parametrize("guard", [True, False])
@pytest.mark.parametrize(
    ("path", "shown"),
    [*SHOWN, ("/base", f"#map {PLACED}")],
)
def test_a_page_that_shows_something_of_it_loads_it(
    visiting: Visiting, ledger_url: str, path: str, shown: str, *, guard: bool
) -> None:
    with visiting(site(ledger_url, guard=guard)) as visit:
        open_page(visit, path)
        visit.page.locator(shown).first.wait_for()
        assert asked(visit) == 1


@pytest.mark.parametrize("guard", [True, False])
@pytest.mark.parametrize(
    ("path", "shown"),
    SHOWN,
)
def test_so_does_one_into_which_a_script_puts_it(
    visiting: Visiting, ledger_url: str, path: str, shown: str, *, guard: bool
) -> None:
    """As soft navigation does: the page that is fetched has been through the gate."""
    with visiting(site(ledger_url, guard=guard)) as visit:
        open_page(visit, "/")
        assert asked(visit) == 0
        visit.page.evaluate(
            """async (path) => {
                const text = await (await fetch(path, { headers: { Accept: "text/html" } })).text();
                const other = new DOMParser().parseFromString(text, "text/html");
                document.body.replaceChildren(...other.body.childNodes);
                const host = document.getElementById("host");
                if (host) host.attachShadow({ mode: "open" }).innerHTML =
                    "<consent-placeholder service=acme></consent-placeholder>";
            }""",
            path,
        )
        visit.page.locator(shown).first.wait_for()
        assert asked(visit) == 1


@pytest.mark.parametrize("guard", [True, False])
def test_a_form_says_what_it_needs_when_it_is_first_sent(visiting: Visiting, ledger_url: str, *, guard: bool) -> None:
    with visiting(site(ledger_url, guard=guard)) as visit:
        open_page(visit, "/form")
        assert asked(visit) == 1  # before anybody has touched the form
        visit.page.evaluate("document.forms[0].addEventListener('submit', (event) => event.preventDefault())")
        visit.page.click("#send")
        visit.page.locator(f"#send + {PLACED}").wait_for()


@pytest.mark.parametrize("guard", [True, False])
def test_it_is_loaded_for_what_comes_alive_in_place(visiting: Visiting, ledger_url: str, *, guard: bool) -> None:
    with visiting(site(ledger_url, csp="off", guard=guard)) as visit:
        open_page(visit, "/acme")
        before = visit.page.evaluate("performance.timeOrigin")
        choose(visit, "Accept all")
        visit.settled(awaited={"one.acme.test"})
        visit.page.wait_for_function("window.acme === 1")
        assert visit.page.evaluate("performance.timeOrigin") == before
        assert asked(visit) == 1


# -- under which policies ------------------------------------------------------------------------------------------


def policy_of(kind: str, files: dict[str, bytes]) -> str:
    hashes = " ".join(f"'sha384-{base64.b64encode(hashlib.sha384(file).digest()).decode()}'" for file in files.values())
    return {
        "nonce": "script-src 'nonce-abc'",
        "strict-dynamic": "script-src 'nonce-abc' 'strict-dynamic'",
        "hash": f"script-src {hashes}",
        "types": "require-trusted-types-for 'script'; trusted-types 'none'",
        "nonce and types": "script-src 'nonce-abc'; require-trusted-types-for 'script'",
        "hash and types": f"script-src {hashes}; require-trusted-types-for 'script'; trusted-types none",
        "sandbox": "sandbox allow-scripts allow-forms",
    }[kind]


def scripts_of(app: ConsentMiddleware) -> dict[str, bytes]:
    assets = app._parts.assets
    found = {name: assets.response(url.rpartition("/")[2]) for name, url in assets.urls.items() if name.endswith(".js")}
    return {name: bytes(response.body) for name, response in found.items() if response is not None}


@pytest.mark.parametrize("guard", [True, False])
@pytest.mark.parametrize(
    "kind", ["nonce", "strict-dynamic", "hash", "types", "nonce and types", "hash and types", "sandbox"]
)
def test_it_runs_where_the_banner_does(visiting: Visiting, ledger_url: str, kind: str, *, guard: bool) -> None:
    headers: dict[str, str] = {}
    app = site(ledger_url, headers=headers, guard=guard)
    headers["Content-Security-Policy"] = policy_of(kind, scripts_of(app))
    with visiting(app) as visit:
        open_page(visit, "/map")
        visit.page.locator(f"#map {PLACED}").wait_for()
        assert asked(visit) == 1


@pytest.mark.parametrize("guard", [True, False])
def test_it_is_found_where_the_site_is_mounted(visiting: Visiting, ledger_url: str, *, guard: bool) -> None:
    app = Starlette(routes=[Mount("/mounted", site(ledger_url, prefix="/privacy", guard=guard))])
    with visiting(app) as visit:
        visit.proxy.own.clear()
        visit.open("/mounted/base")
        visit.page.locator(f"#map {PLACED}").wait_for()
        assert [path for path in visit.proxy.own if f"{SITE} /mounted/privacy/assets/banner-more." in path]


# -- where it cannot be loaded -------------------------------------------------------------------------------------


def stop(visit: Visit, how: str) -> None:
    if how == "network":
        visit.page.route(STOPPED, lambda route: route.abort())
    elif how == "gone":
        visit.page.route(STOPPED, lambda route: route.fulfill(status=404))
    elif how == "other":  # such as a filter that answers with a script of its own
        visit.page.route(STOPPED, lambda route: route.fulfill(content_type="text/javascript", body="1"))


@pytest.mark.parametrize("guard", [True, False])
@pytest.mark.parametrize("how", ["network", "gone", "other", "policy", "types"])
def test_a_choice_takes_effect_by_a_reload(visiting: Visiting, ledger_url: str, how: str, *, guard: bool) -> None:
    headers: dict[str, str] = {}
    app = site(ledger_url, headers=headers, csp="off", guard=guard)
    if how == "policy":
        own = {name: file for name, file in scripts_of(app).items() if not name.startswith("banner-more")}
        # The host of the service is allowed, the second part is not.
        headers["Content-Security-Policy"] = f"{policy_of('hash', own)} one.acme.test"
    elif how == "types":  # the second part is there, and may give no script its address
        headers["Content-Security-Policy"] = policy_of("types", {})
    with visiting(app) as visit:
        open_page(visit, "/acme")
        stop(visit, how)
        choose(visit, "Accept all")
        assert visit.settled(awaited={"one.acme.test"})
        visit.page.wait_for_function("window.acme === 1")
        assert visit.page.locator(".cc-panel").count() == 0
        assert visit.page.locator(".cc-status").inner_text().startswith("Your choice has been saved.")
        open_page(visit, "/acme")
        visit.page.wait_for_function("window.acme === 1")


def test_a_page_that_must_not_be_loaded_again_says_that_the_rest_comes_later(
    visiting: Visiting, ledger_url: str
) -> None:
    with visiting(site(ledger_url, csp="off")) as visit:
        open_page(visit, "/password")
        stop(visit, "network")
        visit.page.locator("#p").press_sequentially("secret")
        choose(visit, "Accept all")
        visit.page.get_by_text("takes full effect").wait_for()
        assert visit.settled() == set()
        assert visit.page.locator("#p").input_value() == "secret"
        open_page(visit, "/acme")
        visit.page.wait_for_function("window.acme === 1")


def test_once_the_network_is_back_it_is_loaded(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.page.route(STOPPED, lambda route: route.abort(), times=1)
        open_page(visit, "/map")
        assert visit.page.locator(PLACED).count() == 0
        visit.page.locator(f"#map {PLACED}").wait_for()


def test_where_it_never_comes_it_is_asked_for_a_few_times(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.page.clock.install()
        tried: list[str] = []

        def abort(route: Route) -> None:
            tried.append(route.request.url)
            route.abort()

        visit.page.route(STOPPED, abort)
        open_page(visit, "/map")
        for _ in range(8):
            visit.page.evaluate("document.body.append(document.createElement('p'))")
            visit.page.clock.run_for(6000)
            visit.page.wait_for_timeout(100)
        assert len(tried) == 3
        assert visit.page.locator(PLACED).count() == 0


def test_the_link_to_the_settings_leads_to_their_page(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        open_page(visit, "/")
        choose(visit, "Refuse all")
        stop(visit, "network")
        visit.page.click(".cc-back")
        visit.page.wait_for_url(re.compile("/_consent/preferences"))
