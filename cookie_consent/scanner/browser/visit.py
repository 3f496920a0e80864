"""Visits one page: loads it, scrolls, clicks, reads off what is stored, and leaves."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from cookie_consent.scanner.browser.addresses import is_same_site, origin_of, parsed
from cookie_consent.scanner.browser.documents import LARGEST
from cookie_consent.scanner.browser.targets import watch
from cookie_consent.scanner.model import Act, Carrier, ConsentTool, Initiator, Phase, StorageKind
from cookie_consent.scanner.own_prefix import prefix_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from playwright.async_api import BrowserContext, Dialog, ElementHandle, Frame, Page, Request

    from cookie_consent.scanner.browser.documents import Documents
    from cookie_consent.scanner.browser.options import BrowseOptions
    from cookie_consent.scanner.browser.pictures import Pictures
    from cookie_consent.scanner.browser.record import Recorder
    from cookie_consent.scanner.browser.targets import Target
    from cookie_consent.scanner.given import Given
    from cookie_consent.scanner.model import ScannedPage
    from cookie_consent.scanner.own_prefix import OwnPrefixes

__all__ = ["BINDING", "BrowserLostError", "Visitor"]

BINDING = f"__{secrets.token_hex(8)}"
"""The name under which the hooks of a frame are given their way out, which they take and delete."""
_REPORTS = 5_000
"""How many reports the hooks of one frame make at most."""
_FOLDER = files("cookie_consent.scanner.browser")
_HOOKS = f"({_FOLDER.joinpath('hooks.js').read_text('utf-8')})({BINDING!r}, {_REPORTS})"
_PAGE = f"({_FOLDER.joinpath('page.js').read_text('utf-8')})()"
_CONSENT = f"({_FOLDER.joinpath('consent.js').read_text('utf-8')})()"
_ASK_SECONDS = 5.0
"""A page that does not answer for so long hangs."""
_CLOSE_SECONDS = 10.0
_STEPS = 60
"""A page is scrolled by so many steps at most."""
_STEP_SECONDS = 0.15
_FRAMES = 50
"""So many frames of a page are read at most."""
_NAVIGATIONS = 20
"""So often may a page lead on to another one while it is visited."""
_NOTES = 20
_STACK_DEPTH = 8
_LOAD_PART = 0.5
"""The part of a page's time within which it has to have loaded."""


class BrowserLostError(Exception):
    """The browser is gone, or does not answer."""


class HangsError(Exception):
    """The page's own process does not answer, or is gone."""


