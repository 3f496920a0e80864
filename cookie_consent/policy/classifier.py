"""What a cookie, an address or an inline script belongs to, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from cookie_consent.policy import UNCLASSIFIED, CookieRule, Service, host_table, name_table, registry
from cookie_consent.policy.catalogue import DeclaredServices
from cookie_consent.policy.host_pattern import HostPattern, path_matches, path_rank
from cookie_consent.policy.host_table import HostTable
from cookie_consent.policy.name_table import NameTable
from cookie_consent.policy.own_rules import Marks, OwnRules
from cookie_consent.policy.signatures import Signatures
from cookie_consent.policy.site_domain import site_domain
from cookie_consent.policy.undeclared import is_host

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from cookie_consent.policy import Policy
    from cookie_consent.policy.catalogue import Catalogue, Kind
    from cookie_consent.policy.own_rules import Element

__all__ = ["Basis", "Classifier", "Source", "Verdict"]

Source: TypeAlias = Literal["policy", "registry", "own host", "nobody"]
"""Who says it: the site's policy, the registry, nobody, or that it is on a host of the site."""
Basis: TypeAlias = Literal[
    "declared", "registry-domain", "registry-host", "registry-name", "signature", "setter", "own-host", "unknown"
]
"""How sure a verdict is. ``docs/services.md`` explains the words."""
_PathRule: TypeAlias = "tuple[str, Verdict]"
"""A prefix of the path, empty for all, and what it means."""
_NEEDED = frozenset({"session", "login"})
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
    source: Source = "nobody"
    basis: Basis = "unknown"

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


_UNKNOWN_COOKIE = Verdict(category=UNCLASSIFIED, reason="no rule of the policy or the registry matches this cookie")


