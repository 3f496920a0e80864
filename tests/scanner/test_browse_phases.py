"""What a scan in a browser sees before and after an answer, and behind a sign-in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent import ConsentMiddleware
from cookie_consent.errors import ConfigurationError
from cookie_consent.policy.load import parse_policy
from cookie_consent.scanner.browse import Browsing, browse
from cookie_consent.scanner.browser.options import BrowseOptions
from cookie_consent.scanner.model import Phase
from tests.scanner.planted import Answer
from tests.scanner.stand_in import ARGUMENTS, app_of, standing_in

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp

    from cookie_consent.scanner.browser.options import Progress
    from cookie_consent.scanner.model import Scan

pytestmark = [pytest.mark.browser, pytest.mark.anyio]
SITE = "https://site.test"
STATE = """
const load = host => {
  document.head.append(Object.assign(document.createElement("script"), { src: `https://${host}/` }));
};
const answer = given => {
  localStorage.answer = given;
  document.getElementById("banner")?.remove();
  load(given + ".test");
};
const before = localStorage.answer;
if (before) load(before + ".test");
"""
TOOLS = {
    "an unknown tool, in German": """<div id=banner style="position:fixed;bottom:0"><p>Wir verwenden Cookies.</p>
        <button onclick="answer('accepted')">Alle akzeptieren</button>
        <button onclick="answer('refused')">Nur notwendige</button></div>""",
    "an unknown tool, in a shadow root": """<div id=banner></div><script>
        banner.attachShadow({mode: "open"}).innerHTML = `<div role=dialog>Cookies and privacy
        <a href="#" onclick="answer('accepted')">I agree</a>
        <a href="#" onclick="answer('refused')">Continue without agreeing</a></div>`
        </script>""",
    "a known tool's buttons": """<script>globalThis.OneTrust = {}</script><div id=banner>
        <button id=onetrust-accept-btn-handler onclick="answer('accepted')">1</button>
        <button id=onetrust-reject-all-handler onclick="answer('refused')">2</button></div>""",
    "a known tool's interface": """<script>globalThis.Didomi = {
        setUserAgreeToAll: () => answer('accepted'), setUserDisagreeToAll: () => answer('refused') }</script>""",
}


async def scanned(app: ASGIApp, chromium_path: str, folder: Path, **given: Any) -> Scan:
    async with standing_in(app, folder) as network:
        options = BrowseOptions(
            **{
                "executable": chromium_path,
                "stay_seconds": 0,
                "quiet_seconds": 0.5,
                "answer_seconds": 1,
                "page_seconds": 120,
                "pages": 1,
                "network": network,
                "arguments": ARGUMENTS,
                **given,
            }
        )
        return await browse(SITE, options)


def phases(scan: Scan, host: str) -> set[Phase]:
    """Return the phases in which a host was asked for anything."""
    return {sighting.phase for each in scan.requests if each.host == host for sighting in each.sightings}


@pytest.mark.parametrize("tool", TOOLS)
async def test_tools_are_answered(tool: str, chromium_path: str, tmp_path: Path) -> None:
    page = f"<!doctype html><script>{STATE}</script><h1>Home</h1><button>Agree</button>{TOOLS[tool]}"
    app = app_of(lambda host, _: Answer(body=page.encode() if host == "site.test" else b""))
    scan = await scanned(app, chromium_path, tmp_path)
    assert scan.phases == tuple(Phase)
    assert not scan.unseen
    assert phases(scan, "refused.test") == {Phase.REFUSED}
    assert phases(scan, "accepted.test") == {Phase.ACCEPTED}


async def test_without_a_tool_only_the_undecided_phase_is_visited(chromium_path: str, tmp_path: Path) -> None:
    page = b"<!doctype html><h1>Cookies, for sale</h1><button onclick=\"fetch('https://bought.test')\">Accept</button>"
    app = app_of(lambda host, _: Answer(body=page if host == "site.test" else b""))
    scan = await scanned(app, chromium_path, tmp_path)
    assert scan.phases == (Phase.UNDECIDED,)
    assert [sentence.partition(":")[0] for sentence in scan.unseen] == [
        "What the site does after visitors refuse",
        "What the site does after visitors accept",
    ]
    assert not phases(scan, "bought.test")


async def test_the_middlewares_own_banner_is_answered(chromium_path: str, tmp_path: Path) -> None:
    page = b"<!doctype html><html><head><script src='https://www.googletagmanager.com/gtag/js?id=G-1'></script></head><body>x"
    stub = Answer(kind="text/javascript", body=b"document.cookie='_ga=1;max-age=9999'")
    site = app_of(lambda *_: Answer(body=page))
    policy = parse_policy({"version": "1", "site": "site.test", "services": {"google-analytics": {}}}, source="test")
    gated = ConsentMiddleware(site, policy=policy, secret="k" * 40, ledger=f"sqlite:///{tmp_path}/consent.db")
    away = app_of(lambda *_: stub)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        is_site = dict(scope["headers"]).get(b"host") == b"site.test"
        await (gated if is_site else away)(scope, receive, send)

    scan = await scanned(app, chromium_path, tmp_path)
    assert scan.phases == tuple(Phase)
    assert phases(scan, "www.googletagmanager.com") == {Phase.ACCEPTED}
    (cookie,) = (cookie for cookie in scan.cookies if cookie.name == "_ga")
    assert {sighting.phase for sighting in cookie.sightings} == {Phase.ACCEPTED}
    states = [tool.state for tool in scan.tools if tool.name == "cookie_consent"]
    assert {'"decided":true' in state for state in states} == {True, False}


SIGN_IN = """
{prefix}def setup(page):
    {wait}page.goto("https://site.test/login")
    {wait}page.evaluate("localStorage.setItem('member', 'yes')")
