"""Our own scripts and style sheets on a page with a strict Content-Security-Policy of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cookie_consent.gate.csp.syntax import parse_policies
from cookie_consent.policy.host_pattern import HostPattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["OwnElements"]

_ELEMENT = re.compile(r'<(?:(script)\b[^>]*?\bsrc="([^"]*)"|link rel="stylesheet" href="([^"]*)")')
_NONCE = re.compile(r"'nonce-([A-Za-z0-9+/_-]+={0,2})'", re.IGNORECASE)
_HOST_SOURCE = re.compile(
    r"(?:([a-z][a-z0-9+.-]*)://)?(\*|(?:\*\.)?[a-z0-9._-]+)(?::([0-9]+|\*))?(/.*)?", re.IGNORECASE
)
_PORTS = {"http": "80", "https": "443"}
_FALLBACKS = {
    "script": ("script-src-elem", "script-src", "default-src"),
    "style": ("style-src-elem", "style-src", "default-src"),
}
_MOST_POLICIES = 64


@dataclass(kw_only=True)
class OwnElements:
    """Gives our elements what the site's policies require: the nonce that the site itself uses, or their hash.

    The site's policies are never changed. If one of them allows neither, it stops our element; the banner's forms work
    without. ``digests`` returns the hashes of one of our files, as in ``integrity``. There is one object per page.
    """

    authority: str
    """The page's host, with its port if it has one."""
    scheme: str
    digests: Callable[[str], tuple[str, ...]]
    _policies: list[Mapping[str, tuple[str, ...]]] = field(default_factory=list)

    def add(self, policies: Iterable[str]) -> None:
        """Add policies of the site, from headers or from ``<meta http-equiv>``."""
        self._policies += parse_policies(policies)[: _MOST_POLICIES - len(self._policies)]

    def mark(self, markup: str) -> str:
        """Return our markup with the nonces and hashes that it needs on this page."""
        return _ELEMENT.sub(self._marked, markup) if self.is_needed else markup

    @property
    def is_needed(self) -> bool:
        """Whether the site sends any policy for this page."""
        return bool(self._policies)

    @property
    def marks(self) -> tuple[object, ...]:
        """All that ``mark`` depends on so far."""
        return (self.authority, self.scheme, *(tuple(policy.items()) for policy in self._policies))

    def _marked(self, match: re.Match[str]) -> str:
        kind, path = ("script", match[2]) if match[1] else ("style", match[3])
        asking = [sources for sources in self._sources(kind) if not self._is_allowed(sources, kind, path)]
        if not asking:  # every policy allows the file as it is
            return match[0]
        # A nonce or hash must satisfy all the policies at once.
        nonce = next(iter(_common(_nonces(sources) for sources in asking)), None)
        if nonce is not None:
            return _with_attribute(match[0], "nonce", nonce)
        digests = self.digests(path) if kind == "script" else ()
        listed = [digest for digest in digests if all(f"'{digest}'" in sources for sources in asking)]
        return _with_attribute(match[0], "integrity", listed[-1]) if listed else match[0]

    def _sources(self, kind: str) -> Iterable[tuple[str, ...]]:
        """Yield the sources of each policy that governs such elements."""
        for policy in self._policies:
            name = next((name for name in _FALLBACKS[kind] if name in policy), None)
            if name is not None:
                yield policy[name]

    def _is_allowed(self, sources: tuple[str, ...], kind: str, path: str) -> bool:
        """Return whether our file is allowed without a nonce (CSP Level 3, sections 6.7.1.1 and 6.7.2.8)."""
        keywords = {source.lower() for source in sources}
        if kind == "script" and "'strict-dynamic'" in keywords:
            return False  # it makes browsers ignore hosts and 'self'
        if not keywords.isdisjoint({"'self'", "*", f"{self.scheme}:"}):
            return True
        return any(self._matches(source, path) for source in sources)

    def _matches(self, source: str, path: str) -> bool:
        match = _HOST_SOURCE.fullmatch(source)
        if match is None:
            return False
        scheme, pattern, port, prefix = match.groups()
        host, _, own_port = self.authority.lower().partition(":")
        own_port = own_port or _PORTS.get(self.scheme, "")
        pattern = pattern.lower()
        return (
            (scheme is None or scheme.lower() in {self.scheme, "http"})
            and (pattern == "*" or HostPattern.parse(pattern).matches(host))
            and (port or _PORTS.get(self.scheme)) in {own_port, "*"}
            and (prefix is None or path == prefix or (prefix.endswith("/") and path.startswith(prefix)))
        )


def _nonces(sources: Iterable[str]) -> list[str]:
    return [match[1] for source in sources if (match := _NONCE.fullmatch(source)) is not None]


def _common(lists: Iterable[list[str]]) -> list[str]:
    first, *others = lists
    return [entry for entry in first if all(entry in other for other in others)]


def _with_attribute(tag: str, name: str, value: str) -> str:
    element = re.match(r"<[a-z]+", tag)
    end = element.end() if element is not None else 0
    return f'{tag[:end]} {name}="{value}"{tag[end:]}'
