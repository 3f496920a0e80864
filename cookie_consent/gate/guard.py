"""The guard: the script that enforces the consent on a page's own scripts, and the tag that loads it."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from cookie_consent.consent import gpc_cookie_name
from cookie_consent.gate.cookies.card_numbers import ISSUERS
from cookie_consent.gate.signals import signal_rows
from cookie_consent.policy import UNCLASSIFIED, registry
from cookie_consent.policy.host_pattern import HostPattern
from cookie_consent.policy.registry.compiled import guard_order, host_order, shortened
from cookie_consent.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from cookie_consent.consent import Consent
    from cookie_consent.policy import CookieRule, Policy

__all__ = ["PARTS_PLACEHOLDER", "RULES_PLACEHOLDER", "GuardRules", "guard_details", "guard_script", "guard_tag"]

RULES_PLACEHOLDER = b"__RULES__"
"""Occurs once in the guard's code, where the policy's rules are inserted."""
PARTS_PLACEHOLDER = b"__PARTS__"
"""Likewise for the parts that not every page needs."""

_OwnerKey: TypeAlias = "tuple[str, str]"


class GuardRules:
    """The guard's rules under a policy: those of every page, and those of the registry for which it asks."""

    def __init__(self, policy: Policy) -> None:
        self._registry = registry()
        given = self._registry.guard
        self._numbers = _Numbers(policy, given)
        self._rules: dict[str, Any] = _rules(policy, given, self._numbers)
        self._filter = given["filter"]

    @cached_property
    def _details(self) -> dict[str, list[Any]]:
        given, numbers = self._registry.guard, self._numbers  # read again rather than kept: few sites need them
        rest = {kind: numbers.known(given[kind]) for kind in ("cookies", "storage", "hosts")}
        # They continue the owners of the others.
        return {"owners": list(numbers.owners)[len(self._rules["owners"]) :], **rest}

    @property
    def details_digest(self) -> str:
        """What changes whenever ``details`` does, and is known without them: what they are made of."""
        made_of = (self._registry.guard_digest, _json(self._rules), __version__.encode())
        return hashlib.sha256(b"\0".join(made_of)).hexdigest()

    @property
    def tells(self) -> bool:
        """Whether vendors are told something on every page."""
        return bool(self._rules["signals"])

    def details(self) -> bytes:
        """Return, as JSON, the registry's rules for cookies, storage and hosts, for which the guard asks if need be."""
        return _json(self._details)

    def script(
        self,
        source: bytes,
        own_cookies: Iterable[str],
        *,
        libraries: Mapping[str, Any] | None = None,
        details: str = "",
        parts: Mapping[str, bytes] | None = None,
        tells: bool = False,
    ) -> bytes:
        """Return the guard's code ``source`` with the rules inserted.

        ``own_cookies`` are the names of this package's own cookies, which no script may write. ``libraries`` are the
        hosts that are mirrored and the file with the names of their packages, as ``Libraries.for_guard`` returns them.
        ``details`` is the name of the file with what ``details`` returns, beside the script. Without it
        that is inserted too. Of the optional ``parts`` it gets those that it needs. ``tells`` says that pages tell it
        what to tell the vendors, even if the rules do not.
        """
        rules = {**self._rules, "own": sorted(own_cookies), "mirror": libraries}
        if details:
            rules["known"] = {**rules["known"], "filter": self._filter, "file": details}
        else:
            rest = self._details
            rules["known"] = {"cookies": rest["cookies"], "storage": rest["storage"]}
            rules["owners"] = [*rules["owners"], *rest["owners"]]
            rules["hosts"] = [*rules["hosts"][: rules["declared"]], *rest["hosts"]]
        needed = {"signals": tells or self.tells, "mirror": libraries is not None}
        chosen = [b"%s:%s" % (name.encode(), part) for name, part in (parts or {}).items() if needed[name]]
        # Last, as the rules may contain anything.
        code = source.replace(PARTS_PLACEHOLDER, b"{%s}" % b",".join(chosen), 1)
        return code.replace(RULES_PLACEHOLDER, _json(rules), 1)


def guard_script(
    source: bytes,
    policy: Policy,
    own_cookies: Iterable[str],
    *,
    libraries: Mapping[str, Any] | None = None,
    details: str = "",
    parts: Mapping[str, bytes] | None = None,
    tells: bool = False,
) -> bytes:
    """Return what ``GuardRules.script`` returns for a policy."""
    return GuardRules(policy).script(
        source, own_cookies, libraries=libraries, details=details, parts=parts, tells=tells
    )


