"""Host patterns of the policy: ``cdn.example.com``, ``*.example.com``, and either with a path such as ``/embed/``.

A segment of the path may be ``*``, which stands for any one: ``cdn.example.com/*/sdk.js``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from cookie_consent.policy.host import ascii_host

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "HostPattern",
    "checked_pattern",
    "is_below",
    "is_host_name",
    "parent_domains",
    "path_example",
    "path_matches",
    "path_rank",
]

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")


@dataclass(frozen=True, slots=True)
class HostPattern:
    """A parsed host pattern."""

    domain: str
    """The host, or for a wildcard the domain whose subdomains match."""
    is_wildcard: bool
    path: str
    """The path prefix, in which ``*`` stands for any one segment; empty for any path."""

    @classmethod
    def parse(cls, pattern: str) -> HostPattern:
        """Parse a valid pattern."""
        host, slash, path = pattern.partition("/")
        return cls(host.removeprefix("*."), host.startswith("*."), slash + path)

    @property
    def host(self) -> str:
        """The pattern without its path."""
        return f"*.{self.domain}" if self.is_wildcard else self.domain

    def matches(self, host: str) -> bool:
        """Return whether it matches the host (CSP Level 3, section 6.7.2.8). Paths are not compared."""
        return host.endswith(f".{self.domain}") if self.is_wildcard else host == self.domain


def checked_pattern(pattern: str) -> str:
    """Return a host pattern in normal form. Raises ``ValueError`` if it is not one."""
    host, slash, path = pattern.strip().partition("/")
    if host.startswith("[") and host.endswith("]"):  # an IPv6 literal, as in a URL
        return host.lower() + slash + path
    try:
        name = ascii_host(host)
    except UnicodeError:
        name = ""
    if not is_host_name(name.removeprefix("*.")):
        raise ValueError("must be a host name such as 'cdn.example.com' or '*.example.com', without scheme or port")
    if any("*" in segment and segment != "*" for segment in path.split("/")) or path.endswith("*"):
        raise ValueError("must have '*' in its path for a whole segment before others only, as in 'x.example/*/sdk.js'")
    return name + slash + path


def path_matches(prefix: str, path: str) -> bool:
    """Return whether a path, which may go on with a query, begins with a pattern's path."""
    if "*" not in prefix:
        return path.startswith(prefix)
    return _path_expression(prefix).match(path) is not None


def path_rank(prefix: str) -> tuple[int, int]:
    """Return the place of a path among those of one domain: the lowest is the closest."""
    stars = prefix.count("*")
    return stars - len(prefix), stars


def path_example(prefix: str) -> str:
    """Return a path that matches a pattern's path."""
    return prefix.replace("*", "consent-example") or "/"


@lru_cache(maxsize=1024)
def _path_expression(prefix: str) -> re.Pattern[str]:
    return re.compile("[^/?#]+".join(map(re.escape, prefix.split("*"))))


def is_host_name(host: str) -> bool:
    """Return whether a lower-case ASCII text is a host name without a trailing dot."""
    return _NAME.fullmatch(host) is not None


def is_below(pattern: str, domain: str) -> bool:
    """Return whether all hosts that match a pattern, which has no path, are below the domain."""
    parsed = HostPattern.parse(pattern)
    return parsed.domain.endswith(f".{domain}") or (parsed.is_wildcard and parsed.domain == domain)


def parent_domains(host: str) -> Iterator[str]:
    """Yield the parent domains of a host, the nearest first."""
    dot = host.find(".")
    while dot >= 0:
        yield host[dot + 1 :]
        dot = host.find(".", dot + 1)
