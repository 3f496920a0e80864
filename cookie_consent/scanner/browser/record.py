"""Turns what CDP tells of into what a scan saw."""

from __future__ import annotations

import json
import re
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urljoin

from cookie_consent.scanner.browser.addresses import origin_of, parsed, stack_of
from cookie_consent.scanner.browser.cookies import CookieNotes
from cookie_consent.scanner.model import (
    Act,
    Carrier,
    ConsentTool,
    Initiator,
    ObservedApi,
    ObservedKey,
    ObservedRequest,
    Phase,
    Sighting,
    StorageKind,
)
from cookie_consent.scanner.reader import marked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cookie_consent.policy.classifier import Classifier
    from cookie_consent.scanner.browser.targets import Target
    from cookie_consent.scanner.collector import Collector

__all__ = ["Recorder"]

_IN_FLIGHT = 10_000
"""So many requests are followed to their answers."""
_QUERIES = 5
_PAYLOAD = 40_000
"""The longest report of a page's hooks, in characters."""
_REPORTS = 20_000
"""Reports of hooks that are read on one page."""
_CARRIERS = {
    "Document": Carrier.FRAME,
    "Stylesheet": Carrier.STYLE,
    "Image": Carrier.IMAGE,
    "Media": Carrier.MEDIA,
    "TextTrack": Carrier.MEDIA,
    "Font": Carrier.FONT,
    "Script": Carrier.SCRIPT,
    "XHR": Carrier.FETCH,
    "Fetch": Carrier.FETCH,
    "EventSource": Carrier.FETCH,
    "Prefetch": Carrier.HINT,
    "WebSocket": Carrier.SOCKET,
    "Ping": Carrier.BEACON,
    "CSPViolationReport": Carrier.BEACON,
}
_HINT_LINK = re.compile(
    r"<([^>]{1,2000})>\s*;[^,]{0,200}\brel=\"?(?:preconnect|dns-prefetch|preload|prefetch)", re.IGNORECASE
)


@dataclass(slots=True)
class _Flight:
    """A request on its way."""

    address: str
    seen: ObservedRequest | None
    answered: list[str] = field(default_factory=list)
    """The addresses whose answers' headers are still to come, the first first."""
    early: list[Mapping[str, Any]] = field(default_factory=list)
    """Headers that came before the request was told of."""


