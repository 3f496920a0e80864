"""Source expressions for hosts (CSP Level 3, section 2.3.1), and how many of them fit into a header."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from cookie_consent.policy.host_pattern import HostPattern, is_below, parent_domains

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["HostSource", "fit", "is_expressible", "own_sources"]

_HOST = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_WEBSOCKET = "ws://"


@dataclass(frozen=True, kw_only=True)
class HostSource:
    """One host pattern of a service, such as ``www.example.com`` with the path prefix ``/embed/``."""

    host: str
    """A host, or ``*.`` and the domain whose subdomains are meant."""
    path: str = ""
    """The prefix that the path has, with its query; empty for any."""
    service: str

    @cached_property
    def expressions(self) -> tuple[str, ...]:
        """What allows its addresses on all ports, by the page's scheme or a safer one.

        CSP knows whole paths and folders. A prefix that ends within a name stands for that name and the folder of
        that name, which leaves out what goes on otherwise: ``/tr`` is ``/tr?id=1`` and ``/tr/a``, not ``/trends``.
        """
        return tuple(f"{self.host}:*{path}" for path in self._paths)

    @cached_property
    def websockets(self) -> tuple[str, ...]:
        """What allows its WebSockets, which an expression without a scheme does not."""
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
    """Say whether a host can be written in a policy; an IPv6 address cannot."""
    return len(host) <= 255 and _HOST.fullmatch(host) is not None


def own_sources(host: str) -> tuple[str, ...]:
    """Return what allows a host of the site's own on every port, by http, https and WebSockets."""
    return (f"http://{host}:*", f"{_WEBSOCKET}{host}:*") if is_expressible(host) else ()


def fit(
    sources: Sequence[HostSource], size: int, *, refused: Iterable[HostSource] = ()
) -> tuple[str, tuple[HostSource, ...]]:
    """Return the expressions of ``sources`` in at most ``size`` characters, and the sources that are left out.

    What does not fit is folded first: hosts of one service below a domain that is a host of that service as well
    become the wildcard of that domain, but where a refused host lies below it. Only so is it known without a list
    of public suffixes that the domain is the service's own. If that is not enough, WebSockets are left out from the
    end, then the sources themselves.
    """
    kept = _without_covered(sources)
    refused = tuple(refused)
    while _size(kept) > size:
        folded = _fold_best(kept, refused)
        if folded is None:
            break
        kept = folded
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
    for source in kept if not left_out else ():
        needed = sum(len(expression) + 1 for expression in source.websockets)
        if needed <= room:
            plain += source.websockets
            room -= needed
    return " ".join(plain), tuple(left_out)


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


def _fold_best(sources: list[HostSource], refused: Sequence[HostSource]) -> list[HostSource] | None:
    """Return the sources with the fold that saves most, or None where no fold is left that saves anything."""
    shown = {(source.service, source.host) for source in sources if source.path == ""}
    groups: dict[tuple[str, str], list[HostSource]] = {}
    for source in sources:
        if source.path == "":
            for parent in parent_domains(HostPattern.parse(source.host).domain):
                if (source.service, parent) in shown:
                    groups.setdefault((source.service, parent), []).append(source)
    best: tuple[int, HostSource, list[HostSource]] | None = None
    for (service, domain), group in groups.items():
        wildcard = HostSource(host=f"*.{domain}", service=service)
        saved = _size(group) - _size([wildcard])
        if saved > (best[0] if best is not None else 0) and not any(is_below(other.host, domain) for other in refused):
            best = (saved, wildcard, group)
    if best is None:
        return None
    _, wildcard, group = best
    folded = [source for source in sources if source not in group]
    folded.insert(sources.index(group[0]), wildcard)
    return folded
