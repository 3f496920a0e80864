"""Scans a site in Chromium: what loads before, after refusing and after accepting."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
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
_KNOWN = 10_000
"""So many addresses of pages are remembered."""
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
_ANSWERS = {Phase.REFUSED: "refuse", Phase.ACCEPTED: "accept"}


async def browse(
    site: str,
    options: BrowseOptions,
    *,
    progress: Callable[[Progress], None] | None = None,
    policy: Policy | None = None,
) -> Scan:
    """Visit the site's pages in Chromium, in each phase with an empty profile.

    ``progress`` is called before each page. ``policy`` may declare signatures of inline scripts, besides those of the
    registry. What ends early, by time or by the browser's end, is in the scan's ``limits``. Raises
    ``ConfigurationError`` for a wrong address, without Playwright or Chromium, and if the setup fails.
    """
    return await Browsing(site, options, progress=progress, policy=policy).run()


class _Tour:
    """The pages of one phase."""

    def __init__(self, phase: Phase, pages: list[str]) -> None:
        self.phase = phase
        self.queue = deque(pages)
        self.known = set(pages)
        self.done = 0

    def add(self, pages: list[str]) -> None:
        """Add the pages that are not known yet."""
        for page in pages:
            if page not in self.known and len(self.known) < _KNOWN:
                self.known.add(page)
                self.queue.append(page)

    def leave_out(self, is_left_out: Callable[[str], bool]) -> None:
        """Leave out pages that wait."""
        left = {page for page in self.queue if is_left_out(page)}
        self.known -= left
        self.queue = deque(page for page in self.queue if page not in left)


class Browsing:
    """One scan. ``scan`` can be read at any time, also after ``run`` was cancelled."""

    def __init__(
        self,
        site: str,
        options: BrowseOptions,
        *,
        progress: Callable[[Progress], None] | None = None,
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
                        await self._phase(playwright, egress.way, phase, state)
                        if self._is_full:
                            break
            except TimeoutError:
                self._collector.limit(
                    "--seconds", self._options.seconds, "the scan ended before all pages were visited"
                )
        await self._aliases()

    async def _phase(self, playwright: Playwright, way: Way, phase: Phase, state: Mapping[str, Any] | None) -> None:
        """Visit the pages, in a browser that is started again if it is lost."""
        tour = _Tour(phase, self._first(phase))
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
        self._collector.limit("browser", _STARTS, f"it was lost so often that the phase {phase} is not complete")

    def _filled(self) -> None:
        self._is_full = True
        self._collector.limit("--disk-bytes", self._options.disk_bytes, "the scan ended, as the pages wrote more")

    async def _tour(self, visitor: Visitor, tour: _Tour) -> None:
        """Give the phase's answer, then visit the pages that are left."""
        phase = tour.phase
        if phase is not Phase.UNDECIDED and not await visitor.answer(self._record(self._site), phase):
            if phase not in self.scan.phases:
                verb = _ANSWERS[phase]
                self.scan.unseen.append(
                    f"What the site does after visitors {verb}: no consent tool was found that could be used to {verb}."
                )
            return
        if phase not in self.scan.phases:
            self.scan.phases += (phase,)
        while tour.queue and tour.done < self._options.pages:
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
        if tour.queue:
            self._collector.limit("--pages", self._options.pages, "further pages were not visited")

    def _first(self, phase: Phase) -> list[str]:
        """Return the pages to begin with: in later phases those of the first."""
        if phase is not Phase.UNDECIDED and self._records:
            return list(self._records)
        return list(dict.fromkeys([self._site, *self._given]))

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
            if len(address) <= self._options.bounds.text and is_followed(address, self._site):
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