"""


@pytest.mark.parametrize(("prefix", "wait"), [("async ", "await "), ("", "")])
async def test_pages_behind_a_sign_in_are_scanned(prefix: str, wait: str, chromium_path: str, tmp_path: Path) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        is_member = b"session=1" in headers.get(b"cookie", b"")
        sent = [("set-cookie", "session=1; HttpOnly; Secure")] if scope["path"] == "/login" else []
        body = (
            b"<script>if(localStorage.member)new Image().src='https://member.test/p.gif'</script>" if is_member else b""
        )
        await app_of(lambda *_: Answer(body=body, headers=tuple(sent)))(scope, receive, send)

    setup = tmp_path / "sign_in.py"
    setup.write_text(SIGN_IN.format(prefix=prefix, wait=wait))
    scan = await scanned(app, chromium_path, tmp_path, setup=setup, phases=(Phase.UNDECIDED,))
    assert phases(scan, "member.test") == {Phase.UNDECIDED}
    assert [page.address for page in scan.pages] == [f"{SITE}/"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def other(): ...", "has no function setup"),
        ("def setup(", "cannot be imported: SyntaxError"),
        ("async def setup(page):\n    raise ValueError('wrong password')", "failed: ValueError: wrong password"),
    ],
)
async def test_a_setup_that_fails_says_why(code: str, said: str, chromium_path: str, tmp_path: Path) -> None:
    setup = tmp_path / "setup.py"
    setup.write_text(code)
    with pytest.raises(ConfigurationError, match=said):
        await scanned(app_of(lambda *_: Answer()), chromium_path, tmp_path, setup=setup)


async def test_links_are_followed_within_the_site_breadth_first(chromium_path: str, tmp_path: Path) -> None:
    pages = {
        "/": '<a href="/a">a</a><a href="/b#x">b</a><a href="https://away.test/">x</a><a href="/logout">x</a>'
        '<a href="/x.pdf">x</a>',
        "/a": '<a href="/a/deep">deep</a><a href="/">home</a><a href="javascript:1">x</a><a href="http://[">x</a>',
        "/b": '<a href="https://shop.site.test/">shop</a>',
    }
    app = app_of(lambda _, path: Answer(body=pages.get(path, "").encode()))
    seen: list[Progress] = []
    async with standing_in(app, tmp_path) as network:
        options = BrowseOptions(
            executable=chromium_path,
            network=network,
            arguments=ARGUMENTS,
            phases=(Phase.UNDECIDED,),
            pages=4,
            stay_seconds=0,
            screenshots=tmp_path,
        )
        scan = await browse("site.test", options, progress=seen.append)
    found = [page.address for page in scan.pages]
    assert found == [f"{SITE}/", f"{SITE}/a", f"{SITE}/b", f"{SITE}/a/deep"]
    assert [each.page for each in seen] == found
    assert [limit.name for limit in scan.limits] == ["--pages"]
    assert all(page.screenshots[Phase.UNDECIDED].read_bytes().startswith(b"\x89PNG") for page in scan.pages)


async def test_what_the_middleware_answers_is_no_page_of_the_site(chromium_path: str, tmp_path: Path) -> None:
    def answers(_: str, path: str) -> Answer:
        banner = '<div id="consent-root" data-endpoint="/_c/choices"></div>' if path != "/" else ""
        return Answer(body=f'{banner}<a href="/a">a</a><a href="/_c/preferences?return_to={path}">b</a>'.encode())

    scan = await scanned(app_of(answers), chromium_path, tmp_path, pages=5, phases=(Phase.UNDECIDED,))
    assert [page.address for page in scan.pages] == [f"{SITE}/", f"{SITE}/a"]
    assert not scan.limits


async def test_a_page_that_was_open_when_the_scan_ended_says_so(chromium_path: str, tmp_path: Path) -> None:
    is_asked = asyncio.Event()
    quick = app_of(lambda _, path: Answer(body=b"<title>Page</title><a href=/slow>x</a>" if path == "/" else b""))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") == "/slow":
            is_asked.set()
            await asyncio.Event().wait()
        await quick(scope, receive, send)

    async with standing_in(app, tmp_path) as network:
        options = BrowseOptions(
            executable=chromium_path, stay_seconds=0, network=network, arguments=ARGUMENTS, page_seconds=600
        )
        browsing = Browsing(SITE, options)
        task = asyncio.ensure_future(browsing.run())
        await is_asked.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    first, slow = browsing.scan.pages
    assert (first.title, first.error, first.notes) == ("Page", "", [])
    assert slow.error == "the scan ended before it was read"
