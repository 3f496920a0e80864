"""The Content-Security-Policy gate alone, with tags sent as they are: what scripts do later, and what must go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy
from tests.browser.harness import SITE
from tests.browser.journey import choose
from tests.declaring import own_cookies

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from tests.browser.conftest import Visit, Visiting

ATTEMPTS = {
    "createElement": "const s=document.createElement('script');s.src=u;document.head.append(s)",
    "innerHTML": "document.body.insertAdjacentHTML('beforeend',`<img src='${u}'>`)",
    "document-write": "document.write(`<script src='${u}'></scr`+'ipt>')",
    "image": "new Image().src=u",
    "iframe": "const f=document.createElement('iframe');f.src=u;document.body.append(f)",
    "srcdoc": "const f=document.createElement('iframe');f.srcdoc=`<img src='${u}'>`;document.body.append(f)",
    "blob-frame": "const f=document.createElement('iframe');f.src=URL.createObjectURL(new Blob([`<img src='${u}'>`],"
    "{type:'text/html'}));document.body.append(f)",
    "data-frame": "const f=document.createElement('iframe');f.src=`data:text/html,<img src='${u}'>`;"
    "document.body.append(f)",
    "javascript-frame": "const f=document.createElement('iframe');f.src=`javascript:\"<img src='${u}'>\"`;"
    "document.body.append(f)",
    "blank-frame": "const f=document.createElement('iframe');document.body.append(f);"
    "f.contentDocument.body.innerHTML=`<img src='${u}'>`",
    "fetch": "fetch(u,{mode:'no-cors',keepalive:true}).catch(()=>{})",
    "xhr": "const x=new XMLHttpRequest();x.open('GET',u);x.send()",
    "beacon": "navigator.sendBeacon(u)",
    "websocket": "new WebSocket(u.replace('http','ws'))",
    "eventsource": "new EventSource(u)",
    "worker": "new Worker(URL.createObjectURL(new Blob([`importScripts('${u}')`])))",
    "worker-fetch": "new Worker(URL.createObjectURL(new Blob([`fetch('${u}',{mode:'no-cors'})`])))",
    "own-worker": "new Worker('/worker.js#'+u)",
    "import": "import(u).catch(()=>{})",
    "stylesheet": "document.head.insertAdjacentHTML('beforeend',`<link rel=stylesheet href='${u}'>`)",
    "cssom": "const s=document.createElement('style');document.head.append(s);"
    "s.sheet.insertRule(`body{background:url(${u})}`)",
    "font": "new FontFace('f',`url(${u})`).load().catch(()=>{})",
    "shadow": "document.body.attachShadow({mode:'open'}).innerHTML=`<img src='${u}'>`",
    "media": "new Audio(u).load()",
    "object": "document.body.insertAdjacentHTML('beforeend',`<object data='${u}'></object>`)",
    "prefetch": "document.head.insertAdjacentHTML('beforeend',`<link rel=prefetch href='${u}'>`)",
    "preload": "document.head.insertAdjacentHTML('beforeend',`<link rel=preload as=image href='${u}'>`)",
    "ping": "const a=document.createElement('a');a.href='#';a.ping=u;document.body.append(a);a.click()",
    "svg-use": "document.body.insertAdjacentHTML('beforeend',`<svg><image href='${u}' width=9 height=9 /></svg>`)",
}
WORKER = "fetch(self.location.hash.slice(1), {mode: 'no-cors'}).catch(() => {})"
SVG = "<svg xmlns='http://www.w3.org/2000/svg'><script>new Image().src='http://x.test/svg'</script></svg>"
XML = (
    "<html xmlns='http://www.w3.org/1999/xhtml'><head><script>fetch('http://x.test/xml',{mode:'no-cors'})</script>"
    "</head></html>"
)
OWN = """<!doctype html><html lang=en><head><title>Own</title><link rel=icon href=data:,>
<style>body { background: url(data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=) }</style>
<script>
window.seen = [];
onmessage = (event) => seen.push(event.data);
seen.push("inline");
eval("seen.push('eval')");
new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
seen.push("wasm");
addEventListener("load", () => {
  const image = new Image();
  image.onload = () => seen.push("data image");
  image.src = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=";
  const blob = (text, type) => URL.createObjectURL(new Blob([text], { type }));
  new Worker(blob("postMessage('blob worker')", "text/javascript")).onmessage = onmessage;
  new Worker("/own-worker.js").onmessage = onmessage;
  const tell = (text) => `<script>parent.postMessage("${text}", "*")</scr` + "ipt>";
  const sources = ["/own-frame", "data:text/html," + tell("data frame"), blob(tell("blob frame"), "text/html"),
    "javascript:parent.postMessage('javascript frame', '*')", "about:blank", "http://site.test:8081/own-frame?port"];
  for (const src of sources) document.body.append(Object.assign(document.createElement("iframe"), { src }));
  document.body.append(Object.assign(document.createElement("iframe"), { srcdoc: tell("srcdoc") }));
  fetch("/own-frame").then(() => seen.push("fetch"));
  document.body.insertAdjacentHTML("beforeend", "<button onclick=\\"seen.push('handler')\\" style='color: red'>");
  document.body.lastChild.click();
  location.href = "javascript:void seen.push('javascript address')";
});
</script></head><body></body></html>"""
SEEN = {
    "inline", "eval", "wasm", "data image", "blob worker", "own worker", "own frame", "own frame ?port", "data frame",
    "blob frame", "javascript frame", "srcdoc", "fetch", "handler", "javascript address",
}  # fmt: skip


def attempt(request: Request) -> Response:
    script = ATTEMPTS[request.query_params["what"]]
    return HTMLResponse(
        f"<!doctype html><link rel=icon href=data:,><body>a<script>{{const u='http://x.test/leak';{script}}}</script>"
    )


def site(_: Request) -> Response:
    return HTMLResponse(OWN)


def own_frame(_: Request) -> Response:
    return HTMLResponse("<script>parent.postMessage('own frame ' + location.search, '*')</script>")


def strict(request: Request) -> Response:
    policy = "default-src 'self'; script-src 'nonce-abc'; style-src 'nonce-abc'; base-uri 'none'; object-src 'none'"
    if "mute" in request.query_params:
        policy += "; connect-src 'none'"
    headers = {"content-security-policy": policy} if "meta" not in request.query_params else {}
    meta = "" if headers else f'<meta http-equiv="content-security-policy" content="{policy}">'
    page = f"<!doctype html><html lang=en><head><title>Strict</title><link rel=icon href=/icon.svg>{meta}</head><body>"
    frame = "<iframe src=https://www.youtube.com/embed/x></iframe>" if "frame" in request.query_params else ""
    return HTMLResponse(page + frame + "<script nonce=abc>window.own = true</script></body></html>", headers=headers)


def service(_: Request) -> Response:
    script = "const s=document.createElement('script');s.src='https://www.googletagmanager.com/gtag/js?id=G-TEST'"
    return HTMLResponse(f"<!doctype html><body><script>{script};document.body.append(s)</script>")


APP = Starlette(
    routes=[
        Route("/", site),
        Route("/attempt", attempt),
        Route("/own-frame", own_frame),
        Route("/strict", strict),
        Route("/service", service),
        Route("/worker.js", lambda _: Response(WORKER, media_type="text/javascript")),
        Route("/own-worker.js", lambda _: Response("postMessage('own worker')", media_type="text/javascript")),
        Route("/icon.svg", lambda _: Response("<svg/>", media_type="image/svg+xml")),
        Route("/page.svg", lambda _: Response(SVG, media_type="image/svg+xml")),
        Route("/page.xml", lambda _: Response(XML, media_type="application/xml")),
    ]
)


class Reports:
    """Counts the reports that browsers send."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/_consent/report":
            self.count += 1
        await self.app(scope, receive, send)