class Visitor:
    """Visits pages of a site in one browser, one after another."""

    def __init__(
        self,
        context: BrowserContext,
        recorder: Recorder,
        documents: Documents,
        options: BrowseOptions,
        typed: Given,
        *,
        own: OwnPrefixes,
        pictures: Pictures,
    ) -> None:
        self._context = context
        self._recorder = recorder
        self._documents = documents
        self._options = options
        self._typed = typed
        self._site = str(typed.address)
        self._tasks: set[asyncio.Task[None]] = set()
        self._navigations = 0
        self._crashed = asyncio.Event()
        self._record: ScannedPage | None = None
        self._target: Target | None = None
        self._pictures = pictures
        self.own = own
        """Where the middleware answers, if the site runs it."""
        context.on("request", self._requested)

    async def visit(self, record: ScannedPage, phase: Phase) -> list[str]:
        """Visit a page; return the addresses that it links to. Raises ``BrowserLostError``."""
        links: list[str] = []
        self._recorder.phase = phase

        async def acts(page: Page) -> None:
            await self._load(page, record, phase)
            links.extend(await self._links(page))
            await self._scroll(page)
            links.extend(await self._links(page))
            await self._click(page)
            await self._read(page, record)
            await self._documents.done()

        await self._on_page(record, acts)
        return list(dict.fromkeys(links))

    async def answer(self, record: ScannedPage, phase: Phase) -> str:
        """Load a page, and accept or refuse there. Return what was used, or an empty text if nothing was found."""
        used = ""
        self._recorder.phase = Phase.UNDECIDED

        async def acts(page: Page) -> None:
            nonlocal used
            await self._load(page, record, None)
            used = await self._answered(page, phase)
            if used:
                await self._quiet()
                await asyncio.sleep(min(1.0, self._options.stay_seconds))
                await self._quiet()

        await self._on_page(record, acts)
        return used

    async def _on_page(self, record: ScannedPage, acts: Callable[[Page], Coroutine[None, None, None]]) -> None:
        """Open a tab, act in it, and close it whatever happens."""
        from playwright.async_api import Error

        self._record, self._navigations, self._crashed = record, 0, asyncio.Event()
        self._recorder.begin(record.address)
        self._documents.begin(record)
        begun = time.monotonic()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                page = await self._open()
        except (Error, TimeoutError, OSError) as error:
            raise BrowserLostError(str(error)) from error
        hangs = False
        try:
            await self._until_crash(acts(page))
        except TimeoutError:
            self._recorder.collector.limit(
                "--page-seconds", self._options.page_seconds, "a page was left before its end"
            )
            self._note("It was left before everything on it had been tried, as it took too long.")
            hangs = True
        except HangsError:
            hangs = True
            self._note("Its process crashed." if self._crashed.is_set() else "It stopped answering.")
        except Error as error:
            if not record.status and not record.error:
                record.error = _first_line(error.message)
        except asyncio.CancelledError:  # by Ctrl-C, or as the time of the scan is over
            self._ended()
            raise
        try:
            if not self._crashed.is_set():
                await self._leave(page)
            await self._jar()
            self._recorder.complete()
        finally:
            await self._close(page, hangs=hangs)
            record.seconds += time.monotonic() - begun

    def _ended(self) -> None:
        """Note that the scan ended while the page was open."""
        if self._record and not self._record.status and not self._record.error:
            self._record.error = "the scan ended before it was read"
        else:
            self._note("The scan ended before everything on it had been tried.")

    async def _until_crash(self, acts: Coroutine[None, None, None]) -> None:
        """Act until the page crashes or its time is up. Raises ``HangsError`` or ``TimeoutError`` then."""
        work, crash = asyncio.ensure_future(acts), asyncio.ensure_future(self._crashed.wait())
        try:
            await asyncio.wait({work, crash}, timeout=self._options.page_seconds, return_when=asyncio.FIRST_COMPLETED)
            if crash.done():
                raise HangsError
            if not work.done():
                raise TimeoutError
            await work
        finally:
            for task in (work, crash):
                task.cancel()
            await asyncio.gather(work, crash, return_exceptions=True)

    async def _open(self) -> Page:
        page = await self._context.new_page()
        page.set_default_timeout(_ASK_SECONDS * 1000)
        page.on("dialog", lambda dialog: self._later(self._dismiss(dialog)))
        page.on("popup", lambda popup: self._later(self._shut(popup)))
        page.on("download", lambda download: self._note(f"It wanted to save a file: {download.url[:200]}"))
        page.on("crash", lambda _: self._crashed.set())
        session = await self._context.new_cdp_session(page)
        self._target = await watch(session, self._heard, self._prepare)
        return page

    async def _close(self, page: Page, *, hangs: bool) -> None:
        from playwright.async_api import Error

        if self._target:
            if hangs and not self._crashed.is_set():
                # A busy process does not close its pages, but it can be ended.
                with contextlib.suppress(OSError, TimeoutError):
                    async with asyncio.timeout(1):
                        await self._target.send("Page.crash")
            self._target.gone()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await page.close()
        except (Error, TimeoutError) as error:
            raise BrowserLostError(str(error)) from error

    def _requested(self, request: Request) -> None:
        """Keep in mind a request of which Playwright tells. It knows some of workers that began before we listened."""
        self._recorder.told(request.url, request.resource_type)

    async def _prepare(self, target: Target) -> None:
        """Have a target tell what happens in it, before it begins to run."""
        kind = target.kind
        # The document of the page is read; of everything else only the headers are.
        largest = LARGEST if kind == "page" else 100_000
        commands: list[tuple[str, dict[str, Any]]] = [
            ("Network.enable", {"maxTotalBufferSize": 2 * largest, "maxResourceBufferSize": largest}),
            ("Runtime.enable", {}),
            ("Runtime.addBinding", {"name": BINDING}),
        ]
        if kind in {"page", "iframe"}:
            commands += [
                ("Page.enable", {}),
                ("Page.addScriptToEvaluateOnNewDocument", {"source": _HOOKS}),
                ("DOMStorage.enable", {}),
            ]
        if kind == "page":
            documents = {"urlPattern": "*", "resourceType": "Document", "requestStage": "Request"}
            commands.append(("Fetch.enable", {"patterns": [documents]}))
        if "worker" in kind:
            commands.append(("Runtime.evaluate", {"expression": _HOOKS}))
        commands += [
            ("Debugger.enable", {}),
            ("Debugger.setSkipAllPauses", {"skip": True}),
            ("Debugger.setAsyncCallStackDepth", {"maxDepth": _STACK_DEPTH}),
        ]
        await asyncio.gather(*(target.send(method, **given) for method, given in commands), return_exceptions=True)
        if kind == "page":
            tree = await target.send("Page.getFrameTree")
            target.main_frame = str(tree["frameTree"]["frame"]["id"])

    def _heard(self, target: Target, method: str, parameters: dict[str, Any]) -> None:
        if method == "Fetch.requestPaused":
            self._later(self._decide(target, parameters))
        else:
            self._recorder.heard(target, method, parameters)
            self._documents.heard(target, method, parameters, self._recorder.sighting)

    async def _decide(self, target: Target, given: dict[str, Any]) -> None:
        """Let documents load, but for those that would lead the page itself away from the site."""
        address, number = str(given["request"]["url"]), str(given["requestId"])
        if given.get("frameId") == target.main_frame:
            self._navigations += 1
            leads_away = parsed(address) is not None and not is_same_site(address, self._site)
            if leads_away or self._navigations > _NAVIGATIONS:
                if leads_away:
                    self._left(address)
                else:
                    self._note(f"It led on more than {_NAVIGATIONS} times.")
                with contextlib.suppress(OSError):
                    await target.send("Fetch.failRequest", requestId=number, errorReason="Aborted")
                return
        with contextlib.suppress(OSError):
            await target.send("Fetch.continueRequest", requestId=number)

    def _left(self, address: str) -> None:
        """Note that a page leads to another site. One that leads there at once is not read."""
        self._note(f"It leads to another site, which was not visited: {address[:200]}")
        if self._record and not self._record.status and not self._record.error:
            self._record.error = (
                f"it leads to {origin_of(address)}, which is another site; scan that one if it is the one you mean"
            )

    async def _load(self, page: Page, record: ScannedPage, phase: Phase | None) -> None:
        from playwright.async_api import Error

        milliseconds = self._options.page_seconds * _LOAD_PART * 1000
        begun = time.monotonic()
        response = await page.goto(self._typed.opened(record.address), wait_until="commit", timeout=milliseconds)
        record.landed = page.url
        record.status = response.status if response else self._recorder.main_status
        record.content_type = self._recorder.main_type
        self._recorder.page = self._recorder.collector.cut(record.address)
        try:
            left = max(1.0, milliseconds - (time.monotonic() - begun) * 1000)
            await page.wait_for_load_state("load", timeout=left)
        except Error:
            self._note("It had not finished loading when it was looked at.")
        await self._quiet()
        if phase is not None:
            await asyncio.sleep(max(0.0, self._options.stay_seconds - (time.monotonic() - begun)))
            await self._quiet()
            if self._pictures.wants(record):
                with contextlib.suppress(Error):
                    self._keep(record, phase, await page.screenshot(timeout=_ASK_SECONDS * 1000))

    def _keep(self, record: ScannedPage, phase: Phase, image: bytes) -> None:
        try:
            self._pictures.keep(record, phase, image)
        except OSError as error:
            self._recorder.collector.limit("pictures", "none", f"they cannot be kept: {error.strerror}")

    async def _quiet(self) -> None:
        """Wait until nothing was asked for a while, but not for ever."""
        quiet = self._options.quiet_seconds
        end = time.monotonic() + max(quiet, self._options.page_seconds / 6)
        while (now := time.monotonic()) < end and now - self._recorder.last < quiet:  # noqa: ASYNC110 - it is a clock
            await asyncio.sleep(0.05)

    async def _ask(self, frame: Frame, expression: str) -> Any:
        """Evaluate in a frame. None if that fails; raises ``HangsError`` if the page hangs."""
        from playwright.async_api import Error

        try:
            async with asyncio.timeout(_ASK_SECONDS):
                return await frame.evaluate(expression)
        except TimeoutError:
            raise HangsError from None
        except Error:
            return None

    async def _links(self, page: Page) -> list[str]:
        endpoint = await self._ask(page.main_frame, f"{_PAGE}.endpoint()")
        if isinstance(endpoint, str) and endpoint and is_same_site(page.url, self._site):
            self.own.add(prefix_of(endpoint, page.url))
        found = await self._ask(page.main_frame, f"{_PAGE}.links()")
        return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []

    async def _scroll(self, page: Page) -> None:
        from playwright.async_api import Error

        self._recorder.act = Act.SCROLL
        width, height = self._options.viewport
        with contextlib.suppress(Error):
            # The wheel turns what is under the pointer, and a moving pointer wakes what waits for a visitor.
            await page.mouse.move(width / 3, height / 3)
            await page.mouse.move(width / 2, height / 2)
        end = time.monotonic() + self._options.page_seconds * _LOAD_PART / 2
        for _ in range(_STEPS):
            with contextlib.suppress(Error, TimeoutError):
                async with asyncio.timeout(_ASK_SECONDS):
                    await page.mouse.wheel(0, height * 0.8)
            await asyncio.sleep(_STEP_SECONDS)
            left = await self._ask(
                page.main_frame,
                "(({ scrollTop, clientHeight, scrollHeight }) => scrollHeight - clientHeight - scrollTop)"
                "(document.scrollingElement ?? document.documentElement)",
            )
            if not isinstance(left, int | float) or left <= 1 or time.monotonic() > end:
                break
        await self._quiet()

    async def _click(self, page: Page) -> None:
        from playwright.async_api import Error

        self._recorder.act = Act.CLICK
        if not self._options.clicks:
            return
        before = self._navigations
        for element in await self._elements(page):
            with contextlib.suppress(Error):
                await element.click(timeout=1500, no_wait_after=True)
            await asyncio.sleep(_STEP_SECONDS)
            if self._navigations != before:  # the elements are gone
                self._note("A click led on to another page.")
                break
        await self._quiet()

    async def _elements(self, page: Page) -> list[ElementHandle]:
        from playwright.async_api import Error

        try:
            async with asyncio.timeout(_ASK_SECONDS):
                found = await page.evaluate_handle(f"{_PAGE}.clickable({_CONSENT}, {self._options.clicks})")
                properties = await found.get_properties()
        except TimeoutError:
            raise HangsError from None
        except Error:
            return []
        elements = [handle.as_element() for handle in properties.values()]
        return [element for element in elements if element is not None][: self._options.clicks]

    async def _answered(self, page: Page, phase: Phase) -> str:
        action = "accept" if phase is Phase.ACCEPTED else "refuse"
        end = time.monotonic() + self._options.answer_seconds
        while True:
            if used := await self._try(page, action, phase):
                return used
            if time.monotonic() > end:
                return ""
            await asyncio.sleep(0.25)

    async def _try(self, page: Page, action: str, phase: Phase) -> str:
        from playwright.async_api import Error

        for frame in page.frames[:_FRAMES]:
            try:
                async with asyncio.timeout(_ASK_SECONDS):
                    found = await frame.evaluate_handle(f"{_CONSENT}.button({action!r})")
                    element = found.as_element()
                    if element is None:
                        continue
                    text = str(await element.inner_text())[:60].strip()
            except TimeoutError:
                raise HangsError from None
            except Error:
                continue
            self._recorder.phase, self._recorder.act = phase, Act.CLICK
            try:
                await element.click(timeout=2000, no_wait_after=True)
            except Error:
                with contextlib.suppress(Error):
                    await element.dispatch_event("click")
            return f"the button {text!r}" if text else "a button"
        # What is loaded upon the answer belongs to the answer, so that the phase changes first.
        before = self._recorder.phase, self._recorder.act
        self._recorder.phase, self._recorder.act = phase, Act.CLICK
        tool = await self._ask(page.main_frame, f"{_CONSENT}.answer({action!r})")
        if isinstance(tool, str) and tool:
            return f"the interface of {tool}"
        self._recorder.phase, self._recorder.act = before
        return ""

    async def _read(self, page: Page, record: ScannedPage) -> None:
        """Note what is stored, and what the markup names."""
        for frame in page.frames[:_FRAMES]:
            found = await self._ask(frame, f"{_PAGE}.read()")
            if not isinstance(found, dict):
                continue
            address = self._recorder.collector.cut(frame.url) if parsed(frame.url) else self._recorder.page
            if frame is page.main_frame:
                record.title = self._recorder.collector.cut(str(found.get("title") or ""))
                size = found.get("size")
                record.size = size if isinstance(size, int) else 0
            self._keys(found, str(found.get("origin") or origin_of(frame.url)))
            by = Initiator(by="markup", address=address)
            host = getattr(parsed(frame.url), "hostname", None)
            for kind, carrier in (("hints", Carrier.HINT), ("pings", Carrier.BEACON), ("forms", Carrier.FORM)):
                for each in _texts(found.get(kind)):
                    parts = parsed(each)
                    if parts and (carrier is not Carrier.FORM or parts.hostname != host):
                        self._recorder.request(each, carrier, by, is_made=carrier is Carrier.HINT)
        await self._tools(page)

    def _keys(self, found: dict[str, Any], origin: str) -> None:
        for name, kind in (
            ("local", StorageKind.LOCAL),
            ("session", StorageKind.SESSION),
            ("databases", StorageKind.DATABASE),
            ("caches", StorageKind.CACHE),
        ):
            for key in _texts(found.get(name)):
                self._recorder.key(key, kind, origin, None)

    async def _tools(self, page: Page) -> None:
        found = await self._ask(page.main_frame, f"{_CONSENT}.states()")
        collector = self._recorder.collector
        for tool in found[:50] if isinstance(found, list) else ():
            if isinstance(tool, dict):
                name, state = (collector.cut(str(tool.get(key) or "")) for key in ("name", "state"))
                make = partial(ConsentTool, name=name, state=state)
                collector.see(collector.scan.tools, (name, state), make, self._recorder.sighting)

    async def _leave(self, page: Page) -> None:
        """Go to an empty page, so that what is sent at the end of a visit is sent."""
        from playwright.async_api import Error

        self._recorder.act = Act.LEAVE
        # What a page sends while it is being left is told of by none of its sessions. So it is made to believe first.
        with contextlib.suppress(HangsError):
            for frame in page.frames[:_FRAMES]:
                await self._ask(frame, f"{_PAGE}.hide()")
        with contextlib.suppress(Error):
            await page.goto("about:blank", wait_until="commit", timeout=_ASK_SECONDS * 1000)
            await asyncio.sleep(0.3)
            await self._quiet()

    async def _jar(self) -> None:
        """Note the cookies that the browser holds."""
        from playwright.async_api import Error

        try:
            async with asyncio.timeout(_ASK_SECONDS):
                self._recorder.cookies.from_browser(await self._context.cookies(), self._recorder.sighting)
        except (Error, TimeoutError) as error:
            raise BrowserLostError(str(error)) from error

    async def _dismiss(self, dialog: Dialog) -> None:
        from playwright.async_api import Error

        with contextlib.suppress(Error):
            if dialog.type == "beforeunload":
                await dialog.accept()
            else:
                self._note(f"It showed a dialog ({dialog.type}).")
                await dialog.dismiss()

    async def _shut(self, popup: Page) -> None:
        from playwright.async_api import Error

        if parsed(popup.url):
            self._recorder.request(popup.url, Carrier.DOCUMENT, Initiator(by="unknown"))
        self._note(f"It opened a window, which was closed: {popup.url[:200]}")
        with contextlib.suppress(Error):
            await popup.close()

    def _note(self, text: str) -> None:
        if self._record and text not in self._record.notes and len(self._record.notes) < _NOTES:
            self._record.notes.append(text)

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _texts(found: object) -> list[str]:
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or ["It could not be loaded."])[0][:300]
