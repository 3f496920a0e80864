"""The guard in Chromium: what hostile and careless scripts of a page write, and what it must not break."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy, registry
from cookie_consent.policy.registry.name_filter import may_have
from tests.browser.harness import SITE
from tests.browser.journey import choose
from tests.declaring import own_cookies

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visit, Visiting

SET = "window.set = '_ga=1; Max-Age=63072000; Path=/';"
WAYS = {
    "assignment": "document.cookie = set",
    "an object instead of a text": "document.cookie = { toString: () => set }",
    "the prototype's setter": "Object.getOwnPropertyDescriptor(Document.prototype, 'cookie').set.call(document, set)",
    "another path": "document.cookie = '_ga=1; Path=/a'",
    "a parent domain": "document.cookie = '_ga=1; Path=/; Domain=site.test'",
    "a frame's document": "f = document.body.appendChild(document.createElement('iframe'));"
    "f.contentDocument.cookie = set",
    "a frame's window": "f = document.body.appendChild(document.createElement('iframe'));"
    "f.contentWindow.document.cookie = set",
    "a frame's setter": "f = document.body.appendChild(document.createElement('iframe'));"
    "Object.getOwnPropertyDescriptor(f.contentWindow.Document.prototype, 'cookie').set.call(document, set)",
    "an indexed frame, swept away after the load": "document.body.append(document.createElement('iframe'));"
    "window[0].document.cookie = set",
    "a frame with a text of its own, likewise": "f = document.createElement('iframe');"
    "f.srcdoc = `<script>document.cookie = '_ga=1; Path=/'</scr` + `ipt>`; document.body.append(f)",
    "local storage": "localStorage.setItem('_ga', '1')",
    "the prototype's setItem": "Storage.prototype.setItem.call(localStorage, '_ga', '1')",
    "a property of the storage, likewise": "localStorage._ga = '1'",
    "session storage": "sessionStorage.setItem('_ga', '1')",
    "a frame's storage": "f = document.body.appendChild(document.createElement('iframe'));"
    "f.contentWindow.localStorage.setItem('_ga', '1')",
    "a database": "r = indexedDB.open('_ga'); r.onerror = () => document.title = 'failed'; "
    "r.onupgradeneeded = r.onsuccess = () => document.title = 'opened'",
}
LEFT = """async () => [
  document.cookie.includes('_ga='), '_ga' in localStorage, '_ga' in sessionStorage,
  // One of version 0 is none: its creation was aborted, and WebKitGTK lists it while the page is open.
  (await indexedDB.databases()).some(({ name, version }) => name === '_ga' && version),
]"""
NONCE = "default-src 'none'; script-src 'nonce-abc'; style-src 'self'; connect-src 'self'; form-action 'self'"


def make(app: ASGIApp, ledger: str, **policy: Any) -> ConsentMiddleware:
    document = {
        "version": "1",
        "services": {
            "acme": {"name": "Acme", "category": "analytics", "hosts": ["acme.test"], "stubs": [{"name": "acmeQ"}]},
            "chat": {"name": "Chat", "category": "preferences", "storage": ["chat-*"]},
            "google-analytics": {},
        },
        "cookies": [{"name": "theme", "category": "preferences"}],
        **policy,
    }
    return ConsentMiddleware(app, policy=parse_policy(document, source="test"), secret="x" * 40, ledger=ledger)


def paged(script: str, **headers: str) -> ASGIApp:
    page = (
        "<!doctype html><html lang=en><head><title>Site</title><link rel=icon href=data:,></head>"
        f"<body><script nonce=abc>{SET}{script}</script></body></html>"
    )

    def answer(_: Request) -> Response:
        return HTMLResponse(page, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return Starlette(routes=[Route("/", answer), Route("/a/b", answer)])


def load(visit: Visit) -> None:
    visit.page.goto(f"http://{SITE}/a/b", wait_until="load")
    visit.page.wait_for_timeout(100)


def await_it(visit: Visit, *, is_written: bool) -> None:
    """Wait until something is left of what was written, or nothing is."""
    visit.until(lambda: any(visit.page.evaluate(LEFT)) is is_written)


def errors_of(page: Page) -> list[str]:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors


@pytest.mark.parametrize("way", list(WAYS))
def test_what_is_refused_is_not_written(visiting: Visiting, ledger_url: str, way: str) -> None:
    with visiting(paged(WAYS[way])) as visit:
        load(visit)
        await_it(visit, is_written=True)  # without the guard: the test can fail
    with visiting(make(paged(WAYS[way]), ledger_url)) as visit:
        errors = errors_of(visit.page)
        load(visit)
        visit.settled()
        await_it(visit, is_written=False)  # what a frame of its own realm writes is taken away soon after
        assert "_ga" not in {str(cookie["name"]) for cookie in visit.context.cookies()}
        assert errors == []
        if way == "a database":
            assert visit.page.title() == "failed"
        choose(visit, "Accept all")
        visit.settled()
        load(visit)
        await_it(visit, is_written=True)  # once it is agreed to


COUNTING = """
window.reads = [];
for (const [owner, name] of [[Document.prototype, 'cookie'], [window, 'localStorage'], [window, 'sessionStorage']]) {
  const found = Object.getOwnPropertyDescriptor(owner, name);
  const get = function () { reads.push(name); return found.get.call(this) };
  Object.defineProperty(owner, name, { ...found, get });
}
"""


@pytest.mark.parametrize("read", ["document.cookie", "localStorage._ga", "sessionStorage._ga"])
def test_storage_is_put_in_order_when_a_script_reads_it(visiting: Visiting, ledger_url: str, read: str) -> None:
    script = f"window.before = reads.length; window.found = `${{{read}}}`; window.after = reads.length"
    with visiting(make(paged(script), ledger_url)) as visit:
        visit.open("/_consent/assets/none")  # a page of the site's that has no guard
        store = "document.cookie = '_ga=1; Path=/a'; localStorage._ga = sessionStorage._ga = 1"
        visit.page.evaluate(store)
        visit.page.add_init_script(COUNTING)
        load(visit)
        assert visit.page.evaluate("[window.before, window.after > 0]") == [0, True]
        assert "1" not in visit.page.evaluate("window.found")


def test_a_withdrawal_takes_away_what_was_written(visiting: Visiting, ledger_url: str) -> None:
    script = (
        "document.cookie = set; document.cookie = 'theme=1; Path=/a'; localStorage['chat-1'] = 1; "
        "sessionStorage['chat-2'] = 1; localStorage.cart = 1; indexedDB.open('chat-3')"
    )
    with visiting(make(paged(script), ledger_url)) as visit:
        visit.open("/_consent/preferences")
        choose(visit, "Accept all")
        visit.open("/a/b")
        names = "async () => [document.cookie.replace(/=[^;]*/g, ''), Object.keys(localStorage).sort().join(), "
        names += "Object.keys(sessionStorage).join(), (await indexedDB.databases()).map(({ name }) => name).join()]"
        assert visit.page.evaluate(names) == ["theme; _ga", "cart,chat-1,cookie_consent.state", "chat-2", "chat-3"]
        visit.open("/_consent/preferences?return_to=/_consent/preferences")
        choose(visit, "Refuse all")
        visit.settled()
        assert visit.page.evaluate(names) == ["", "cart,cookie_consent.state", "", ""]
        visit.open("/a/b")  # where the cookie of a path that nobody declared can be seen
        assert [cookie["name"] for cookie in visit.context.cookies()] == ["cookie_consent"]


def test_lifetimes_are_those_that_the_server_would_send(visiting: Visiting, ledger_url: str) -> None:
    script = "document.cookie = 'what=1; Max-Age=9999'; document.cookie = 'basket=1; Max-Age=9999'"
    cookies = [{"name": "basket", "category": "login", "max_age": "100s"}, *own_cookies("unclassified")]
    with visiting(make(paged(script), ledger_url, cookies=cookies)) as visit:
        visit.open()
        assert visit.cookies() == {"what": -1, "basket": -1}
        visit.open("/_consent/preferences")
        for box in visit.page.locator("input[type=checkbox]:enabled").all():
            box.check()  # "Accept all" leaves out what nobody has said the purpose of
        choose(visit, "Save choices")
        visit.open()
        now = float(visit.page.evaluate("Date.now() / 1000"))
        assert 9000 < visit.cookies()["what"] - now <= 10_000, "what nobody declared was agreed to as well"
        assert 0 < visit.cookies()["basket"] - now <= 101


def test_getters_and_what_sites_do_with_cookies_go_on(visiting: Visiting, ledger_url: str) -> None:
    script = """
      window.seen = [];
      document.cookie = 'what=1'; seen.push(document.cookie);
      const own = Object.getOwnPropertyDescriptor(Document.prototype, 'cookie');
      Object.defineProperty(document, 'cookie', { configurable: true, get: () => own.get.call(document),
        set: (text) => { seen.push('wrapped'); own.set.call(document, text); } });
      document.cookie = 'two=2'; document.cookie = '_ga=1'; seen.push(document.cookie);
      document.cookie = 'two=; Max-Age=0'; seen.push(document.cookie);
      localStorage.cart = 1; localStorage.setItem('cart', 2); seen.push(localStorage.getItem('cart'));
      seen.push(localStorage.setItem('_ga', 1) === undefined, localStorage instanceof Storage);
      try { document.cookie = Symbol(); } catch (error) { seen.push(error.name); }
      var cookieConsent = { mine: true }; seen.push(window.cookieConsent.mine);
    """
    with visiting(make(paged(script), ledger_url)) as visit:
        errors = errors_of(visit.page)
        visit.open()
        assert visit.page.evaluate("seen") == [
            "what=1", "wrapped", "wrapped", "what=1; two=2", "wrapped", "what=1", "2", True, True, "wrapped",
            "TypeError", True,
        ]  # fmt: skip
        assert errors == []
        choose(visit, "Accept all")  # the banner finds the guard though the page has taken its name
        visit.settled()
        assert visit.page.get_by_role("button", name="Accept all").count() == 0
        assert errors == []


def test_the_interface_of_the_page(visiting: Visiting, ledger_url: str) -> None:
    script = """
      window.told = [];
      cookieConsent.onChange((state) => told.push(['listener', state.decided, cookieConsent.allows('acme')]));
      document.addEventListener('cookieconsent:change', ({ detail }) => told.push(['event', detail.decided]));
      document.cookie = 'theme=dark';
    """
    with visiting(make(paged(script), ledger_url)) as visit:
        visit.open()
        assert visit.page.evaluate("cookieConsent.state.decided") is False
        assert visit.page.evaluate("Object.isFrozen(cookieConsent) && cookieConsent.allows('session')") is True
        assert visit.page.evaluate("cookieConsent.held") == [
            {"kind": "cookie", "name": "theme", "category": "preferences", "service": None, "layer": "guard"}
        ]
        visit.page.evaluate("cookieConsent.show()")
        assert visit.page.evaluate("document.activeElement.innerText") == "Refuse all"
        before = visit.page.evaluate("performance.timeOrigin")
        choose(visit, "Accept all")
        visit.settled()
        assert visit.page.evaluate("performance.timeOrigin") == before, "nothing was held back but a cookie: no reload"
        assert visit.page.evaluate("told") == [["listener", True, True], ["event", True]]
        assert visit.page.evaluate("document.cookie") == "theme=dark", "what was held back is written now"
        assert visit.page.evaluate("cookieConsent.state.id") is not None
        visit.page.evaluate("cookieConsent.show()")
        visit.page.locator(".cc-again").wait_for()
        assert visit.page.evaluate("document.activeElement.innerText") == "Refuse all"


def test_names_are_reported_without_values(visiting: Visiting, ledger_url: str) -> None:
    script = "document.cookie = '_ga=secret'; document.cookie = 'what=secret'; localStorage.setItem('_ga', 'secret')"
    with visiting(make(paged(script), ledger_url)) as visit:
        posted: list[str] = []
        answered: list[int] = []
        visit.page.on("request", lambda request: posted.append(request.post_data or ""))
        visit.page.on(
            "response", lambda answer: answered.append(answer.status) if answer.url.endswith("/report") else None
        )
        visit.open()
        visit.until(lambda: answered)
        assert [text for text in posted if text] == [
            '{"path":"/","held":[{"kind":"cookie","name":"_ga"},{"kind":"cookie","name":"what"},'
            '{"kind":"storage","name":"_ga"}]}'
        ]
        assert answered == [204]


def test_it_runs_under_a_strict_policy_of_the_site(visiting: Visiting, ledger_url: str) -> None:
    app = paged("document.cookie = set", content_security_policy=NONCE)
    with visiting(make(app, ledger_url)) as visit:
        console: list[str] = []
        visit.page.on("console", lambda message: console.append(message.text) if message.type == "error" else None)
        visit.open()
        assert visit.page.evaluate("cookieConsent.held.length") == 1
        assert visit.page.evaluate("document.cookie") == ""
        assert [text for text in console if "guard." in text or "banner." in text] == []


def test_it_runs_in_xhtml(visiting: Visiting, ledger_url: str) -> None:
    page = (
        '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>X</title></head>'
        f"<body><p id='p'>a</p><script>{SET} document.cookie = set</script></body></html>"
    )
    app = Starlette(routes=[Route("/", lambda _: Response(page, media_type="application/xhtml+xml"))])
    with visiting(make(app, ledger_url)) as visit:
        visit.open()
        assert visit.page.evaluate("document.getElementById('p').textContent") == "a"
        assert visit.page.evaluate("[cookieConsent.held.length, document.cookie]") == [1, ""]


def test_calls_to_services_that_are_held_back_do_not_fail(visiting: Visiting, ledger_url: str) -> None:
    script = """
      window.seen = [];
      gtag('event', 'leave', { event_callback: () => seen.push('went on') });
      dataLayer.push({ event: 'x', eventCallback: () => seen.push('went on too') });
      fbq('track', 'PageView'); _paq.push(['trackPageView']); ttq.track('a'); acmeQ.push(1);
      function hj() { seen.push('own'); } hj();
      window.clarity = window.clarity || function () {}; clarity('set', 'a', 'b');
    """
    with visiting(make(paged(script), ledger_url, gate={"html": False})) as visit:
        errors = errors_of(visit.page)
        visit.open()
        assert errors == []
        assert visit.page.evaluate("seen.sort()") == ["own", "went on", "went on too"]
        assert visit.page.evaluate("Object.prototype.toString.call(dataLayer[0])") == "[object Arguments]"
        assert visit.page.evaluate("[fbq.queue.length, _paq[0], ttq[0]]") == [1, ["trackPageView"], ["track", "a"]]
        held = visit.page.evaluate("cookieConsent.held.filter(({ kind }) => kind === 'call').map(({ name }) => name)")
        assert set(held) == {"gtag", "dataLayer", "fbq", "_paq", "ttq", "acmeQ", "clarity"}
        visit.open("/_consent/preferences")
        choose(visit, "Accept all")
        visit.page.goto("about:blank")
        errors.clear()
        visit.open()
        assert "gtag is not defined" in errors[0], "what is allowed has no stub: its own script is there"


def test_servers_of_peers_are_held_to_the_choice(visiting: Visiting, ledger_url: str) -> None:
    script = """
      const ask = (urls) => new RTCPeerConnection({ iceServers: [].concat(urls).map((url) => ({ urls: url })) })
        .getConfiguration().iceServers.map(({ urls }) => urls[0]);
      window.seen = [ask('stun:acme.test:3478'), ask(['stun:unknown.test', 'turn:site.test']).length];
      window.isSame = new RTCPeerConnection() instanceof RTCPeerConnection;
    """.replace("turn:site.test", "stun:site.test")
    with visiting(make(paged(script), ledger_url)) as visit:
        visit.open()
        assert visit.page.evaluate("[seen, isSame]") == [[[], 1], True]
        visit.open("/_consent/preferences")
        choose(visit, "Accept all")
        visit.open()
        assert visit.page.evaluate("seen") == [["stun:acme.test:3478"], 1], "the unknown one stays held"


@pytest.mark.parametrize("rule", ["allow", "ask"])
def test_hosts_of_the_registry_are_held_where_unknown_ones_pass(visiting: Visiting, ledger_url: str, rule: str) -> None:
    # No policy declares them, and the guard has no rules for them until it asks.
    script = """
      const may = (host) => new RTCPeerConnection({ iceServers: [{ urls: `stun:${host}` }] })
        .getConfiguration().iceServers.length > 0;
      const all = ["static.hotjar.com", "unknown.test", "widget.intercom.io"];
      window.seen = all.filter(may);
    """
    kept = "[...cookieConsent.held].filter(({ kind }) => kind === 'host').map(({ service }) => service).sort()"
    with visiting(make(paged(script), ledger_url, unknown_hosts=rule)) as visit:
        visit.proxy.own.clear()
        visit.open()
        passed = ["unknown.test"] if rule == "allow" else []
        assert visit.page.evaluate("seen") == passed
        # With "allow" nobody may wait for the rules; otherwise they only tell what was held.
        visit.page.wait_for_function(f"{kept}.includes('hotjar')")
        others = [] if rule == "allow" else ["unknown.test"]
        assert visit.page.evaluate(kept) == ["hotjar", "intercom", *others]
        assert sum("/known." in line for line in visit.proxy.own) == 1, "whoever waits has what was asked for ahead"
        visit.page.evaluate(
            """async () => {
                const choice = { granted: [], services: { "intercom": true } };
                const headers = { "Content-Type": "application/json" };
                await fetch("/_consent/choices", { method: "POST", headers, body: JSON.stringify(choice) });
            }"""
        )
        visit.open()
        assert visit.page.evaluate("seen") == [*passed, "widget.intercom.io"]


NOBODY = next(
    host
    for host in (f"nobody{number}.test" for number in count())
    if not may_have(registry().guard["filter"], host, name_mark="@", prefix_mark="@")
)
"""A host that nobody knows, and that the guard's filter does not take for a known one."""


