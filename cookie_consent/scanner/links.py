"""Addresses of pages: in one spelling, told apart by kind, and without those that are not to be followed."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit

from cookie_consent.gate.html.urls import stripped
from cookie_consent.policy import host_of
from cookie_consent.policy.site_domain import site_domain

__all__ = ["LONGEST", "SESSION_SEGMENT", "Address", "Site", "is_left_alone", "kind_of", "parsed"]

LONGEST = 2_000
"""Characters of an address that is followed."""
_LONGEST_WRITTEN = 20_000
_LONGEST_CACHED = 200
_MOST_SEGMENTS = 12
_MOST_REPEATS = 3
_PORTS = {"http": 80, "https": 443}
_SAFE = "/:@!$&'()*+,;=~%-._"
SESSION_SEGMENT = r"/\((?:[A-Z]\([^()/]*\))+\)(?=/|\Z)"
"""The segment of a path with which ASP.NET tells a session, as ``/(S(...))/``."""
_SESSION_PATH = re.compile(rf";(?:jsessionid|phpsessid|sid)=[^/;]*|{SESSION_SEGMENT}", re.IGNORECASE)
"""A session's id in a path: of Java servlets, or of ASP.NET."""
_IGNORED_PARAMETER = re.compile(
    r"(?:phpsessid|jsessionid|aspsessionid\w*|sid|s?essionid|session_id|session|cfid|cftoken|zenid|oscsid|"
    r"utm_\w+|gclid|dclid|fbclid|msclkid|mc_[ce]id|yclid|_ga|_gl)",
    re.IGNORECASE,
)
"""Parameters that name a session, or where the visitor comes from."""
_TOKEN = re.compile(r"[^\W_]+")
_HEXADECIMAL = re.compile(r"[0-9a-f]{8,}", re.IGNORECASE)
_LONG_TOKEN = 16
_DIGITS = re.compile(r"\d+")
_ACTS = frozenset("unsubscribe delete destroy remove disconnect loeschen löschen supprimer purge wipe".split())
_SIGN_OUT = re.compile(r"logout|logoff|signout|signoff|abmelden|deconnexion")
"""Stands in a word, too, such as ``userlogout``."""
_ACT_PAIRS = frozenset({("log", "out"), ("log", "off"), ("sign", "out"), ("sign", "off"), ("opt", "out")})
_FILES = frozenset(
    "7z aac apk avi avif bin bmp bz2 css csv dmg doc docx eot epub exe flac gif gz ico iso jpeg jpg js json m4a m4v "
    "map mjs mkv mov mp3 mp4 mpeg msi odp ods odt ogg ogv otf pdf png ppt pptx rar rpm svg tar tgz tif tiff ttf txt "
    "wasm wav webm webmanifest webp woff woff2 xls xlsx xml xz zip".split()
)
"""Endings of what is no page."""


