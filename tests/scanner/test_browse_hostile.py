"""The scan in a browser, on pages that do what they can against it."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent.scanner.browse import browse
from cookie_consent.scanner.browser.options import BrowseOptions
from cookie_consent.scanner.browser.visit import Visitor
from cookie_consent.scanner.collector import Bounds
from cookie_consent.scanner.model import Phase
from tests.scanner.stand_in import ARGUMENTS, standing_in
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import Callable

    from cookie_consent.scanner.browser.options import Progress
    from cookie_consent.scanner.model import Scan, ScannedPage

pytestmark = [pytest.mark.browser, pytest.mark.anyio]
SITE = "https://site.test"
THINGS = 300
OVERWRITING = """
for (const name of Object.getOwnPropertyNames(globalThis)) {
  if (name.startsWith("__") && typeof globalThis[name] === "function") globalThis[name](
    JSON.stringify({kind: "cookie", name: "made_up", value: "made_up=1", href: "https://site.test/", stack: ""}));
}
const frame = document.documentElement.appendChild(document.createElement("iframe"));
const nothing = () => { throw new Error("no") };
JSON.stringify = Reflect.apply = Array.prototype.push = String.prototype.slice = String.prototype.indexOf = nothing;
Set.prototype.has = () => true; Map.prototype.get = nothing; Object.prototype.toJSON = nothing;
Error.prepareStackTrace = nothing; Error.stackTraceLimit = 0; globalThis.Error = nothing; globalThis.String = nothing;
document.cookie = "in_spite=1; max-age=100";
localStorage.setItem("in_spite_key", 1);
frame.contentWindow.document.cookie = "by_frame=1; max-age=100";
"""
PAGES = {
    "/": "<p>home</p>",
    "/after": "<script>document.cookie='after=1'</script>",
    "/dialogs": "<script>onbeforeunload=e=>{e.preventDefault();return'x'}</script>"
    "<script>alert(1);confirm(2);prompt(3);print()</script>"
    "<script>setInterval(()=>alert(4),20)</script>",
    "/popups": "<script>for(let i=0;i<5;i++)open('/popup'+i)</script>",
    "/download": "<script>location='/file.zip'</script>",
    "/file.zip": "PK",
    "/reloads": "<script>location='/reloads?'+Math.random()</script>",
    "/busy": "<script>addEventListener('load',()=>setTimeout(()=>{while(1);}))</script>",
    "/busy-at-once": "<script>while(1);</script>",
    "/fills": "<script>caches.open('x').then(async cache => {for (let i = 0; ; i++)"
    "await cache.put('/' + i, new Response(new Uint8Array(2_000_000)))})</script>",
    "/giant": "<div>" * 500 + "<p>x" * 200_000,
    "/flood": "<script>for(let i=0;i<1000;i++){"
    "fetch('/f'+i);document.cookie='c'+i+'=1';localStorage['k'+i]=1}</script>",
    "/overwrites": f"<script>{OVERWRITING}</script>",
    "/away": "<script>location='https://away.test/'</script>",
    "/private": "<img src='https://private.test/p.gif'><img src='https://127.0.0.1:8009/p.gif'>"
    "<img src='https://[::1]:8009/p.gif'>",
    "/debugger": "<script>debugger;document.cookie='went_on=1'</script>",
    "/harmful": """<script>const said = [];const say = what => fetch('/harm/' + what)</script>
        <button onclick="say('out')" aria-expanded=false>Log out</button>
        <button onclick="say('buy')" aria-expanded=false>Buy now</button>
        <button onclick="say('delete')" aria-expanded=false>Delete all</button>
        <form action=/harm/form><button aria-expanded=false>Show more</button></form>
        <a href=/harm/link aria-expanded=false>Show more</a>
        <div role=dialog style="position:fixed">Cookies
        <button onclick="say('choice')" aria-expanded=false>Show more</button></div>
        <button onclick="fetch('/harmless')" aria-expanded=false>Show more</button>""",
}


class Hostile:
    """The hosts. What was asked for is in ``asked``."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        host = dict(scope["headers"])[b"host"].decode()
        path = scope["path"]
        self.asked.append(f"{host}{path}")
        kind, status, headers = b"text/html", 200, []
        if path == "/never":
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        if path == "/redirects":
            status, headers = 302, [(b"location", b"/redirects")]
        if path == "/file.zip":
            kind = b"application/zip"
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind), *headers]})
        if path == "/endless":
            with contextlib.suppress(OSError):
                while True:
                    await send({"type": "http.response.body", "body": b"<p>more" * 100, "more_body": True})
                    await asyncio.sleep(0.05)
        await send({"type": "http.response.body", "body": PAGES.get(path, "").encode()})


async def scanned(
    app: Hostile,
    chromium_path: str,
    folder: Path,
    *paths: str,
    progress: Callable[[Progress], None] | None = None,
    **given: Any,
) -> Scan:
    """Scan the paths one after another."""
    async with standing_in(app, folder) as network:
        options = BrowseOptions(
            **{
                "addresses": tuple(f"{SITE}{path}" for path in paths),
                "executable": chromium_path,
                "phases": (Phase.UNDECIDED,),
                "page_seconds": 60,
                "stay_seconds": 0,
                "quiet_seconds": 0.3,
                "network": network,
                "arguments": ARGUMENTS,
                **given,
            }
        )
        return await browse(SITE, options, progress=progress)


def page_of(scan: Scan, path: str) -> ScannedPage:
    return next(page for page in scan.pages if page.address == f"{SITE}{path}")


