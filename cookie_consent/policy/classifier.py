"""What a cookie, an address or an inline script belongs to, and why."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Generic, TypeVar

from cookie_consent.policy import UNCLASSIFIED, CookieRule, Service, registry
from cookie_consent.policy.host_pattern import HostPattern, parent_domains
from cookie_consent.policy.own_rules import OwnRules
from cookie_consent.policy.site_domain import site_domain
from cookie_consent.policy.undeclared import is_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cookie_consent.policy import Policy
    from cookie_consent.policy.own_rules import Element

__all__ = ["Classifier", "Verdict"]

T = TypeVar("T")

_KNOWN_COOKIES = 4096
_LONGEST_KEPT = 256
"""Verdicts on so many cookies are kept, unless their names are longer than any that is in use."""
_KNOWN_HOSTS = 4096
"""How many hosts' rules are kept at hand."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What something was recognised as. ``service`` is None for the site's own and for the unknown."""

    category: str
    service: str | None = None
    reason: str
    rule: CookieRule | None = None
    """The rule that a cookie matched."""
    host: str = ""
    """The undeclared host, as notices name it. Empty for what is known, and for hosts that no notice can name."""

    @property
    def known(self) -> bool:
        """Whether the policy or the registry declares it."""
        return self.category != UNCLASSIFIED

    @property
    def party(self) -> str | None:
        """The service, or the undeclared host, which visitors answer for like a service."""
        return self.service or self.host or None

    @property
    def persist(self) -> str | None:
        """The category that lets a cookie outlive the browser session. None: nothing does."""
        if self.rule is not None and self.rule.persist is not None:
            return self.rule.persist
        return self.category if self.category != "session" else None


class Classifier:
    """Tells what belongs to which service and category. Built once per policy; immutable.

    The site's own declarations come first, then the policy's services, then the registry. Among patterns the exact
    one wins, then the longest. A category that the policy has removed counts as unclassified.

    On the site's own hosts, services that the policy declares for them come first, then the registry's signatures, and
    the rest is the site's.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._categories = {category.id for category in policy.categories}
        self._declared = frozenset(service.id for service in policy.services)
        self._cookies: list[_Patterns[Verdict]] = []
        self._storage: list[_Patterns[Verdict]] = []
        self._hosts: list[_Hosts] = []
        self._inline: list[_Signatures] = []
        self._own_rules = OwnRules[Verdict]()
        self._has_own_paths = any(_declares_paths(service) for service in policy.services)
        own = _Patterns[Verdict]()
        for rule in policy.cookies:
            own.add(rule.name, self._cookie_verdict(None, rule, "declared by the site"))
        self._cookies.append(own)
        for services, source in (
            (policy.services, "declared by the site"),
            (policy.undeclared_services, "in the registry"),
        ):
            self._add(services, source)
        self._first_party = _Hosts()
        for pattern in chain(policy.first_party, [policy.site] if policy.site else []):
            self._first_party.add(pattern, Verdict(category="session", reason="declared first party"))
        self._known_cookies = lru_cache(maxsize=_KNOWN_COOKIES)(self._find_cookie)
        self._rules_of = lru_cache(maxsize=_KNOWN_HOSTS)(self._find_rules)
        self._is_own = lru_cache(maxsize=_KNOWN_HOSTS)(self._find_own)
        self._rules_of_own = lru_cache(maxsize=_KNOWN_HOSTS)(self._find_rules_of_own)

    def declares(self, service: str | None) -> bool:
        """Return whether the policy itself names the service, rather than the registry alone."""
        return service in self._declared

    def cookie(self, name: str) -> Verdict:
        """Say what the cookie of that name is for; an undeclared one is ``unclassified``."""
        return self._known_cookies(name) if len(name) <= _LONGEST_KEPT else self._find_cookie(name)

    def storage(self, name: str) -> Verdict:
        """Say what the storage key of that name is for. Where no rule for storage matches, those for cookies do."""
        for patterns in self._storage:
            verdict = patterns.find(name)
            if verdict is not None:
                return verdict
        return self.cookie(name)

    def _find_cookie(self, name: str) -> Verdict:
        for patterns in self._cookies:
            verdict = patterns.find(name)
            if verdict is not None:
                return verdict
        return Verdict(category=UNCLASSIFIED, reason="no rule of the policy or the registry matches this cookie")

    def host(self, host: str, path: str = "/") -> Verdict:
        """Say what a third-party address belongs to.

        ``host`` is lower-case without port, ``path`` begins with a slash and may go on with a query.
        """
        rules, unknown = self._rules_of(host)
        for prefix, verdict in rules:
            if path.startswith(prefix):
                return verdict
        return unknown

    def address(self, host: str, path: str = "/") -> Verdict:
        """Say what an address on a page of the declared ``site`` belongs to, first party or not."""
        site = HostPattern.parse(self.policy.site).domain if self.policy.site else ""
        if not self.is_first_party(host, site):
            return self.host(host, path)
        how = "declared" if self.is_declared_own(host, site) else f"by its domain, {self.own_domain(site)}"
        return self.own_service(host, path, site) or Verdict(category="session", reason=f"first party: {how}")

    def is_first_party(self, host: str, page_host: str) -> bool:
        """Say whether ``host`` belongs to the site of the page; ports are not compared."""
        return self.is_declared_own(host, page_host) or self.is_own_by_domain(host, page_host)

    def is_declared_own(self, host: str, page_host: str) -> bool:
        """Say whether ``host`` is the page's own host or declared as the site's."""
        return host == page_host or self._is_own(host)

    def is_own_by_domain(self, host: str, page_host: str) -> bool:
        """Say whether ``host`` is in the site's domain, whether or not it is declared."""
        domain = self.own_domain(page_host)
        return domain is not None and site_domain(host) == domain

    def own_service(self, host: str, path: str, page_host: str, element: Element | None = None) -> Verdict | None:
        """Return what an address on one of the site's own hosts belongs to, or None if it is the site's.

        ``path`` may go on with a query. ``element`` is what asks for it, if it is known. The page's own host as a whole
        is always the site's.
        """
        for prefix, verdict in self._rules_of_own(host):
            if path.startswith(prefix) and (prefix or host != page_host):
                return verdict
        return self._own_rules.find(path, element)

    def has_own_paths(self, page_host: str) -> bool:
        """Return whether the policy declares paths on the page's own host, so that relative addresses may be held."""
        return self._has_own_paths or any(prefix for prefix, _ in self._rules_of_own(page_host))

    def own_domain(self, page_host: str) -> str | None:
        """Return the domain whose hosts are first party on a page of ``page_host``, or None if only single hosts are.

        If the policy declares ``site``, its domain counts, since a proxy may replace ``Host``.
        """
        if not self.policy.first_party_site:
            return None
        return self._domain_of_site if self.policy.site else site_domain(page_host)

    def replaced_host(self, page_host: str) -> str:
        """Return the host of the declared ``site`` if ``page_host`` is not the site's, or an empty string.

        Then a proxy has probably replaced ``Host``.
        """
        if self.policy.site is None or self.is_first_party(page_host, ""):
            return ""
        return HostPattern.parse(self.policy.site).domain

    @cached_property
    def _domain_of_site(self) -> str | None:
        return site_domain(HostPattern.parse(self.policy.site or "").domain)

    def inline_script(self, text: str) -> tuple[Verdict, ...]:
        """Return the services whose signatures an inline script carries; none for the site's own code."""
        return tuple(verdict for signatures in self._inline for verdict in signatures.find(text))

    def _add(self, services: Iterable[Service], source: str) -> None:
        cookies, storage, hosts, inline = _Patterns[Verdict](), _Patterns[Verdict](), _Hosts(), _Signatures()
        for service in services:
            for rule in service.cookies:
                cookies.add(rule.name, self._cookie_verdict(service, rule, source))
            category = self._offered(service.category)
            for stored in service.storage:
                reason = f"{stored.name} is storage of {service.name}, {source}"
                storage.add(stored.name, Verdict(category=category, service=service.id, reason=reason))
            for pattern in service.hosts:
                kind = "a path" if pattern.startswith("/") else "a host"
                verdict = Verdict(
                    category=category, service=service.id, reason=f"{pattern} is {kind} of {service.name}, {source}"
                )
                if pattern.startswith("/"):
                    self._own_rules.add_prefix(pattern, verdict)
                else:
                    hosts.add(pattern, verdict)
            for own in service.own:
                reason = f"{own.path} with its marks is an address of {service.name}, {source}"
                self._own_rules.add(own, Verdict(category=category, service=service.id, reason=reason))
            for signature in service.inline:
                reason = f"holds {signature!r}, a mark of {service.name}, {source}"
                inline.add(signature, Verdict(category=category, service=service.id, reason=reason))
        inline.compile()
        self._cookies.append(cookies)
        self._storage.append(storage)
        self._hosts.append(hosts)
        self._inline.append(inline)

    def _find_rules(self, host: str) -> tuple[tuple[_PathRule, ...], Verdict]:
        """Return the rules for the host, the first that matches being the one that counts, and what holds if none."""
        reason = f"no rule of the policy or the registry matches {host}"
        named = host if self.policy.unknown_hosts == "ask" and is_host(host) else ""
        unknown = Verdict(category=UNCLASSIFIED, reason=reason, host=named)
        return tuple(rule for hosts in self._hosts for rule in hosts.rules(host)), unknown

    def _find_own(self, host: str) -> bool:
        return any("/".startswith(prefix) for prefix, _ in self._first_party.rules(host))

    def _find_rules_of_own(self, host: str) -> tuple[_PathRule, ...]:
        """Return the rules of declared services for one of the site's hosts."""
        # A host that the site declares as first party is not taken by a wider pattern of a service.
        found: list[_PathRule] = []
        for declared, own in self._hosts[0].levels(host, self._first_party):
            found += declared
            if own:
                break
        return tuple(found)

    def _cookie_verdict(self, service: Service | None, rule: CookieRule, source: str) -> Verdict:
        category = rule.category or (service.category if service is not None else UNCLASSIFIED)
        owner = f"a cookie of {service.name}, {source}" if service is not None else source
        return Verdict(
            category=self._offered(category),
            service=service.id if service is not None else None,
            reason=f"{rule.name} is {owner}",
            rule=rule,
        )

    def _offered(self, category: str) -> str:
        return category if category in self._categories else UNCLASSIFIED


