"""The scan without a browser: what the site's own answers say."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING

import httpx

from cookie_consent.errors import ConfigurationError
from cookie_consent.exchange.content_type import content_type_of, joined
from cookie_consent.exchange.sniff import is_unknown_type, looks_like_html
from cookie_consent.scanner.collector import Collector
from cookie_consent.scanner.fetch import REDIRECTS, Fetcher, UnreadableError
from cookie_consent.scanner.frontier import Entry, Frontier
from cookie_consent.scanner.given import given
from cookie_consent.scanner.journal import Journal
from cookie_consent.scanner.links import Site, kind_of, parsed
from cookie_consent.scanner.model import Carrier, Initiator, Mode, ObservedRequest, Scan, ScannedPage
from cookie_consent.scanner.options import Progress
from cookie_consent.scanner.reader import PageReader, cleaned, make_classifier
from cookie_consent.scanner.redact import Redaction
from cookie_consent.scanner.robots import LARGEST, Robots
from cookie_consent.scanner.set_cookies import cookies_of
from cookie_consent.scanner.sitemap import Sitemap
from cookie_consent.scanner.unseen import unseen_by_crawl
from cookie_consent.scanner.visit import Additions, Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from cookie_consent.mirror.network import Network
    from cookie_consent.policy import Policy
    from cookie_consent.scanner.fetch import Answer
    from cookie_consent.scanner.links import Address
    from cookie_consent.scanner.options import CrawlOptions

__all__ = ["Crawler", "crawl"]

_MOST_REDIRECTS = 10
_BUSY = frozenset({429, 503})
_LONGEST_PAUSE = 10.0
_PAGES = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml"})
_MOST_HOSTS = 50
"""Hosts of the site that are visited: a wildcard in DNS can make any number of them."""
_MOST_SITEMAPS = 20
_LARGEST_SITEMAP = 50 * 1024 * 1024
_SITEMAP_SHARE = 10
"""For each page that may be visited, so many addresses of sitemaps are read."""
_MOST_SKIPPED = 5_000
_LONGEST_COOKIES = 16 * 1024


async def crawl(
    site: str,
    options: CrawlOptions,
    *,
    progress: Callable[[Progress], None] | None = None,
    journal: Path | None = None,
    policy: Policy | None = None,
    network: Network | None = None,
) -> Scan:
    """Visit the pages of a site without a browser, and return what they set and name.

    ``journal`` is the file from which an interrupted scan goes on, and in which this one is kept. ``policy`` may
    declare signatures of inline scripts, besides those of the registry. ``network`` resolves the names of hosts.
    Values in addresses are left out unless the options keep them, though the journal has them. Credentials in ``site``
    are sent to its origin alone.

    Raises ``ConfigurationError`` if ``site`` is no http(s) address or the journal is wrong.
    """
    crawler = Crawler(site, options, progress=progress, journal=journal, policy=policy, network=network)
    return await crawler.run()


class Crawler:
    """One crawl. ``scan`` can be read at any time, also after ``run`` was cancelled."""

    def __init__(
        self,
        site: str,
        options: CrawlOptions,
        *,
        progress: Callable[[Progress], None] | None = None,
        journal: Path | None = None,
        policy: Policy | None = None,
        network: Network | None = None,
    ) -> None:
        typed = given(site)
        start = typed.address
        self.scan = Scan(site=cleaned(str(start)), mode=Mode.HTTP, started=datetime.now(UTC).isoformat())
        self._options = options
        self._progress = progress
        self._journal = Journal(journal, str(start)) if journal is not None else None
        self._collector = Collector(self.scan)
        self._additions = Additions(self._collector)
        self._fetcher = Fetcher(options, typed, network)
        self._redaction = Redaction(policy, keep_queries=options.keep_queries)
        self._frontier = Frontier(options)
        self._classifier = make_classifier(policy)
        self._start = start
        self._site = Site(start)
        self._robots: dict[str, asyncio.Task[Robots]] = {}
        self._sheets: deque[tuple[Address, Visit]] = deque()
        self._known_sheets: set[str] = set()
        self._contents: set[bytes] = set()
        self._current: list[Visit] = []
        """The visits in progress."""
        self._pages = self._active = self._bytes = 0
        self._cut = self._forbidden = self._inline = self._held = 0
        self._skipped: set[str] = set()
        self._refused_hosts: set[str] = set()
        self._changed = asyncio.Event()

    async def run(self) -> Scan:
        """Crawl until nothing is left or a limit is reached, and return the scan."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._options.seconds):
                await self._run()
        except TimeoutError:
            self._collector.limit("--seconds", f"{self._options.seconds:g}", "the time was over before all was read")
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            self.scan.seconds = round(time.monotonic() - began, 3)
            self._finish()
            if self._journal is not None:
                self._journal.__exit__()
            for task in self._robots.values():
                task.cancel()
            await asyncio.gather(*self._robots.values(), return_exceptions=True)
            await self._fetcher.aclose()
        return self.scan

    async def _run(self) -> None:
        self._frontier.add(self._start, 0, is_given=True)
        if self._journal is not None:
            self._journal.__enter__()
            for visit in self._journal.visits():
                self._replay(visit)
        if not self._pages:
            first = self._frontier.take()
            if first is not None:
                await self._do_page(first, is_first=True)
        if self.scan.pages and self.scan.pages[0].error:
            return
        for seed in self._options.seeds:
            address = parsed(seed, str(self._site.start))
            if address is None or not self._site.has(address):
                raise ConfigurationError(f"--seed {seed[:200]!r} is not an address of the site")
            self._frontier.add(address, 1, is_given=True)
        async with asyncio.TaskGroup() as group:
            self._active += 1
            group.create_task(self._read_sitemaps())
            for _ in range(self._options.concurrency):
                group.create_task(self._work())

    # Which page comes next

    async def _work(self) -> None:
        while True:
            if self._sheets:
                sheet = self._sheets.popleft()
                await self._counted(self._do_sheet(*sheet))
                continue
            entry = self._frontier.take() if self._has_room() else None
            if entry is not None:
                await self._counted(self._do_page(entry))
            elif self._active:
                self._changed.clear()
                await self._changed.wait()
            else:
                self._changed.set()
                return

    async def _counted(self, job: Coroutine[None, None, None]) -> None:
        self._active += 1
        try:
            await job
        finally:
            self._active -= 1
            self._changed.set()

    def _has_room(self) -> bool:
        if self._pages >= self._options.pages:
            return False
        return self._bytes < self._options.total_bytes

    async def _do_page(self, entry: Entry, *, is_first: bool = False) -> None:
        self._pages += 1
        if not is_first and not await self._may_ask(entry.address):
            self._pages -= 1
            return
        visit = Visit(page=ScannedPage(address=cleaned(str(entry.address))), depth=entry.depth)
        await self._visited(visit, entry.address, self._read_page(visit, entry.address, is_first=is_first))
        if is_first:
            self._settle(visit)
        self._take_in(visit)
        if self._journal is not None and not (is_first and visit.page.error):
            self._journal.add(visit)
        if self._progress is not None:
            done = len(self.scan.pages)
            total = min(self._options.pages, done + len(self._frontier) + max(self._active - 1, 0))
            self._progress(Progress(done=done, total=max(done, total), address=visit.page.address))

    def _settle(self, visit: Visit) -> None:
        """Take the site to be that of the host where the first page has landed."""
        landed = parsed(visit.page.landed) if visit.page.landed else None
        if landed is not None and landed.host != self._start.host:
            self.scan.landed = str(landed)
            self._site = Site(landed)

    async def _visited(self, visit: Visit, address: Address, reading: Coroutine[None, None, None]) -> None:
        """Run what fills a visit; whatever goes wrong is the page's error."""
        page = visit.page if visit.is_page else ScannedPage(address=str(address))
        self._current.append(visit)
        began = time.monotonic()
        try:
            await self._fetcher.turn(address, await self._delay(address))
            began = time.monotonic()
            async with asyncio.timeout(self._options.page_seconds):
                await reading
        except TimeoutError:
            page.error = f"it took longer than {self._options.page_seconds:g} seconds"
        except UnreadableError as error:
            page.error = str(error)
        except Exception as error:  # noqa: BLE001 - one page that nobody thought of must not end the scan
            page.error = f"it cannot be read: {type(error).__name__}: {cleaned(str(error))[:200]}"
        finally:
            reading.close()
            page.seconds = round(time.monotonic() - began, 3)
        self._current.remove(visit)

    async def _delay(self, address: Address) -> float:
        known = self._robots.get(address.origin)
        asked = known.result().delay if known is not None and known.done() and self._options.robots else 0.0
        return max(self._options.delay, asked)

    # One page

    async def _read_page(self, visit: Visit, address: Address, *, is_first: bool) -> None:
        """Read a page, following redirects within the site. Cookies are kept for the redirects only."""
        page, chain = visit.page, {address.key}
        jar, cookies, by = httpx.Cookies(), "", ""
        for hop in range(_MOST_REDIRECTS + 1):
            carrier = Carrier.REDIRECT if hop else Carrier.DOCUMENT
            try:
                async with self._fetcher.get(address, cookies) as answer:
                    page.status = answer.status
                    self._note_answer(visit, answer, carrier, by)
                    reader = self._reader(address, visit, Site(address) if is_first else self._site)
                    for name, value in answer.response.headers.raw:
                        reader.header(name.decode("latin-1").lower(), value.decode("latin-1"))
                    location = answer.lines("location") if answer.status in REDIRECTS else []
                    if not location:
                        await self._read_body(visit, answer, reader)
                        return
                    self._keep_cookies(jar, answer)
            except UnreadableError:
                if not any(request.address == cleaned(address.bare) and request.is_made for request in visit.requests):
                    self._note_request(visit, address, carrier, by, status=0)
                raise
            following = parsed(location[0], str(address))
            if following is None:
                raise UnreadableError(f"it redirects to {location[0][:200]!r}, which is no address")
            page.landed = cleaned(str(following))
            if not is_first and not await self._follows(visit, address, following, chain):
                return
            chain.add(following.key)
            by, address = str(address), following
            request = httpx.Request("GET", str(address))
            jar.set_cookie_header(request)
            cookies = request.headers.get("cookie", "")
        raise UnreadableError(f"it redirects more than {_MOST_REDIRECTS} times")

    def _reader(self, address: Address, visit: Visit, site: Site) -> PageReader:
        return PageReader(address, site, visit, self._classifier)

    async def _follows(self, visit: Visit, address: Address, following: Address, chain: set[str]) -> bool:
        """Say whether a redirect is followed. One that leaves the site is noted."""
        if not self._site.has(following):
            visit.requests.append(
                ObservedRequest(
                    address=cleaned(following.bare),
                    host=following.host,
                    carrier=Carrier.REDIRECT,
                    is_made=False,
                    queries=[cleaned(following.query)] if following.query else [],
                    initiators=[Initiator(by="header", address=cleaned(str(address)))],
                )
            )
            raise UnreadableError(f"it redirects to {following.authority}, which is another site")
        if not await self._may_ask(following):
            raise UnreadableError("it redirects to what robots.txt forbids")
        return following.key in chain or not self._frontier.knows(following)

    def _keep_cookies(self, jar: httpx.Cookies, answer: Answer) -> None:
        """Keep the cookies of a redirect: some sites redirect until they get one back."""
        if sum(map(len, answer.lines("set-cookie"))) <= _LONGEST_COOKIES:
            answer.response.request = httpx.Request("GET", str(answer.address))
            with contextlib.suppress(ValueError, UnicodeError):
                jar.extract_cookies(answer.response)

    def _note_answer(self, visit: Visit, answer: Answer, carrier: Carrier, by: str) -> None:
        self._note_request(visit, answer.address, carrier, by, status=answer.status)
        visit.cookies += cookies_of(answer.lines("set-cookie"), answer.address)
        if answer.status in _BUSY:
            after = (answer.lines("retry-after") or ["1"])[0]
            seconds = float(after) if after.isascii() and after.isdigit() and len(after) < 6 else 1.0
            self._fetcher.pause(answer.address, min(seconds, _LONGEST_PAUSE))

    def _note_request(self, visit: Visit, address: Address, carrier: Carrier, by: str, *, status: int) -> None:
        visit.requests.append(
            ObservedRequest(
                address=cleaned(address.bare),
                host=address.host,
                carrier=carrier,
                queries=[cleaned(address.query)] if address.query else [],
                statuses=[status],
                initiators=[Initiator(by="header", address=cleaned(by))] if by else [],
            )
        )

    async def _read_body(self, visit: Visit, answer: Answer, reader: PageReader) -> None:
        page = visit.page
        lines = [value.encode("latin-1") for value in answer.lines("content-type")]
        kind = content_type_of(joined(lines)) if lines else content_type_of(b"")
        page.content_type = kind.essence or kind.lenient
        is_page = not _PAGES.isdisjoint({kind.essence, kind.lenient})
        if not is_page and not is_unknown_type(kind.essence):
            return
        digest = blake2b(digest_size=16)
        reader.begin(kind)
        try:
            async for piece in answer.pieces(self._room()):
                if not is_page:
                    is_page = looks_like_html(piece)
                    if not is_page:
                        return
                digest.update(piece)
                reader.feed(piece)
        finally:
            page.size = answer.size
            self._bytes += answer.size
            self._cut += answer.is_cut
        reader.feed(b"", final=True)
        if digest.digest() in self._contents:
            visit.links.clear()  # another address of a page that was read
        else:
            self._contents.add(digest.digest())

    def _room(self) -> int:
        return max(1, min(self._options.page_bytes, self._options.total_bytes - self._bytes))

    async def _do_sheet(self, address: Address, of: Visit) -> None:
        """Read a style sheet of the site, for what it imports."""
        if not await self._may_ask(address):
            return
        visit = Visit(page=of.page, depth=of.depth, is_page=False)
        await self._visited(visit, address, self._read_sheet(visit, address))
        self._take_in(visit)
        if self._journal is not None:
            self._journal.add(visit)

    async def _read_sheet(self, visit: Visit, address: Address) -> None:
        async with self._fetcher.get(address) as answer:
            self._note_answer(visit, answer, Carrier.STYLE, "")
            if answer.status != 200:
                return
            body = bytearray()
            try:
                async for piece in answer.pieces(self._room()):
                    body += piece
            finally:
                self._bytes += answer.size
                self._cut += answer.is_cut
            self._reader(address, visit, self._site).sheet(body.decode("utf-8", "replace"))

    # What was seen

    def _take_in(self, visit: Visit) -> None:
        is_new = self._additions.add(visit)
        self._skipped.update(visit.skipped[: max(0, _MOST_SKIPPED - len(self._skipped))])
        self._inline += visit.inline_scripts
        self._held += visit.held
        address = parsed(visit.page.address)
        if visit.is_page and address is not None:
            self._frontier.done(kind_of(address), is_new=is_new)
        self._frontier.rule_out(visit.prefix)
        for link in visit.links:
            found = parsed(link)
            if found is not None and self._site.has(found):
                self._frontier.add(found, visit.depth + 1)
        for sheet in visit.sheets:
            found = parsed(sheet)
            is_known = sheet in self._known_sheets or len(self._known_sheets) >= self._options.pages
            if found is not None and self._site.has(found) and not is_known:
                self._known_sheets.add(sheet)
                self._sheets.append((found, visit))
        self._changed.set()

    def _replay(self, visit: Visit) -> None:
        """Add a visit of an earlier run."""
        address = parsed(visit.page.address)
        if visit.is_page:
            if address is None:
                return
            if not self._pages:
                self._settle(visit)
            self._pages += 1
            self._frontier.skip(Entry(address, visit.depth, kind_of(address)))
        else:
            made = {str(parsed(request.address)) for request in visit.requests if request.is_made}
            self._known_sheets |= made
            self._sheets = deque(entry for entry in self._sheets if str(entry[0]) not in made)
        self._take_in(visit)

    # What the site asks for

    async def _may_ask(self, address: Address) -> bool:
        if not self._options.robots:
            return True
        robots = await self._robots_of(address)
        if robots is None:
            self._refused_hosts.add(address.host)
            return False
        is_allowed = robots.allows(address)
        self._forbidden += not is_allowed
        return is_allowed

    async def _robots_of(self, address: Address) -> Robots | None:
        """Return the rules of an origin, which are fetched once; None if the site has too many hosts."""
        known = self._robots.get(address.origin)
        if known is not None:
            return await asyncio.shield(known)
        if len(self._robots) >= _MOST_HOSTS:
            return None
        # A task of its own: others wait for it, too, and the time of a single page may end.
        task = asyncio.create_task(self._fetched_robots(address._replace(path="/robots.txt", query="")))
        self._robots[address.origin] = task
        return await asyncio.shield(task)

    async def _fetched_robots(self, address: Address) -> Robots:
        agent = self._options.user_agent
        visit = Visit(page=ScannedPage(address=str(address)), is_page=False)
        text = b""
        status, why = 0, "it takes too long"
        try:
            async with asyncio.timeout(self._options.page_seconds):
                for _ in range(_MOST_REDIRECTS):
                    async with self._fetcher.get(address) as answer:
                        self._note_answer(visit, answer, Carrier.DOCUMENT, "")
                        status = answer.status
                        location = answer.lines("location") if status in REDIRECTS else []
                        if not location:
                            if status == 200:
                                text = b"".join([piece async for piece in answer.pieces(LARGEST)])
                            break
                    following = parsed(location[0], str(address))
                    if following is None or not self._site.has(following):
                        break
                    address = following
        except TimeoutError:
            status = 0
        except Exception as error:  # noqa: BLE001 - a file that nobody thought of counts as one that cannot be read
            status, why = 0, cleaned(str(error))
        self._additions.add(visit)
        if status == 0 or status >= 500:
            return Robots.nothing_allowed(agent, why if status == 0 else f"status {status}")
        return Robots(text.decode("utf-8", "replace"), agent)

    async def _read_sitemaps(self) -> None:
        try:
            robots = await self._robots_of(self._site.start)
            named = robots.sitemaps if robots is not None else []
            todo = deque(named or ["/sitemap.xml"])
            read: set[str] = set()
            while todo and len(read) < _MOST_SITEMAPS:
                address = parsed(todo.popleft(), str(self._site.start))
                if address is None or str(address) in read or not self._site.has(address):
                    continue
                read.add(str(address))
                sitemap = await self._sitemap(address)
                todo.extend(sitemap.sitemaps)
                for written in sitemap.pages:
                    found = parsed(written)
                    if found is not None and self._site.has(found):
                        self._frontier.add(found, 1)
                self._changed.set()
        finally:
            self._active -= 1
            self._changed.set()

    async def _sitemap(self, address: Address) -> Sitemap:
        sitemap = Sitemap(most=_SITEMAP_SHARE * self._options.pages)
        visit = Visit(page=ScannedPage(address=str(address)), is_page=False)
        with contextlib.suppress(TimeoutError, UnreadableError):
            async with asyncio.timeout(self._options.page_seconds), self._fetcher.get(address) as answer:
                self._note_answer(visit, answer, Carrier.DOCUMENT, "")
                if answer.status == 200:
                    async for piece in answer.pieces(_LARGEST_SITEMAP):
                        sitemap.feed(piece, _LARGEST_SITEMAP)
                        if sitemap.is_over:
                            break
        sitemap.end()
        self._additions.add(visit)
        return sitemap

    # The end

    def _finish(self) -> None:
        """Add what was read of unfinished pages, and say what may be missing."""
        for visit in self._current:
            if visit.is_page:
                visit.page.error = "the scan ended before it was read"
            self._additions.add(visit)
        self._current.clear()
        for name, value, note in self._limits():
            self._collector.limit(name, value, note)
        self.scan.unseen = unseen_by_crawl(self.scan, inline=self._inline, skipped=len(self._skipped), held=self._held)
        self._redaction.scan(self.scan)

    def _limits(self) -> Iterator[tuple[str, object, str]]:
        """Yield the limits that were reached: the option, its value and what is missing."""
        options, frontier = self._options, self._frontier
        waiting = len(frontier) if self._pages >= options.pages else 0
        patterns = ", ".join([*options.include, *(f"not {pattern}" for pattern in options.exclude)])
        alike = f"{_pages(frontier.left)} left out: others of their kind showed nothing new"
        told = (
            (waiting, "--pages", options.pages, f"{_pages(waiting)} known but not visited"),
            (self._bytes >= options.total_bytes, "--total-bytes", options.total_bytes, "nothing more was read"),
            (self._cut, "--page-bytes", options.page_bytes, f"{_files(self._cut)} longer; the rest was not read"),
            (frontier.too_deep, "--depth", options.depth, f"{_pages(frontier.too_deep)} further away"),
            (frontier.left, "--alike", options.alike, alike),
            (frontier.not_wanted, "--include", patterns, f"{_pages(frontier.not_wanted)} ruled out"),
            (frontier.overflow, "links", "all", f"there was no room to remember {frontier.overflow} of them"),
            (self._refused_hosts, "hosts", _MOST_HOSTS, "further hosts of the site were not visited"),
        )
        yield from ((name, value, note) for is_reached, name, value, note in told if is_reached)
        closed = [(origin, _closed(robots)) for origin, robots in self._robots.items() if _closed(robots)]
        for origin, why in closed if self._options.robots else ():
            yield (
                "--no-robots",
                origin,
                f"its robots.txt cannot be read, so none of its other pages was asked for: {why}",
            )
        if self._forbidden and not closed:
            yield "--no-robots", "robots.txt", f"{_pages(self._forbidden)} forbidden by it"


def _files(number: int) -> str:
    return "1 file is" if number == 1 else f"{number} files are"


def _closed(robots: asyncio.Task[Robots]) -> str:
    """Return why nothing of an origin may be asked for, or an empty string."""
    return robots.result().closed if robots.done() and not robots.cancelled() else ""


def _pages(number: int) -> str:
    return "1 page is" if number == 1 else f"{number} pages are"
