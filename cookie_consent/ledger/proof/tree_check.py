"""Comparing leaves with the stored tree and its signed roots."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cookie_consent.ledger.proof.merkle import EMPTY_ROOT, HASH_SIZE, node_hash
from cookie_consent.ledger.proof.tiles import TILE_WIDTH, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from cookie_consent.ledger.proof.checkpoint import Checkpoint

__all__ = ["MOST_FINDINGS", "Difference", "Fault", "FaultKind", "TreeCheck", "TreeSpan"]

FaultKind = Literal["changed", "removed", "added", "moved", "tree", "checkpoint", "notice", "event"]
MOST_FINDINGS = 10_000
"""The number of faults that are listed; further ones are only counted."""
_TILE = TILE_WIDTH * HASH_SIZE


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault: its kind, a sentence, the leaf's position (from 0), and the id of the record or event."""

    kind: FaultKind
    text: str
    position: int | None = None
    id: str | None = None


@dataclass(frozen=True)
class Difference:
    """A leaf whose computed hash differs from the stored one."""

    position: int
    id: str | None
    computed: bytes
    expected: bytes


class TreeSpan:
    """A span of leaves from ``first``, a multiple of 256, compared with the stored tree. It can be pickled.

    ``sizes`` are the tree sizes at which roots will be needed. Memory grows by two hashes per 256 leaves.
    """

    def __init__(self, first: int, sizes: Iterable[int]) -> None:
        self.first = self.end = first
        self.stored = bytearray()  # the hashes over complete tiles
        self.computed = bytearray()
        self.partial: dict[
            int, tuple[bytes, bytes]
        ] = {}  # by tree size: the hashes before it in its tile, stored and computed
        self.differences: list[Difference] = []
        self.removed: set[int] = set()
        self.more = 0
        self._sizes = sorted(sizes)

    def add(
        self,
        ids: Sequence[str | None],
        computed: Sequence[bytes],
        expected: bytes | None,
        removed: Collection[int] = (),
    ) -> None:
        """Add the next leaves: their computed hashes, and the stored ones concatenated (None if they are the same).

        ``removed`` are the positions of missing records. All calls but the last add a multiple of 256 leaves.
        """
        if len(self.removed) < MOST_FINDINGS:
            self.removed.update(removed)
        joined = b"".join(computed)
        stored = joined if expected is None else expected
        if joined != stored:
            self._compare(ids, computed, stored)
        for at in range(0, len(joined), _TILE):
            ours, theirs = joined[at : at + _TILE], stored[at : at + _TILE]
            first = self.end
            self.end += len(ours) // HASH_SIZE
            for size in self._sizes[bisect_right(self._sizes, first) : bisect_right(self._sizes, self.end)]:
                before = (size - first) * HASH_SIZE
                if before < _TILE:
                    self.partial[size] = theirs[:before], ours[:before]
            if len(ours) == _TILE:
                value = fold(theirs)
                self.stored += value
                self.computed += value if ours == theirs else fold(ours)

    def _compare(self, ids: Sequence[str | None], computed: Sequence[bytes], stored: bytes) -> None:
        for at, ours in enumerate(computed):
            theirs = stored[at * HASH_SIZE : (at + 1) * HASH_SIZE]
            if ours == theirs:
                continue
            if len(self.differences) < MOST_FINDINGS:
                self.differences.append(Difference(self.end + at, ids[at], ours, theirs))
            else:
                self.more += 1


