"""Verification of a span: leaves are recomputed from records and compared with the stored tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from cookie_consent.ledger.events import read_events
from cookie_consent.ledger.proof.canonical import DAMAGED, event_leaf, leaf_hashes
from cookie_consent.ledger.proof.merkle import HASH_SIZE, leaf_hash
from cookie_consent.ledger.proof.tiles import TILE_WIDTH
from cookie_consent.ledger.proof.tree_check import Fault, TreeSpan
from cookie_consent.ledger.proof.tree_store import amendments
from cookie_consent.ledger.proof.verification import Amendments, Verification
from cookie_consent.ledger.schema import events, leaves, records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from cookie_consent.ledger.proof.canonical import RecordRow, WalkedRow
    from cookie_consent.ledger.store import LeafRow, Store

__all__ = ["BEFORE_ALL", "SPAN", "SpanChecker", "SpanResult", "read_amendments"]

SPAN = 128 * TILE_WIDTH
"""The number of leaves in a span."""
BEFORE_ALL = -(2**63)
"""Below every order number of a record."""
_PIECE = 8 * TILE_WIDTH
_AHEAD = 16 * _PIECE
_LOOK_UP = 500
_BEFORE = 8
_TILES = text(
    "SELECT number, data FROM consent_tiles WHERE level = 0 AND number >= :first AND number < :end ORDER BY number"
)


@dataclass(kw_only=True)
class SpanResult:
    """A span of the tree, with its counts and faults."""

    tree: TreeSpan
    found: Verification


class SpanChecker:
    """Checks spans of a log independently of each other, so that each process can have its own checker."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._amended: tuple[int, Amendments] | None = None

    def check(self, first: int, count: int, sizes: Sequence[int]) -> SpanResult:
        """Check ``count`` leaves from ``first`` on."""
        with self._store.reading() as connection:
            return _SpanCheck(self._store, connection, first, sizes).run(count, self._amendments(connection))

    def _amendments(self, connection: Connection) -> Amendments:
        """Return the amendments in this snapshot, cached until one is added."""
        number = amendments(connection)
        if self._amended is None or self._amended[0] != number:
            self._amended = number, read_amendments(connection)[0]
        return self._amended[1]


def read_amendments(connection: Connection) -> tuple[Amendments, list[Fault]]:
    """Return the recorded amendments, and faults for events that cannot be read."""
    try:
        amended = Amendments(read_events(connection))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return Amendments(()), [Fault(kind="event", text="an event is damaged, so erasures cannot be recognized")]
    return amended, [Fault(kind="event", id=name, text="is damaged") for name in amended.damaged]


@dataclass(kw_only=True)
class _Piece:
    """Some leaves. ``rows`` and their salts are in any order, at the positions ``places``."""

    first: int
    computed: list[bytes]
    positions: Sequence[int] = ()
    ids: Sequence[str | None] = ()
    rows: Sequence[WalkedRow] = ()
    salts: Sequence[Any] = ()
    commitments: Sequence[Any] = ()
    places: Sequence[int] = ()
    removed: set[int] = field(default_factory=set)


