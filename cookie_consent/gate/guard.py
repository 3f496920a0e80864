"""The guard: the script that enforces the consent on a page's own scripts, and the tag that loads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from cookie_consent.consent import gpc_cookie_name
from cookie_consent.gate.cookies.card_numbers import ISSUERS
from cookie_consent.policy import UNCLASSIFIED, registry
from cookie_consent.policy.host_pattern import HostPattern
from cookie_consent.policy.registry.compiled import guard_order, host_order, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cookie_consent.consent import Consent
    from cookie_consent.policy import CookieRule, Policy

__all__ = ["RULES_PLACEHOLDER", "guard_details", "guard_script", "guard_tag"]

RULES_PLACEHOLDER = b"__RULES__"
"""Occurs once in the guard's code, where the policy's rules are inserted."""

_OwnerKey: TypeAlias = "tuple[str, str]"


def guard_script(
    source: bytes,
    policy: Policy,
    own_cookies: Iterable[str],
    *,
    libraries: Mapping[str, Any] | None = None,
    details: str = "",
) -> bytes:
    """Return the guard's code ``source`` with the rules of ``policy`` and of the registry inserted.

    ``own_cookies`` are the names of this package's own cookies, which no script may write. ``libraries`` are the hosts
    that are mirrored and the names of their packages, as ``Libraries.for_guard`` returns them. ``details`` is the name
    of the file with what ``guard_details`` returns, beside the script. Without it that is inserted too.
    """
    given = registry().guard
    numbers = _Numbers(policy, given)
    names = given["inline"] if details else given
    known = {
        **_known_names(numbers, names),
        **({"filter": given["filter"], "file": details} if details else {}),
    }
    rules = {**_rules(policy, own_cookies, given, numbers), "known": known, "mirror": libraries}
    return source.replace(RULES_PLACEHOLDER, json.dumps(rules, separators=(",", ":")).encode("ascii"), 1)


def guard_details(policy: Policy) -> bytes:
    """Return, as JSON, the registry's rules for cookies and storage, for which the guard asks once it needs them.

    They refer to the owners of the guard's script for the same policy.
    """
    given = registry().guard
    return json.dumps(_known_names(_Numbers(policy, given), given), separators=(",", ":")).encode("ascii")


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
) -> str:
    """Return the tag that loads the guard with the state of ``consent``. It is well-formed as HTML and as XML.

    ``path`` is relative to ``root_path``, where the application is mounted (ASGI). All hosts of ``domain`` are first
    party on this page. ``method`` is the request's method, if it must not be repeated. ``unsure`` has the guard ask
    for the state, and delete nothing before: the browser may have kept the choice back. ``held`` has the category and
    service (``-`` for none) of everything that was held back in the response headers. With ``payment``, scripts may
    frame unknown hosts. ``mirror`` says what may be led to the mirror, as ``LibraryLinks.for_scripts`` returns it.
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
        "data-site": domain or "",
        "data-gpc": "1" if consent.gpc else "",
        "data-sight": "1" if consent.made_with_gpc else "",
        "data-method": method,
        "data-unsure": "true" if unsure else "",
        "data-payment": "true" if payment else "",
        "data-mirror": mirror,
        "data-held": " ".join(f"{category}/{service}" for category, service in held),
    }
    attributes |= {name: value for name, value in optional.items() if value}
    written = "".join(f' {name}="{_escaped(value)}"' for name, value in attributes.items())
    return f"<script{written}></script>"


class _Numbers:
    """The owners, which are services and their categories, by the numbers that the guard has for them."""

    def __init__(self, policy: Policy, given: Mapping[str, Any]) -> None:
        self._offered = {category.id for category in policy.categories}
        self.owners: dict[_OwnerKey, int] = {}
        # First, so that a service's own category precedes those of its cookies. Declared services precede the others.
        self.declared = [(service, self.of(service.id, service.category)) for service in policy.services]
        declared = {service.id for service in policy.services}
        ids = registry().ids
        self.known = {
            number: self.of(ids[service], category)
            for number, (service, category) in enumerate(given["owners"])
            if ids[service] not in declared
        }
        """The number here for each of the compiled registry, without services that the policy declares."""

    def of(self, service: str, category: str | None) -> int:
        """Return the number of an owner."""
        key = (service, category if category in self._offered else UNCLASSIFIED)
        return self.owners.setdefault(key, len(self.owners))


def _known_names(numbers: _Numbers, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the registry's rules for cookies and storage, in their order."""
    known = numbers.known
    return {
        kind: [[row[0], known[row[1]], *row[2:]] for row in given[kind] if row[1] in known]
        for kind in ("cookies", "storage")
    }


def _rules(policy: Policy, own_cookies: Iterable[str], given: Mapping[str, Any], numbers: _Numbers) -> dict[str, Any]:
    """Return the guard's rules.

    Cookies and storage are lists of lists: the first of these that has a match counts. In each the exact name wins,
    then the first pattern. Of hosts and paths the first match counts. Each rule refers to its owner, a service and its
    category, by the index in ``owners``.
    """
    owned, known = numbers.declared, numbers.known
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
        [[row[0], known[row[1]], *row[2:]] for row in bound if row[1] in known],
    ]
    storage = sorted(
        ((rule.name, number) for service, number in owned for rule in service.storage),
        key=lambda rule: guard_order(rule[0]),
    )
    patterns = [(pattern, number) for service, number in owned for pattern in service.hosts]
    hosts = sorted((rule for rule in patterns if rule[0][0] != "/"), key=lambda rule: host_order(rule[0]))
    return {
        "own": sorted(own_cookies),
        "unknown": policy.unknown_cookies,
        "unknownHosts": policy.unknown_hosts,
        "enforced": policy.gate.csp == "enforce",
        "gpcCookie": gpc_cookie_name(policy.cookie),
        "sold": [category.id for category in policy.categories if category.sale_or_sharing],
        "version": policy.version,
        "categories": [[category.id, category.max_age or 0] for category in policy.categories],
        "required": sorted(policy.required_ids),
        "owners": list(numbers.owners),
        "cookies": [level for level in cookies if level],
        "cards": ISSUERS.pattern,
        "storage": [storage],
        "first": [*policy.first_party, *([policy.site] if policy.site else [])],
        "hosts": [*hosts, *([host, known[number]] for host, number in given["hosts"] if number in known)],
        "declared": len(hosts),
        "local": [
            *sorted((rule for rule in patterns if rule[0][0] == "/"), key=lambda rule: -len(rule[0])),
            *(
                [rule.path, number, rule.query, rule.element or "", rule.attributes]
                for service, number in owned
                for rule in service.own
            ),
            *([path, known[number], *rest] for path, number, *rest in given["own"] if number in known),
        ],
        "stubs": [
            *(
                [stub.name, number, stub.queue or "", stub.methods]
                for service, number in owned
                for stub in service.stubs
            ),
            *([name, known[number], *rest] for name, number, *rest in given["stubs"] if number in known),
        ],
    }


def _levels(rules: Sequence[tuple[CookieRule, int]], site: str) -> Iterator[list[list[Any]]]:
    """Yield the rules for the site's domain, which come first, and those without a domain."""
    ordered = sorted(rules, key=lambda entry: guard_order(entry[0].name))
    yield [shortened(rule, number) for rule, number in ordered if rule.domain is not None and _is_of(site, rule.domain)]
    yield [shortened(rule, number) for rule, number in ordered if rule.domain is None]


def _is_of(site: str, domain: str) -> bool:
    return f".{site}".endswith(f".{domain}")


def _escaped(value: str) -> str:
    return value.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