def browsers(folder: Path) -> list[str]:
    """Return the command lines of browsers whose profile is in the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (process / "cmdline").read_bytes().decode("utf-8", "replace")
            if f"--user-data-dir={folder}" in line:
                found.append(line)
    return found


def is_empty(folder: Path) -> bool:
    return not list(folder.iterdir())


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "profiles"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


async def test_hostile_pages_are_left_behind(chromium_path: str, tmp_path: Path, profiles: Path) -> None:
    paths = ["/dialogs", "/reloads", "/never", "/endless", "/busy", "/busy-at-once", "/after"]
    scan = await scanned(Hostile(), chromium_path, tmp_path, *paths, page_seconds=30)
    notes = {page.address.removeprefix(SITE): " ".join([page.error, *page.notes]) for page in scan.pages}
    assert list(notes) == ["/", *paths]
    assert "dialog (alert)" in notes["/dialogs"]
    assert "led on more than" in notes["/reloads"]
    assert page_of(scan, "/never").error
    assert "not finished loading" in notes["/endless"]
    assert "stopped answering" in notes["/busy"] or "too long" in notes["/busy"]
    assert notes["/busy-at-once"]
    assert [cookie.name for cookie in scan.cookies] == ["after"]
    await until_async(lambda: not browsers(profiles))
    assert is_empty(profiles)


async def test_hostile_pages_achieve_nothing(chromium_path: str, tmp_path: Path) -> None:
    app = Hostile()
    paths = [
        "/popups",
        "/download",
        "/redirects",
        "/away",
        "/private",
        "/debugger",
        "/overwrites",
        "/harmful",
        "/giant",
    ]
    scan = await scanned(app, chromium_path, tmp_path, *paths)
    notes = {page.address.removeprefix(SITE): " ".join([page.error, *page.notes]) for page in scan.pages}
    assert list(notes) == ["/", *paths]
    assert "opened a window" in notes["/popups"]
    assert "save a file" in notes["/download"]
    assert "ERR_TOO_MANY_REDIRECTS" in notes["/redirects"]
    assert "another site, which was not visited: https://away.test/" in notes["/away"]
    assert not any(asked.startswith(("away.test", "private.test")) for asked in app.asked)
    refused = {limit.note.partition(" ")[0] for limit in scan.limits if limit.name == "--private"}
    assert "private.test:443" in refused  # what names an address of this machine, Chromium may refuse by itself
    cookies = {cookie.name: cookie for cookie in scan.cookies}
    assert {"went_on", "in_spite", "by_frame"} <= cookies.keys()
    assert cookies["in_spite"].initiators[0].address == f"{SITE}/overwrites"
    assert "made_up" not in cookies
    assert any(key.name == "in_spite_key" and key.initiators for key in scan.keys)
    assert [asked for asked in app.asked if "/harm" in asked] == ["site.test/harmful", "site.test/harmless"]


async def test_a_flood_is_bounded(chromium_path: str, tmp_path: Path) -> None:
    scan = await scanned(Hostile(), chromium_path, tmp_path, "/flood", "/after", bounds=Bounds(things=THINGS))
    assert max(len(scan.requests), len(scan.cookies), len(scan.keys)) == THINGS
    assert {"requests", "cookies", "keys"} <= {limit.name for limit in scan.limits}
    assert not page_of(scan, "/after").error


async def test_after_a_crash_the_next_page_is_visited(
    chromium_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scroll = Visitor._scroll

    async def crash(self: Visitor, page: Any) -> None:
        if page.url == f"{SITE}/":
            assert self._target
            await self._target.send("Page.crash")
        await scroll(self, page)

    monkeypatch.setattr(Visitor, "_scroll", crash)
    scan = await scanned(Hostile(), chromium_path, tmp_path, "/after")
    assert page_of(scan, "/").notes == ["Its process crashed."]
    assert [cookie.name for cookie in scan.cookies] == ["after"]


async def test_time_is_bounded_and_what_was_seen_is_reported(
    chromium_path: str, tmp_path: Path, profiles: Path
) -> None:
    paths = [f"/after?{number}" for number in range(500)]
    scan = await scanned(Hostile(), chromium_path, tmp_path, *paths, seconds=8, pages=1000)
    assert [limit.name for limit in scan.limits] == ["--seconds"]
    assert scan.seconds < 120
    await until_async(lambda: not browsers(profiles))


async def test_a_scan_that_is_cancelled_leaves_no_browser(chromium_path: str, tmp_path: Path, profiles: Path) -> None:
    begun = asyncio.Event()
    work = scanned(Hostile(), chromium_path, tmp_path, "/never", "/busy", progress=lambda _: begun.set())
    task = asyncio.ensure_future(work)
    await begun.wait()
    assert browsers(profiles)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until_async(lambda: not browsers(profiles))
    assert is_empty(profiles)


async def test_a_page_that_fills_the_disk_ends_the_scan(chromium_path: str, tmp_path: Path) -> None:
    app = Hostile()
    phases = (Phase.UNDECIDED, Phase.REFUSED)
    given: dict[str, Any] = {"disk_bytes": 150_000_000, "page_seconds": 600, "quiet_seconds": 5, "phases": phases}
    scan = await scanned(app, chromium_path, tmp_path, "/fills", "/after", **given)
    assert [limit.name for limit in scan.limits] == ["--disk-bytes"]
    assert "site.test/after" not in app.asked
    assert app.asked.count("site.test/fills") == 1
    assert not scan.unseen