def guard_details(policy: Policy) -> bytes:
    """Return what ``GuardRules.details`` returns for a policy."""
    return GuardRules(policy).details()


def guard_tag(
    path: str,
    consent: Consent,
    *,
    domain: str | None = None,
    root_path: str = "",
    method: str = "",
    unsure: bool = False,
    held: Iterable[tuple[str, str]] = (),
    payment: bool = False,
    mirror: str = "",
    signals: str = "",
) -> str:
    """Return the tag that loads the guard with the state of ``consent``. It is well-formed as HTML and as XML.

    ``path`` is relative to ``root_path``, where the application is mounted (ASGI). All hosts of ``domain`` are first
    party on this page. ``method`` is the request's method, if it must not be repeated. ``unsure`` has the guard ask
    for the state, and delete nothing before: the browser may have kept the choice back. ``held`` has the category and
    service (``-`` for none) of everything that was held back in the response headers. With ``payment``, scripts may
    frame unknown hosts. ``mirror`` says what may be led to the mirror, as ``LibraryLinks.for_scripts`` returns it.
    ``signals`` is what vendors are told instead of what the script says, as ``NamedSignals.of`` returns it.
    """
    attributes = {
        "src": quote(root_path.rstrip("/"), errors="replace") + path,
        "data-decided": "true" if consent.decided else "false",
        "data-granted": " ".join(sorted(consent.granted)),
        "data-services": " ".join(f"{name}={int(on)}" for name, on in sorted(consent.services.items())),
    }
    if consent.effective_names is not None:
        attributes["data-named"] = " ".join(consent.effective_names)
    optional = {
        "data-pending": " ".join(sorted(consent.pending)),
        "data-visit": " ".join(sorted(consent.visit)),
        "data-ahead": " ".join(sorted(consent.ahead)),
        "data-site": domain or "",
        "data-gpc": "1" if consent.gpc else "",
        "data-sight": "1" if consent.made_with_gpc else "",
        "data-method": method,
        "data-unsure": "true" if unsure else "",
        "data-payment": "true" if payment else "",
        "data-mirror": mirror,
        "data-signals": signals,
        "data-held": " ".join(f"{category}/{service}" for category, service in held),
    }
    attributes |= {name: value for name, value in optional.items() if value}
    written = "".join(f' {name}="{_escaped(value)}"' for name, value in attributes.items())
    return f"<script{written}></script>"


