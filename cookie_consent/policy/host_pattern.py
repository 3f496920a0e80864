"""Host patterns of the policy: ``cdn.example.com``, ``*.example.com``, and either with a path such as ``/embed/``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cookie_consent.policy.host import ascii_host

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HostPattern", "checked_pattern", "is_below", "is_host_name", "parent_domains"]

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")


@dataclass(frozen=True, slots=True)
class HostPattern:
    """A pattern in its parts."""

    domain: str
    """The host, or of a wildcard the domain whose subdomains are meant."""
    is_wildcard: bool
    path: str
    """What the path begins with; empty for any."""

    @classmethod
    def parse(cls, pattern: str) -> HostPattern:
        """Return the parts of a pattern that has been checked."""
        host, slash, path = pattern.partition("/")
        return cls(host.removeprefix("*."), host.startswith("*."), slash + path)

    @property
    def host(self) -> str:
        """The pattern without its path."""
        return f"*.{self.domain}" if self.is_wildcard else self.domain

    def matches(self, host: str) -> bool:
        """Say whether it means the host (CSP Level 3, section 6.7.2.8); paths are not compared."""
        return host.endswith(f".{self.domain}") if self.is_wildcard else host == self.domain


def checked_pattern(pattern: str) -> str:
    """Return a pattern in the form in which hosts are compared. Raises ``ValueError`` for what is none."""
    host, slash, path = pattern.strip().partition("/")
    if host.startswith("[") and host.endswith("]"):  # an IPv6 literal, as in a URL
        return host.lower() + slash + path
    try:
        name = ascii_host(host)
    except UnicodeError:
        name = ""
    if not is_host_name(name.removeprefix("*.")):
        raise ValueError("must be a host name such as 'cdn.example.com' or '*.example.com', without scheme or port")
    return name + slash + path


def is_host_name(host: str) -> bool:
    """Say whether a text in lower case and ASCII is a host's name, without a dot at its end."""
    return _NAME.fullmatch(host) is not None


def is_below(pattern: str, domain: str) -> bool:
    """Say whether all hosts that a pattern without a path means lie below the domain."""
    parsed = HostPattern.parse(pattern)
    return parsed.domain.endswith(f".{domain}") or (parsed.is_wildcard and parsed.domain == domain)


def parent_domains(host: str) -> Iterator[str]:
    """Yield the domains above a host, the nearest first."""
    dot = host.find(".")
    while dot >= 0:
        yield host[dot + 1 :]
        dot = host.find(".", dot + 1)
