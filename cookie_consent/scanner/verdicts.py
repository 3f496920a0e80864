"""What each thing that a scan saw belongs to, by the policy and the registry."""

from __future__ import annotations

import secrets
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from cookie_consent.consent import ConsentCookie
from cookie_consent.endpoints.reports.clean import clean_name
from cookie_consent.policy import UNCLASSIFIED
from cookie_consent.policy.classifier import Classifier, Verdict
from cookie_consent.policy.host import host_of
from cookie_consent.policy.prefix import DEFAULT_PREFIX
from cookie_consent.scanner.model import Carrier, ObservedRequest
from cookie_consent.scanner.setters import Setters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cookie_consent.policy import Policy
    from cookie_consent.scanner.model import ObservedCookie, ObservedKey, Scan, Seen

__all__ = ["Judged", "Verdicts", "host_in"]

_STORAGE_PREFIX = "cookie_consent."
_TRACKING = frozenset({"analytics", "advertising", "social"})
_KNOWN_HOSTS = 4096

Sort = Literal["cookie", "host", "storage", "snippet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was seen, with its verdict. Requests are put together by host and service."""

    sort: Sort
    name: str
    """The name of the cookie or key, the host, or the id of the snippet's service."""
    where: str
    """The host that it belongs to."""
    verdict: Verdict
    seen: tuple[Seen, ...]
    is_own: bool
    """Whether it belongs to one of the site's own hosts."""
    is_declared: bool
    is_ours: bool = False
    """Whether it is this package's own."""
    alias: str = ""
    """The known service's host that DNS leads to."""
    cleaned: str = ""
    """The name with ``*`` for what looks like an id."""
    tracker: str = ""
    """The tracker that stored it, if only trackers did: the id of its service."""

    @property
    def is_undeclared(self) -> bool:
        """Whether the policy should declare it and does not. Where a form leads is left to who sends it."""
        if self.is_declared or self.is_ours:
            return False
        return not all(
            isinstance(one, ObservedRequest) and one.carrier is Carrier.FORM and not one.is_made for one in self.seen
        )


class Verdicts:
    """Judges what a scan saw. ``prefix`` is the path of the site's consent pages.

    What another host sets is never taken for the site's own, nor what another's script writes: there a name alone makes
    nothing necessary.
    """

    def __init__(self, policy: Policy, site: str, *, prefix: str = DEFAULT_PREFIX) -> None:
        self.policy = policy
        self.classifier = Classifier(policy)
        self.page_host = host_in(site)
        self._prefix = f"{prefix}/"
        # Only its names are asked for, so any key will do.
        self._own_cookie = ConsentCookie([secrets.token_urlsafe(32)], policy.cookie)
        self._alias = lru_cache(maxsize=_KNOWN_HOSTS)(self._tracker_behind)
        self._aliases: dict[str, tuple[str, ...]] = {}
        self._setters = Setters(self._owner, policy.required_ids)

    def of(self, scan: Scan) -> tuple[Judged, ...]:
        """Return everything that was seen, with its verdict."""
        self._aliases = {request.host: request.aliases for request in scan.requests if request.aliases}
        return (
            *map(self._cookie, scan.cookies),
            *map(self._key, scan.keys),
            *self._requests(scan.requests),
            *self._snippets(scan),
        )

    def is_own(self, host: str) -> bool:
        """Return whether a host is the site's."""
        return self.classifier.is_first_party(host, self.page_host)

    def is_needed(self, verdict: Verdict) -> bool:
        """Return whether something needs no consent. What is unknown needs it."""
        return verdict.category in self.policy.required_ids

    def _cookie(self, cookie: ObservedCookie) -> Judged:
        # A cookie for a domain above the page's host is one of the page, too.
        is_own = self.is_own(cookie.domain) or (not cookie.host_only and self.page_host.endswith(f".{cookie.domain}"))
        found = self.classifier.cookie_of(cookie.name, cookie.domain)
        return self._stored("cookie", cookie, found, cookie.domain, is_own=is_own, is_ours=self._own_cookie.owns)

    def _key(self, key: ObservedKey) -> Judged:
        host = host_in(key.origin)
        found = self.classifier.storage(key.name)
        is_own = not host or self.is_own(host)
        return self._stored("storage", key, found, host, is_own=is_own, is_ours=_is_our_key)

    def _stored(
        self,
        sort: Sort,
        seen: ObservedCookie | ObservedKey,
        found: Verdict,
        host: str,
        *,
        is_own: bool,
        is_ours: Callable[[str], bool],
    ) -> Judged:
        """Judge what is stored for a host under a name for which ``found`` is the verdict."""
        foreign = self._setters.foreign(seen.initiators) if is_own else []
        verdict = self._setters.judged(found, foreign) if is_own else self._of_others(found, host)
        return Judged(
            sort=sort,
            name=seen.name,
            where=host,
            verdict=verdict,
            seen=(seen,),
            is_own=is_own,
            is_declared=self._is_declared(verdict),
            is_ours=is_own and not foreign and is_ours(seen.name),
            cleaned=clean_name(seen.name),
            tracker=(foreign[0].service or "") if foreign and all(map(self._setters.is_tracker, foreign)) else "",
        )

    def _owner(self, address: str) -> Verdict | None:
        """Return what an address belongs to, or None for the site's own."""
        host = host_in(address)
        if not host:
            return None
        path = _path_of(address)
        if not self.is_own(host):
            return self.classifier.host(host, path)
        alias = self._alias(self._aliases.get(host, ()), host)
        return self.classifier.own_service(host, path, self.page_host) or (alias[0] if alias is not None else None)

    def _of_others(self, found: Verdict, host: str) -> Verdict:
        """Return the verdict on what another host stores under a name for which ``found`` is the verdict."""
        if found.rule is not None and found.rule.domain is not None:
            return found
        by_host = self.classifier.host(host)
        if by_host.known or self.classifier.declares(by_host.service):
            return by_host
        if found.known and not self.is_needed(found):
            return found
        below = {service.category for service in self.classifier.known_below(host)}
        if len(below) == 1 and not below <= self.policy.required_ids:
            service = self.classifier.known_below(host)[0]
            return Verdict(category=service.category, service=service.id, reason=f"{host} is of {service.name}")
        return by_host

    def _requests(self, requests: Sequence[ObservedRequest]) -> Iterator[Judged]:
        groups: dict[tuple[str, str | None, str, str, bool], list[ObservedRequest]] = defaultdict(list)
        verdicts: dict[tuple[str, str | None, str, str, bool], Verdict] = {}
        for request in requests:
            verdict, alias = self._request(request)
            is_ours = self.is_own(request.host) and urlsplit(request.address).path.startswith(self._prefix)
            key = (request.host, verdict.service, verdict.category, alias, is_ours)
            groups[key].append(request)
            verdicts.setdefault(key, verdict)
        for key, group in groups.items():
            host, _, _, alias, is_ours = key
            is_own = self.is_own(host)
            verdict = verdicts[key]
            yield Judged(
                sort="host",
                name=host,
                where=host,
                verdict=verdict,
                seen=tuple(group),
                is_own=is_own,
                is_declared=(is_own and verdict.service is None)
                or (self._is_declared(verdict) and not (alias and not self._names_host(host, verdict))),
                is_ours=is_ours,
                alias=alias,
                cleaned=host,
            )

    def _request(self, request: ObservedRequest) -> tuple[Verdict, str]:
        """Return what a request belongs to, and the alias by which that is known."""
        host = request.host
        if not self.is_own(host):
            verdict = self.classifier.host(host, _path_of(request.address))
            if verdict.known or self.classifier.declares(verdict.service):
                return verdict, ""
            return self._alias(request.aliases, host) or (verdict, "")
        own = self._told(request)
        if own is not None:
            found = self._alias(request.aliases, host)
            return own, found[1] if found is not None and found[0].service == own.service else ""
        site = Verdict(category="session", reason="the site's own host")
        return self._alias(request.aliases, host) or (site, "")

    def _told(self, request: ObservedRequest) -> Verdict | None:
        """Return what a request to an own host belongs to, if any of its addresses or what asks for it tells."""
        path = _path_of(request.address)
        for query in (*request.queries, ""):
            own = self.classifier.own_service(request.host, f"{path}?{query}" if query else path, self.page_host)
            if own is not None:
                return own
        told = next(filter(None, map(self.policy.known_service, request.services)), None)
        return self._signed(told.id, f"its address, or what asks for it, is marked by {told.name}") if told else None

    def _signed(self, name: str, reason: str) -> Verdict:
        """Return the verdict on what carries the marks of a service."""
        service = self.policy.known_service(name)
        category = service.category if service is not None else UNCLASSIFIED
        category = category if self.policy.category(category) is not None else UNCLASSIFIED
        return Verdict(category=category, service=name, reason=reason)

    def _tracker_behind(self, aliases: tuple[str, ...], host: str) -> tuple[Verdict, str] | None:
        """Return the service that DNS leads a host to, if it measures or advertises; hosting is the site's own."""
        for alias in aliases:
            name = host_of(alias)
            verdict = self.classifier.host(name)
            if verdict.service is not None and verdict.category in _TRACKING and not self.is_own(name):
                return replace(verdict, reason=f"DNS leads {host} to {name}: {verdict.reason}"), name
        return None

    def _names_host(self, host: str, verdict: Verdict) -> bool:
        """Return whether the policy declares one of the site's hosts as a service's."""
        found = self.classifier.own_service(host, "/", self.page_host) if self.is_own(host) else None
        found = found or self.classifier.host(host)
        return found.service == verdict.service

    def _snippets(self, scan: Scan) -> Iterator[Judged]:
        for snippet in scan.snippets:
            yield Judged(
                sort="snippet",
                name=snippet.service,
                where=self.page_host,
                verdict=self._signed(snippet.service, "a script in the page starts it"),
                seen=(snippet,),
                is_own=True,
                is_declared=self.classifier.declares(snippet.service),
                cleaned=snippet.service,
            )

    def _is_declared(self, verdict: Verdict) -> bool:
        """Return whether the policy itself declares it, even as ``unclassified``."""
        if verdict.service is not None:
            return self.classifier.declares(verdict.service)
        return verdict.rule is not None


def _is_our_key(name: str) -> bool:
    return name.startswith(_STORAGE_PREFIX)


def host_in(address: str) -> str:
    """Return the host of an address, lower-case without port, or an empty string."""
    try:
        return host_of(urlsplit(address).netloc.rpartition("@")[2])
    except ValueError:
        return ""


def _path_of(address: str) -> str:
    try:
        return urlsplit(address).path or "/"
    except ValueError:
        return "/"