class _Numbers:
    """The owners, which are services and their categories, by the numbers that the guard has for them.

    An owner gets its number when it is first asked for.
    """

    def __init__(self, policy: Policy, given: Mapping[str, Any]) -> None:
        self._offered = {category.id for category in policy.categories}
        self._given: list[tuple[int, str]] = given["owners"]
        self.owners: dict[_OwnerKey, int] = {}
        # First, so that a service's own category precedes those of its cookies.
        self.declared = [(service, self.of(service.id, service.category)) for service in policy.services]
        self._ids = registry().ids
        replaced = {service.id for service in policy.services}.intersection(self._ids)
        self._counting = {
            number for number, (service, _) in enumerate(self._given) if self._ids[service] not in replaced
        }
        self._known: dict[int, int] = {}

    def of(self, service: str, category: str | None) -> int:
        """Return the number of an owner."""
        key = (service, category if category in self._offered else UNCLASSIFIED)
        return self.owners.setdefault(key, len(self.owners))

    def within(self, categories: AbstractSet[str]) -> set[int]:
        """Return the registry's numbers of the owners that count, because no service of the policy replaces them.

        Only those in ``categories`` are returned, as the policy has them.
        """
        return {
            number
            for number in self._counting
            if (category if (category := self._given[number][1]) in self._offered else UNCLASSIFIED) in categories
        }

    def known(self, rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
        """Return the rows of the registry that count, each with the number that its owner has here."""
        numbers, counting = self._known, self._counting
        found = []
        for row in rows:
            number = row[1]
            if number in counting:
                if number not in numbers:
                    numbers[number] = self._of_known(number)
                found.append([row[0], numbers[number], *row[2:]])
        return found

    def _of_known(self, number: int) -> int:
        service, category = self._given[number]
        self.of(self._ids[service], self._given[service][1])  # as above
        return self.of(self._ids[service], category)


def _names_here(policy: Policy, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the registry's rules for cookies and storage that every page has.

    Where undeclared cookies are kept until the browser closes, those of *session*, and of *login* before it is agreed
    to, are treated likewise, so that nobody needs their rules. Elsewhere scripts would have to wait for them.
    """
    offered = {category.id for category in policy.categories}
    is_alike = policy.unknown_cookies == "session" and "session" in policy.required_ids and "login" in offered
    names: Mapping[str, Any] = given["bare" if is_alike else "inline"]
    return names


def _necessary_hosts(policy: Policy, given: Mapping[str, Any], numbers: _Numbers) -> list[Sequence[Any]]:
    """Return the registry's rules for hosts that pass without a choice, and all that may precede one of these.

    The same goes for the hosts of services that the policy declares by name, which are the registry's too.
    """
    required = numbers.within(policy.required_ids)
    needed = [row[0] for row in given["hosts"] if row[1] in required]
    named = [pattern for service in policy.services if not policy.writes_hosts(service) for pattern in service.hosts]
    names = {host for pattern in (*needed, *named) if (host := pattern.partition("/")[0])}
    ends = tuple(name[1:] for name in names if name.startswith("*."))
    return [row for row in given["hosts"] if (host := row[0].partition("/")[0]) in names or host.endswith(ends)]


def _rules(policy: Policy, given: Mapping[str, Any], numbers: _Numbers) -> dict[str, Any]:
    """Return the guard's rules.

    Cookies and storage are lists of lists: the first of these that has a match counts. In each the exact name wins,
    then the first pattern. Of hosts and paths the first match counts. Each rule refers to its owner, a service and its
    category, by the index in ``owners``. Hosts of the policy that it has from the registry are marked: only the others
    come before the registry's, whatever the path.
    """
    owned = numbers.declared
    site = HostPattern.parse(policy.site).domain if policy.site else ""
    own_rules = [(rule, numbers.of("", rule.category)) for rule in policy.cookies]
    of_services = [
        (rule, numbers.of(service.id, rule.category or service.category))
        for service in policy.services
        for rule in service.cookies
    ]
    bound = [row for domain, row in given["bound"] if _is_of(site, domain)]
    cookies = [
        *_levels(own_rules, site),
        *_levels(of_services, site),
        numbers.known(bound),
    ]
    storage = sorted(
        ((rule.name, number) for service, number in owned for rule in service.storage),
        key=lambda rule: guard_order(rule[0]),
    )
    patterns: list[tuple[Any, ...]] = [
        (pattern, number) if policy.writes_hosts(service) or pattern[0] == "/" else (pattern, number, 1)
        for service, number in owned
        for pattern in service.hosts
    ]
    hosts = sorted((rule for rule in patterns if rule[0][0] != "/"), key=lambda rule: host_order(rule[0]))
    rules = {
        "unknown": policy.unknown_cookies,
        "unknownHosts": policy.unknown_hosts,
        "enforced": policy.gate.csp == "enforce",
        "gpcCookie": gpc_cookie_name(policy.cookie),
        "sold": [category.id for category in policy.categories if category.sale_or_sharing],
        "version": policy.version,
        "categories": [[category.id, category.max_age or 0] for category in policy.categories],
        "required": sorted(policy.required_ids),
        "cookies": [level for level in cookies if level],
        "cards": ISSUERS.pattern,
        "storage": [storage],
        "first": [*policy.first_party, *([policy.site] if policy.site else [])],
        "hosts": [*hosts, *numbers.known(_necessary_hosts(policy, given, numbers))],
        "declared": len(hosts),
        "services": len(owned),
        "local": [
            *sorted((rule for rule in patterns if rule[0][0] == "/"), key=lambda rule: -len(rule[0])),
            *(
                [rule.path, number, rule.query, rule.element or "", rule.attributes]
                for service, number in owned
                for rule in service.own
            ),
            *numbers.known(given["own"]),
        ],
        "stubs": [
            *(
                [stub.name, number, stub.queue or "", stub.methods]
                for service, number in owned
                for stub in service.stubs
            ),
            *numbers.known(given["stubs"]),
        ],
        "signals": signal_rows(policy, policy.services),
        "known": {kind: numbers.known(rows) for kind, rows in _names_here(policy, given).items()},
    }
    return {"owners": list(numbers.owners), **rules}


def _levels(rules: Sequence[tuple[CookieRule, int]], site: str) -> Iterator[list[list[Any]]]:
    """Yield the rules for the site's domain, which come first, and those without a domain."""
    ordered = sorted(rules, key=lambda entry: guard_order(entry[0].name))
    yield [shortened(rule, number) for rule, number in ordered if rule.domain is not None and _is_of(site, rule.domain)]
    yield [shortened(rule, number) for rule, number in ordered if rule.domain is None]


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def _is_of(site: str, domain: str) -> bool:
    return f".{site}".endswith(f".{domain}")


def _escaped(value: str) -> str:
    return value.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
