"""The leak lab: each page of the corpus with and without each gate, in one browser."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

import pytest
from playwright.async_api import async_playwright

from cookie_consent import ConsentMiddleware, Policy
from cookie_consent.mirror.libraries import Libraries
from cookie_consent.policy import registry
from cookie_consent.policy.model import CookieRule, GateOptions, LimitOptions, Service
from tests.browser.harness import FLAGS, Proxy, certified, forward_proxy, serving, stubbed
from tests.leaklab.beyond import BEYOND, OF_UNKNOWN_HOSTS
from tests.leaklab.corpus import PAGES
from tests.leaklab.peers import PEERS
from tests.leaklab.site import Plain, corpus_site
from tests.leaklab.visit import Seen, Visit
from tests.mirror.upstream import Upstream

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence

    from playwright.async_api import Browser, BrowserType, ProxySettings
    from starlette.types import ASGIApp

    from tests.leaklab.page import Page
    from tests.leaklab.peers import Peer

PAYMENT = ("/*/checkout",)
"""Where visitors pay."""
GATES = {
    "html": GateOptions(html=True, csp="off", guard=False, payment=PAYMENT),
    "csp": GateOptions(html=False, csp="enforce", guard=False, payment=PAYMENT),
    "both": GateOptions(html=True, csp="enforce", guard=True, payment=PAYMENT),
}
BEFORE = ("none", "html", "csp", "before", "refused", "withdrawn", *(peer.name for peer in PEERS))
"""The columns in which nothing has been agreed to."""
AGREED = ("activated", "accepted")
"""The page on which all was accepted, and the page as it is then."""
COLUMNS = (*BEFORE, *AGREED)
SHORT = ("none", "before", "refused", "withdrawn", *AGREED)
"""What the tests look at: no gate, and both."""
WORKERS = 12
AT_ONCE = 0.5
"""How long a page in another tab must have been silent before it counts as reached by a withdrawal, in seconds."""

Progress: TypeAlias = "Callable[[str, int, int], None]"
"""Told after each page: its name, how many are done, how many there are."""
Look: TypeAlias = "Callable[[Visit], Awaitable[None]]"
"""What is done at a site, and what is noted."""
Results = dict[str, dict[str, Seen]]
"""What was seen, by page and column."""
SEEN = pytest.StashKey[Results]()
"""Where the tests find what was seen already, so that they need not see it again."""

MET = frozenset(
    {
        "bootstrap-cdn",
        "cdnjs",
        "dailymotion",
        "facebook-pixel",
        "font-awesome",
        "google",
        "google-analytics",
        "google-fonts",
        "google-hosted-libraries",
        "google-tag-manager",
        "hcaptcha",
        "jquery-cdn",
        "jsdelivr",
        "klarna-messaging",
        "paypal-marketing",
        "recaptcha",
        "spotify",
        "stripe-signals",
        "unpkg",
        "vimeo",
        "youtube",
    }
)
"""The optional services of the registry that the pages load or store something of, beside those on own hosts."""


def policy(options: GateOptions, *, is_named: bool = False) -> Policy:
    """Return the policy of a site; with ``is_named`` its notice names everything that the pages may contact."""
    any_number = LimitOptions(choices_per_address=0, choices=0)  # all visitors have one address
    rule = CookieRule(name="lab_*", category="analytics")
    stats = Service(id="stats", name="Stats", category="analytics", hosts=("stats.site.test",))
    undeclared = Policy(version="1", gate=options, limits=any_number, cookies=(rule,), services=(stats,))
    if not is_named:
        return undeclared
    lab = Service(id="lab", name="Lab", category="advertising", hosts=("*.leak.test", "127.0.0.1"))
    known = [
        service
        for service in registry().values()
        if service.category in undeclared.optional_ids and (service.own or service.id in MET)
    ]
    lasting = (CookieRule(name=name, category="analytics") for page in PAGES for name in page.lasting if name)
    return undeclared.model_copy(update={"services": (stats, lab, *known), "cookies": (rule, *lasting)})


@dataclass
class Lab:
    browser_type: BrowserType
    browser: Browser
    shell: Browser
    """The same engine without windows, for pages that need none: a profile costs a third there."""
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
            ports: list[int] = []
            for _ in range(2):
                ports.append(await stack.enter_async_context(listener(page, proxy, lambda port: port == ports[0])))
            way_out: ProxySettings = {
                "server": f"http://127.0.0.1:{proxy.port}",
                "bypass": ",".join(["<-loopback>", *(f"{page.third}:{port}" for port in ports)]),
            }
            if page.regular:
                folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
                context = await self.browser_type.launch_persistent_context(
                    folder, proxy=way_out, locale="en-US", **self.options
                )
            else:
                browser = self.browser if page.whole else self.shell
                context = await browser.new_context(proxy=way_out, locale="en-US", java_script_enabled=page.scripts)
            stack.push_async_callback(context.close)
            yield await Visit.begin(page, context, proxy, ports)

    def note(self, page: Page, column: str, seen: Seen) -> None:
        self.results.setdefault(page.name, {})[column] = seen

    def pace(self, page: Page) -> float:
        return self.results[page.name]["none"].took

    def ran(self, page: Page) -> int:
        """Return how many of the page's scripts say that they have run, without any gate."""
        return len(self.results[page.name]["none"].order)

    async def see(self, page: Page, columns: set[str], wrong: list[Exception]) -> None:
        """See the page at all sites, one after another, each with nothing that the browser kept of those before.

        What goes wrong is put into ``wrong``, and ends the visit.
        """
        try:
            async with self.visit(page, "none") as visit:
                for at, (site, look) in enumerate(self.looks(page, columns)):
                    if at:
                        await visit.begin_again(self.ports[site])
                    await look(visit)
        except Exception as error:  # noqa: BLE001 - raised by the caller, with all others
            error.add_note(f"at the page {page.name}, after the columns {list(self.results.get(page.name, ()))}")
            wrong.append(error)

    def looks(self, page: Page, columns: set[str]) -> Iterator[tuple[str, Look]]:
        """Give the sites at which the page is seen, and what is done there."""
        yield "none", self.live
        for site in ("html", "csp", *(peer.name for peer in PEERS)):
            if site in columns:
                yield site, partial(self.undecided, site=site)
        for peer in PEERS if page.name == "script" else ():
            if peer.name in columns:
                yield peer.name, partial(self.accept_peer, peer=peer)
        if columns & {"before", "refused"}:
            yield "both", self.refuse
        if columns & {"withdrawn", *AGREED}:
            yield "named", self.accept_and_withdraw

    async def live(self, visit: Visit) -> None:
        """See the page as it is: it must give away what it says, and the time that it takes is that of the others."""
        await visit.open()
        self.note(visit.page, "none", await visit.awaited(visit.page.leaks))

    async def undecided(self, visit: Visit, site: str) -> None:
        """See the page without any choice."""
        await visit.open()
        self.note(visit.page, site, await visit.seen(self.pace(visit.page)))

    async def accept_peer(self, visit: Visit, peer: Peer) -> None:
        """See what becomes of an annotated page when all is accepted under a script-based consent manager."""
        await visit.open()
        await visit.tab.evaluate(f"() => {{ {peer.accept} }}")
        self.note(visit.page, f"{peer.name}, accepted", await visit.awaited(visit.page.leaks))

    async def accept_and_withdraw(self, visit: Visit) -> None:
        page = visit.page
        if Libraries().hosts.intersection(page.hosts):
            await visit.goto(visit.tab, visit.address)  # from which the site's mirror learns what it cannot have
        await visit.goto(visit.tab, visit.address)
        visit.forget()
        if await visit.choose("Accept all") and page.act == "load":
            self.note(page, "activated", await visit.awaited(page.agreed, self.ran(page)))
        else:
            await visit.tab.wait_for_load_state("load")
        await visit.goto(visit.tab, "about:blank")  # what the page as it was still does is not looked at
        await visit.open()
        self.note(page, "accepted", await visit.awaited(page.agreed, self.ran(page)))
        other = await visit.context.new_page() if page.act == "stay" else visit.tab
        await visit.change("Refuse all", other)
        if page.act == "stay":
            await visit.rested(AT_ONCE)
        elif page.act == "return":
            visit.forget()
            await visit.back(steps=2)  # over the preferences and where they led
        else:
            visit.change_port()
            await visit.open()
        leaks_all_the_same = page.name in set(BEYOND) - OF_UNKNOWN_HOSTS
        seen = await (visit.awaited(page.leaks) if leaks_all_the_same else visit.seen(self.pace(page)))
        self.note(page, "withdrawn", seen)

    async def refuse(self, visit: Visit) -> None:
        page = visit.page
        await visit.open()
        self.note(page, "before", await visit.seen(self.pace(page)))
        if page.act != "load":
            await visit.goto(visit.tab, visit.address)
        await visit.choose("Refuse all")
        await visit.open()
        self.note(page, "refused", await visit.seen(self.pace(page)))


