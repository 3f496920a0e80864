"""What a cookie, an address or an inline script belongs to, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Generic, TypeVar

from cookie_consent.policy import UNCLASSIFIED, CookieRule, Service, registry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.policy import Policy

__all__ = ["Classifier", "Verdict"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What something was recognised as. ``service`` is None for the site's own and for the unknown."""

    category: str
    service: str | None = None
    reason: str
    rule: CookieRule | None = None
    """The rule that a cookie matched."""

    @property
    def known(self) -> bool:
        """Whether the policy or the registry declares it."""
        return self.category != UNCLASSIFIED


class Classifier:
    """Tells what belongs to which service and category. Built once per policy; immutable.

    The site's own declarations come first, then the policy's services, then the registry. Among patterns the exact
    one wins, then the longest. A category that the policy has removed counts as unclassified.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._categories = {category.id for category in policy.categories}
        declared = {service.id for service in policy.services}
        known = [service for service in registry().values() if service.id not in declared]
        self._cookies: list[_Patterns[Verdict]] = []
        self._hosts: list[_Hosts] = []
        self._inline: list[_Signatures] = []
        own = _Patterns[Verdict]()
        for rule in policy.cookies:
            own.add(rule.name, self._cookie_verdict(None, rule, "declared by the site"))
        self._cookies.append(own)
        for services, source in ((policy.services, "declared by the site"), (known, "in the registry")):
            self._add(services, source)
        self._first_party = _Hosts()
        for pattern in chain(policy.first_party, [policy.site] if policy.site else []):
            self._first_party.add(pattern, Verdict(category="session", reason="declared first party"))

    def cookie(self, name: str) -> Verdict:
        """Say what the cookie of that name is for; an undeclared one is ``unclassified``."""
        for patterns in self._cookies:
            verdict = patterns.find(name)
            if verdict is not None:
                return verdict
        return Verdict(category=UNCLASSIFIED, reason="no rule of the policy or the registry matches this cookie")

    def host(self, host: str, path: str = "/") -> Verdict:
        """Say what a third-party address belongs to.

        ``host`` is lower-case without port, ``path`` begins with a slash and may go on with a query.
        """
        for hosts in self._hosts:
            verdict = hosts.find(host, path)
            if verdict is not None:
                return verdict
        return Verdict(category=UNCLASSIFIED, reason=f"no rule of the policy or the registry matches {host}")

    def is_first_party(self, host: str, page_host: str) -> bool:
        """Say whether ``host`` is the page's own host or declared as the site's; ports are not compared."""
        return host == page_host or self._first_party.find(host, "/") is not None

    def inline_script(self, text: str) -> tuple[Verdict, ...]:
        """Return the services whose signatures an inline script carries; none for the site's own code."""
        return tuple(verdict for signatures in self._inline for verdict in signatures.find(text))

    def _add(self, services: Iterable[Service], source: str) -> None:
        cookies, hosts, inline = _Patterns[Verdict](), _Hosts(), _Signatures()
        for service in services:
            for rule in service.cookies:
                cookies.add(rule.name, self._cookie_verdict(service, rule, source))
            category = self._offered(service.category)
            for pattern in service.hosts:
                reason = f"{pattern} is a host of {service.name}, {source}"
                hosts.add(pattern, Verdict(category=category, service=service.id, reason=reason))
            for signature in service.inline:
                reason = f"holds {signature!r}, a mark of {service.name}, {source}"
                inline.add(signature, Verdict(category=category, service=service.id, reason=reason))
        inline.compile()
        self._cookies.append(cookies)
        self._hosts.append(hosts)
        self._inline.append(inline)

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


class _Hosts:
    """Host patterns: looked up by the host and then by each parent domain; the longest path prefix wins."""

    def __init__(self) -> None:
        self._exact: dict[str, list[tuple[str, Verdict]]] = {}
        self._below: dict[str, list[tuple[str, Verdict]]] = {}

    def add(self, pattern: str, verdict: Verdict) -> None:
        host, slash, path = pattern.partition("/")
        table, key = (self._below, host[2:]) if host.startswith("*.") else (self._exact, host)
        entries = table.setdefault(key, [])
        entries.append((slash + path, verdict))
        entries.sort(key=lambda entry: -len(entry[0]))

    def find(self, host: str, path: str) -> Verdict | None:
        verdict = _by_path(self._exact.get(host, ()), path)
        if verdict is not None:
            return verdict
        dot = host.find(".")
        while dot >= 0:
            verdict = _by_path(self._below.get(host[dot + 1 :], ()), path)
            if verdict is not None:
                return verdict
            dot = host.find(".", dot + 1)
        return None


class _Signatures:
    """Texts to find in inline scripts, looked for together in one pass."""

    def __init__(self) -> None:
        self._verdicts: dict[str, Verdict] = {}
        self._regex: re.Pattern[str] | None = None

    def add(self, signature: str, verdict: Verdict) -> None:
        self._verdicts.setdefault(signature, verdict)

    def compile(self) -> None:
        if self._verdicts:
            self._regex = re.compile(_any_of(sorted(self._verdicts)))

    def find(self, text: str) -> list[Verdict]:
        if self._regex is None:
            return []
        return [self._verdicts[signature] for signature in dict.fromkeys(self._regex.findall(text))]


def _any_of(words: list[str]) -> str:
    """Return a pattern for the longest of ``words`` that matches, with their common beginnings written once."""
    branches = []
    for first in sorted({word[0] for word in words if word}):
        rests = [word[1:] for word in words if word[:1] == first]
        branches.append(re.escape(first) + (_any_of(rests) if any(rests) else ""))
    pattern = branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
    return f"(?:{pattern})?" if "" in words else pattern


def _by_path(entries: Iterable[tuple[str, Verdict]], path: str) -> Verdict | None:
    return next((verdict for prefix, verdict in entries if path.startswith(prefix)), None)