class Classifier:
    """Tells what belongs to which service and category. Built once per policy; immutable.

    The site's own declarations come first, then the policy's services, then the registry. Among patterns the exact
    one wins, then the one with most literal characters. A category that the policy has removed counts as unclassified.
    Of hosts, only those that the site has written itself come before the registry's. A service that it declares by name
    alone has the registry's hosts, and these compete with those of other services: the most exact one wins.

    On the site's own hosts, services that the policy declares for them come first, then the registry's signatures, and
    the rest is the site's.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        offered = {category.id for category in policy.categories}
        self._declared = frozenset(service.id for service in policy.services)
        self._written = frozenset(service.id for service in policy.services if policy.writes_hosts(service))
        known = registry()
        replaced = frozenset(known.numbers[service_id] for service_id in self._declared if service_id in known)
        declared = _Services(DeclaredServices(policy.services), "policy", offered)
        self._services = (declared, _Services(known, "registry", offered, replaced))
        own = (_SiteCookies(policy.cookies, offered),) if policy.cookies else ()
        self._cookies: tuple[_CookieRules, ...] = (*own, *(level for level in self._services if level.has_cookies))
        self._own_rules = OwnRules[Callable[[], Verdict]]()
        for services in self._services:
            for path, verdict in services.own_prefixes():
                self._own_rules.add_prefix(path, verdict)
            for marks, verdict in services.own_rules():
                self._own_rules.add(marks, verdict)
        self._has_own_paths = any(_declares_paths(service) for service in policy.services)
        self._site = HostPattern.parse(policy.site).domain if policy.site else ""
        first = [*policy.first_party, *([policy.site] if policy.site else [])]
        self._first_party = HostTable(host_table.arranged((pattern, 0) for pattern in first))
        self._known_cookies = lru_cache(maxsize=_KNOWN_COOKIES)(self._find_cookie)
        self._rules_of = lru_cache(maxsize=_KNOWN_HOSTS)(self._find_rules)
        self._unknown_host = lru_cache(maxsize=_KNOWN_HOSTS)(self._find_unknown)
        self._is_own = lru_cache(maxsize=_KNOWN_HOSTS)(self._find_own)
        self._rules_of_own = lru_cache(maxsize=_KNOWN_HOSTS)(self._find_rules_of_own)

    def declares(self, service: str | None) -> bool:
        """Return whether the policy itself names the service, rather than the registry alone."""
        return service in self._declared

    def cookie(self, name: str) -> Verdict:
        """Say what the cookie of that name is for; an undeclared one is ``unclassified``.

        It is one of the site: of the rules for a domain, only those for the declared ``site`` count.
        """
        return self._known_cookies(name) if len(name) <= _LONGEST_KEPT else self._find_cookie(name)

    def cookie_of(self, name: str, host: str) -> Verdict:
        """Say the same of a cookie that a host has set, which is lower-case without port.

        A rule for a domain counts if the host is that domain or below it, and then comes before those without one.
        """
        return self._find_cookie(name, host)

    def cookie_of_third_party(self, name: str, host: str, setter: Verdict) -> Verdict:
        """Say the same of a cookie of a host that is not the site's.

        ``setter`` is what the address that set it belongs to. A rule without a domain is about cookies of the site,
        and counts only if it is the setter's. A cookie without a rule is its setter's, but that a setter is needed does
        not make its cookies necessary.
        """
        verdict = self._find_cookie(name, host)
        if verdict.rule is not None and verdict.rule.domain is not None:
            return verdict
        if setter.service is not None:
            if verdict.service == setter.service:
                return replace(verdict, basis="registry-domain") if verdict.basis == "registry-name" else verdict
            reason = f"no rule for this name, but of who sets it: {setter.reason}"
            if setter.category in _NEEDED:
                return replace(setter, category=UNCLASSIFIED, reason=reason, basis="unknown")
            return replace(setter, reason=reason, basis="setter")
        return Verdict(category=UNCLASSIFIED, reason=f"no rule matches a cookie of this name that {host} sets")

    def cookie_elsewhere(self, name: str) -> tuple[tuple[str, Verdict], ...]:
        """Return the domains for which there is a rule for a cookie of that name, and what it is for if they set it."""
        return tuple(found for rules in self._cookies for found in rules.elsewhere(name))

    def storage(self, name: str) -> Verdict:
        """Say what the storage key of that name is for. Where no rule for storage matches, those for cookies do."""
        for services in self._services:
            verdict = services.storage(name)
            if verdict is not None:
                return verdict
        return self.cookie(name)

    def _find_cookie(self, name: str, host: str | None = None) -> Verdict:
        host = host if host is not None else self._site
        for rules in self._cookies:
            verdict = (rules.bound(name, host) if host else None) or rules.cookie(name)
            if verdict is not None:
                return verdict
        return _UNKNOWN_COOKIE

    def host(self, host: str, path: str = "/") -> Verdict:
        """Say what a third-party address belongs to.

        ``host`` is lower-case without port, ``path`` begins with a slash and may go on with a query.
        """
        for prefix, verdict in self._rules_of(host):
            if path_matches(prefix, path):
                return verdict
        return self._unknown_host(host)

    def known_below(self, domain: str) -> Sequence[Service]:
        """Return the services of the registry, without those that the policy declares, with a host below a domain."""
        return self._services[1].with_hosts_below(domain)

    def address(self, host: str, path: str = "/") -> Verdict:
        """Say what an address on a page of the declared ``site`` belongs to, first party or not."""
        site = self._site
        if not self.is_first_party(host, site):
            return self.host(host, path)
        how = "declared" if self.is_declared_own(host, site) else f"by its domain, {self.own_domain(site)}"
        return self.own_service(host, path, site) or Verdict(
            category="session", reason=f"first party: {how}", source="own host", basis="own-host"
        )

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
            if path_matches(prefix, path) and (prefix or host != page_host):
                return verdict
        found = self._own_rules.find(path, element)
        return found() if found is not None else None

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
        return self._site

    @cached_property
    def _domain_of_site(self) -> str | None:
        return site_domain(self._site)

    def inline_script(self, text: str) -> tuple[Verdict, ...]:
        """Return the services whose signatures an inline script carries; none for the site's own code."""
        return tuple(verdict for services in self._services for verdict in services.inline(text))

    def _find_rules(self, host: str) -> tuple[_PathRule, ...]:
        """Return the rules for the host, the first that matches being the one that counts."""
        declared, known = self._services[0].host_levels(host), self._services[1].host_levels(host)
        if not declared:
            return tuple(rule for _, rules in known for rule in rules)
        found = [rule for _, rules in declared for rule in rules if self._is_written(rule)]
        by_name = [(level, rule) for level, rules in declared for rule in rules if not self._is_written(rule)]
        others = [(level, rule) for level, rules in known for rule in rules]
        # Of the same pattern, what the policy declares comes first.
        found += [rule for _, rule in sorted([*by_name, *others], key=lambda entry: (entry[0], path_rank(entry[1][0])))]
        return tuple(found)

    def _find_unknown(self, host: str) -> Verdict:
        reason = f"no rule of the policy or the registry matches {host}"
        named = host if self.policy.unknown_hosts == "ask" and is_host(host) else ""
        return Verdict(category=UNCLASSIFIED, reason=reason, host=named)

    def _is_written(self, rule: _PathRule) -> bool:
        return rule[1].service in self._written

    def _find_own(self, host: str) -> bool:
        return any(path_matches(prefix, "/") for prefix, _ in self._first_party.rules(host))

    def _find_rules_of_own(self, host: str) -> tuple[_PathRule, ...]:
        """Return the rules of declared services for one of the site's hosts."""
        declared, own = self._services[0].host_levels(host), self._first_party.levels(host)
        # A host that the site declares as first party is not taken by a wider pattern of a service.
        return tuple(rule for level, rules in declared if not own or level <= own[0][0] for rule in rules)


