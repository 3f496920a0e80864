"""The registry in the form in which it is read at a start: look-up tables first, then each service by itself.

``compiled.jsonl`` has one JSON value a line: the digest of the data files that it was made from, the tables, the rules
for the guard, and then the services. Nothing in it is validated again before somebody asks for it.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from typing import TYPE_CHECKING, Any

from cookie_consent.policy.catalogue import tables
from cookie_consent.policy.host_pattern import HostPattern, path_rank
from cookie_consent.policy.model import Service
from cookie_consent.policy.name_pattern import NamePattern, name_rank
from cookie_consent.policy.registry.name_filter import may_have, name_filter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cookie_consent.policy.model import CookieRule

__all__ = ["COMPILED", "compiled", "digest_line", "guard_order", "host_order", "shortened"]

COMPILED = "compiled.jsonl"
_FORMAT = 6
"""Changes with the form of the file, so that one of another form counts as out of date."""


def digest_line(sources: Mapping[str, bytes]) -> bytes:
    """Return the first line of the compiled form of these files, which are given by name."""
    digest = hashlib.sha256(b"%d\n" % _FORMAT)
    for name in sorted(sources):
        digest.update(b"%s %d\n" % (name.encode(), len(sources[name])))
        digest.update(sources[name])
    return _line({"made by": "make assets", "sources": digest.hexdigest()})


def compiled(sources: Mapping[str, bytes]) -> bytes:
    """Return the compiled form of data files. Raises what ``tomllib`` and pydantic raise if one is wrong."""
    entries: dict[str, dict[str, Any]] = {}
    for name in sorted(sources):
        entries |= tomllib.loads(sources[name].decode("utf-8"))
    services = [Service.model_validate({"id": service_id, **entry}) for service_id, entry in entries.items()]
    lines = [_tables(services), _guard(services), *entries.values()]
    return digest_line(sources) + b"".join(map(_line, lines))


def guard_order(pattern: str) -> tuple[int, ...]:
    """Sort names as the classifier prefers them: exact ones, then those with most literal characters."""
    return (1, *name_rank(pattern)) if "*" in pattern or "{" in pattern else (0,)


def host_order(pattern: str) -> tuple[bool, int, tuple[int, int]]:
    """Sort exact hosts before wildcards, longer wildcards before shorter ones, closer paths before others."""
    parsed = HostPattern.parse(pattern)
    return parsed.is_wildcard, -len(parsed.domain), path_rank(parsed.path)


def _tables(services: list[Service]) -> dict[str, Any]:
    """Return the tables of a catalogue, and what the registry is asked for as a whole."""
    kinds: dict[tuple[Any, ...], int] = {}
    lasting = [
        sorted({kinds.setdefault(_lasting(rule), len(kinds)) for rule in service.cookies}) for service in services
    ]
    apart = [
        [
            [rule.name, kinds[_lasting(rule)]]
            for rule in service.cookies
            if rule.party == "first" and (rule.category or rule.persist)
        ]
        for service in services
    ]
    return {
        **tables(services),
        "services": [
            [service.id, service.category, service.purpose, kinds_of, apart_of]
            for service, kinds_of, apart_of in zip(services, lasting, apart, strict=True)
        ],
        "lasting": list(kinds),
        "places": [
            [number, service.name, ",".join(service.places), int(service.forms)]
            for number, service in enumerate(services)
            if service.places or service.forms
        ],
    }


def _guard(services: list[Service]) -> dict[str, Any]:
    """Return the guard's rules in the order in which it tries them, each with the number of its owner.

    An owner is the number of a service and a category. First stand those of the services themselves. ``inline`` are the
    rules for names of *session* and *login*, and ``bare`` those that no filter has. Those of *session* whose service
    can be refused are in the filter too. ``chance`` of the filter are the other names that it has by chance, for which
    scripts must not wait.
    """
    owners: dict[tuple[int, str], int] = {(number, service.category): number for number, service in enumerate(services)}
    owned = list(enumerate(services))
    rules = sorted(
        ((rule, number) for number, service in owned for rule in service.cookies),
        key=lambda entry: guard_order(entry[0].name),
    )
    bound, free, inline, asked = [], [], [], []
    for rule, number in rules:
        home = services[number].category
        category = rule.category or home
        row = shortened(rule, owners.setdefault((number, category), len(owners)))
        if rule.domain is not None:
            bound.append((rule.domain, row))
            continue
        free.append(row)
        is_inline = _is_inline(rule.name, category) or rule.persist is not None
        if is_inline:
            inline.append(row)
        if not is_inline or not _is_alike(rule.name, category, home):
            asked.append(rule.name)
    storage = sorted(
        ((rule.name, number) for number, service in owned for rule in service.storage),
        key=lambda entry: guard_order(entry[0]),
    )
    inline_storage = [row for row in storage if _is_inline(row[0], services[row[1]].category)]
    asked += [row[0] for row in storage if row not in inline_storage]
    keys = list(owners)
    lasting = [row[0] for row in inline if NamePattern(row[0]).prefix and (keys[row[1]][1] == "login" or row[4:])]
    hosts = [(host, number) for number, service in owned for host in service.hosts]
    found = name_filter(asked, lasting, (host for host, _ in hosts))
    names = {row[0] for row in inline if NamePattern(row[0]).prefix == row[0]}
    patterns = [NamePattern(name) for name, _ in storage]
    names -= {name for name in names if any(pattern.matches(name) for pattern in patterns)}
    found["chance"] = sorted(name for name in names.difference(asked) if may_have(found, name))
    bare, bare_storage = ([row for row in rows if not NamePattern(row[0]).prefix] for rows in (inline, inline_storage))
    return {
        "owners": keys,
        "cookies": free,
        "bound": bound,
        "storage": storage,
        "inline": {"cookies": inline, "storage": inline_storage},
        "bare": {"cookies": bare, "storage": bare_storage},
        "filter": found,
        "hosts": sorted(hosts, key=lambda entry: host_order(entry[0])),
        "own": [
            [rule.path, number, rule.query, rule.element or "", rule.attributes]
            for number, service in owned
            for rule in service.own
        ],
        "stubs": [
            [stub.name, number, stub.queue or "", stub.methods] for number, service in owned for stub in service.stubs
        ],
    }


def _is_inline(name: str, category: str) -> bool:
    """Return whether every page has a rule, for which scripts would otherwise have to wait, or which no filter has."""
    return category in {"session", "login"} or not NamePattern(name).prefix


def _is_alike(name: str, category: str, home: str) -> bool:
    """Return whether a rule holds nothing for a refused service of the category ``home`` that an unknown name may."""
    return category == "login" or category == home == "session" or not NamePattern(name).prefix


def shortened(rule: CookieRule, owner: int) -> list[Any]:
    """Return the guard's rule for a cookie: name, owner, longest lifetime, path, category that lets it persist.

    Defaults at the end (no limit, the path ``/``, no such category) are omitted.
    """
    row = [rule.name, owner, rule.max_age or 0, rule.path, rule.persist or ""]
    while len(row) > 2 and row[-1] in (0, "/", ""):
        row.pop()
    return row


def _lasting(rule: Any) -> tuple[Any, ...]:
    return rule.category, rule.party, rule.max_age, rule.persist


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8") + b"\n"
