"""``Set-Cookie`` headers that delete a cookie, whatever domain and path it was set for."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from secrets import SystemRandom
from typing import TYPE_CHECKING

from cookie_consent.policy.cookie_prefix import cookie_prefix
from cookie_consent.policy.host_pattern import parent_domains

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["MAXIMUM_HEADERS", "CookieUrl", "deletions"]

MAXIMUM_HEADERS = 48
"""The most deletions in one response: servers, proxies and browsers accept about 100 headers."""
MAXIMUM_BYTES = 8 * 1024
"""The most bytes of deletions in one response: some proxies accept 16 KiB of headers."""
_MAXIMUM_SEGMENTS = 6
_END = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")
_SEGMENT = re.compile(r"[!#-+\--:<-~]*")
"""A segment of a Path attribute: visible ASCII without quotation mark, comma and semicolon."""
_UNSAFE = re.compile(r"[\x00-\x1f\x7f;]")
_random = SystemRandom()


@dataclass(frozen=True, kw_only=True)
class CookieUrl:
    """The parts of a request's URL that decide which cookies it carries. ``host`` has no port.

    ``site`` is the host that the browser may have asked instead, if a proxy has replaced ``Host``.
    """

    host: str
    site: str = ""
    path: str = "/"
    secure: bool = False


def deletions(names: Iterable[tuple[str, str]], url: CookieUrl) -> tuple[list[str], bool]:
    """Return the headers that delete the cookies, and whether all of them fitted.

    ``names`` are pairs of a cookie's name and its declared path. If the headers are too many for one response, the
    likely ones come first. The others are picked at random, so that repeated requests reach all of them.
    """
    # A browser identifies a cookie by name, domain, path and partition (CHIPS), and sends only the name. So each is
    # deleted for every domain and path that it may have, and once more with Partitioned.
    likely: list[str] = []
    others: list[str] = []
    for name, declared in names:
        if not _UNSAFE.search(name):
            _add(name, declared, url, likely, others)
    if _fits([*likely, *others]):
        return [*likely, *others], True
    chosen = _drawn(likely, MAXIMUM_HEADERS * 2 // 3, MAXIMUM_BYTES * 2 // 3)
    size = sum(map(len, chosen))
    chosen += _drawn(others, MAXIMUM_HEADERS - len(chosen), MAXIMUM_BYTES - size)
    return chosen, False


def _add(name: str, declared: str, url: CookieUrl, likely: list[str], others: list[str]) -> None:
    prefix = cookie_prefix(name)
    flags = "; HttpOnly" if prefix is not None and prefix.needs_http_only else ""
    secure = "; Secure" if url.secure or prefix is not None else ""
    # A cookie without a name is overwritten by another without one; a name and value that are both empty are ignored.
    pair = f"{name}=" if not name.startswith("=") else name
    # Cookies with the prefix __Host- have no Domain, and Path=/.
    if prefix is not None and prefix.needs_host:
        likely.append(f"{pair}; {_END}; Path=/{secure}{flags}")
        if url.secure:
            others.append(f"{pair}; {_END}; Path=/; Secure{flags}; SameSite=None; Partitioned")
        return
    domains = ["", *(f"; Domain={domain}" for domain in _domains(url))]
    sure = dict.fromkeys(["/", declared if _is_path(declared) else "/"])
    paths = [path for path in _prefixes(url.path) if path not in sure]
    likely += [f"{pair}; {_END}; Path={path}{domain}{secure}{flags}" for domain in domains for path in sure]
    others += [f"{pair}; {_END}; Path={path}{domain}{secure}{flags}" for domain in domains for path in paths]
    if url.secure:
        others += [
            f"{pair}; {_END}; Path={path}{domain}; Secure{flags}; SameSite=None; Partitioned"
            for domain in domains
            for path in [*sure, *paths]
        ]


def _drawn(headers: Sequence[str], count: int, size: int) -> list[str]:
    drawn = list(headers) if _fits(headers, count, size) else _random.sample(headers, min(len(headers), max(count, 0)))
    while drawn and not _fits(drawn, count, size):
        drawn.pop()
    return drawn


def _fits(headers: Sequence[str], count: int = MAXIMUM_HEADERS, size: int = MAXIMUM_BYTES) -> bool:
    return len(headers) <= count and sum(map(len, headers)) <= size


def _domains(url: CookieUrl) -> list[str]:
    """Return the hosts and their parents of two labels or more.

    Browsers reject public suffixes, and domains of other hosts, themselves.
    """
    found: list[str] = []
    for host in (url.host, url.site):
        if _HOST.fullmatch(host) and not _is_address(host):
            found += [host, *parent_domains(host)][:-1]  # a top-level domain is no Domain
    return list(dict.fromkeys(found))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _prefixes(path: str) -> list[str]:
    """Return each ``Path`` that a cookie sent to ``path`` may have, with and without a trailing slash."""
    found: list[str] = []
    at = ""
    for segment in path.split("/")[1 : _MAXIMUM_SEGMENTS + 1]:
        if not _SEGMENT.fullmatch(segment):
            break
        if at:
            found += [at, at + "/"]
        at += "/" + segment
    return list(dict.fromkeys([*found, at] if at else found))


def _is_path(path: str) -> bool:
    return path.startswith("/") and all(_SEGMENT.fullmatch(segment) for segment in path.split("/"))