class Recorder:
    """Knows the page, phase and act of the moment, and notes what happens under them."""

    def __init__(self, collector: Collector, binding: str, classifier: Classifier) -> None:
        self.collector = collector
        self._classifier = classifier
        self.cookies = CookieNotes(collector)
        self.page = ""
        self.phase = Phase.UNDECIDED
        self.act = Act.LOAD
        self.last = time.monotonic()
        """When something was asked for last."""
        self.hosts: set[str] = set()
        """The hosts of all requests that were noted."""
        self.main_status = 0
        self.main_type = ""
        self._binding = binding
        self._flights: OrderedDict[tuple[int, str], _Flight] = OrderedDict()
        self._workers: dict[str, tuple[Carrier, Initiator]] = {}
        self._reports = 0
        self._told: dict[str, tuple[str, Sighting]] = {}
        """The addresses of requests of the page, by Playwright, with CDP's type in lower case."""
        self._noted: set[str] = set()
        """The addresses of requests of the page, by CDP."""

    @property
    def sighting(self) -> Sighting:
        """Where and when something is seen now."""
        return Sighting(page=self.page, phase=self.phase, act=self.act)

    def begin(self, page: str) -> None:
        """Begin with a page."""
        self.page, self.act = self.collector.cut(page), Act.LOAD
        self.main_status, self.main_type = 0, ""
        self._reports = 0
        self._workers.clear()
        self._told.clear()
        self._noted.clear()

    def heard(self, target: Target, method: str, parameters: dict[str, Any]) -> None:
        """Take an event of a target. What a hostile page made of it is left out rather than raised."""
        handler = self._HANDLERS.get(method)
        if handler:
            try:
                handler(self, target, parameters)
            except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
                return

    def told(self, address: str, kind: str) -> None:
        """Keep in mind a request that another source tells of."""
        self.last = time.monotonic()
        if len(self._told) < _IN_FLIGHT:
            self._told.setdefault(address, (kind, self.sighting))

    def complete(self) -> None:
        """Note the requests of the page that only the other source has told of."""
        carriers = {kind.lower(): carrier for kind, carrier in _CARRIERS.items()}
        for address, (carrier, by) in self._workers.items():
            if address not in self._noted:
                self._noted.add(address)
                self.request(address, carrier, by, sighting=self._told.get(address, ("", None))[1])
        for address, (kind, sighting) in self._told.items():
            if address not in self._noted:
                self.request(address, carriers.get(kind, Carrier.OTHER), Initiator(by="unknown"), sighting=sighting)

    def request(
        self,
        address: str,
        carrier: Carrier,
        initiator: Initiator | None,
        *,
        frame: str = "",
        is_made: bool = True,
        sighting: Sighting | None = None,
    ) -> ObservedRequest | None:
        """Note a request, and return what is known of it. None for an address that is not loaded over a network."""
        parts = parsed(address)
        if parts is None:
            return None
        cut = self.collector.cut
        host = (parts.hostname or "").rstrip(".")
        plain = cut(f"{origin_of(address)}{parts.path or '/'}")
        seen = self.collector.see(
            self.collector.scan.requests,
            (plain, carrier, is_made),
            lambda: ObservedRequest(
                address=plain, host=cut(host), carrier=carrier, is_made=is_made, frame=cut(frame) if frame else ""
            ),
            sighting or self.sighting,
            initiator,
        )
        if is_made and len(self.hosts) < self.collector.bounds.things:
            self.hosts.add(host)
        if seen and parts.query and len(seen.queries) < _QUERIES and cut(parts.query) not in seen.queries:
            seen.queries.append(cut(parts.query))
        if seen:
            path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
            services = marked(self._classifier, host, path)
            seen.services += [service for service in services if service not in seen.services]
        self._signals(parts.query, initiator)
        return seen

    def _signals(self, query: str, initiator: Initiator | None) -> None:
        """Note what Google Consent Mode says on the wire."""
        if "gcs=" not in query and "gcd=" not in query:
            return
        found = parse_qs(query[:4000], max_num_fields=200)
        state = " ".join(f"{name}={self.collector.cut(found[name][0])}" for name in ("gcs", "gcd") if name in found)
        if state:
            name = "Google Consent Mode"
            self.collector.see(
                self.collector.scan.tools,
                (name, state),
                lambda: ConsentTool(name=name, state=state),
                self.sighting,
                initiator,
            )

    def _requested(self, target: Target, given: dict[str, Any]) -> None:
        self.last = time.monotonic()
        address, number = str(given["request"]["url"]), str(given["requestId"])
        key = (id(target), number)
        flight = self._flights.get(key)
        by = self._initiator(target, given)
        is_main = target.kind == "page" and given.get("frameId") == target.main_frame
        carrier = self._carrier(address, given, is_main=is_main)
        if carrier in {Carrier.WORKER, Carrier.SERVICE_WORKER} and by.by != "script":
            by = self._workers[address][1]
        redirect = given.get("redirectResponse")
        if redirect and flight:
            self._answered(flight.seen, redirect)
            if not given.get("redirectHasExtraInfo", True) and flight.answered:
                flight.answered.pop()
            carrier, by = Carrier.REDIRECT, Initiator(by="header", address=self.collector.cut(flight.address))
        document = str(given.get("documentURL", ""))
        frame = document if not is_main and document and document != self.page else ""
        seen = self.request(address, carrier, by, frame=frame)
        if len(self._noted) < _IN_FLIGHT:
            self._noted.add(address)
        if parsed(address) is None:
            return
        if flight is None:
            flight = self._flights[key] = _Flight(address, seen)
            if len(self._flights) > _IN_FLIGHT:
                self._flights.popitem(last=False)
        flight.address, flight.seen = address, seen
        flight.answered.append(address)
        while flight.early and flight.answered:
            self._headers(flight.answered.pop(0), flight.early.pop(0))

    def _carrier(self, address: str, given: Mapping[str, Any], *, is_main: bool) -> Carrier:
        if "report" in str(given["request"].get("headers", {}).get("Content-Type", "")):  # of CSP or the Reporting API
            return Carrier.BEACON
        carrier = _CARRIERS.get(str(given.get("type")), Carrier.OTHER)
        if carrier is Carrier.FRAME and is_main:
            return Carrier.DOCUMENT
        if carrier in {Carrier.OTHER, Carrier.SCRIPT} and address in self._workers:
            return self._workers[address][0]
        return carrier

    def _initiator(self, target: Target, given: dict[str, Any]) -> Initiator:
        found = given.get("initiator") or {}
        cut = self.collector.cut
        frames: list[tuple[str, int]] = []
        trace, depth = found.get("stack"), 0
        while trace and depth < 32:
            frames += [(str(frame["url"]), int(frame["lineNumber"]) + 1) for frame in trace.get("callFrames", ())]
            trace, depth = trace.get("parent"), depth + 1
        frames = [(address, line) for address, line in frames if parsed(address)]
        if frames:
            stack = tuple(dict.fromkeys(cut(address) for address, _ in frames))[:20]
            return Initiator(by="script", address=stack[0], line=frames[0][1], stack=stack)
        if found.get("type") == "parser" or (found.get("type") == "other" and found.get("url")):
            return Initiator(
                by="markup", address=cut(str(found.get("url", ""))), line=int(found.get("lineNumber", -1)) + 1
            )
        if "worker" in target.kind:
            return Initiator(by="script", address=cut(target.address), stack=(cut(target.address),))
        if given.get("type") == "Preflight" or found.get("type") == "preflight":
            return Initiator(by="unknown")
        document = str(given.get("documentURL", ""))
        return Initiator(by="script" if found.get("type") == "script" else "unknown", address=cut(document))

    def _answered(self, seen: ObservedRequest | None, response: Mapping[str, Any]) -> None:
        status = int(response.get("status", 0))
        if seen and status not in seen.statuses and len(seen.statuses) < _QUERIES:
            seen.statuses.append(status)

    def _responded(self, target: Target, given: dict[str, Any]) -> None:
        self.last = time.monotonic()
        response = given["response"]
        if flight := self._flights.get((id(target), str(given["requestId"]))):
            self._answered(flight.seen, response)
        if given.get("type") == "Document" and target.kind == "page" and given.get("frameId") == target.main_frame:
            self.main_status, self.main_type = int(response.get("status", 0)), str(response.get("mimeType", ""))[:100]

    def _got_headers(self, target: Target, given: dict[str, Any]) -> None:
        key = (id(target), str(given["requestId"]))
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight("", None)
            if len(self._flights) > _IN_FLIGHT:
                self._flights.popitem(last=False)
        if flight.answered:
            self._headers(flight.answered.pop(0), given)
        elif len(flight.early) < 20:
            flight.early.append(given)

    def _headers(self, address: str, given: Mapping[str, Any]) -> None:
        """Note the cookies and the hints of an answer's headers."""
        refused = {
            str(cookie.get("cookieLine", "")): set(cookie.get("blockedReasons", ()))
            for cookie in given.get("blockedCookies", ())
        }
        for name, value in given.get("headers", {}).items():
            lower = str(name).lower()
            if lower == "set-cookie":
                for line in str(value).split("\n")[:200]:
                    self.cookies.from_header(line, address, self.sighting, refused.get(line, set()))
            elif lower == "link":
                for hint in _HINT_LINK.findall(str(value)[:20_000])[:100]:
                    by = Initiator(by="header", address=self.collector.cut(address))
                    self.request(urljoin(address, hint), Carrier.HINT, by)

    def _failed(self, target: Target, given: dict[str, Any]) -> None:
        flight = self._flights.pop((id(target), str(given["requestId"])), None)
        if flight and flight.seen and not given.get("canceled") and 0 not in flight.seen.statuses:
            flight.seen.statuses.append(0)

    def _socket(self, target: Target, given: dict[str, Any]) -> None:
        self.last = time.monotonic()
        seen = self.request(str(given["url"]), Carrier.SOCKET, self._initiator(target, given))
        self._flights[id(target), str(given.get("requestId", given.get("transportId")))] = _Flight(
            str(given["url"]), seen
        )

    def _socket_opened(self, target: Target, given: dict[str, Any]) -> None:
        if flight := self._flights.get((id(target), str(given["requestId"]))):
            self._answered(flight.seen, given["response"])
            self._headers(flight.address, given["response"])

    def _attached(self, target: Target, _: dict[str, Any]) -> None:
        if "worker" in target.kind and parsed(target.address) and target.address not in self._workers:
            carrier = Carrier.SERVICE_WORKER if target.kind == "service_worker" else Carrier.WORKER
            self._workers[target.address] = (carrier, Initiator(by="unknown"))

    def _stored(self, _: Target, given: dict[str, Any]) -> None:
        place = given["storageId"]
        origin = str(place.get("securityOrigin") or place.get("storageKey", "")).rstrip("/")
        kind = StorageKind.LOCAL if place.get("isLocalStorage") else StorageKind.SESSION
        self.key(str(given["key"]), kind, origin, None)

    def key(self, name: str, kind: StorageKind, origin: str, initiator: Initiator | None) -> None:
        """Note a storage key."""
        cut = self.collector.cut
        name, origin = cut(name), cut(origin.rstrip("/"))
        self.collector.see(
            self.collector.scan.keys,
            (kind, origin, name),
            lambda: ObservedKey(name=name, kind=kind, origin=origin),
            self.sighting,
            initiator,
        )

    def _reported(self, _: Target, given: dict[str, Any]) -> None:
        """Take a report of the hooks. Any page may make up its own, so that each field is checked."""
        payload = given.get("payload")
        self._reports += 1
        if given.get("name") != self._binding or not isinstance(payload, str) or len(payload) > _PAYLOAD:
            return
        if self._reports > _REPORTS:
            self.collector.limit("reports of scripts", _REPORTS, f"{self.page} made more")
            return
        report = json.loads(payload)
        if not isinstance(report, dict):
            return
        kind, name, extra = (str(report.get(key) or "") for key in ("kind", "name", "extra"))
        href, origin = (self.collector.cut(str(report.get(key) or "")) for key in ("href", "origin"))
        addresses, line = stack_of(str(report.get("stack") or ""))
        stack = tuple(self.collector.cut(address) for address in addresses)
        by = Initiator(by="script", address=stack[0] if stack else href, line=line, stack=stack)
        if kind == "cookie":
            self.cookies.from_script(str(report.get("value") or ""), href, self.sighting, by)
        elif kind == "cookie store":
            self.cookies.from_store(name, report.get("value") or {}, href, self.sighting, by)
        elif kind == "key":
            self.key(name, StorageKind(extra), origin, by)
        elif kind == "worker":
            carrier = Carrier.SERVICE_WORKER if extra == "service worker" else Carrier.WORKER
            if len(self._workers) < 1000:
                self._workers[name] = (carrier, by)
        elif kind == "api":
            self._api(name, by, int(report.get("value") or 1))

    def _api(self, name: str, by: Initiator, calls: int) -> None:
        cut, script = self.collector.cut, by.address
        seen = self.collector.see(
            self.collector.scan.apis,
            (cut(name), script),
            lambda: ObservedApi(name=cut(name), script=script),
            self.sighting,
            by,
        )
        if seen and 1 < calls < 1_000_000_000:
            seen.count += calls // 2 - 1  # the report before was of half as many

    _HANDLERS = {  # noqa: RUF012 - never changed
        "attached": _attached,
        "Network.requestWillBeSent": _requested,
        "Network.responseReceived": _responded,
        "Network.responseReceivedExtraInfo": _got_headers,
        "Network.loadingFailed": _failed,
        "Network.webSocketCreated": _socket,
        "Network.webTransportCreated": _socket,
        "Network.webSocketHandshakeResponseReceived": _socket_opened,
        "Runtime.bindingCalled": _reported,
        "DOMStorage.domStorageItemAdded": _stored,
    }