def _declares_paths(service: Service) -> bool:
    """Return whether the site itself has declared paths on its own hosts for the service."""
    known = registry().get(service.id)
    inherited = known.own if known is not None else ()
    # The rules of the registry all need a query, or a script, or are for hosts beside the page's.
    return any(rule not in inherited for rule in service.own) or any(host.startswith("/") for host in service.hosts)


class _CookieRules(Protocol):
    """Rules for cookies, with and without a domain."""

    def cookie(self, name: str) -> Verdict | None:
        """Return what a cookie is for by the rules without a domain."""

    def bound(self, name: str, host: str) -> Verdict | None:
        """Return what a cookie of the host is for by the rules with a domain."""

    def elsewhere(self, name: str) -> Iterator[tuple[str, Verdict]]:
        """Yield the domains of the rules for the name, and what it is for there."""


class _SiteCookies:
    """The rules for cookies that the site itself declares."""

    def __init__(self, rules: Sequence[CookieRule], offered: AbstractSet[str]) -> None:
        self._rules = rules
        self._offered = offered
        numbered = list(enumerate(rules))
        tables = (
            name_table.arranged((rule.name, number) for number, rule in numbered if (rule.domain is not None) is bound)
            for bound in (False, True)
        )
        self._cookies, self._bound = (NameTable(table, looks_through=True) for table in tables)

    def cookie(self, name: str) -> Verdict | None:
        number = self._cookies.find(name)
        return self._verdict(number) if number is not None else None

    def bound(self, name: str, host: str) -> Verdict | None:
        number = self._bound.find(name, lambda number: _is_of(host, self._rules[number].domain))
        return self._verdict(number) if number is not None else None

    def elsewhere(self, name: str) -> Iterator[tuple[str, Verdict]]:
        for number in self._bound.all(name):
            yield self._rules[number].domain or "", self._verdict(number)

    def _verdict(self, number: int) -> Verdict:
        rule = self._rules[number]
        category = rule.category if rule.category in self._offered else UNCLASSIFIED
        return Verdict(
            category=category or UNCLASSIFIED,
            reason=f"{rule.name} is declared by the site",
            rule=rule,
            source="policy",
            basis="declared",
        )