class Address(NamedTuple):
    """An http(s) address in its normalised spelling, without a fragment."""

    scheme: str
    host: str
    """Lower-case, in ASCII; an IPv6 address stands in brackets."""
    port: int
    path: str
    query: str

    @property
    def authority(self) -> str:
        """The host, with its port unless that is the scheme's own."""
        return self.host if _PORTS.get(self.scheme) == self.port else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme and authority."""
        return f"{self.scheme}://{self.authority}"

    @property
    def bare(self) -> str:
        """The address without its query."""
        return self.origin + self.path

    def __str__(self) -> str:
        return f"{self.bare}?{self.query}" if self.query else self.bare

    def without_session(self) -> Address:
        """Return the address without what names a session or a campaign."""
        path = _SESSION_PATH.sub("", self.path) or "/"
        pairs = (pair for pair in self.query.split("&") if pair)
        kept = [pair for pair in pairs if not _IGNORED_PARAMETER.fullmatch(unquote(pair.partition("=")[0]))]
        return self._replace(path=path, query="&".join(kept))

    @property
    def key(self) -> str:
        """What tells pages apart: neither the scheme nor the order of parameters counts."""
        plain = self.without_session()
        port = "" if plain.port == _PORTS.get(plain.scheme) else str(plain.port)
        return f"{plain.host}:{port}{plain.path}?{'&'.join(sorted(plain.query.split('&')))}"


def parsed(written: str, base: str = "") -> Address | None:
    """Return the address that browsers ask for, or None if it is not an http(s) address."""
    if len(written) > _LONGEST_CACHED or len(base) > LONGEST:
        return _parsed(written[:_LONGEST_WRITTEN], base)
    # A path is the same link on all pages of an origin, such as those of a menu.
    is_path = written.startswith("/") and not written.startswith(("//", "/\\"))
    return _cached(written, "/".join(base.split("/", 3)[:3]) + "/" if is_path else base)


def _parsed(written: str, base: str) -> Address | None:
    try:
        parts = urlsplit(urljoin(base, stripped(written).replace("\\", "/")))
        scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
        port = parts.port or _PORTS.get(scheme, 0)
        host = host_of(parts.netloc.rpartition("@")[2])
    except (ValueError, UnicodeError):
        return None
    if scheme not in _PORTS or not host or re.search(r"[\x00-\x20\x7f\"#%/<>?@\\^`{|}]", host) or not host.isascii():
        return None
    path = quote(parts.path.encode("utf-8", "surrogateescape"), safe=_SAFE) or "/"
    query = quote(parts.query.encode("utf-8", "surrogateescape"), safe=_SAFE + "?")
    return Address(scheme, host, port, _without_dots(path), query)


_cached = lru_cache(maxsize=8_192)(_parsed)


def _without_dots(path: str) -> str:
    """Remove what steps nowhere or up (RFC 3986, section 5.2.4), which ``urljoin`` leaves in absolute addresses."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


class Site:
    """Tells which addresses belong to the site of the given one."""

    def __init__(self, start: Address) -> None:
        self.start = start
        self.domain = site_domain(start.host)

    def has(self, address: Address) -> bool:
        """Say whether an address belongs to the site.

        That are all hosts of its registrable domain. An IP address, ``localhost`` and a public suffix have none: there
        host and port must be the same.
        """
        if self.domain is not None:
            return site_domain(address.host) == self.domain
        return (address.host, address.port) == (self.start.host, self.start.port)


def kind_of(address: Address) -> str:
    """Return what pages of one template have in common: the folder, with ids replaced, and the parameters' names."""
    folder = [_generic(segment) for segment in address.path.split("/")[1:-1]]
    names = sorted({pair.partition("=")[0] for pair in address.query.split("&") if pair})
    return f"{address.authority}/{'/'.join([*folder, '*'])}?{'&'.join(_generic(name) for name in names[:20])}"


def _generic(segment: str) -> str:
    """Replace numbers and what looks like an identifier."""
    return _TOKEN.sub(_generic_token, segment)


def _generic_token(match: re.Match[str]) -> str:
    token = match[0]
    has_digit = any(map(str.isdigit, token))
    if has_digit and (len(token) >= _LONG_TOKEN or _HEXADECIMAL.fullmatch(token)):
        return "#"
    return _DIGITS.sub("#", token) if has_digit else token


def is_left_alone(address: Address) -> bool:
    """Say whether a link is not to be followed.

    It may change something, as a link to log out does, it is a file, or it looks like one of an endless series.
    """
    segments = [segment for segment in address.path.split("/") if segment]
    if len(str(address)) > LONGEST or len(segments) > _MOST_SEGMENTS:
        return True
    if any(segments.count(segment) > _MOST_REPEATS for segment in set(segments)):
        return True
    if "." in address.path and address.path.rpartition(".")[2].lower() in _FILES:
        return True
    words = [word.lower() for word in _TOKEN.findall(unquote(f"{address.path}?{address.query}"))]
    return (
        not _ACTS.isdisjoint(words) or not _ACT_PAIRS.isdisjoint(pairwise(words)) or any(map(_SIGN_OUT.search, words))
    )
