"""The leak lab: each page of the corpus with and without each gate, in one browser."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.async_api import async_playwright

from cookie_consent import ConsentMiddleware, Policy
from cookie_consent.policy.model import CookieRule, GateOptions
from tests.browser.harness import FLAGS, Proxy, certified, forward_proxy, serving
from tests.leaklab.corpus import PAGES
from tests.leaklab.peers import PEERS
from tests.leaklab.site import Plain, corpus_site
from tests.leaklab.visit import Seen, Visit

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator

    from playwright.async_api import Browser, BrowserType, ProxySettings
    from starlette.types import ASGIApp

    from tests.leaklab.page import Page

GATES = {
    "html": GateOptions(html=True, csp="off", guard=False),
    "csp": GateOptions(html=False, csp="enforce", guard=False),
    "both": GateOptions(html=True, csp="enforce", guard=True),
}
BEFORE = ("none", "html", "csp", "before", "refused", "withdrawn", *(peer.name for peer in PEERS))
"""The columns in which nothing has been agreed to."""
AGREED = ("activated", "accepted")
"""The page on which all was accepted, and the page as it is then."""
COLUMNS = (*BEFORE, *AGREED)
WORKERS = 6

Results = dict[str, dict[str, Seen]]
"""What was seen, by page and column."""


def policy(options: GateOptions) -> Policy:
    return Policy(version="1", gate=options, cookies=(CookieRule(name="lab_*", category="analytics"),))


@dataclass
class Lab:
    browser_type: BrowserType
    browser: Browser
    options: dict[str, Any]
    certificate: ssl.SSLContext
    ports: dict[str, int]
    results: Results = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def visit(self, page: Page, site: str) -> AsyncIterator[Visit]:
        """Begin a visit to ``page`` of one of the sites, in a fresh profile with a way out of its own."""
        async with contextlib.AsyncExitStack() as stack:
            proxy = stack.enter_context(forward_proxy(self.certificate))
            proxy.upstream = self.ports[site]
            port = await stack.enter_async_context(listener(page, proxy))
            way_out: ProxySettings = {
                "server": f"http://127.0.0.1:{proxy.port}",
                "bypass": f"<-loopback>,{page.third}:{port}",
            }
            if page.regular:
                folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
                context = await self.browser_type.launch_persistent_context(
                    folder, proxy=way_out, locale="en-US", **self.options
                )
            else:
                context = await self.browser.new_context(
                    proxy=way_out, locale="en-US", java_script_enabled=page.scripts
                )
            stack.push_async_callback(context.close)
            yield await Visit.begin(page, context, proxy, port)

    def note(self, page: Page, column: str, seen: Seen) -> None:
        self.results.setdefault(page.name, {})[column] = seen

    async def once(self, page: Page, site: str) -> None:
        """See the page without any choice."""
        async with self.visit(page, site) as visit:
            await visit.open()
            self.note(page, site, await visit.seen(page.leaks if site == "none" else None))

    async def accept_and_withdraw(self, page: Page) -> None:
        async with self.visit(page, "both") as visit:
            await visit.open()
            self.note(page, "before", await visit.seen())
            if page.act in {"leave", "return"}:
                await visit.goto(visit.tab, page.url)
            visit.forget()
            expected = page.leaks if page.act == "load" else None
            await visit.choose("Accept all")
            self.note(page, "activated", await visit.seen(expected))
            await visit.open()
            self.note(page, "accepted", await visit.seen(page.leaks))
            other = await visit.context.new_page() if page.act == "stay" else visit.tab
            await visit.change("Refuse all", other)
            if page.act == "stay":
                await asyncio.sleep(0.5)
                visit.forget()
            elif page.act == "return":
                visit.forget()
                await visit.tab.go_back(wait_until="commit")
            else:
                await visit.open()
            self.note(page, "withdrawn", await visit.seen())

    async def refuse(self, page: Page) -> None:
        async with self.visit(page, "both") as visit:
            await visit.goto(visit.tab, f"{page.url}?port={visit.port}")
            await visit.choose("Refuse all")
            await visit.open()
            self.note(page, "refused", await visit.seen())


@contextlib.asynccontextmanager
async def listener(page: Page, proxy: Proxy) -> AsyncIterator[int]:
    """Note as a contact of the page whatever comes past the proxy to one port of loopback, by UDP or TCP."""

    class Datagrams(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            del data, addr
            proxy.contacts.append(page.third)

    def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.contacts.append(page.third)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Datagrams, ("127.0.0.1", port))
    async with server:
        yield port
    transport.close()


async def run(
    chromium: str,
    *,
    pages: Iterable[Page] = PAGES,
    columns: Iterable[str] = COLUMNS,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Results:
    """Run the lab. Raises an ``ExceptionGroup`` of the visits that could not be made, each with a note of the page."""
    plain = corpus_site(Plain())
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        sites: dict[str, ASGIApp] = {"none": plain, **{peer.name: corpus_site(peer) for peer in PEERS}}
        for name, options in GATES.items():
            ledger = f"sqlite:///{Path(folder) / name}.db"
            sites[name] = ConsentMiddleware(plain, policy(options), secret="x" * 40, ledger=ledger)
        ports = {name: stack.enter_context(serving(site)) for name, site in sites.items()}
        certificate = certified()
        way_out = stack.enter_context(forward_proxy(certificate))
        async with async_playwright() as playwright:
            options = {
                "executable_path": chromium,
                "ignore_default_args": ["--disable-back-forward-cache"],
                "args": [
                    *FLAGS,
                    "--host-resolver-rules=MAP *.leak.test 127.0.0.1",
                    "--allow-loopback-in-peer-connection",
                ],
            }
            only = {"server": f"http://127.0.0.1:{way_out.port}", "bypass": "<-loopback>"}
            browser = await playwright.chromium.launch(proxy=only, **options)
            lab = Lab(playwright.chromium, browser, options, certificate, ports)
            jobs = [job for page in pages for job in jobs_of(lab, page, set(columns))]
            await work(jobs, progress)
            await browser.close()
        strays = way_out.hosts() & {host for page in PAGES for host in page.leaks}
        if strays:
            raise AssertionError(f"went out past the page's own proxy: {strays}")
    return lab.results


Job = tuple[str, "Callable[[], Awaitable[None]]"]


def jobs_of(lab: Lab, page: Page, columns: set[str]) -> Iterator[Job]:
    for site in ("none", "html", "csp", *(peer.name for peer in PEERS)):
        if site in columns:
            yield f"{page.name}, {site}", partial(lab.once, page, site)
    if "refused" in columns:
        yield f"{page.name}, refused", partial(lab.refuse, page)
    if columns & {"before", "withdrawn", *AGREED}:
        yield f"{page.name}, accepted and withdrawn", partial(lab.accept_and_withdraw, page)


async def work(jobs: list[Job], progress: Callable[[str, int, int], None]) -> None:
    """Do all jobs, a few at a time. Raises an ``ExceptionGroup`` of what went wrong in them."""
    queue = iter(jobs)
    wrong: list[Exception] = []
    done = count(1)

    async def worker() -> None:
        for name, job in queue:
            try:
                await job()
            except Exception as error:  # noqa: BLE001 - raised below, with all others
                error.add_note(f"at {name}")
                wrong.append(error)
            progress(name, next(done), len(jobs))

    async with asyncio.TaskGroup() as group:
        for _ in range(WORKERS):
            group.create_task(worker())
    if wrong:
        raise ExceptionGroup("visits that could not be made", wrong)
