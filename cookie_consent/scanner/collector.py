"""Puts what is seen together, within bounds that a hostile site cannot exceed."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar, cast

from cookie_consent.scanner.model import Limit, Scan, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from cookie_consent.scanner.model import Initiator, Sighting

__all__ = ["Bounds", "Collector"]

_S = TypeVar("_S", bound=Seen)
_KEYS: dict[str, Callable[[Any], Hashable]] = {
    "cookies": attrgetter("name", "domain", "path"),
    "keys": attrgetter("kind", "origin", "name"),
    "requests": attrgetter("address", "carrier", "is_made"),
    "snippets": attrgetter("service", "excerpt"),
    "apis": attrgetter("name", "script"),
    "tools": attrgetter("name", "state"),
}
"""By what a scan in a browser tells the things of its lists apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much a scan remembers."""

    things: int = 10_000
    """Of each kind: cookies, storage keys, requests and so on."""
    sightings: int = 20
    """Of each thing in each phase."""
    initiators: int = 10
    """Of each thing."""
    text: int = 2_000
    """Characters of a name, an address or a query."""


class Collector:
    """Fills a ``Scan``. Not safe to use from several threads."""

    def __init__(self, scan: Scan, bounds: Bounds | None = None) -> None:
        self.scan = scan
        self.bounds = bounds or Bounds()
        self._found: dict[tuple[int, Hashable], Seen] = {}

    def take_up(self, scan: Scan) -> None:
        """Go on from what an earlier scan in a browser saw. Call it before anything is seen."""
        for name, key in _KEYS.items():
            into: list[Seen] = getattr(self.scan, name)
            into[:] = getattr(scan, name)
            self._found.update({(id(into), key(thing)): thing for thing in into})
        self.scan.pages[:], self.scan.limits[:] = scan.pages, scan.limits

    def see(
        self,
        into: list[_S],
        key: Hashable,
        make: Callable[[], _S],
        sighting: Sighting,
        initiator: Initiator | None = None,
    ) -> _S | None:
        """Note that a thing was seen, and return it; ``make`` makes it at the first time.

        ``into`` is one of the scan's lists, and ``key`` tells things in it apart. Returns None if the list is full.
        """
        found = cast("_S | None", self._found.get((id(into), key)))
        if found is None:
            if len(into) >= self.bounds.things:
                kind = next(name for name in Scan.__slots__ if getattr(self.scan, name) is into)
                self.limit(kind, self.bounds.things, f"further {kind} are not listed")
                return None
            found = self._found[id(into), key] = make()
            into.append(found)
        found.count += 1
        if self._has_room(found, sighting) and sighting not in found.sightings:
            found.sightings.append(sighting)
        if initiator and len(found.initiators) < self.bounds.initiators and initiator not in found.initiators:
            found.initiators.append(initiator)
        return found

    def _has_room(self, found: Seen, sighting: Sighting) -> bool:
        """Return whether one more sighting in that phase is remembered."""
        most = self.bounds.sightings
        return len(found.sightings) < most or sum(one.phase == sighting.phase for one in found.sightings) < most

    def cut(self, text: str) -> str:
        """Return the text, shortened to what a scan remembers, without what no file can hold (lone surrogates)."""
        text = text if len(text) <= self.bounds.text else text[: self.bounds.text - 1] + "…"
        return text.encode("utf-8", "replace").decode("utf-8")

    def limit(self, name: str, value: object, note: str = "") -> None:
        """Note, once, that a limit was reached."""
        reached = Limit(name=name, value=str(value), note=note)
        if reached not in self.scan.limits:
            self.scan.limits.append(reached)
