"""Suggest lines for the policy file that declare the findings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import ValidationError

from cookie_consent.policy import CookieRule, registry
from cookie_consent.policy.host_pattern import checked_pattern
from cookie_consent.policy.paths import checked_pattern as checked_path_pattern
from cookie_consent.policy.toml_string import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cookie_consent.endpoints.reports.finding import Finding, Kind
    from cookie_consent.policy import Policy

__all__ = [
    "as_comment",
    "comment_text",
    "declaration",
    "first_party_line",
    "host_lines",
    "payment_lines",
    "policy_lines",
    "policy_patch",
]

_CATEGORY = 'category = "unclassified"  # say what it is for: "Accept all" leaves this out'
_NOTHING = "# There is nothing to declare."
_HEADER = re.compile(r"^(?:# )?\[\[?(?=services\.|cookies\])", re.MULTILINE)
"""The beginning of a table's header."""


def policy_lines(findings: Iterable[Finding], policy: Policy) -> str:
    """Return valid TOML to append to the file of ``policy``.

    Of a known service only the name is needed. An unknown host is written in comments, since only the site knows its
    purpose. An unknown cookie becomes ``unclassified`` until its category is filled in.
    """
    parts = [
        as_comment(lines) if name is not None and lines.startswith("[services.") else lines
        for name, lines in _parts(findings, policy)
    ]
    return "\n\n".join(parts) or _NOTHING


def policy_patch(findings: Iterable[Finding], policy: Policy, text: str, *, table: str = "") -> str:
    """Return the lines to append to ``text``, the content of the file of ``policy``; empty if there are none.

    A known service is declared by its name. Everything else becomes a comment, and is left out where ``text`` names
    it: only the site knows its purpose, and a cookie declared as ``unclassified`` would be held. ``table`` is the one
    that holds the policy within a larger file, such as ``tool.cookie_consent``.
    """
    parts = [
        lines if name is None else as_comment(lines)
        for name, lines in _parts(findings, policy)
        if name is None or quoted(name) not in text
    ]
    prefix = f"{table}." if table else ""
    return "\n\n".join(_HEADER.sub(rf"\g<0>{prefix}", lines) for lines in parts)


def _parts(findings: Iterable[Finding], policy: Policy) -> Iterator[tuple[str | None, str]]:
    """Yield lines that declare each finding once; with its name, or None for a known service."""
    services: dict[str, None] = {}
    hosts: dict[str, None] = {}
    cookies: dict[str, None] = {}
    storage: dict[str, None] = {}
    for finding in findings:
        seen = finding.observation
        if seen.reason != "undeclared":
            continue
        table = services if seen.service else {"host": hosts, "cookie": cookies}.get(seen.kind, storage)
        table[seen.service or seen.name] = None
    yield from ((None, _service(name, policy)) for name in sorted(services) if name in registry())
    yield from zip(sorted(hosts), host_lines(sorted(hosts), policy), strict=True)
    yield from ((name, _cookie(name)) for name in sorted(cookies))
    yield from ((name, _storage(name)) for name in sorted(storage))


def host_lines(hosts: Iterable[str], policy: Policy) -> list[str]:
    """Return valid TOML that declares undeclared hosts, one text for each; together they are valid too."""
    taken = {service.id for service in policy.services} | set(registry())
    return ["\n".join(_host(host, taken)) for host in hosts]


def declaration(kind: Kind, name: str, service: str | None, policy: Policy) -> str:
    """Return valid TOML that declares one host, cookie or storage key; empty where ``policy`` declares it.

    An unknown host or cookie becomes ``unclassified`` until its category is filled in.
    """
    if service is not None:
        is_known = policy.service(service) is None and service in registry()
        return _service(service, policy) if is_known else ""
    if kind == "host":
        lines = _host(name, {entry.id for entry in policy.services} | set(registry()))
        own = ["# or, if the host is the site's own:", f"# {first_party_line(name)}"] if len(lines) > 1 else []
        return "\n".join([*lines, *own])
    return _cookie(name) if kind == "cookie" else _storage(name)


def first_party_line(host: str) -> str:
    """Return TOML that declares a host as the site's own."""
    return f"first_party = [{quoted(host)}]  # at the top of the file"


def payment_lines(path: str) -> str:
    """Return TOML comments that let scripts of a page frame the visitor's bank; empty if no pattern can name it."""
    try:
        checked_path_pattern(path)
    except ValueError:
        return ""
    return f"# or, if it is the visitor's bank (3-D Secure), in the table [gate]:\n# payment = [{quoted(path)}]"


def _storage(name: str) -> str:
    return f"# the storage key is not declared: find out which script sets it\n# {quoted(name)}"


def _service(name: str, policy: Policy) -> str:
    service = registry()[name]
    lines = [f"[services.{name}]  # {comment_text(service.name)}"]
    if policy.category(service.category) is None:
        lines.append('category = "unclassified"  # this policy has no category ' + quoted(service.category))
    return "\n".join(lines)


def as_comment(lines: str) -> str:
    """Return lines of TOML as comments."""
    return "\n".join(line if line.startswith("#") else f"# {line}" for line in lines.split("\n"))


def _host(host: str, taken: set[str]) -> list[str]:
    try:
        checked_pattern(host)
    except ValueError:
        return [f"# this host cannot be declared:\n# {quoted(host)}"]
    slug = re.sub(r"[^a-z0-9]+", "-", host.removeprefix("www.")).strip("-")[:28].strip("-") or "service"
    name, number = slug, 1
    while name in taken:
        number += 1
        name = f"{slug}-{number}"
    taken.add(name)
    return [
        f"[services.{name}]",
        f"name = {quoted(host)}",
        _CATEGORY,
        f"hosts = [{quoted(host)}]",
    ]


def _cookie(name: str) -> str:
    try:
        CookieRule(name=name)
    except ValidationError:
        return f"# this cookie cannot be declared under its name:\n# {quoted(name)}"
    return f"[[cookies]]\nname = {quoted(name)}\n{_CATEGORY}"


def comment_text(text: str) -> str:
    """Return a text that can stand in a TOML comment, in one line."""
    return "".join(c if c.isprintable() else " " for c in text)
