"""What one page of a crawl showed, and how it is added to a scan."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from cookie_consent.scanner.links import parsed
from cookie_consent.scanner.model import ObservedCookie, ObservedRequest, ObservedSnippet, ScannedPage, Seen, Sighting
from cookie_consent.scanner.set_cookies import default_path

if TYPE_CHECKING:
    from cookie_consent.scanner.collector import Collector
    from cookie_consent.scanner.model import Carrier, Initiator

__all__ = ["Additions", "Visit", "add_request", "add_snippet"]

_MOST_QUERIES = 5
_S = TypeVar("_S", bound=Seen)


@dataclass(slots=True, kw_only=True)
class Visit:
    """What one page showed. Its things have initiators, but neither counts nor sightings."""

    page: ScannedPage
    depth: int = 0
    """How many links it is away from the first page."""
    is_page: bool = True
    """False for what pages load, such as a style sheet of the site; ``page`` is then the page that names it."""
    cookies: list[ObservedCookie] = field(default_factory=list)
    requests: list[ObservedRequest] = field(default_factory=list)
    snippets: list[ObservedSnippet] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    """The addresses of the same site that it leads to."""
    sheets: list[str] = field(default_factory=list)
    """The style sheets of the same site that it names."""
    prefix: str = ""
    """The address below which the middleware answers, if the page has its banner."""
    inline_scripts: int = 0
    """How many inline scripts it has."""
    held: int = 0
    """How many tags the site itself holds back until the visitor agrees."""
    skipped: list[str] = field(default_factory=list)
    """Links that are not followed: doing so may change something, or they lead to files, or look like a trap."""


class Additions:
    """Adds visits to a scan."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._hosts: set[tuple[str, Carrier]] = set()
        """What was asked of which host."""

    def add(self, visit: Visit) -> bool:
        """Add what a page showed; return whether anything is new but the page itself and where it leads."""
        collector, scan = self._collector, self._collector.scan
        before = self._size
        if visit.is_page:
            scan.pages.append(visit.page)
        sighting = Sighting(page=visit.page.landed or visit.page.address)
        for cookie in visit.cookies:
            _add_cookie(collector, cookie, sighting)
        for request in visit.requests:
            if add_request(collector, request, sighting):
                self._hosts.add((request.host, request.carrier))
        for snippet in visit.snippets:
            add_snippet(collector, snippet, sighting)
        return self._size != before

    @property
    def _size(self) -> tuple[int, ...]:
        scan = self._collector.scan
        return len(scan.cookies), len(scan.snippets), len(self._hosts)


def _first(thing: Seen) -> Initiator | None:
    return thing.initiators[0] if thing.initiators else None


def _bare(thing: _S) -> _S:
    """Return a copy for the scan, to which each visit adds where and by whom it was seen."""
    return replace(thing, initiators=[], sightings=[])


def _add_cookie(collector: Collector, cookie: ObservedCookie, sighting: Sighting) -> None:
    by = _first(cookie)
    address = parsed(by.address) if by is not None else None
    # A cookie without Path has that of the page that sets it, so that each folder has another one of the same name.
    is_by_default = address is not None and cookie.path == default_path(address.path) != "/"
    key = (cookie.name, cookie.domain, "" if is_by_default else cookie.path)
    found = collector.see(collector.scan.cookies, key, lambda: _bare(cookie), sighting, by)
    if found is None or found.count == 1:
        return
    if cookie.lifetime is not None:
        found.lifetime = max(found.lifetime or 0.0, cookie.lifetime)
    found.host_only = found.host_only and cookie.host_only
    found.http_only = found.http_only and cookie.http_only
    found.secure = found.secure and cookie.secure


def add_request(collector: Collector, request: ObservedRequest, sighting: Sighting) -> bool:
    """Add a request; return whether the scan had room for it."""
    key = (request.address, request.carrier, request.is_made)
    found = collector.see(collector.scan.requests, key, lambda: _bare(request), sighting, _first(request))
    if found is not None and found.count > 1:
        room = _MOST_QUERIES - len(found.queries)
        found.queries += [query for query in request.queries if query not in found.queries][:room]
        found.services += [service for service in request.services if service not in found.services]
        found.statuses += [status for status in request.statuses if status not in found.statuses]
    return found is not None


def add_snippet(collector: Collector, snippet: ObservedSnippet, sighting: Sighting) -> None:
    """Add an inline script."""
    key = (snippet.service, snippet.excerpt)
    collector.see(collector.scan.snippets, key, lambda: _bare(snippet), sighting, _first(snippet))