def gated(tmp_path: Path, *, csp: str = "enforce", html: bool = False) -> Reports:
    policy = parse_policy({"version": "1", "cookies": own_cookies(), "gate": {"csp": csp, "html": html}}, source="test")
    return Reports(ConsentMiddleware(APP, policy, secret="x" * 40, ledger=f"sqlite:///{tmp_path / 'consent.db'}"))


def console(visit: Visit) -> list[str]:
    """Return a list that fills with what the browser has to say."""
    told: list[str] = []
    visit.page.on("console", lambda message: told.append(f"{message.type}: {message.text}"))
    visit.page.on("pageerror", lambda error: told.append(str(error)))
    return told


PATHS = [*(f"/attempt?what={what}" for what in ATTEMPTS), "/page.svg", "/page.xml"]


def open_all(visit: Visit, *, leaks: bool) -> dict[str, set[str]]:
    """Open every page that misbehaves; return what each of them contacted, waiting for it if each ``leaks``."""
    found = {}
    for path in PATHS:
        visit.proxy.contacts.clear()
        visit.page.goto(f"http://{SITE}{path}", wait_until="load")
        if leaks:
            visit.until(visit.proxy.hosts)
        else:
            visit.page.wait_for_timeout(250)
        found[path] = visit.proxy.hosts()
    return found


