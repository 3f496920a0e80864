"""Cookie name prefixes, for which browsers require certain attributes (RFC 6265bis, section 5.7)."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["HOST_PREFIX", "SECURE_PREFIX", "CookiePrefix", "cookie_prefix", "without_prefix"]

HOST_PREFIX = "__Host-"
SECURE_PREFIX = "__Secure-"
_PREFIX = re.compile(r"__(Host-Http|Host|Http|Secure)-", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CookiePrefix:
    """What a prefix requires besides ``Secure``, which all of them do."""

    needs_http_only: bool
    needs_host: bool
    """Whether the cookie must belong to one host: ``Path=/`` and no ``Domain``."""


_KINDS = {
    "host-http": CookiePrefix(needs_http_only=True, needs_host=True),
    "host": CookiePrefix(needs_http_only=False, needs_host=True),
    "http": CookiePrefix(needs_http_only=True, needs_host=False),
    "secure": CookiePrefix(needs_http_only=False, needs_host=False),
}


def cookie_prefix(name: str) -> CookiePrefix | None:
    """Return what the prefix of a cookie's name requires, or None if it has none. Case is ignored."""
    found = _PREFIX.match(name)
    return _KINDS[found[1].lower()] if found is not None else None


def without_prefix(name: str) -> str:
    """Return a cookie's name without its prefix."""
    found = _PREFIX.match(name)
    return name[found.end() :] if found is not None else name