def _declares_paths(service: Service) -> bool:
    """Return whether the site itself has declared paths on its own hosts for the service."""
    known = registry().get(service.id)
    inherited = known.own if known is not None else ()
    # The rules of the registry all need a query, or a script, or are for hosts beside the page's.
    return any(rule not in inherited for rule in service.own) or any(host.startswith("/") for host in service.hosts)


class _Patterns(Generic[T]):
    """Names with ``*``: exact ones in a dict, the others by length, longest first."""

    def __init__(self) -> None:
        self._exact: dict[str, T] = {}
        self._globs: list[tuple[re.Pattern[str], int, T]] = []

    def add(self, pattern: str, value: T) -> None:
        if "*" not in pattern:
            self._exact.setdefault(pattern, value)
            return
        regex = re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)
        self._globs.append((regex, len(pattern), value))
        self._globs.sort(key=lambda entry: -entry[1])

    def find(self, name: str) -> T | None:
        exact = self._exact.get(name)
        if exact is not None:
            return exact
        return next((value for regex, _, value in self._globs if regex.fullmatch(name)), None)


_PathRule = tuple[str, Verdict]
"""A prefix of the path, empty for all, and what it means."""


class _Hosts:
    """Host patterns: looked up by the host and then by each parent domain; the longest path prefix wins."""

    def __init__(self) -> None:
        self._exact: dict[str, list[_PathRule]] = {}
        self._below: dict[str, list[_PathRule]] = {}

    def add(self, pattern: str, verdict: Verdict) -> None:
        parsed = HostPattern.parse(pattern)
        table = self._below if parsed.is_wildcard else self._exact
        entries = table.setdefault(parsed.domain, [])
        entries.append((parsed.path, verdict))
        entries.sort(key=lambda entry: -len(entry[0]))

    def rules(self, host: str) -> Iterator[_PathRule]:
        """Yield the rules for the host, those of the nearest domain first."""
        yield from self._exact.get(host, ())
        for domain in parent_domains(host):
            yield from self._below.get(domain, ())

    def levels(self, host: str, other: _Hosts) -> Iterator[tuple[list[_PathRule], list[_PathRule]]]:
        """Yield the rules of both for the host itself, and then for each parent domain."""
        yield self._exact.get(host, []), other._exact.get(host, [])
        for domain in parent_domains(host):
            yield self._below.get(domain, []), other._below.get(domain, [])


