"""Pages whose libraries come from public hosts: they work at once, and no browser contacts these hosts."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from tests.browser.harness import SITE
from tests.browser.journey import choose
from tests.browser.test_guard import errors_of, make, paged
from tests.mirror.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visit, Visiting

NPM = "https://cdn.jsdelivr.net/npm"
RUN = b"document.documentElement.dataset.ran = (document.documentElement.dataset.ran ?? '') + ' %s';"
MODULE = b"import { part } from './part.js'; export const made = part;"
INTEGRITY = "sha384-Fln66QcYKYyjOrfTkBdpDccr2JiOEh8/clJoTnTYAZNl2CRPdDn9MyVUSaUPHOlX"


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    server = Upstream()
    monkeypatch.setattr(
        "cookie_consent.site.Mirror", lambda libraries, named: server.mirror(libraries=libraries, named=named)
    )
    server.put("/htmx.org@1.9.12", RUN % b"htmx")
    server.put("/npm/vue@3.4.1/dist/vue.js", RUN % b"vue")
    server.put("/npm/three@0.160.0/build/three.module.js", MODULE)
    server.put("/npm/three@0.160.0/build/part.js", b"export const part = 'three';")
    server.put(
        "/npm/bootstrap@5.3.3/dist/css/bootstrap.css",
        b"@import 'more.css'; h1 { color: rgb(1, 2, 3) }",
        content_type="text/css",
    )
    server.put("/npm/bootstrap@5.3.3/dist/css/more.css", b"h2 { color: rgb(4, 5, 6) }", content_type="text/css")
    server.put("/npm/bulma@1.0.0/css/bulma.css", b"h3 { color: rgb(7, 8, 9) }", content_type="text/css")
    sheet = b"@font-face { font-family: Inter; src: url(https://fonts.gstatic.com/s/inter/v13/a.woff2) }"
    server.put("/css2?family=Inter", sheet, content_type="text/css")
    server.put("/s/inter/v13/a.woff2", b"wOF2", content_type="font/woff2")
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' width='7' height='7'/>"
    server.put("/npm/bootstrap-icons@1.11.3/icons/x.svg", svg, content_type="image/svg+xml")
    server.put("/npm/chart.js@4.4.0/package.json", b'{"name": "chart"}', content_type="application/json")
    yield server
    server.close()


def served(markup: str, head: str = "", **headers: str) -> ASGIApp:
    """Return an application with one page; what its scripts find out is in ``window.found``."""
    page = (
        f"<!doctype html><html lang=en><head><title>Site</title><link rel=icon href=data:,>{head}</head>"
        f"<body><h1>One</h1><h2>Two</h2><h3>Three</h3>{markup}</body></html>"
    )

    def answer(_: Request) -> Response:
        return HTMLResponse(page, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return Starlette(routes=[Route("/", answer)])


def ran(visit: Visit) -> list[str]:
    return sorted((visit.page.evaluate("document.documentElement.dataset.ran") or "").split())


HEAD = (
    "<link rel=preconnect href=https://fonts.gstatic.com crossorigin><link rel=preconnect href=https://cdn.jsdelivr.net>"
    "<link rel=stylesheet href='https://fonts.googleapis.com/css2?family=Inter'>"
    f"<link rel=stylesheet href={NPM}/bootstrap@5.3.3/dist/css/bootstrap.css>"
    f'<script type=importmap>{{"imports":{{"three":"{NPM}/three@0.160.0/build/three.module.js"}}}}</script>'
    f"<style>@import url({NPM}/bulma@1.0.0/css/bulma.css);h1{{font-family:Inter}}</style>"
)
BODY = (
    "<script src=https://unpkg.com/htmx.org@1.9.12></script>"
    f"<script src={NPM}/vue@3.4.1/dist/vue.js defer></script>"
    f"<img src={NPM}/bootstrap-icons@1.11.3/icons/x.svg alt=x>"
    "<script type=module>import { made } from 'three'; window.made = made</script>"
)


@pytest.mark.parametrize("choice", [None, "Refuse all", "Accept all"])
def test_a_page_works_with_its_libraries_and_contacts_nobody(
    visiting: Visiting, ledger_url: str, upstream: Upstream, choice: str | None
) -> None:
    with visiting(served(BODY, HEAD)) as visit:
        visit.open(awaited={"cdn.jsdelivr.net", "unpkg.com", "fonts.googleapis.com"})  # the test can fail
    with visiting(make(served(BODY, HEAD), ledger_url)) as visit:
        errors = errors_of(visit.page)
        if choice is not None:
            visit.open()
            choose(visit, choice)
        assert visit.open() == set()
        page = visit.page
        assert ran(visit) == ["htmx", "vue"]
        assert page.evaluate("window.made") == "three"
        for tag, color in (("h1", "rgb(1, 2, 3)"), ("h2", "rgb(4, 5, 6)"), ("h3", "rgb(7, 8, 9)")):
            assert page.evaluate(f"getComputedStyle(document.querySelector('{tag}')).color") == color
        assert page.evaluate("document.images[0].naturalWidth") == 7
        assert errors == []
        assert visit.page.evaluate("cookieConsent.held") == []
    assert "/s/inter/v13/a.woff2" in upstream.paths()


SCRIPT = "s = document.createElement('script');"
MADE = {
    "a script's property": f"{SCRIPT} s.src = 'NPM/vue@3.4.1/dist/vue.js'; document.head.append(s)",
    "a script's attribute": f"{SCRIPT} s.setAttribute('SRC', 'NPM/vue@3.4.1/dist/vue.js'); document.head.append(s)",
    "a script that is written": "document.write('<script src=NPM/vue@3.4.1/dist/vue.js></scr' + 'ipt>')",
    "a script in a fragment": "r = document.createRange(); document.body.append(r.createContextualFragment("
    "'<script src=NPM/vue@3.4.1/dist/vue.js></scr' + 'ipt>'))",
    "a sheet's property": "l = document.createElement('link'); l.rel = 'stylesheet'; l.onload = has;"
    "l.href = 'NPM/bulma@1.0.0/css/bulma.css'; document.head.append(l)",
    "a sheet's property, first": "l = document.createElement('link'); l.href = 'NPM/bulma@1.0.0/css/bulma.css';"
    "l.rel = 'stylesheet'; l.onload = has; document.head.append(l)",
    "a sheet in markup": "document.body.insertAdjacentHTML('beforeend', "
    "'<link rel=stylesheet href=NPM/bulma@1.0.0/css/bulma.css onload=\"has()\">')",
    "an image": "i = new Image(); i.onload = has; i.src = 'NPM/bootstrap-icons@1.11.3/icons/x.svg'",
    "an image's candidates": "i = new Image(); i.onload = has;"
    "i.srcset = 'NPM/bootstrap-icons@1.11.3/icons/x.svg 1x, /other.png 9x'",
    "an image in markup": "d = document.createElement('div'); d.innerHTML = "
    "'<img alt=x src=NPM/bootstrap-icons@1.11.3/icons/x.svg onload=\"has()\">'; document.body.append(d)",
    "fetch": "fetch('NPM/chart.js@4.4.0/package.json').then((r) => r.json()).then(has).catch(() => 0)",
    "an address as an object": "fetch(new URL('NPM/chart.js@4.4.0/package.json')).then(has)",
    "XMLHttpRequest": "x = new XMLHttpRequest(); x.onload = has;"
    "x.open('GET', 'NPM/chart.js@4.4.0/package.json'); x.send()",
    "a frame's script": "f = document.createElement('iframe'); document.body.append(f);"
    f"{SCRIPT.replace('document', 'f.contentDocument')} s.src = 'NPM/vue@3.4.1/dist/vue.js'; s.onload = has;"
    "f.contentDocument.body.append(s)",
}
BEGIN = "const has = () => { document.documentElement.dataset.ran = 'vue' };"
MADE = {way: code.replace("NPM", NPM) for way, code in MADE.items()}
"""Ways in which scripts ask for libraries, which say that they have come."""


@pytest.mark.parametrize("way", list(MADE))
def test_what_scripts_ask_for_is_led_there_too(
    visiting: Visiting, ledger_url: str, upstream: Upstream, way: str
) -> None:
    code = BEGIN + MADE[way]
    with visiting(paged(code)) as visit:
        visit.open(awaited={"cdn.jsdelivr.net"})  # without the guard: the test can fail
    with visiting(make(paged(code), ledger_url)) as visit:
        errors = errors_of(visit.page)
        assert visit.open() == set()
        visit.until(lambda: ran(visit) == ["vue"])
        assert errors == []
    assert len(upstream.asked) == 1


NAMES = re.compile(r"/_consent/assets/libraries\.\w+\.json$")


def test_the_names_of_libraries_come_once_a_script_needs_them(
    visiting: Visiting, ledger_url: str, upstream: Upstream
) -> None:
    sheet = "l = document.createElement('link'); l.href = 'https://fonts.googleapis.com/css2?family=Inter';"
    with visiting(make(paged(f"{sheet} l.rel = 'stylesheet'; document.head.append(l)"), ledger_url)) as visit:
        visit.proxy.own.clear()
        assert visit.open() == set()
        assert not [path for path in visit.proxy.own if NAMES.search(path)]
    with visiting(make(paged(BEGIN + MADE["a script's property"] + ";" + MADE["an image"]), ledger_url)) as visit:
        visit.proxy.own.clear()
        assert visit.open() == set()
        visit.until(lambda: len(upstream.asked) == 3)  # the sheet and these two
        assert len([path for path in visit.proxy.own if NAMES.search(path)]) == 1


def test_without_the_names_libraries_are_held(visiting: Visiting, ledger_url: str, upstream: Upstream) -> None:
    with visiting(make(paged(BEGIN + MADE["a script's property"]), ledger_url)) as visit:
        visit.page.route(NAMES, lambda route: route.abort())
        errors = errors_of(visit.page)
        assert visit.open() == set()
        assert visit.page.evaluate("cookieConsent.held.map(({ name }) => name)") == ["cdn.jsdelivr.net"]
        assert errors == []
        assert ran(visit) == upstream.asked == []


def test_a_policy_of_the_site_decides_which_scripts_are_led(
    visiting: Visiting, ledger_url: str, upstream: Upstream
) -> None:
    code = (
        MADE["a script's property"]
        + ";"
        + MADE["fetch"].replace("{ran}", "() => 0").replace("{{", "{").replace("}}", "}")
    )
    policy = "default-src 'self' https: 'unsafe-inline'; script-src 'self' 'unsafe-inline'"
    app = make(paged(code, Content_Security_Policy=policy), ledger_url)
    with visiting(app) as visit:
        assert visit.open() == set()
        visit.until(lambda: upstream.paths() == ["/npm/chart.js@4.4.0/package.json"])
        assert ran(visit) == []
    meta = f'<meta http-equiv=Content-Security-Policy content="{policy}">'
    upstream.asked.clear()
    with visiting(make(served(f"<script>{code}</script>", meta), ledger_url)) as visit:
        assert visit.open() == set()
        assert upstream.asked == []


def test_nothing_fails_where_the_site_requires_trusted_types(
    visiting: Visiting, ledger_url: str, upstream: Upstream
) -> None:
    begin = (
        "const as = (text) => text, trusted = trustedTypes.createPolicy('a', { createScriptURL: as, createHTML: as });"
    )
    script = MADE["a script's property"].replace(
        f"'{NPM}/vue@3.4.1/dist/vue.js'", f"trusted.createScriptURL('{NPM}/vue@3.4.1/dist/vue.js')"
    )
    markup = f"document.body.insertAdjacentHTML('beforeend', trusted.createHTML('<img src={NPM}/vue@3.4.1/x.svg>'))"
    code = f"{BEGIN}{begin}{script};{markup};{MADE['an image']};window.done = true"
    app = make(paged(code, Content_Security_Policy="require-trusted-types-for 'script'"), ledger_url)
    with visiting(app) as visit:
        errors = errors_of(visit.page)
        assert visit.open() == set()
        assert errors == []
        assert visit.page.evaluate("window.done")
        visit.until(lambda: ran(visit) == ["vue"])  # which the image says
    assert upstream.paths() == ["/npm/bootstrap-icons@1.11.3/icons/x.svg"]


@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize(
    "order", [("l.rel = 'preconnect';", "l.href = HOST;"), ("l.href = HOST;", "l.rel = 'preconnect';")]
)
def test_hints_of_scripts_for_hosts_of_libraries_do_nothing(
    visiting: Visiting, ledger_url: str, order: tuple[str, str]
) -> None:
    code = f"l = document.createElement('link'); {''.join(order)} document.head.append(l)"
    code = code.replace("HOST", "'https://cdn.jsdelivr.net'")
    with visiting(paged(code)) as visit:
        visit.open()
        assert visit.page.locator("link[href*=jsdelivr]").count() == 1
    with visiting(make(paged(code), ledger_url)) as visit:
        for choice in ("Accept all", None):
            assert visit.open() == set()
            assert visit.page.locator("link[href*=jsdelivr]").count() == 0
            if choice is not None:
                choose(visit, choice)


@pytest.mark.parametrize(
    ("file", "is_led"), [("package.json", True), ("dist/a.js", True), ("dist/x.wasm", False), ("x.glb?v=1.js", False)]
)
def test_scripts_ask_the_mirror_only_for_what_it_serves(
    visiting: Visiting, ledger_url: str, upstream: Upstream, file: str, *, is_led: bool
) -> None:
    code = f"fetch('{NPM}/chart.js@4.4.0/{file}').then(() => 0, () => 0).then(() => {{ window.done = true }})"
    with visiting(make(paged(code), ledger_url)) as visit:
        assert visit.open() == set()
        visit.page.wait_for_function("window.done")
        held = visit.page.evaluate("cookieConsent.held.map(({ name }) => name)")
        assert held == ([] if is_led else ["cdn.jsdelivr.net"])  # which waits for a choice, as without the mirror
    assert bool(upstream.asked) is is_led


def test_a_document_without_an_origin_is_not_led_to_the_mirror(
    visiting: Visiting, ledger_url: str, upstream: Upstream
) -> None:
    tag = f"<script src={NPM}/vue@3.4.1/dist/vue.js></script>"
    code = f"<script>{BEGIN}{MADE['an image']}</script>"
    app = make(served(tag + code, Content_Security_Policy="sandbox allow-scripts allow-forms"), ledger_url)
    with visiting(app) as visit:
        assert visit.open() == set()
        assert visit.page.evaluate("document.querySelectorAll('[data-consent-src]').length") == 1
    assert upstream.asked == []


@pytest.mark.parametrize("digest", [INTEGRITY, "sha384-AAAA"])
def test_integrity_is_checked_of_what_comes_from_the_mirror(
    visiting: Visiting, ledger_url: str, upstream: Upstream, digest: str
) -> None:
    upstream.put("/npm/vue@3.4.1/dist/vue.js", b"document.documentElement.dataset.ran = 'vue'")
    tag = f"<script src={NPM}/vue@3.4.1/dist/vue.js crossorigin=anonymous integrity='{digest}'></script>"
    with visiting(make(served(tag), ledger_url)) as visit:
        assert visit.open() == set()
        assert len(upstream.asked) == 1
        assert ran(visit) == (["vue"] if digest == INTEGRITY else [])


SHEET = b"@import 'https://cdn.jsdelivr.net/npm/bulma@1.0.0/css/bulma.css'; h1 { color: rgb(1, 2, 3) }"
DIGEST = f"sha384-{base64.b64encode(hashlib.sha384(SHEET).digest()).decode()}"
LINK = "l = document.createElement('link');"
CHECKED = {
    "markup": f"<link rel=stylesheet href={NPM}/bootstrap@5.3.3/a.css integrity={DIGEST} crossorigin>",
    "properties": f"<script>{LINK} l.rel = 'stylesheet'; l.href = HREF; l.integrity = DIGEST;"
    "document.head.append(l)</script>",
    "the digest first": f"<script>{LINK} l.integrity = DIGEST; l.href = HREF; l.rel = 'stylesheet';"
    "document.head.append(l)</script>",
    "attributes": f"<script>{LINK} l.setAttribute('href', HREF); l.setAttribute('integrity', DIGEST);"
    "l.setAttribute('rel', 'stylesheet'); document.head.append(l)</script>",
    "written markup": "<script>document.write(`<link rel=stylesheet href=${HREF} integrity=${DIGEST}>`)</script>",
    "a hidden name": f"<script>{LINK} l.rel = 'stylesheet'; l.integrity = DIGEST; l.href = HREF.replace('/a.css', '');"
    "document.head.append(l)</script>",
}


@pytest.mark.parametrize("digest", [DIGEST, "sha384-AAAA"])
@pytest.mark.parametrize("way", list(CHECKED))
def test_a_sheet_is_what_its_integrity_says_and_leads_nowhere_else(
    visiting: Visiting, ledger_url: str, upstream: Upstream, way: str, digest: str
) -> None:
    upstream.put("/npm/bootstrap@5.3.3/a.css", SHEET, content_type="text/css")
    upstream.put("/npm/bootstrap@5.3.3", SHEET, content_type="text/css")
    names = f"<script>HREF = '{NPM}/bootstrap@5.3.3/a.css'; DIGEST = '{digest}'</script>"
    tag = CHECKED[way].replace(DIGEST, digest)
    with visiting(make(served("", names + tag), ledger_url)) as visit:
        assert visit.open() == set()
        color = visit.page.evaluate("getComputedStyle(document.querySelector('h1')).color")
        assert color == ("rgb(1, 2, 3)" if digest == DIGEST else "rgb(0, 0, 0)")
    assert len(upstream.asked) == 1


def test_what_cannot_be_fetched_is_held_until_it_can_be(
    visiting: Visiting, ledger_url: str, upstream: Upstream
) -> None:
    tag = f"<script src={NPM}/vue@3.4.1/dist/missing.js></script>"
    with visiting(make(served(tag), ledger_url)) as visit:
        assert visit.open() == set()
        assert visit.page.evaluate("cookieConsent.held.length") == 0
        assert visit.open() == set()
        assert visit.page.evaluate("cookieConsent.held.map(({ kind, layer }) => `${kind} ${layer}`)") == [
            "element html"
        ]
        visit.page.goto(f"http://{SITE}/")
    assert len(upstream.asked) == 1