def test_without_the_rules_of_the_registry_its_hosts_are_held(visiting: Visiting, ledger_url: str) -> None:
    script = f"""
      const may = (host) => new RTCPeerConnection({{ iceServers: [{{ urls: `stun:${{host}}` }}] }})
        .getConfiguration().iceServers.length > 0;
      window.seen = ["static.hotjar.com", "{NOBODY}"].filter(may);
      const form = document.createElement("form");
      form.action = "https://static.hotjar.com/x";
      document.body.append(form);
      form.submit();
    """
    with visiting(make(paged(script), ledger_url, unknown_hosts="allow")) as visit:
        visit.page.route("**/known.*", lambda route: route.abort())
        visit.open()
        assert visit.page.evaluate("seen") == [NOBODY]
        visit.page.wait_for_load_state("networkidle")
        assert visit.page.url.startswith("http://site.test")


BANK = next(
    host
    for host in (f"idp{number}.test" for number in count())
    if may_have(registry().guard["filter"], host, name_mark="@", prefix_mark="@")
)
"""A host that nobody knows, and that the guard's filter takes for a known one."""
LEADING = {
    "a form": "f = document.createElement('form'); f.action = u; document.body.append(f); f.submit()",
    "a form that is posted": "f = document.createElement('form'); f.method = 'post'; f.action = u;"
    "document.body.append(f); f.submit()",
    "a link": "a = document.createElement('a'); a.href = u; document.body.append(a); a.click()",
    "location": "location = u",
    "location, in the place of this page": "location.replace(u)",
    "a window of this name": "open(u, '_self')",
}


