"""Suggest lines for the policy file that declare the findings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import ValidationError

from cookie_consent.policy import CookieRule, registry
from cookie_consent.policy.host_pattern import checked_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.endpoints.reports.finding import Finding
    from cookie_consent.policy import Policy

__all__ = ["policy_lines"]

_NOTHING = "# There is nothing to declare."


def policy_lines(findings: Iterable[Finding], policy: Policy) -> str:
    """Return valid TOML to append to the file of ``policy``.

    Of a known service only the name is needed. An unknown host is written in comments, since only the site knows its
    purpose. An unknown cookie becomes ``unclassified`` until its category is filled in.
    """
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
    taken = {service.id for service in policy.services} | set(registry())
    parts = [
        *(_service(name, policy) for name in sorted(services) if name in registry()),
        *(_host(name, taken) for name in sorted(hosts)),
        *(_cookie(name) for name in sorted(cookies)),
        *(
            f"# the storage key {_quoted(name)} is not declared: find out which script sets it"
            for name in sorted(storage)
        ),
    ]
    return "\n\n".join(parts) or _NOTHING


def _service(name: str, policy: Policy) -> str:
    service = registry()[name]
    lines = [f"[services.{name}]  # {_comment(service.name)}"]
    if policy.category(service.category) is None:
        lines.append('category = "unclassified"  # this policy has no category ' + _quoted(service.category))
    return "\n".join(lines)


def _host(host: str, taken: set[str]) -> str:
    try:
        checked_pattern(host)
    except ValueError:
        return f"# the host {_quoted(host)} cannot be declared"
    slug = re.sub(r"[^a-z0-9]+", "-", host.removeprefix("www.")).strip("-")[:28].strip("-") or "service"
    name, number = slug, 1
    while name in taken:
        number += 1
        name = f"{slug}-{number}"
    taken.add(name)
    return "\n".join(
        [
            f"# [services.{name}]",
            f"# name = {_quoted(host)}",
            '# category = "unclassified"  # or the category of what it is for',
            f"# hosts = [{_quoted(host)}]",
        ]
    )


def _cookie(name: str) -> str:
    try:
        CookieRule(name=name)
    except ValidationError:
        return f"# the cookie {_quoted(name)} cannot be declared under this name"
    return f'[[cookies]]\nname = {_quoted(name)}\ncategory = "unclassified"  # or the category of what it is for'


def _quoted(text: str) -> str:
    """Return a TOML basic string, in ASCII."""
    kept = "".join(c if " " <= c <= "~" and c not in '"\\' else f"\\u{min(ord(c), 0xFFFD):04X}" for c in text)
    return f'"{kept}"'


def _comment(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