class _SpanCheck:
    """One span in a snapshot of the store."""

    def __init__(self, store: Store, connection: Connection, first: int, sizes: Sequence[int]) -> None:
        self._store = store
        self._connection = connection
        self._first = first
        self._tree = TreeSpan(first, sizes)
        self._result = Verification()
        self._queue: list[WalkedRow] = []
        self._pending: dict[str, WalkedRow] = {}  # records read so far without a leaf yet, by id
        self._before: set[str] = set()
        self._last_order = self._begin(first)
        self._rows = store.walk(connection, self._last_order)

    def run(self, count: int, amended: Amendments) -> SpanResult:
        for first in range(self._first, self._first + count, _PIECE):
            self._check_piece(amended, first, min(_PIECE, self._first + count - first))
        self._name_added()
        return SpanResult(tree=self._tree, found=self._result)

    def _begin(self, first: int) -> int:
        """Return the order number from which to read records, taken from those of the previous leaves.

        Several are looked up, because one may be missing or moved; they are then skipped.
        """
        query = select(leaves.c.id).where(
            leaves.c.position < first, leaves.c.salt.is_not(None) | leaves.c.commitment.is_not(None)
        )
        query = query.order_by(leaves.c.position.desc()).limit(_BEFORE)
        self._before = {str(name) for name in self._connection.execute(query).scalars()}
        return min(self._store.orders(self._connection, sorted(self._before)), default=BEFORE_ALL)

    def _name_added(self) -> None:
        """Report records among those of the span that are not leaves at all."""
        between = [name for name, row in self._pending.items() if row[-1] <= self._last_order]
        for at in range(0, len(between), _LOOK_UP):
            some = between[at : at + _LOOK_UP]
            known = set(self._connection.execute(select(leaves.c.id).where(leaves.c.id.in_(some))).scalars())
            for name in some:
                if name not in known:
                    text = "stands among sealed records and is not sealed itself: it was added"
                    self._result.fault(Fault(kind="added", id=name, text=text))

    def _check_piece(self, amended: Amendments, first: int, count: int) -> None:
        """Compute the hashes of some leaves and add them to the span."""
        piece = _Piece(first=first, computed=[DAMAGED] * count)
        found = self._store.leaves(self._connection, first, first + count)
        self._match(piece, found)
        hashes = leaf_hashes(piece.rows, piece.salts, piece.commitments)
        if piece.places == piece.positions and len(hashes) == count:
            piece.computed = hashes
        else:
            for position, value in zip(piece.places, hashes, strict=True):
                piece.computed[position - first] = value
        erased = piece.salts.count(None)
        self._result.records += len(piece.rows) - erased
        if erased:
            for position, row, salt in zip(piece.places, piece.rows, piece.salts, strict=True):
                if salt is None:
                    self._check_erased(row, amended, position)
        stored = self._tiles(first, count)
        if len(found) < count:
            self._explain_gaps(piece, amended, stored)
        self._tree.add(piece.ids, piece.computed, stored, piece.removed)

    def _match(self, piece: _Piece, found: list[LeafRow]) -> None:
        """Match leaves with records, which mostly come in the same order."""
        if not found:
            return
        piece.positions, piece.ids, salts, _ = zip(*found, strict=True)
        of_records = found
        late: list[LeafRow] = []
        if None in salts:  # some leaves are events or erased records
            late = [leaf for leaf in found if leaf[2] is None and leaf[3] is None]
            of_records = [leaf for leaf in found if leaf[2] is not None or leaf[3] is not None]
        ahead = self._read_ahead(len(of_records))
        if of_records and not self._pending and [leaf[1] for leaf in of_records] == [row[0] for row in ahead]:
            del self._queue[: len(ahead)]
            piece.places, _, piece.salts, piece.commitments = zip(*of_records, strict=True)
            piece.rows, self._last_order = ahead, ahead[-1][-1]
            self._look_up(piece, late)
            return
        ahead = self._read_ahead(len(of_records) + _BEFORE)  # there may be a few more records than leaves
        self._pending.update([(row[0], row) for row in ahead])
        del self._queue[: len(ahead)]
        matched: list[tuple[Any, ...]] = []
        for leaf in of_records:
            row = self._pending.pop(leaf[1], None)
            if row is None:
                late.append(leaf)
                continue
            self._last_order = max(self._last_order, row[-1])
            matched.append((row, leaf[2], leaf[3], leaf[0]))
        matched += self._look_up(piece, late)
        if matched:
            piece.rows, piece.salts, piece.commitments, piece.places = zip(*matched, strict=True)

    def _look_up(self, piece: _Piece, late: Sequence[LeafRow]) -> list[tuple[Any, ...]]:
        """Handle leaves without a record in its place: events, and moved or removed records."""
        rows: dict[str, RecordRow] = {}
        happened: dict[str, tuple[Any, ...]] = {}
        for at in range(0, len(late), _LOOK_UP):
            names = [leaf[1] for leaf in late[at : at + _LOOK_UP]]
            found = self._connection.execute(select(records).where(records.c.id.in_(names)))
            rows.update({row[0]: tuple(row) for row in found})
            found = self._connection.execute(select(events).where(events.c.id.in_(names)))
            happened.update({row[0]: tuple(row[:4]) for row in found})
        matched = []
        for position, name, salt, commitment in late:
            if name in rows:
                matched.append(((*rows[name], None), salt, commitment, position))
            elif name in happened:
                self._result.events += 1
                piece.computed[position - piece.first] = _event_hash(happened[name])
            else:
                piece.removed.add(position)
        return matched

    def _explain_gaps(self, piece: _Piece, amended: Amendments, stored: bytes) -> None:
        """Handle positions without a leaf: the record was pruned, or the leaf removed."""
        there = set(piece.positions)
        names = dict(zip(piece.positions, piece.ids, strict=True))
        piece.ids = [names.get(piece.first + at) for at in range(len(piece.computed))]
        for at in range(len(piece.computed)):
            if piece.first + at in there:
                continue
            if amended.is_pruned(piece.first + at):
                self._result.pruned += 1
                piece.computed[at] = stored[at * HASH_SIZE : (at + 1) * HASH_SIZE]
            else:
                piece.removed.add(piece.first + at)

    def _check_erased(self, row: RecordRow, amended: Amendments, position: int) -> None:
        self._result.erased += 1
        if row[0] not in amended.erased:
            text = f"leaf {position} has lost its salt, and no erasure is on record"
            self._result.fault(Fault(kind="changed", position=position, id=row[0], text=text))
        elif any((row[1], *row[12:16])):
            text = f"leaf {position} was erased, and yet names something that identifies"
            self._result.fault(Fault(kind="changed", position=position, id=row[0], text=text))

    def _read_ahead(self, wanted: int) -> list[WalkedRow]:
        """Read ahead until ``wanted`` records are queued; return these."""
        while len(self._queue) < wanted and len(self._pending) < _AHEAD:
            rows = next(self._rows, None)
            if rows is None:
                break
            if self._before:
                rows = [row for row in rows if row[0] not in self._before]
                self._before.clear()
            self._queue += rows
        return self._queue[:wanted]

    def _tiles(self, first: int, count: int) -> bytes:
        """Return the stored hashes of the leaves, with zeros for missing ones."""
        start, end = first // TILE_WIDTH, -(-(first + count) // TILE_WIDTH)
        found = {row[0]: row[1] for row in self._connection.execute(_TILES, {"first": start, "end": end})}
        width = TILE_WIDTH * HASH_SIZE
        joined = b"".join(bytes(found.get(number, b""))[:width].ljust(width, b"\0") for number in range(start, end))
        return joined[: count * HASH_SIZE]


def _event_hash(row: tuple[Any, ...]) -> bytes:
    try:
        return leaf_hash(event_leaf(*row))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return DAMAGED