class TreeCheck:
    """Compares spans of leaves, taken in order, with the checkpoints ``signed``.

    ``upper(level, number)`` returns a stored tile above the leaf tiles, or raises ``KeyError``; None skips these.
    """

    def __init__(self, signed: Iterable[Checkpoint], *, upper: Callable[[int, int], bytes] | None = None) -> None:
        self._signed: dict[int, list[Checkpoint]] = {}
        for checkpoint in signed:
            self._signed.setdefault(checkpoint.size, []).append(checkpoint)
        self._upper = upper
        self.size = 0
        self._stored = _Levels(self._compare if upper is not None else None)
        self._computed = _Levels(None)
        self._differences: list[Difference] = []
        self._removed: set[int] = set()
        self._more = 0
        self._roots: list[tuple[Checkpoint, bytes, bytes]] = []
        self._tile_faults: list[Fault] = []
        self._take_roots(0, b"", b"")

    @property
    def sizes(self) -> list[int]:
        """The tree sizes for which spans must keep partial tiles."""
        return sorted(self._signed)

    def take(self, span: TreeSpan) -> None:
        """Add the next span. All but the last have a multiple of 256 leaves."""
        room = MOST_FINDINGS - len(self._differences)
        self._differences += span.differences[:room]
        self._more += span.more + max(0, len(span.differences) - room)
        if len(self._removed) < MOST_FINDINGS:
            self._removed |= span.removed
        within = sorted(span.partial)
        for at in range(0, len(span.stored), HASH_SIZE):
            end = self.size + TILE_WIDTH
            while within and within[0] < end:
                size = within.pop(0)
                self._take_roots(size, *span.partial[size])
            self._stored.push(bytes(span.stored[at : at + HASH_SIZE]))
            self._computed.push(bytes(span.computed[at : at + HASH_SIZE]))
            self.size = end
            self._take_roots(end, b"", b"")
        for size in within:
            self._take_roots(size, *span.partial[size])
        self.size = span.end

    def add(
        self,
        ids: Sequence[str | None],
        computed: Sequence[bytes],
        expected: bytes | None,
        removed: Collection[int] = (),
    ) -> None:
        """Add the next leaves as a separate span; see ``TreeSpan.add``."""
        span = TreeSpan(self.size, self._signed)
        span.add(ids, computed, expected, removed)
        self.take(span)

    def faults(self) -> tuple[list[Fault], int]:
        """Return the faults, and the number of further ones. Call this once, at the end."""
        found: list[Fault] = []
        right = 0
        for checkpoint, stored, computed in sorted(self._roots, key=lambda item: item[0].size):
            if checkpoint.root in {stored, computed}:
                right = max(right, checkpoint.size)
                continue
            where = f"leaf {right} and leaf {checkpoint.size - 1}" if checkpoint.size else "nothing"
            found.append(
                Fault(
                    kind="tree",
                    position=right,
                    text=f"the log is not the one that was signed with {checkpoint.size} leaves: something between "
                    f"{where} was changed, and the hashes of the tree with it",
                )
            )
            break
        for size in self._signed:
            if size > self.size:
                text = (
                    f"the log has {self.size} leaves, but a checkpoint of {size} leaves was signed: its end is missing"
                )
                found.append(Fault(kind="removed", position=self.size, text=text))
        stored_is_right = all(checkpoint.root == stored for checkpoint, stored, _ in self._roots)
        computed_is_right = all(checkpoint.root == computed for checkpoint, _, computed in self._roots)
        if computed_is_right and not stored_is_right:
            for other in self._differences:
                text = "its hash in the tree is damaged; the record itself is the one that was signed"
                found.append(Fault(kind="tree", position=other.position, id=other.id, text=text))
        else:
            found += _named(self._differences, self._removed)
        return [*found, *self._tile_faults], self._more

    def _take_roots(self, size: int, stored: bytes, computed: bytes) -> None:
        for checkpoint in self._signed.get(size, ()):
            root = self._stored.root(stored)
            other = self._computed.root(computed)
            self._roots.append((checkpoint, root, other))

    def _compare(self, level: int, number: int, value: bytes) -> None:
        """Compare the hash over a complete tile with the one in the tile above."""
        if self._upper is None:
            return
        above, offset = divmod(number, TILE_WIDTH)
        try:
            tile = self._upper(level + 1, above)
        except KeyError:
            tile = b""
        if tile[offset * HASH_SIZE : (offset + 1) * HASH_SIZE] != value and len(self._tile_faults) < MOST_FINDINGS:
            width = TILE_WIDTH ** (level + 1)
            first = number * width
            text = f"the tree's hash over the leaves {first} to {first + width - 1} is not the one of these leaves"
            self._tile_faults.append(Fault(kind="tree", position=first, text=text))


class _Levels:
    """The right edge of a tree: the incomplete tile of each level."""

    def __init__(self, made: Callable[[int, int, bytes], None] | None) -> None:
        self._rows: list[bytearray] = []  # of the levels above the leaves'
        self._counts: list[int] = []
        self._made = made

    def push(self, value: bytes) -> None:
        """Add the hash over the next complete tile of leaves."""
        self._push(0, value)

    def _push(self, level: int, value: bytes) -> None:
        if level == len(self._rows):
            self._rows.append(bytearray())
            self._counts.append(0)
        if self._made is not None:
            self._made(level, self._counts[level], value)
        self._counts[level] += 1
        row = self._rows[level]
        row += value
        if len(row) == _TILE:
            whole = fold(row)
            row.clear()
            self._push(level + 1, whole)

    def root(self, last: bytes) -> bytes:
        """Return the root. ``last`` has the leaf hashes of the incomplete tile."""
        peaks: list[bytes] = []
        for row in [*map(bytes, reversed(self._rows)), last]:
            at = 0
            while at < len(row):
                width = HASH_SIZE << (((len(row) - at) // HASH_SIZE).bit_length() - 1)
                peaks.append(fold(row[at : at + width]))
                at += width
        if not peaks:
            return EMPTY_ROOT
        value = peaks.pop()
        while peaks:
            value = node_hash(peaks.pop(), value)
        return value


def _named(differences: Sequence[Difference], removed: Collection[int]) -> list[Fault]:
    """Classify differences as moved, changed, added or removed."""
    places = {other.expected: other.position for other in differences}
    moved = {other.position: places[other.computed] for other in differences if other.computed in places}
    found_again = {places[other.computed] for other in differences if other.computed in places}
    found = []
    for other in differences:
        at, name = other.position, other.id
        if at in removed:
            found.append(Fault(kind="removed", position=at, id=name, text=f"was sealed as leaf {at}, but is missing"))
        elif at in moved:
            text = f"stands at leaf {at}; it was sealed as leaf {moved[at]}"
            found.append(Fault(kind="moved", position=at, id=name, text=text))
        elif at in found_again:
            text = f"stands at leaf {at}, where another was sealed that stands elsewhere now: it was added"
            found.append(Fault(kind="added", position=at, id=name, text=text))
        else:
            found.append(Fault(kind="changed", position=at, id=name, text=f"leaf {at} is not what was sealed"))
    for other in differences:
        if other.position in moved and other.position not in found_again:
            text = f"what was sealed as leaf {other.position} is missing"
            found.append(Fault(kind="removed", position=other.position, text=text))
    return found
