"""The host that a browser contacts for an address (URL standard, https://url.spec.whatwg.org)."""

from __future__ import annotations

import re

from cookie_consent.policy import host_of

__all__ = ["is_authority", "is_relative", "on_host", "resolved", "stripped", "target"]

_STRIP = "".join(map(chr, range(0x21)))
_REMOVE = {9: None, 10: None, 13: None}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_SPECIAL = frozenset({"http", "https", "ws", "wss", "ftp"})
_USUAL = re.compile(r"(?:https?:)?//([a-z0-9_-]+(?:\.[a-z0-9_-]+)+)(/[^\\\x00-\x20]*+)?\Z")
"""Most addresses: they are already in the normalised form."""
_AUTHORITY_END = re.compile(r"[/\\?#]")
_AUTHORITY = re.compile(r"[A-Za-z0-9.\-\[\]:]+")
_DOT = re.compile(r"/(?:\.|%2e)", re.IGNORECASE)
_QUERY = re.compile(r"[?#]")
_OWN_PATH = re.compile(r'\b(href|src|action)="/(?!/)')


def target(url: str, base_host: str) -> tuple[str, str] | None:
    """Return the host and the path with its query that a browser requests for ``url``; None if it requests nothing.

    ``base_host`` is the host to which relative addresses lead.
    """
    usual = _USUAL.match(url)
    if usual is not None:
        return usual[1], resolved(usual[2] or "/")
    url = stripped(url)
    scheme = _SCHEME.match(url)
    rest = url
    if scheme is not None:
        if scheme[1].lower() not in _SPECIAL:
            return None
        rest = url[scheme.end() :]
        # "https:path" is relative where the page has the same scheme and absolute where not: take it as absolute
        # unless it begins as a path, which no page in practice does.
    elif not (len(rest) > 1 and rest[0] in "/\\" and rest[1] in "/\\"):
        # What is relative to the folder of the page is resolved by whoever knows that.
        return base_host, resolved(rest) if rest.startswith("/") else "/" + rest
    whole, rest = rest, rest.lstrip("/\\")
    end = _AUTHORITY_END.search(rest)
    authority = rest[: end.start()] if end is not None else rest
    if not authority and len(whole) - len(rest) > 1:
        return None  # without a host it is no address; with fewer slashes, "https:?x" may lead to the base's host
    path = rest[end.start() :] if end is not None else ""
    path = path.replace("\\", "/") if "\\" in path else path
    return host_of(authority.rpartition("@")[2]), resolved(path if path.startswith("/") else "/" + path)


def resolved(path: str) -> str:
    """Return the path without its dot segments, as it is requested. The query is left as it is."""
    if _DOT.search(path) is None:
        return path
    end = _QUERY.search(path)
    at = end.start() if end is not None else len(path)
    kept: list[str] = []
    segments = path[1:at].split("/")
    for index, segment in enumerate(segments):
        plain = segment.lower().replace("%2e", ".")
        if plain == "..":
            del kept[-1:]
        elif plain != ".":
            kept.append(segment)
            continue
        if index == len(segments) - 1:
            kept.append("")
    return f"/{'/'.join(kept)}{path[at:]}"


def is_relative(url: str) -> bool:
    """Return whether the address depends on the folder of the page."""
    url = stripped(url)
    return not url.startswith(("/", "\\")) and _SCHEME.match(url) is None


def stripped(url: str) -> str:
    """Remove what browsers ignore around and in an address (URL standard, section 4.4)."""
    return url.strip(_STRIP).translate(_REMOVE)


def is_authority(text: str) -> bool:
    """Return whether the text is a host, with or without a port, as far as its characters go."""
    return _AUTHORITY.fullmatch(text) is not None


def on_host(markup: str, authority: str) -> str:
    """Make the paths in our own ``markup`` lead to the page's host, for a page whose ``<base>`` names another."""
    return _OWN_PATH.sub(rf'\1="//{authority}/', markup) if is_authority(authority) else markup