def test_what_scripts_make_leaks_without_the_gate(visiting: Visiting) -> None:
    with visiting(APP) as visit:
        assert all(open_all(visit, leaks=True).values())  # others would prove nothing


def test_what_scripts_make_is_stopped(visiting: Visiting, tmp_path: Path) -> None:
    app = gated(tmp_path)
    with visiting(app) as visit:
        leaks = {path: hosts for path, hosts in open_all(visit, leaks=False).items() if hosts}
        visit.until(lambda: app.count >= len(ATTEMPTS) // 2)  # the browser reports what it stopped
    assert leaks == {}


def test_report_only_stops_nothing(visiting: Visiting, tmp_path: Path) -> None:
    app = gated(tmp_path, csp="report-only")
    with visiting(app) as visit:
        assert visit.open("/attempt?what=image", awaited={"x.test"}) == {"x.test"}
    assert app.count


@pytest.mark.parametrize("csp", ["off", "enforce", "report-only"])
def test_a_page_without_third_parties_notices_nothing(visiting: Visiting, tmp_path: Path, csp: str) -> None:
    app = gated(tmp_path, csp=csp, html=True)
    with visiting(app) as visit:
        told = console(visit)
        assert visit.open("/") == set()
        visit.until(lambda: {str(text).strip() for text in visit.page.evaluate("seen")} >= SEEN)
    assert told == []
    assert app.count == 0


def test_a_strict_page_shows_the_banner_and_runs_its_script(visiting: Visiting, tmp_path: Path) -> None:
    with visiting(gated(tmp_path, html=True)) as visit:
        told = console(visit)
        for path in ("/strict", "/strict?meta", "/strict?frame"):
            assert visit.open(path) == set()
            assert visit.page.evaluate("own")
            banner = visit.page.locator("#consent-root .cc-panel")
            assert banner.is_visible()
            assert banner.evaluate("node => getComputedStyle(node).position") != "static", "its style sheet applies"
        assert told == []
        placeholder = visit.page.frame_locator("iframe")
        colour = placeholder.locator("body").evaluate("node => getComputedStyle(node).display")
        assert colour != "block", "the placeholder's style sheet applies"
        visit.page.evaluate("window.stayed = true")
        choose(visit, "Refuse all")
        banner.wait_for(state="detached")
        assert visit.page.evaluate("window.stayed"), "the script answered without leaving the page"
        assert told == []


def test_where_scripts_may_not_connect_the_form_leaves_the_page(visiting: Visiting, tmp_path: Path) -> None:
    with visiting(gated(tmp_path, html=True)) as visit:
        visit.open("/strict?mute&frame")
        visit.page.frame_locator("iframe").get_by_role("button").first.click()
        visit.page.wait_for_url("**/strict?mute&frame*")
        visit.page.wait_for_load_state("load")
        assert "www.youtube.com" in visit.settled(awaited={"www.youtube.com"})
        visit.context.clear_cookies()
        visit.open("/strict?mute")
        visit.page.evaluate("window.stayed = true")
        with visit.page.expect_navigation():
            choose(visit, "Accept all")
        assert not visit.page.evaluate("'stayed' in window")
        assert visit.page.locator("#consent-root .cc-panel").count() == 0
        response = visit.page.goto(f"http://{SITE}/_consent/state")
        assert response is not None
        assert "advertising" in response.json()["granted"]


def test_what_is_agreed_to_loads(visiting: Visiting, tmp_path: Path) -> None:
    with visiting(gated(tmp_path)) as visit:
        assert visit.open("/service") == set()
        told = console(visit)
        visit.page.once("framenavigated", lambda _: told.clear())  # what was said before the choice
        choose(visit, "Accept all")
        hosts = {"www.googletagmanager.com", "www.google-analytics.com"}
        assert hosts <= visit.settled(awaited=hosts), "the page is loaded again under its new policy"
        assert hosts <= visit.open("/service", awaited=hosts)
        assert not any("Content Security Policy" in text for text in told)
        assert visit.open("/attempt?what=image") == set(), "what no notice has named stays held"
        visit.open("/_consent/preferences")
        choose(visit, "Refuse all")
        for path in ("/service", "/attempt?what=image", "/attempt?what=own-worker"):
            assert visit.open(path) == set()
