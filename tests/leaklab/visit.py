"""One page in one fresh browser profile: what the visitor does there, and what is given away meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from playwright.async_api import Error

from tests.leaklab.page import SITE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.async_api import BrowserContext, ConsoleMessage, Frame
    from playwright.async_api import Page as Tab

    from tests.browser.harness import Proxy
    from tests.leaklab.page import Page

LIVE = 20.0
"""How long something that is to happen is waited for, in seconds."""
LEAST = 0.6
"""How long at least something that must not happen is waited for, beside twice the time that it takes by itself."""
QUIET = 0.4
"""How long no request may have come, in seconds."""
MOST = 5.0
"""How long a page that never rests is looked at, in seconds."""
TRIES = 5
"""How often the browser is asked to keep a page that is left."""
PATIENCE = 120_000
"""How long the browser may take for one step, in milliseconds: long, for machines that are busy."""
ORIGIN = f"https://{SITE}"
PREFERENCES = "/_consent/preferences"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was measured."""

    leaks: frozenset[str]
    order: tuple[str, ...]
    """The scripts that say so, in the order in which they ran."""
    errors: frozenset[str]
    """The errors on the console."""
    took: float
    """The seconds until all of it had happened."""


@dataclass
class Visit:
    """A browser profile whose only way out is ``proxy``, at ``page``."""

    page: Page
    context: BrowserContext
    proxy: Proxy
    ports: list[int]
    """Where what goes past the proxy is noted: at the first, while the browser may still ask the other again."""
    tab: Tab
    errors: list[str] = field(default_factory=list)

    @classmethod
    async def begin(cls, page: Page, context: BrowserContext, proxy: Proxy, ports: list[int]) -> Visit:
        visit = cls(page, context, proxy, ports, await context.new_page())
        visit.listen()
        return visit

    @property
    def port(self) -> int:
        return self.ports[0]

    @property
    def address(self) -> str:
        """Where the page is, with the port that it is to contact."""
        return f"{self.page.url}{'&' if '?' in self.page.at else '?'}port={self.port}"

    def change_port(self) -> None:
        """Look at another port: by UDP a browser tries again for seconds after its page has gone (QUIC)."""
        self.ports.reverse()

    def listen(self) -> None:
        """Note the errors of the document that is open."""

        def note(message: ConsoleMessage) -> None:
            if message.type == "error":
                self.errors.append(message.text)

        def begin(frame: Frame) -> None:
            if frame == self.tab.main_frame:
                self.errors.clear()  # those of the document before

        self.tab.on("framenavigated", begin)
        self.tab.on("console", note)
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))

    async def begin_again(self, upstream: int) -> None:
        """Go on at another site with a new tab, and with nothing that the profile has kept of the one before.

        That costs a third of a new profile. A window without a tab would be closed, so the new one comes first.
        """
        before, self.tab = self.context.pages, await self.context.new_page()
        for tab in before:
            await tab.close()
        session = await self.context.new_cdp_session(self.tab)
        await session.send("Storage.clearDataForOrigin", {"origin": ORIGIN, "storageTypes": "all"})
        await session.send("Network.clearBrowserCache")
        await session.detach()
        await self.context.clear_cookies()
        self.listen()
        self.proxy.upstream = upstream
        self.change_port()

    async def open(self) -> None:
        """Load the page and do what a visitor does there."""
        self.forget()
        await self.goto(self.tab, self.address)
        match self.page.act:
            case "click":
                await self.tab.click("#go", timeout=PATIENCE)
            case "hover":
                await self.tab.hover("#go", timeout=PATIENCE)
            case "leave":
                await self.goto(self.tab, f"{ORIGIN}/blank")
            case "return":
                await self.leave_and_return()
            case "install":
                await self.install()
            case "load" | "stay":
                pass

    async def install(self) -> None:
        """Have the browser read the manifest. It may still take the page before for the active one."""
        session = await self.context.new_cdp_session(self.tab)
        until = time.monotonic() + MOST
        is_live = await self.tab.locator("link[rel=manifest][href]").count()
        found: dict[str, Any] = {}
        while not found or (is_live and not found["url"] and time.monotonic() < until):
            try:
                found = await session.send("Page.getAppManifest")
            except Error:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(0.05)

    async def goto(self, tab: Tab, url: str) -> None:
        """Go to a page, which may lead elsewhere at once."""
        try:
            await tab.goto(url, wait_until="load", timeout=PATIENCE)
        except Error as error:
            if "interrupted by another navigation" not in error.message and "ERR_ABORTED" not in error.message:
                raise

    async def leave_and_return(self) -> None:
        """Leave the page and come back to it as it was left. The browser does not always keep it: then once more."""
        for _ in range(TRIES):
            await self.tab.evaluate("() => { window.wasHere = true }")
            await self.goto(self.tab, f"{ORIGIN}/blank")
            await self.back()
            if await self.tab.evaluate("() => window.wasHere === true"):
                return
        raise AssertionError(f"the browser did not keep the page, {TRIES} times")

    async def back(self, steps: int = 1) -> None:
        """Go back to the page, which may come as it was left. Playwright does not always see that it has come."""
        until = time.monotonic() + PATIENCE / 1000
        with contextlib.suppress(Error):  # the page may be gone before it has answered
            await self.tab.evaluate("(steps) => { setTimeout(() => history.go(-steps)) }", steps)
        while time.monotonic() < until:
            await asyncio.sleep(0.05)
            with contextlib.suppress(Error):
                if str(await self.tab.evaluate("() => location.href")).startswith(self.page.url):
                    return
        raise AssertionError("the browser did not go back")

    def forget(self) -> None:
        self.proxy.hang_up()
        self.proxy.contacts.clear()
        self.proxy.own.clear()
        self.errors.clear()

    async def rested(self, quiet: float) -> None:
        """Wait until nothing has been contacted for ``quiet`` seconds, and forget what was; at most ``LIVE`` seconds.

        How long it takes depends on how busy the machine is, so no fixed time would do.
        """
        end = time.monotonic() + LIVE
        silent = False
        while not silent and time.monotonic() < end:
            self.forget()
            await asyncio.sleep(quiet)
            silent = not self.proxy.contacts
        self.forget()

    async def awaited(self, expected: frozenset[str], scripts: int = 0) -> Seen:
        """Wait until all of ``expected`` has happened and so many ``scripts`` have run; say what has.

        A script that has arrived may run much later on a busy machine.
        """
        return await self._watch(lambda lasted, rested: lasted > MOST or rested > QUIET, expected, scripts)

    async def seen(self, pace: float) -> Seen:
        """Say what happens in the time in which all would happen that can; that takes ``pace`` seconds by itself."""
        least = LEAST + 2 * pace
        return await self._watch(
            lambda lasted, rested: lasted > least and (rested > QUIET or lasted > least + MOST), frozenset()
        )

    async def _watch(
        self, is_enough: Callable[[float, float], bool], expected: frozenset[str], scripts: int = 0
    ) -> Seen:
        start = time.monotonic()
        activity, changed, missing, took = -1, start, True, 0.0
        while missing or not is_enough(time.monotonic() - start, time.monotonic() - changed):
            await asyncio.sleep(0.1)
            if missing:
                has_all = expected <= await self.leaks() and len(await self.order()) >= scripts
                missing = not has_all and time.monotonic() - start < LIVE
                took = time.monotonic() - start
            if self.proxy.requests + len(self.proxy.contacts) != activity:
                activity, changed = self.proxy.requests + len(self.proxy.contacts), time.monotonic()
        if took >= LIVE:
            took = 0.0  # it is not live, which says nothing of how long the others are to be looked at
        return Seen(leaks=await self.leaks(), order=await self.order(), errors=frozenset(self.errors), took=took)

    async def order(self) -> tuple[str, ...]:
        if not self.page.scripts or not self.tab.url.startswith(ORIGIN):
            return ()
        try:
            return tuple(await self.tab.evaluate("() => [...(window.order ?? [])]"))
        except Error:  # the page is led away at this very moment
            await self.tab.wait_for_load_state("load")
            return ()

    async def leaks(self) -> frozenset[str]:
        found = set(self.proxy.hosts()) | (self.page.leaks & set(self.proxy.own))
        if self.page.cookies or self.page.lasting:
            for cookie in await self.context.cookies():
                name = str(cookie["name"])
                if name in self.page.cookies:
                    found.add(f"cookie {name}")
                if name in self.page.lasting and float(cookie["expires"]) > 0:
                    found.add(f"lasting cookie {name}")
        if self.page.storage:
            found |= await self.stored() & set(self.page.storage)
        return frozenset(found)

    async def stored(self) -> set[str]:
        """Ask the browser, not the page, whose interfaces may be wrapped."""
        session = await self.context.new_cdp_session(self.tab)
        found = set()
        for kind, is_local in (("local", True), ("session", False)):
            storage = {"securityOrigin": ORIGIN, "isLocalStorage": is_local}
            items = await session.send("DOMStorage.getDOMStorageItems", {"storageId": storage})
            found |= {f"{kind} {key}" for key, _ in items["entries"]}
        names = await session.send("IndexedDB.requestDatabaseNames", {"securityOrigin": ORIGIN})
        found |= {f"database {name}" for name in names["databaseNames"]}
        caches = await session.send("CacheStorage.requestCacheNames", {"securityOrigin": ORIGIN})
        found |= {f"cache {cache['cacheName']}" for cache in caches["caches"]}
        await session.detach()
        return found

    async def choose(self, button: str, tab: Tab | None = None) -> bool:
        """Choose in the banner of the page that is open, or on the preferences page where it has none.

        Returns whether the page had one.
        """
        tab = tab or self.tab
        choice = tab.get_by_role("button", name=button, exact=True).first
        has_banner = await choice.is_visible()
        if not has_banner:
            await self.goto(tab, f"{ORIGIN}{PREFERENCES}?return_to=/blank")
        async with tab.expect_response(lambda response: response.url.endswith("/choices"), timeout=PATIENCE) as answer:
            await choice.click(timeout=PATIENCE)
        status = (await answer.value).status
        if status not in {200, 303}:
            raise AssertionError(f"the choice was answered with {status}")
        if PREFERENCES in tab.url:
            await tab.wait_for_url(f"{ORIGIN}/blank", timeout=PATIENCE)
        return has_banner

    async def change(self, button: str, tab: Tab | None = None) -> None:
        """Choose on the preferences page."""
        tab = tab or self.tab
        await self.goto(tab, f"{ORIGIN}{PREFERENCES}?return_to=/blank")
        await self.choose(button, tab)
