"""Which page is visited next."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import unquote

from cookie_consent.policy.paths import PathPatterns
from cookie_consent.scanner.links import is_left_alone, kind_of
from cookie_consent.scanner.own_prefix import OwnPrefixes

if TYPE_CHECKING:
    from cookie_consent.scanner.links import Address
    from cookie_consent.scanner.options import CrawlOptions

__all__ = ["Entry", "Frontier"]

_MOST_KNOWN = 200_000
_MOST_WAITING = 20_000
_MOST_OF_A_KIND = 2_000
_SECTION_SHARE = 8
"""So many pages of a section count as much as one page of a kind when the next one is chosen."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A page to visit."""

    address: Address
    depth: int
    kind: str
    is_given: bool = False


@dataclass(slots=True)
class _Kind:
    """Pages that look alike by their addresses."""

    name: str
    section: str
    waiting: deque[Entry] = field(default_factory=deque)
    taken: int = 0
    dull: int = 0
    """How many of the last pages have shown nothing new."""


class Frontier:
    """The pages that are known and were not visited yet. Memory is bounded.

    The kind of page that was visited least comes first, so that no template, calendar or trap takes all visits. A kind
    whose last ``alike`` pages have shown nothing new is left.
    """

    def __init__(self, options: CrawlOptions) -> None:
        self._options = options
        self._include, self._exclude = PathPatterns(options.include), PathPatterns(options.exclude)
        self._known: set[bytes] = set()
        self._skipped: set[bytes] = set()
        """Pages that an earlier run has visited."""
        self._kinds: dict[str, _Kind] = {}
        self._sections: dict[str, int] = {}
        self._order: list[tuple[int, int, int, str]] = []
        self._serial = count()
        self._waiting = 0
        self._own = OwnPrefixes()
        self.left = 0
        """How many pages were left because those of their kind had shown nothing new."""
        self.too_deep = 0
        self.not_wanted = 0
        """How many pages ``include`` and ``exclude`` rule out."""
        self.overflow = 0
        """How many pages there was no room for."""

    def __len__(self) -> int:
        """How many pages wait."""
        return self._waiting

    def knows(self, address: Address) -> bool:
        """Note that a page is known, and say whether it already was."""
        digest = _digest(address)
        if digest in self._known:
            return True
        if len(self._known) < _MOST_KNOWN:
            self._known.add(digest)
        return False

    def add(self, address: Address, depth: int, *, is_given: bool = False) -> None:
        """Add a page unless it is known or ruled out. One that the user has ``given`` is visited in any case."""
        if self.knows(address):
            return
        if not is_given:
            if is_left_alone(address) or self._own.cover(address):
                return
            if depth > self._options.depth:
                self.too_deep += 1
                return
            path = unquote(address.path)
            if self._exclude.match(path) or (self._include and not self._include.match(path)):
                self.not_wanted += 1
                return
        name = kind_of(address)
        kind = self._kind(name)
        if self._waiting >= _MOST_WAITING or len(kind.waiting) >= _MOST_OF_A_KIND or len(self._known) >= _MOST_KNOWN:
            self.overflow += 1
            return
        kind.waiting.append(Entry(address, depth, name, is_given))
        self._waiting += 1
        if len(kind.waiting) == 1:
            self._push(kind)

    def take(self) -> Entry | None:
        """Return the next page, or None if none waits."""
        while self._order:
            cost, _, _, name = heapq.heappop(self._order)
            kind = self._kinds[name]
            if not kind.waiting:
                continue
            if kind.dull >= self._options.alike:
                self._leave(kind)
                continue
            if cost != self._cost(kind):
                self._push(kind)
                continue
            entry = kind.waiting.popleft()
            self._waiting -= 1
            is_skipped = bool(self._skipped) and _digest(entry.address) in self._skipped
            if not is_skipped:
                self._count(kind)
            if kind.waiting:
                self._push(kind)
            if not is_skipped:
                return entry
        return None

    def rule_out(self, prefix: str) -> None:
        """Leave out what is below a prefix that ``prefix_of`` returned: the middleware answers there."""
        if not self._own.add(prefix):
            return
        for kind in self._kinds.values():
            kept = [entry for entry in kind.waiting if entry.is_given or not self._own.cover(entry.address)]
            self._waiting -= len(kind.waiting) - len(kept)
            kind.waiting = deque(kept)

    def skip(self, entry: Entry) -> None:
        """Count a page as visited by an earlier run."""
        self._known.add(_digest(entry.address))
        self._skipped.add(_digest(entry.address))
        self._count(self._kind(entry.kind))

    def done(self, name: str, *, is_new: bool) -> None:
        """Note whether a page of this kind has shown anything new."""
        kind = self._kinds.get(name)
        if kind is not None:
            kind.dull = 0 if is_new else kind.dull + 1

    def _kind(self, name: str) -> _Kind:
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds[name] = _Kind(name, name.split("/", 2)[1] if name.count("/") > 1 else "")
        return kind

    def _count(self, kind: _Kind) -> None:
        kind.taken += 1
        self._sections[kind.section] = self._sections.get(kind.section, 0) + 1

    def _leave(self, kind: _Kind) -> None:
        self.left += len(kind.waiting)
        self._waiting -= len(kind.waiting)
        kind.waiting.clear()

    def _cost(self, kind: _Kind) -> int:
        return kind.taken + self._sections.get(kind.section, 0) // _SECTION_SHARE

    def _push(self, kind: _Kind) -> None:
        heapq.heappush(self._order, (self._cost(kind), kind.waiting[0].depth, next(self._serial), kind.name))


def _digest(address: Address) -> bytes:
    return blake2b(address.key.encode("utf-8", "surrogatepass"), digest_size=12).digest()
