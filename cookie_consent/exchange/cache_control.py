"""Keep responses out of shared caches (RFC 9111, section 5.2.2; RFC 9213 for fields for CDNs)."""

from __future__ import annotations

import re

__all__ = ["is_for_caches", "keep_private"]

_DIRECTIVE = re.compile(rb'(?:"[^"]*"|[^,])+')
_SHARED = frozenset({b"public", b"s-maxage", b"private"})
"""Directives to remove. ``private`` is added again, without field names that would limit it."""
_FOR_CDNS = (b"cdn-cache-control", b"surrogate-control")
"""Suffixes of fields for CDNs. Some have a vendor's prefix, such as ``Cloudflare-CDN-Cache-Control``."""
_FOR_CACHES = frozenset({b"x-accel-expires", b"edge-control", b"x-litespeed-cache-control"})
"""Fields that override ``Cache-Control`` in nginx, Akamai and LiteSpeed."""


def keep_private(headers: list[tuple[bytes, bytes]], *, storable: bool = True) -> None:
    """Forbid shared caches to store a response; with ``storable=False``, the browser too.

    The site's other directives are kept. Header names must be in lower case.
    """
    kept: list[bytes] = []
    others: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        if name == b"cache-control":
            kept += [part.strip() for part in _DIRECTIVE.findall(value)]
        elif not is_for_caches(name):
            others.append((name, value))
    kept = [part for part in kept if part and part.partition(b"=")[0].strip().lower() not in _SHARED]
    # Some CDNs ignore ``no-store``, so ``private`` is sent with it.
    value = b", ".join([*kept, b"private"]) if storable else b"private, no-store"
    headers[:] = [*others, (b"cache-control", value)]


def is_for_caches(name: bytes) -> bool:
    """Return whether a header, in lower case, tells some caches more than ``Cache-Control`` does."""
    return name.endswith(_FOR_CDNS) or name in _FOR_CACHES