class _Services:
    """What services have. Verdicts are made when they are needed. Those in ``replaced`` do not count."""

    def __init__(
        self, catalogue: Catalogue, source: Source, offered: AbstractSet[str], replaced: AbstractSet[int] = frozenset()
    ) -> None:
        self._catalogue = catalogue
        self._source = source
        self._offered = offered
        self._replaced = replaced
        tables = catalogue.tables
        self._cookies = NameTable(tables["cookies"], looks_through=True)
        self._bound = NameTable(tables["bound"], looks_through=True)
        self._storage = NameTable(tables["storage"], looks_through=False)
        self._hosts = HostTable(tables["hosts"])
        self._inline = Signatures(tables["inline"], self._counting("inline"))
        self.has_cookies = bool(self._cookies) or bool(self._bound)
        self._accepts_cookie = self._counting("cookies")
        self._accepts_storage = self._counting("storage")
        self._verdicts: dict[tuple[Kind, int], Verdict] = {}

    def cookie(self, name: str) -> Verdict | None:
        number = self._cookies.find(name, self._accepts_cookie)
        return self._verdict("cookies", number) if number is not None else None

    def bound(self, name: str, host: str) -> Verdict | None:
        def accepts(number: int) -> bool:
            return self._counts("cookies", number) and _is_of(host, self._cookie_rule(number).domain)

        number = self._bound.find(name, accepts)
        return self._verdict("cookies", number) if number is not None else None

    def elsewhere(self, name: str) -> Iterator[tuple[str, Verdict]]:
        for number in self._bound.all(name):
            if self._counts("cookies", number):
                yield self._cookie_rule(number).domain or "", self._verdict("cookies", number)

    def storage(self, name: str) -> Verdict | None:
        number = self._storage.find(name, self._accepts_storage)
        return self._verdict("storage", number) if number is not None else None

    def host_levels(self, host: str) -> list[tuple[int, list[_PathRule]]]:
        return [(level, self._of_hosts(rules)) for level, rules in self._hosts.levels(host)]

    def with_hosts_below(self, domain: str) -> list[Service]:
        owners = {self._catalogue.owner("hosts", number)[0] for number in self._hosts.below(domain)}
        return [self._catalogue.service_at(number) for number in sorted(owners - self._replaced)]

    def inline(self, text: str) -> list[Verdict]:
        return [self._verdict("inline", number) for number in self._inline.find(text)]

    def own_prefixes(self) -> Iterator[tuple[str, Callable[[], Verdict]]]:
        for path, number in self._catalogue.tables["paths"]:
            if self._counts("hosts", number):
                yield path, partial(self._verdict, "hosts", number)

    def own_rules(self) -> Iterator[tuple[Marks, Callable[[], Verdict]]]:
        for number, row in enumerate(self._catalogue.tables["own"]):
            if self._counts("own", number):
                yield Marks(*row), partial(self._verdict, "own", number)

    def _of_hosts(self, rules: Sequence[tuple[str, int]]) -> list[_PathRule]:
        return [(path, self._verdict("hosts", number)) for path, number in rules if self._counts("hosts", number)]

    def _counts(self, kind: Kind, number: int) -> bool:
        return not self._replaced or self._catalogue.owner(kind, number)[0] not in self._replaced

    def _counting(self, kind: Kind) -> Callable[[int], bool] | None:
        return partial(self._counts, kind) if self._replaced else None

    def _cookie_rule(self, number: int) -> CookieRule:
        owner, place = self._catalogue.owner("cookies", number)
        return self._catalogue.service_at(owner).cookies[place]

    def _verdict(self, kind: Kind, number: int) -> Verdict:
        verdict = self._verdicts.get((kind, number))
        if verdict is None:
            verdict = self._verdicts[kind, number] = self._made(kind, number)
        return verdict

    def _made(self, kind: Kind, number: int) -> Verdict:
        owner, place = self._catalogue.owner(kind, number)
        service = self._catalogue.service_at(owner)
        of = f"of {service.name}, {'declared by the site' if self._source == 'policy' else 'in the registry'}"
        category, rule = service.category, None
        basis: Basis
        match kind:
            case "cookies":
                rule = service.cookies[place]
                category = rule.category or category
                basis = "registry-domain" if rule.domain is not None else "registry-name"
                reason = f"{rule.name} is a cookie {of}"
                reason += f", if set by {rule.domain}" if rule.domain is not None else ""
            case "storage":
                basis = "registry-name"
                reason = f"{service.storage[place].name} is storage {of}"
            case "hosts":
                pattern = service.hosts[place]
                basis = "registry-host"
                reason = f"{pattern} is a {'path' if pattern.startswith('/') else 'host'} {of}"
            case "inline":
                basis = "signature"
                reason = f"holds {service.inline[place]!r}, a mark {of}"
            case "own":
                basis = "signature"
                reason = f"{service.own[place].path} with its marks is an address {of}"
        if self._source == "policy" and basis != "signature":
            basis = "declared"
        category = category if category in self._offered else UNCLASSIFIED
        return Verdict(
            category=category, service=service.id, reason=reason, rule=rule, source=self._source, basis=basis
        )


def _is_of(host: str, domain: str | None) -> bool:
    return domain is not None and (host == domain or host.endswith(f".{domain}"))