@pytest.mark.parametrize("way", list(LEADING))
def test_a_page_leads_on_though_its_policy_forbids_to_wait(visiting: Visiting, ledger_url: str, way: str) -> None:
    script = f"const u = 'http://{BANK}/login'; addEventListener('load', () => setTimeout(() => {{ {LEADING[way]} }}))"
    with visiting(make(paged(script, Permissions_Policy="sync-xhr=()"), ledger_url)) as visit:
        errors = errors_of(visit.page)
        visit.page.goto(f"http://{SITE}/", wait_until="load")
        visit.until(lambda: visit.page.url == f"http://{BANK}/login" or BANK in visit.proxy.hosts())
        assert errors == []


def test_the_rules_are_here_before_somebody_waits_for_them(visiting: Visiting, ledger_url: str) -> None:
    script = """
      window.files = () => performance.getEntriesByType("resource").filter(({ name }) => name.includes("/known."))
        .map(({ initiatorType }) => initiatorType);
      addEventListener("load", () => setTimeout(() => {
        const request = indexedDB.open("_cltk");
        request.onerror = () => document.title = "failed";
        request.onsuccess = () => document.title = "opened";
      }, 1000));
    """
    held = "</script><script async src=http://acme.test/x.js></script><script>"
    with visiting(make(paged(script + held), ledger_url)) as visit:
        load(visit)
        visit.until(lambda: visit.page.title() == "failed")
        assert visit.page.evaluate("files()") == ["fetch"]


