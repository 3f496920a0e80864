"""What the Content-Security-Policies that a site itself sends allow on one page (CSP Level 3)."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from cookie_consent.gate.csp.syntax import parse_policies
from cookie_consent.policy.host_pattern import HostPattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

__all__ = ["PLAIN", "Element", "SitePolicies", "Sources", "hides_origin", "nonces"]

Sources: TypeAlias = "tuple[str, ...]"
"""The source list of a directive."""

_NONCE = re.compile(r"'nonce-([A-Za-z0-9+/_-]+={0,2})'", re.IGNORECASE)
_HASH = re.compile(r"'sha(?:256|384|512)-[A-Za-z0-9+/_-]+={0,2}'", re.IGNORECASE)
_HOST_SOURCE = re.compile(
    r"(?:([a-z][a-z0-9+.-]*)://)?(\*|(?:\*\.)?[a-z0-9._-]+)(?::([0-9]+|\*))?(/.*)?", re.IGNORECASE
)
_HTTPS_ADDRESS = re.compile(r"(?:https?:)?//([^/?#]+)(/[^?#]*)?", re.IGNORECASE)
_PORTS = {"http": "80", "https": "443"}
_FALLBACKS = {
    "script": ("script-src-elem", "script-src", "default-src"),
    "style": ("style-src-elem", "style-src", "default-src"),
    "style attribute": ("style-src-attr", "style-src", "default-src"),
    "font": ("font-src", "default-src"),
    "image": ("img-src", "default-src"),
    "connect": ("connect-src", "default-src"),
}
"""For each kind of request the directives that may govern it; the first that a policy has counts."""
_WITH_NONCES = frozenset({"script", "style"})
"""The kinds of requests that a nonce lets pass (CSP Level 3, section 6.1)."""
_MOST_POLICIES = 64


class Element(NamedTuple):
    """What an element has that lets it load whatever its address is."""

    nonce: str = ""
    integrity: str = ""


PLAIN = Element()


class SitePolicies:
    """The policies of one page, from its headers and from ``<meta http-equiv>``.

    ``authority`` is the page's host, with its port if it has one.
    """

    def __init__(self, *, authority: str, scheme: str) -> None:
        self._authority = authority
        self._scheme = scheme
        self._policies: list[Mapping[str, Sources]] = []
        self._key = ""

    def add(self, policies: Iterable[str]) -> None:
        """Add the values of headers or of ``<meta>``."""
        self._key = ""
        self._policies += parse_policies(policies)[: _MOST_POLICIES - len(self._policies)]

    def __bool__(self) -> bool:
        """Whether the site sends any policy for this page."""
        return bool(self._policies)

    @property
    def key(self) -> str:
        """Stands for all that the answers depend on so far."""
        if not self._key:
            marks = (self._authority, self._scheme, [tuple(policy.items()) for policy in self._policies])
            self._key = hashlib.blake2b(repr(marks).encode("utf-8", "replace"), digest_size=16).hexdigest()
        return self._key

    def governing(self, kind: str) -> Iterator[Sources]:
        """Yield the sources of each policy that governs requests of this kind, such as ``script``."""
        for policy in self._policies:
            name = next((name for name in _FALLBACKS[kind] if name in policy), None)
            if name is not None:
                yield policy[name]

    def allows(self, kind: str, address: str, element: Element = PLAIN) -> bool:
        """Say whether every policy allows an address: a path of the site, or an absolute one, which counts as https."""
        return all(
            (kind in _WITH_NONCES and _has_nonce(sources, element))
            or (kind == "script" and _lists(sources, element.integrity))
            or self.matches(sources, kind, address)
            for sources in self.governing(kind)
        )

    def allows_inline(self, kind: str, element: Element = PLAIN) -> bool:
        """Say whether every policy allows inline text of this kind whatever it says, which a hash does not."""
        return all(_has_nonce(sources, element) or _allows_any_inline(sources) for sources in self.governing(kind))

    def allows_made(self, kind: str, address: str) -> bool:
        """Say whether every policy allows the address to what a script makes that may run itself, without a nonce."""
        return all(
            (kind == "script" and "'strict-dynamic'" in map(str.lower, sources)) or self.matches(sources, kind, address)
            for sources in self.governing(kind)
        )

    @property
    def hides_origin(self) -> bool:
        """Whether the page is sandboxed without an origin, so that its own host counts as a foreign one."""
        sandboxes = (policy.get("sandbox") for policy in self._policies)
        return any(flags is not None and hides_origin(flags) for flags in sandboxes)

    @property
    def requires_trusted_types(self) -> bool:
        """Whether scripts may not give elements addresses as plain strings (Trusted Types, section 4.3)."""
        return any("require-trusted-types-for" in policy for policy in self._policies)

    def matches(self, sources: Sources, kind: str, address: str) -> bool:
        """Say whether the sources allow the address without nonce and hash (CSP Level 3, 6.7.1.1 and 6.7.2.8)."""
        keywords = {source.lower() for source in sources}
        if kind == "script" and "'strict-dynamic'" in keywords:
            return False  # it makes browsers ignore hosts and 'self'
        absolute = _HTTPS_ADDRESS.match(address)
        if absolute is not None:
            if not keywords.isdisjoint({"*", "https:", "http:"}):
                return True
            return any(self._covers(source, "https", absolute[1].lower(), absolute[2] or "/") for source in sources)
        if not keywords.isdisjoint({"'self'", "*", f"{self._scheme}:"}):
            return True
        return any(self._covers(source, self._scheme, self._authority.lower(), address) for source in sources)

    def _covers(self, source: str, scheme: str, authority: str, path: str) -> bool:
        found = _host_source(source)
        if found is None:
            return False
        host, _, own_port = authority.partition(":")
        own_port = own_port or _PORTS.get(scheme, "")
        return (
            (found.scheme or self._scheme.lower()) in {scheme, "http"}
            and (found.host is None or found.host.matches(host))
            and (found.port or _PORTS.get(scheme)) in {own_port, "*"}
            and (found.path is None or _is_below(path, found.path))
        )


def hides_origin(flags: Iterable[str]) -> bool:
    """Say whether a sandbox with these flags takes the origin from a document (HTML standard, section 7.1.5)."""
    return "allow-same-origin" not in map(str.lower, flags)


class _HostSource(NamedTuple):
    scheme: str
    """Empty for that of the page."""
    host: HostPattern | None
    """None for any."""
    port: str
    path: str | None


@lru_cache(maxsize=1024)
def _host_source(source: str) -> _HostSource | None:
    """Return the parsed source; None for a keyword, a nonce or a hash. A site sends the same ones again and again."""
    match = _HOST_SOURCE.fullmatch(source)
    if match is None:
        return None
    scheme, host, port, path = match.groups()
    pattern = HostPattern.parse(host.lower()) if host != "*" else None
    return _HostSource((scheme or "").lower(), pattern, port or "", unquote(path) if path is not None else None)


def nonces(sources: Sequence[str]) -> list[str]:
    """Return the nonces among the sources."""
    return [match[1] for source in sources if (match := _NONCE.fullmatch(source)) is not None]


def _hashes(sources: Sequence[str]) -> list[str]:
    return [source for source in sources if _HASH.fullmatch(source) is not None]


def _has_nonce(sources: Sequence[str], element: Element) -> bool:
    return bool(element.nonce) and element.nonce in nonces(sources)


def _allows_any_inline(sources: Sequence[str]) -> bool:
    keywords = {source.lower() for source in sources}
    is_limited = "'strict-dynamic'" in keywords or nonces(sources) or _hashes(sources)
    return "'unsafe-inline'" in keywords and not is_limited


def _lists(sources: Sequence[str], integrity: str) -> bool:
    """Say whether all hashes of the script are among the sources (CSP Level 3, section 6.7.1.1)."""
    wanted = [f"'{digest.partition('?')[0]}'" for digest in integrity.split()]
    return bool(wanted) and set(_hashes(sources)).issuperset(wanted)


def _is_below(path: str, prefix: str) -> bool:
    path = unquote(path)
    return path == prefix or (prefix.endswith("/") and path.startswith(prefix))
