"""What shared caches may keep (RFC 9111, section 5.2.2; RFC 9213 for fields that address CDNs alone)."""

from __future__ import annotations

import re

__all__ = ["keep_private"]

_DIRECTIVE = re.compile(rb'(?:"[^"]*"|[^,])+')
_SHARED = frozenset({b"public", b"s-maxage", b"private"})
"""Directives that go; ``private`` comes back without the field names that would limit it."""
_FOR_CDNS = (b"cdn-cache-control", b"surrogate-control")
"""How names of fields for CDNs end; some have a vendor's name in front, such as ``Cloudflare-CDN-Cache-Control``."""
_FOR_CACHES = frozenset({b"x-accel-expires", b"edge-control", b"x-litespeed-cache-control"})
"""Fields that outweigh ``Cache-Control`` in nginx, Akamai and LiteSpeed."""


def keep_private(headers: list[tuple[bytes, bytes]], *, storable: bool = True) -> None:
    """Let no shared cache keep an answer; with ``storable=False`` the browser may not keep it either.

    The site's other directives stay: what it wants browsers to do holds as before. The names are in lower case.
    """
    kept: list[bytes] = []
    others: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        if name == b"cache-control":
            kept += [part.strip() for part in _DIRECTIVE.findall(value)]
        elif not name.endswith(_FOR_CDNS) and name not in _FOR_CACHES:
            others.append((name, value))
    kept = [part for part in kept if part and part.partition(b"=")[0].strip().lower() not in _SHARED]
    # Some CDNs leave ``no-store`` to browsers, so ``private`` stands beside it.
    value = b", ".join([*kept, b"private"]) if storable else b"private, no-store"
    headers[:] = [*others, (b"cache-control", value)]
