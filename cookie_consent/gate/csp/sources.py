"""Source expressions for hosts (CSP Level 3, section 2.3.1), shortened to fit into a header."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from cookie_consent.policy.host_pattern import HostPattern, parent_domains

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["HostSource", "fit", "is_expressible", "own_sources"]

_HOST = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_WEBSOCKET = "ws://"


@dataclass(frozen=True, kw_only=True)
class HostSource:
    """A host pattern of a service, such as ``www.example.com`` with the path prefix ``/embed/``."""

    host: str
    """A host, or ``*.`` followed by a domain for its subdomains."""
    path: str = ""
    """The prefix of path and query; empty for any."""
    service: str
    has_websockets: bool = True
    """Whether it may be reached by WebSockets too."""
    has_ports: bool = True
    """Whether it may be reached on other ports than those of http and https."""
    is_declared: bool = True
    """Whether the site itself declares it. Others keep their ports only if there is room."""
    is_necessary: bool = False
    """Whether its service needs no consent."""

    @cached_property
    def expressions(self) -> tuple[str, ...]:
        """The expressions for its addresses, with the page's scheme or a safer one.

        CSP has exact paths and folders only. So the prefix ``/tr`` allows ``/tr?id=1`` and ``/tr/a``, not ``/trends``.
        """
        ports = ":*" if self.has_ports else ""
        return tuple(f"{self.host}{ports}{path}" for path in self._paths)

    @cached_property
    def websockets(self) -> tuple[str, ...]:
        """The expressions for its WebSockets, which those without a scheme do not cover."""
        if not self.has_websockets:
            return ()
        return tuple(_WEBSOCKET + expression for expression in self.expressions)

    @property
    def _paths(self) -> tuple[str, ...]:
        path = re.split(r"[?#]", self.path)[0]
        encoded = quote(path, safe="/%:@!$&'()*+=~-._")
        if encoded in {"", "/"}:
            return ("",)
        is_whole = encoded.endswith("/") or path != self.path or "." in encoded.rpartition("/")[2]
        return (encoded,) if is_whole else (encoded, encoded + "/")


def is_expressible(host: str) -> bool:
    """Return whether CSP has an expression for the host. It has none for IPv6 addresses."""
    return len(host) <= 255 and _HOST.fullmatch(host) is not None


def own_sources(host: str) -> tuple[str, ...]:
    """Return the expressions that allow one of the site's own hosts on every port, by http, https and WebSockets."""
    return (f"http://{host}:*", f"{_WEBSOCKET}{host}:*") if is_expressible(host) else ()


def fit(
    sources: Sequence[HostSource], size: int, *, has_refused_below: Callable[[str], bool] = lambda _: False
) -> tuple[str, tuple[HostSource, ...]]:
    """Return the expressions of ``sources`` in at most ``size`` characters, and the sources that are left out.

    If they do not fit, hosts are first folded into wildcards. After that the last WebSockets are left out, then the odd
    ports of services that are not declared, and then the last sources of the services that have most.
    """
    kept = _without_covered(sources)
    # Only below a domain that is itself a host of the service are its hosts folded: without a list of public suffixes,
    # nothing else shows that the domain is the service's own. No refused host may be below it.
    while _size(kept) > size:
        folded = _fold_best(kept, has_refused_below)
        if folded is None:
            break
        kept = folded
    if _plain_size(kept) > size:
        kept = [source if source.is_declared else replace(source, has_ports=False) for source in kept]
    if _plain_size(kept) > size:
        kept = _in_turn(kept)
    plain: list[str] = []
    left_out = []
    room = size + 1  # no space before the first
    for source in kept:
        needed = sum(len(expression) + 1 for expression in source.expressions)
        if needed <= room:
            plain += source.expressions
            room -= needed
        else:
            left_out.append(source)
    # WebSockets come last: a page works better without them than without a whole service.
    for source in kept if not left_out else ():
        needed = sum(len(expression) + 1 for expression in source.websockets)
        if needed <= room:
            plain += source.websockets
            room -= needed
    return " ".join(plain), tuple(left_out)


def _in_turn(sources: Iterable[HostSource]) -> list[HostSource]:
    """Return the first source of each service, then the second of each, and so on.

    So a service with a host for each country does not take the room of all others. Necessary ones precede all.
    """
    places: dict[str, int] = {}
    ranked = []
    for source in sources:
        place = places[source.service] = places.get(source.service, -1) + 1
        ranked.append((-1 if source.is_necessary else place, source))
    return [source for _, source in sorted(ranked, key=lambda entry: entry[0])]


def _without_covered(sources: Sequence[HostSource]) -> list[HostSource]:
    unique = list(dict.fromkeys(sources))
    wide = [source for source in unique if source.path in {"", "/"}]
    by_host: dict[str, HostSource] = {}
    for source in wide:
        by_host.setdefault(source.host, source)
    kept = []
    for source in unique:
        own = by_host.get(source.host)
        is_first = own is None or own is source
        parents = parent_domains(HostPattern.parse(source.host).domain)
        if is_first and not any(f"*.{parent}" in by_host for parent in parents):
            kept.append(source)
    return kept


def _size(sources: Iterable[HostSource]) -> int:
    return sum(len(text) + 1 for source in sources for text in (*source.expressions, *source.websockets)) - 1


def _plain_size(sources: Iterable[HostSource]) -> int:
    return sum(len(text) + 1 for source in sources for text in source.expressions) - 1


def _fold_best(sources: list[HostSource], has_refused_below: Callable[[str], bool]) -> list[HostSource] | None:
    """Return the sources after the fold that saves most, or None if no fold would save anything."""
    whole_hosts = {(source.service, source.host) for source in sources if source.path == ""}
    groups: dict[tuple[str, str], list[HostSource]] = {}
    for source in sources:
        if source.path == "":
            for parent in parent_domains(HostPattern.parse(source.host).domain):
                if (source.service, parent) in whole_hosts:
                    groups.setdefault((source.service, parent), []).append(source)
    best: tuple[int, HostSource, list[HostSource]] | None = None
    for (_, domain), group in groups.items():
        wildcard = replace(group[0], host=f"*.{domain}")
        saved = _size(group) - _size([wildcard])
        if saved > (best[0] if best is not None else 0) and not has_refused_below(domain):
            best = (saved, wildcard, group)
    if best is None:
        return None
    _, wildcard, group = best
    folded = [source for source in sources if source not in group]
    folded.insert(sources.index(group[0]), wildcard)
    return folded