HINTS = {
    "properties": "l = document.createElement('link'); l.rel = 'preconnect'; l.href = u; document.head.append(l)",
    "the other way round": "l = document.createElement('link'); l.href = u; l.rel = 'preconnect';"
    "document.head.append(l)",
    "attributes": "l = document.createElement('link'); l.setAttribute('REL', 'x Preconnect');"
    "l.setAttribute('href', u); document.head.append(l)",
    "in the page": "l = document.createElement('link'); document.head.append(l); l.href = u; l.rel = 'preconnect'",
}


@pytest.mark.parametrize("way", list(HINTS))
def test_hints_made_by_a_script_wait_for_the_choice(visiting: Visiting, ledger_url: str, way: str) -> None:
    app = paged("const u = 'http://acme.test/x';" + HINTS[way])
    with visiting(make(app, ledger_url)) as visit:
        visit.open()
        assert visit.page.locator("link[href*=acme]").count() == 0
        assert visit.page.evaluate("cookieConsent.held.map(({ kind, name }) => kind + name)") == ["hostacme.test"]
        choose(visit, "Accept all")
        visit.settled()
        assert visit.page.locator("link[href*=acme]").count() == 1
        assert visit.page.evaluate("typeof document.createElement('link').setAttribute('title', 'a')") == "undefined"