@contextlib.contextmanager
def mirroring(pages: Iterable[Page]) -> Iterator[None]:
    """Let the mirror of all sites have the libraries of the pages, and reach no other host."""
    server = Upstream()
    addresses = [urlsplit(address) for page in pages for address in page.mirrored]
    for address in addresses:
        kind, body = stubbed(address.netloc, address.path)
        server.put(address.path, body, content_type=kind)
    reached = {address.netloc for address in addresses}
    server.addresses.update({host: [] for host in Libraries().hosts - reached})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "cookie_consent.site.Mirror", lambda libraries, named: server.mirror(libraries=libraries, named=named)
        )
        yield
    server.close()


@contextlib.asynccontextmanager
async def listener(page: Page, proxy: Proxy, is_current: Callable[[int], bool]) -> AsyncIterator[int]:
    """Note as a contact of the page whatever comes past the proxy to one port of loopback, by UDP or TCP."""

    def contacted() -> None:
        if is_current(port):
            proxy.contacts.append(page.third)

    class Datagrams(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            del data, addr
            contacted()

    def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        contacted()
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
    shell: str | None = None,
    pages: Sequence[Page] = PAGES,
    columns: Iterable[str] = COLUMNS,
    progress: Progress = lambda *_: None,
) -> Results:
    """Run the lab in Chromium, and in its headless shell where that is given and a page does not need the whole.

    Raises an ``ExceptionGroup`` of the visits that could not be made, each with a note of the page.
    """
    plain = corpus_site(Plain())
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        stack.enter_context(mirroring(PAGES))
        sites: dict[str, ASGIApp] = {"none": plain, **{peer.name: corpus_site(peer) for peer in PEERS}}
        policies = {name: policy(options) for name, options in GATES.items()}
        policies["named"] = policy(GATES["both"], is_named=True)
        for name, held_to in policies.items():
            ledger = f"sqlite:///{Path(folder) / name}.db"
            sites[name] = ConsentMiddleware(plain, held_to, secret="x" * 40, ledger=ledger)
        ports = {name: stack.enter_context(serving(site)) for name, site in sites.items()}
        certificate = certified()
        way_out = stack.enter_context(forward_proxy(certificate))
        async with async_playwright() as playwright:
            launching: dict[str, Any] = {
                "executable_path": chromium,
                "ignore_default_args": ["--disable-back-forward-cache"],
                "args": [
                    *FLAGS,
                    "--host-resolver-rules=MAP *.leak.test 127.0.0.1",
                    "--allow-loopback-in-peer-connection",
                ],
            }
            only: ProxySettings = {"server": f"http://127.0.0.1:{way_out.port}", "bypass": "<-loopback>"}
            browser = small = await playwright.chromium.launch(proxy=only, **launching)
            if shell is not None:
                small = await playwright.chromium.launch(proxy=only, **{**launching, "executable_path": shell})
            lab = Lab(playwright.chromium, browser, small, launching, certificate, ports)
            await work(lab, pages, set(columns), progress)
            await small.close()
            await browser.close()
        strays = way_out.hosts() & {host for page in PAGES for host in page.leaks}
        if strays:
            raise AssertionError(f"went out past the page's own proxy: {strays}")
    return lab.results


async def work(lab: Lab, pages: Sequence[Page], columns: set[str], progress: Progress) -> None:
    """See all pages, a few at a time. Raises an ``ExceptionGroup`` of what went wrong with them."""
    queue = iter(pages)
    wrong: list[Exception] = []
    done = count(1)

    async def worker() -> None:
        for page in queue:
            await lab.see(page, columns, wrong)
            progress(page.name, next(done), len(pages))

    async with asyncio.TaskGroup() as group:
        for _ in range(WORKERS):
            group.create_task(worker())
    if wrong:
        raise ExceptionGroup("visits that could not be made", wrong)
