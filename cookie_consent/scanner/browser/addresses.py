"""Addresses of pages and of what they load."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urlsplit

from cookie_consent.scanner import links

if TYPE_CHECKING:
    from urllib.parse import SplitResult

__all__ = ["is_followed", "is_same_site", "normalised", "origin_of", "parsed", "stack_of"]

_WEB = frozenset({"http", "https"})
_LOADED = frozenset({"http", "https", "ws", "wss"})
_FRAME = re.compile(r"(https?://\S+):([0-9]{1,9}):[0-9]{1,9}\)*(?:$|,)")
_FRAMES = 50


def parsed(address: str) -> SplitResult | None:
    """Return the parts of an address that is loaded over a network, or None."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in _LOADED and parts.hostname else None


def normalised(address: str) -> str:
    """Return the address without its fragment, and with a path."""
    address = urldefrag(address).url
    parts = urlsplit(address)
    return address if parts.path else parts._replace(path="/").geturl()


def is_same_site(address: str, site: str) -> bool:
    """Return whether a page belongs to the site: by its registrable domain, or by host and port if there is none."""
    parts = parsed(address)
    if parts is None or parts.scheme not in _WEB:
        return False
    page, start = links.parsed(address), links.parsed(site)
    return page is not None and start is not None and links.Site(start).has(page)


def is_followed(address: str, site: str) -> bool:
    """Return whether a link leads to a page of the site, and may be followed without changing anything."""
    page = links.parsed(address)
    return page is not None and not links.is_left_alone(page) and is_same_site(address, site)


def origin_of(address: str) -> str:
    """Return scheme, host and port of an address, or nothing."""
    parts = parsed(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts else ""


def stack_of(text: str) -> tuple[tuple[str, ...], int]:
    """Return the scripts' addresses in a stack as V8 writes it, the innermost first, and the line of the first."""
    # One try a line: a hostile page has a say in what stands there.
    tries = ((line, line.find("http")) for line in text.splitlines()[:_FRAMES])
    found = (_FRAME.match(line, start) for line, start in tries if start >= 0)
    frames = [(frame[1], int(frame[2])) for frame in found if frame]
    return tuple(dict.fromkeys(address for address, _ in frames)), frames[0][1] if frames else 0