def test_trusted_types_reach_the_browser_as_they_are(visiting: Visiting, ledger_url: str) -> None:
    code = (
        "p = trustedTypes.createPolicy('p', { createScriptURL: (address) => address });"
        "u = (name) => p.createScriptURL(`data:text/javascript,document.documentElement.dataset.${name}=1`);"
        "s = document.createElement('script'); s.src = u('one'); document.head.append(s);"
        "t = document.createElement('script'); t.setAttribute('src', u('two')); document.head.append(t)"
    )
    policy = "require-trusted-types-for 'script'"
    with visiting(make(paged(code, Content_Security_Policy=policy), ledger_url)) as visit:
        errors = errors_of(visit.page)
        visit.open()
        assert visit.page.evaluate("Object.keys(document.documentElement.dataset)") == ["one", "two"]
        assert errors == []


def test_a_database_of_an_undeclared_service_opens_once_it_is_agreed_to(visiting: Visiting, ledger_url: str) -> None:
    """The guard learns what the registry has for its name while the script waits."""
    script = (
        "r = indexedDB.open('_cltk'); r.onerror = () => document.title = 'failed';"
        "r.onsuccess = () => { r.result.close(); document.title = 'opened'; }"
    )
    tag = "</script><script async src=https://www.clarity.ms/tag/a></script><script>"
    with visiting(make(paged(script + tag), ledger_url, services={}, inventory=True)) as visit:
        load(visit)
        visit.until(lambda: visit.page.title() == "failed")
        choose(visit, "Accept all")
        visit.settled()
        load(visit)
        visit.until(lambda: visit.page.title() == "opened")
        load(visit)
        visit.until(lambda: visit.page.title() == "opened")