_FRAGMENT = 5
"""The length of what signatures share."""


class _Signatures:
    """Texts to find in inline scripts. Where one lies within another that is found, only the longer one counts."""

    def __init__(self) -> None:
        self._verdicts: dict[str, Verdict] = {}
        self._by_fragment: dict[str, list[str]] = {}

    def add(self, signature: str, verdict: Verdict) -> None:
        self._verdicts.setdefault(signature, verdict)

    def compile(self) -> None:
        # Many signatures share a fragment, such as ".com/". Only in a script that holds it are they searched for.
        counts = Counter(chain.from_iterable(map(_fragments, self._verdicts)))
        for signature in self._verdicts:
            shared = max(_fragments(signature), key=counts.__getitem__)
            self._by_fragment.setdefault(shared, []).append(signature)

    def find(self, text: str) -> list[Verdict]:
        """Return the verdicts of the signatures in ``text``, in the order in which they first occur."""
        groups = [signatures for fragment, signatures in self._by_fragment.items() if fragment in text]
        found = [signature for signatures in groups for signature in signatures if signature in text]
        if len(found) > 1:
            found = [signature for signature in found if _stands_alone(signature, found, text)]
            found.sort(key=text.find)
        return [self._verdicts[signature] for signature in found]


def _fragments(signature: str) -> list[str]:
    """Return the runs of characters in ``signature``, each once; a short one is a run of its own."""
    starts = range(max(len(signature) - _FRAGMENT + 1, 1))
    return list(dict.fromkeys(signature[start : start + _FRAGMENT] for start in starts))


def _stands_alone(signature: str, found: list[str], text: str) -> bool:
    """Say whether ``signature`` occurs in ``text`` outside of longer signatures."""
    for other in found:
        if signature != other and signature in other:
            text = text.replace(other, "\0")
    return signature in text
