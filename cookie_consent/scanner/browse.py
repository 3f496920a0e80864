"""Scans a site in Chromium: what loads before, after refusing and after accepting."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from cookie_consent.errors import ConfigurationError
from cookie_consent.scanner.browser.addresses import is_followed, is_same_site, normalised, parsed
from cookie_consent.scanner.browser.documents import Documents
from cookie_consent.scanner.browser.egress import Egress
from cookie_consent.scanner.browser.launch import launched, playwright_started
from cookie_consent.scanner.browser.options import Progress
from cookie_consent.scanner.browser.pictures import Pictures
from cookie_consent.scanner.browser.record import Recorder
from cookie_consent.scanner.browser.setup import load_setup, state_after_setup
from cookie_consent.scanner.browser.state import State, StateFile
from cookie_consent.scanner.browser.tour import Tour
from cookie_consent.scanner.browser.visit import BINDING, BrowserLostError, Visitor
from cookie_consent.scanner.collector import Collector
from cookie_consent.scanner.given import given
from cookie_consent.scanner.links import parsed as parsed_link
from cookie_consent.scanner.model import Carrier, Initiator, Mode, Phase, Scan, ScannedPage
from cookie_consent.scanner.own_prefix import OwnPrefixes
from cookie_consent.scanner.reader import make_classifier
from cookie_consent.scanner.redact import Redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    from playwright.async_api import Playwright

    from cookie_consent.policy import Policy
    from cookie_consent.scanner.browser.egress import Way
    from cookie_consent.scanner.browser.options import BrowseOptions

__all__ = ["Browsing", "browse"]

_STARTS = 3
"""So often a browser that is lost is started again, in each phase."""
_REFUSALS = 50
_LOOK_UPS = 200
"""So many hosts are asked for aliases."""
_AT_ONCE = 10
_BROWSERS_OWN = frozenset(
    {
        "accounts.google.com",
        "clients2.google.com",
        "content-autofill.googleapis.com",
        "optimizationguide-pa.googleapis.com",
        "redirector.gvt1.com",
        "safebrowsing.googleapis.com",
        "update.googleapis.com",
    }
)
"""What Chromium contacts of itself, whatever the page."""
_MADE_ANEW = frozenset({"--pages", "--seconds", "--disk-bytes", "browser", "hosts"})
"""Limits of a run, rather than of what it saw: the next one notes them again if it comes to them."""
_ANSWERS = {Phase.REFUSED: "refuse", Phase.ACCEPTED: "accept"}


async def browse(
    site: str,
    options: BrowseOptions,
    *,
    progress: Callable[[Progress], None] | None = None,
    state: Path | None = None,
    policy: Policy | None = None,
) -> Scan:
    """Visit the site's pages in Chromium, in each phase with an empty profile.

    ``progress`` is called before each page. ``state`` is the file from which an interrupted scan goes on, and in which
    this one is kept. ``policy`` may declare signatures of inline scripts, besides those of the registry. What ends
    early, by time or by the browser's end, is in the scan's ``limits``. Raises ``ConfigurationError`` for a wrong
    address or file of state, without Playwright or Chromium, and if the setup fails.
    """
    return await Browsing(site, options, progress=progress, state=state, policy=policy).run()


class Browsing:
    """One scan. ``scan`` can be read at any time, also after ``run`` was cancelled."""

    def __init__(
        self,
        site: str,
        options: BrowseOptions,
        *,
        progress: Callable[[Progress], None] | None = None,
        state: Path | None = None,
        policy: Policy | None = None,
    ) -> None:
        self._typed = given(site)
        self._site = site = str(self._typed.address)
        self._options = options
        self._given = [normalised(urljoin(site, address)) for address in options.addresses]
        for address in self._given:
            if not is_same_site(address, site):
                raise ConfigurationError(
                    f"{address} is not of the site {site}: leave it out, or scan that site by itself"
                )
        self._progress = progress or (lambda _: None)
        self.scan = Scan(
            site=site, mode=Mode.BROWSER, started=datetime.now(UTC).isoformat(timespec="seconds"), phases=()
        )
        self._redaction = Redaction(policy, keep_queries=options.keep_queries)
        self._collector = Collector(self.scan, options.bounds)
        classifier = make_classifier(policy)
        self._recorder = Recorder(self._collector, BINDING, classifier)
        self._documents = Documents(self._collector, classifier)
        self._records: dict[str, ScannedPage] = {}
        self._tours: dict[Phase, Tour] = {}
        self._state = StateFile(state, site, options.bounds) if state is not None else None
        self._own = OwnPrefixes()
        self._pictures = Pictures(options.screenshots)
        self._contacts: dict[tuple[str, int], None] = {}
        self._failures: dict[tuple[str, int], str] = {}
        self._refusals = 0
        self._is_full = False

    async def run(self) -> Scan:
        """Scan until everything is visited or the time is over, and return the scan."""
        begun = time.monotonic()
        try:
            await self._run()
        finally:
            self._leave_named()
            self.scan.seconds = time.monotonic() - begun
            self._redaction.scan(self.scan)
        return self.scan

    async def _run(self) -> None:
        if self._state is not None:
            self._go_on(self._state.load())
            self._keep()
        if any(self._has_pages(self._tour_of(phase)) for phase in self._options.phases):
            await self._visit()
        if any(tour.queue and tour.done >= self._options.pages for tour in self._tours.values()):
            self._collector.limit("--pages", self._options.pages, "further pages were not visited")
        await self._aliases()

    async def _visit(self) -> None:
        """Visit what is left."""
        setup = load_setup(self._options.setup) if self._options.setup else None
        egress = Egress(
            self._options.network,
            site=self._site,
            private=self._options.private,
            on_contact=self._contacted,
            on_refused=self._refused,
            on_failed=self._failed,
        )
        async with playwright_started() as playwright, egress:
            state = await state_after_setup(playwright, setup, self._options, egress.way) if setup else None
            self._contacts.clear()
            try:
                async with asyncio.timeout(self._options.seconds):
                    for phase in self._options.phases:
                        tour = self._tour_of(phase)
                        if self._has_pages(tour):
                            await self._phase(playwright, egress.way, tour, state)
                        if self._is_full:
                            break
            except TimeoutError:
                self._collector.limit(
                    "--seconds", self._options.seconds, "the scan ended before all pages were visited"
                )

    def _go_on(self, state: State | None) -> None:
        """Take up what an earlier run saw. The page that was open when it ended is visited again."""
        if state is None:
            return
        found = state.scan
        found.limits = [limit for limit in found.limits if limit.name not in _MADE_ANEW]
        self.scan.phases, self.scan.unseen = found.phases, found.unseen
        self._collector.take_up(found)
        self._records = {page.address: page for page in self.scan.pages}
        self._tours = state.tours
        self._recorder.hosts.update(request.host for request in self.scan.requests if request.is_made)
        for prefix in state.prefixes:
            self._own.add(prefix)

    def _keep(self) -> None:
        """Keep what was seen so far, if that is wanted."""
        if self._state is None:
            return
        if not self._state.save(State(scan=self.scan, tours=self._tours, prefixes=self._own.prefixes)):
            self._collector.limit("--resume", str(self._state.path), "there was no room to keep more in the file")

    def _tour_of(self, phase: Phase) -> Tour:
        """Return the pages of a phase: in later ones those of the first."""
        tour = self._tours.setdefault(phase, Tour(phase))
        tour.add([self._site, *self._given])
        if phase is not Phase.UNDECIDED:
            tour.add(list(self._records))
        return tour

    def _has_pages(self, tour: Tour) -> bool:
        """Return whether there is anything left to visit in a phase."""
        return bool(tour.queue) and tour.done < self._options.pages and not tour.is_left

    async def _phase(self, playwright: Playwright, way: Way, tour: Tour, state: Mapping[str, Any] | None) -> None:
        """Visit the pages, in a browser that is started again if it is lost."""
        for _ in range(_STARTS):
            self._recorder.cookies.forget()
            try:
                async with launched(playwright, self._options, way, state, on_full=self._filled) as context:
                    visitor = Visitor(
                        context,
                        self._recorder,
                        self._documents,
                        self._options,
                        self._typed,
                        own=self._own,
                        pictures=self._pictures,
                    )
                    await self._tour(visitor, tour)
                    return
            except BrowserLostError:
                if self._is_full:
                    return
        self._collector.limit("browser", _STARTS, f"it was lost so often that the phase {tour.phase} is not complete")

    def _filled(self) -> None:
        self._is_full = True
        self._collector.limit("--disk-bytes", self._options.disk_bytes, "the scan ended, as the pages wrote more")

    async def _tour(self, visitor: Visitor, tour: Tour) -> None:
        """Give the phase's answer, then visit the pages that are left."""
        phase = tour.phase
        if phase is not Phase.UNDECIDED and not await visitor.answer(self._record(self._site), phase):
            if phase in self.scan.phases:
                note = f"the phase {phase} is not complete, as a new browser could not give the answer again"
                self._collector.limit("browser", phase, note)
            else:
                tour.is_left = True
                verb = _ANSWERS[phase]
                self.scan.unseen.append(
                    f"What the site does after visitors {verb}: no consent tool was found that could be used to {verb}."
                )
                self._keep()
            return
        if phase not in self.scan.phases:
            self.scan.phases += (phase,)
        while self._has_pages(tour):
            address = tour.queue.popleft()
            self._progress(Progress(phase=phase, page=address, done=tour.done, known=len(tour.known)))
            tour.done += 1
            record = self._record(address)
            links = await visitor.visit(record, phase)
            self._explain(record)
            self._unrequested()
            if phase is Phase.UNDECIDED and not self._options.addresses:
                tour.add(self._followed(links, address))
                # A page may show only after others that the middleware answers some of them.
                tour.leave_out(self._is_answered)
            self._keep()

    def _record(self, address: str) -> ScannedPage:
        record = self._records.get(address)
        if record is None:
            record = self._records[address] = ScannedPage(address=address)
            self.scan.pages.append(record)
        return record

    def _is_answered(self, page: str) -> bool:
        address = parsed_link(page)
        return address is not None and self._own.cover(address)

    def _followed(self, links: list[str], page: str) -> list[str]:
        found = []
        for link in links:
            try:
                address = normalised(urljoin(page, link))
            except ValueError:
                continue
            if self._collector.cut(address) == address and is_followed(address, self._site):
                found.append(address)
        return found

    def _contacted(self, host: str, port: int) -> None:
        if len(self._contacts) < self._options.bounds.things:
            self._contacts[host, port] = None

    def _failed(self, host: str, port: int, why: str) -> None:
        if len(self._failures) < self._options.bounds.things:
            self._failures[host, port] = why

    def _explain(self, record: ScannedPage) -> None:
        """Say why a page could not be loaded, where it is known better than the browser knows it."""
        parts = urlsplit(record.address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if record.error and (why := self._failures.get((parts.hostname or "", port))):
            record.error = why

    def _refused(self, host: str, port: int, why: str) -> None:
        self._refusals += 1
        if self._refusals <= _REFUSALS:
            self._collector.limit("--private", "off", f"{host}:{port} was not asked: {why}")

    def _unrequested(self) -> None:
        """Note the hosts that the browser has contacted without a request that anything told of."""
        for host, port in self._contacts:
            if host not in self._recorder.hosts and host not in _BROWSERS_OWN:
                name = f"[{host}]" if ":" in host else host
                scheme = "http" if port == 80 else "https"
                place = name if port in {80, 443} else f"{name}:{port}"
                self._recorder.request(f"{scheme}://{place}/", Carrier.HINT, Initiator(by="unknown"))
        self._contacts.clear()

    def _leave_named(self) -> None:
        """Leave out of what pages only name what was asked for as well."""
        made = {request.address: request for request in self.scan.requests if request.is_made}
        for named in self.scan.requests:
            if not named.is_made and (asked := made.get(named.address)) is not None:
                asked.services += [service for service in named.services if service not in asked.services]
        self.scan.requests[:] = [
            request for request in self.scan.requests if request.is_made or request.address not in made
        ]

    async def _aliases(self) -> None:
        """Ask for the aliases of the site's own hosts: behind one of them may be a tracker."""
        hosts = list(
            dict.fromkeys(
                request.host
                for request in self.scan.requests
                if (parts := parsed(request.address)) and is_same_site(f"https://{parts.netloc}/", self._site)
            )
        )
        if len(hosts) > _LOOK_UPS:
            self._collector.limit("hosts", _LOOK_UPS, "further hosts of the site were not asked for aliases")
        free = asyncio.Semaphore(_AT_ONCE)
        found: dict[str, tuple[str, ...]] = {}

        async def ask(host: str) -> None:
            async with free:
                with contextlib.suppress(OSError):
                    found[host] = await self._options.network.aliases(host)

        await asyncio.gather(*(ask(host) for host in hosts[:_LOOK_UPS]))
        for request in self.scan.requests:
            request.aliases = found.get(request.host, ())
