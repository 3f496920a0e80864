"""The guard: the script that enforces the consent on a page's own scripts, and the tag that loads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cookie_consent.consent import gpc_cookie_name
from cookie_consent.gate.cookies.card_numbers import ISSUERS
from cookie_consent.policy import UNCLASSIFIED
from cookie_consent.policy.host_pattern import HostPattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cookie_consent.consent import Consent
    from cookie_consent.policy import Policy

__all__ = ["RULES_PLACEHOLDER", "guard_script", "guard_tag"]

RULES_PLACEHOLDER = b"__RULES__"
"""Occurs once in the guard's code, where the policy's rules are inserted."""

_OwnerKey = tuple[str, str]


def guard_script(
    source: bytes, policy: Policy, own_cookies: Iterable[str], *, libraries: Mapping[str, Any] | None = None
) -> bytes:
    """Return the guard's code ``source`` with the rules of ``policy`` and of the registry inserted.

    ``own_cookies`` are the names of this package's own cookies, which no script may write. ``libraries`` are the hosts
    that are mirrored and the names of their packages, as ``Libraries.for_guard`` returns them.
    """
    rules = json.dumps({**_rules(policy, own_cookies), "mirror": libraries}, separators=(",", ":"))
    return source.replace(RULES_PLACEHOLDER, rules.encode("ascii"), 1)


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


def _rules(policy: Policy, own_cookies: Iterable[str]) -> dict[str, Any]:
    """Return the guard's rules. Lists are in order of precedence: the first match wins.

    Each rule refers to its owner, a service and its category, by the index in ``owners``.
    """
    owners: dict[_OwnerKey, int] = {}
    offered = {category.id for category in policy.categories}

    def owner(service: str, category: str | None) -> int:
        key = (service, category if category in offered else UNCLASSIFIED)
        return owners.setdefault(key, len(owners))

    known = policy.undeclared_services
    for service in (*policy.services, *known):
        owner(service.id, service.category)  # first, so that a service's own category precedes those of its cookies
    cookies = _in_order(
        (rule.name, owner("", rule.category), rule.max_age or 0, rule.path, rule.persist or "")
        for rule in policy.cookies
    )
    storage: list[list[Any]] = []
    hosts: list[list[Any]] = []
    local: list[list[Any]] = []
    stubs = []
    # Declared services before those of the registry, as in the classifier.
    for services in (policy.services, known):
        cookies += _in_order(
            (
                rule.name,
                owner(service.id, rule.category or service.category),
                rule.max_age or 0,
                rule.path,
                rule.persist or "",
            )
            for service in services
            for rule in service.cookies
        )
        owned = [(service, owner(service.id, service.category)) for service in services]
        storage += _in_order((rule.name, number) for service, number in owned for rule in service.storage)
        patterns = [(pattern, number) for service, number in owned for pattern in service.hosts]
        hosts += sorted(([host, number] for host, number in patterns if not host.startswith("/")), key=_host_order)
        paths: list[list[Any]] = [[path, number] for path, number in patterns if path.startswith("/")]
        local = [
            *sorted(paths, key=lambda rule: -len(rule[0])),
            *local,
            *(
                [rule.path, number, rule.query, rule.element or "", rule.attributes]
                for service, number in owned
                for rule in service.own
            ),
        ]
        stubs += [
            [stub.name, number, stub.queue or "", list(stub.methods)]
            for service, number in owned
            for stub in service.stubs
        ]
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
        "owners": list(owners),
        "cookies": cookies,
        "cards": ISSUERS.pattern,
        "storage": storage,
        "first": [*policy.first_party, *([policy.site] if policy.site else [])],
        "hosts": hosts,
        "declared": sum(not host.startswith("/") for service in policy.services for host in service.hosts),
        "local": local,
        "stubs": stubs,
    }


def _host_order(rule: list[Any]) -> tuple[bool, int, int]:
    """Sort exact hosts before wildcards, longer wildcards before shorter ones, longer paths before shorter ones."""
    pattern = HostPattern.parse(rule[0])
    return pattern.is_wildcard, -len(pattern.domain), -len(pattern.path)


def _in_order(rules: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """Return the rules in the classifier's order: exact patterns first, then the longest ones.

    Defaults at the end of a rule (no limit, the path ``/``, no category that lets it persist) are omitted.
    """
    first: dict[str, tuple[Any, ...]] = {}
    for rule in rules:
        first.setdefault(rule[0], rule)
    ordered = sorted(first.values(), key=lambda rule: -len(rule[0]) if "*" in rule[0] else -1_000)
    return [list(_shortened(rule)) for rule in ordered]


def _shortened(rule: tuple[Any, ...]) -> Iterator[Any]:
    end = len(rule)
    while end > 2 and rule[end - 1] in (0, "/", ""):
        end -= 1
    yield from rule[:end]


def _escaped(value: str) -> str:
    return value.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
