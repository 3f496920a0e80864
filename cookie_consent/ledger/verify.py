"""Verification of the whole store against its signed checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from cookie_consent.errors import ProofError
from cookie_consent.ledger.canonical import DAMAGED, event_leaf, leaf_hashes
from cookie_consent.ledger.checkpoint import open_checkpoint
from cookie_consent.ledger.events import read_events, unsealed_events
from cookie_consent.ledger.merkle import HASH_SIZE, leaf_hash
from cookie_consent.ledger.note import NoteError
from cookie_consent.ledger.schema import checkpoints, events, leaves, notices, records
from cookie_consent.ledger.tiles import TILE_WIDTH
from cookie_consent.ledger.tree_check import MOST_FINDINGS, Fault, TreeCheck
from cookie_consent.ledger.tree_store import read_state, tile_loader
from cookie_consent.ledger.verification import Amendments, Verification, open_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from cookie_consent.ledger.canonical import RecordRow, WalkedRow
    from cookie_consent.ledger.checkpoint import Checkpoint
    from cookie_consent.ledger.note import Verifier
    from cookie_consent.ledger.store import Store

__all__ = ["PIECE", "verify_store"]

PIECE = 8 * TILE_WIDTH
"""Leaves that are compared at a time."""
_AHEAD = 16 * PIECE
_LOOK_UP = 500
_TILES = text(
    "SELECT number, data FROM consent_tiles WHERE level = 0 AND number >= :first AND number < :end ORDER BY number"
)


def verify_store(
    store: Store,
    *,
    url: str,
    trusted: Sequence[Verifier] | None = None,
    given: Sequence[str] = (),
    progress: Callable[[int], object] | None = None,
) -> Verification:
    """Compute every leaf anew and compare it with the tree, and the tree with every checkpoint.

    ``trusted`` are the keys to begin with; None takes those that are on record in the log itself. ``given`` are
    checkpoints that were kept elsewhere, as signed notes: the log must go on from them. ``progress`` is called with
    the number of leaves of each piece. Raises ``ProofError`` if the log is not sealed, and ``LedgerError``.
    """
    with store.reading() as connection:
        return _StoreCheck(store, connection, url).run(trusted, given, progress or (lambda _count: None))


@dataclass(kw_only=True)
class _Piece:
    """Some leaves. ``rows`` with their secrets stand in any order, at the positions ``places``."""

    first: int
    computed: list[bytes]
    positions: Sequence[int] = ()
    ids: Sequence[str | None] = ()
    rows: Sequence[WalkedRow] = ()
    salts: Sequence[Any] = ()
    commitments: Sequence[Any] = ()
    places: Sequence[int] = ()
    removed: set[int] = field(default_factory=set)


class _StoreCheck:
    """One verification, of one state of the store."""

    def __init__(self, store: Store, connection: Connection, url: str) -> None:
        self._store = store
        self._connection = connection
        self._url = url
        self._result = Verification()
        self._queue: list[WalkedRow] = []
        self._pending: dict[str, WalkedRow] = {}  # of those, what was looked at and met no leaf yet
        self._met_early: set[str] = set()
        self._rows = store.walk(connection)
        self._last_order = -1

    def run(
        self, trusted: Sequence[Verifier] | None, given: Sequence[str], progress: Callable[[int], object]
    ) -> Verification:
        result = self._result
        state = read_state(self._connection)
        if state.note is None:
            raise ProofError("the log is not sealed yet; seal it with `cookie-consent log seal`", url=self._url)
        amended = self._read_amendments()
        result.size = state.size
        signed = self._signed(trusted, given)
        check = TreeCheck(signed, upper=_cached(tile_loader(self._connection)))
        for first in range(0, state.size, PIECE):
            count = min(PIECE, state.size - first)
            self._check_piece(check, amended, first, count)
            progress(count)
        faults, result.more = check.faults()
        result.faults[:0] = faults[: MOST_FINDINGS - len(result.faults)]
        self._beyond(state.size)
        self._check_notices()
        return result

    def _read_amendments(self) -> Amendments:
        try:
            amended = Amendments(read_events(self._connection))
        except (ValueError, TypeError, OverflowError):
            amended = Amendments(())
            self._result.fault(Fault(kind="event", text="an event is damaged, so that no erasure can be told"))
        for name in amended.damaged:
            self._result.fault(Fault(kind="event", id=name, text="is damaged"))
        return amended

    def _signed(self, trusted: Sequence[Verifier] | None, given: Sequence[str]) -> list[Checkpoint]:
        """Return the checkpoints that are signed by trusted keys, stored and given ones; the others are faults."""
        rows = self._connection.execute(select(checkpoints.c.size, checkpoints.c.note).order_by(checkpoints.c.size))
        notes = [(row.size, row.note) for row in rows]
        query = select(leaves.c.position, events.c.detail).join(events, events.c.id == leaves.c.id)
        recorded = [(row[0], row[1]) for row in self._connection.execute(query.where(events.c.kind == "key"))]
        found, keys, faults = open_all(notes, recorded, trusted)
        for fault in faults:
            self._result.fault(fault)
        self._result.checkpoints = len(found)
        if found:
            last, by = found[-1]
            self._result.origin, self._result.root = last.origin, last.root.hex()
            self._result.signed_by = [key.text for key in by]
        kept = [checkpoint for checkpoint, _ in found]
        for note in given:
            try:
                checkpoint, _ = open_checkpoint(note, keys)
            except NoteError as error:
                self._result.fault(
                    Fault(kind="checkpoint", text=f"the checkpoint that was given is not valid: {error}")
                )
                continue
            kept.append(checkpoint)
        return kept

    def _check_piece(self, check: TreeCheck, amended: Amendments, first: int, count: int) -> None:
        """Compute the hashes of some leaves and hand them on."""
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
        check.add(piece.ids, piece.computed, stored, piece.removed)

    def _match(self, piece: _Piece, found: Sequence[Sequence[Any]]) -> None:
        """Bring leaves and records together; both mostly come in the same order."""
        if not found:
            return
        piece.positions, piece.ids, _, _ = zip(*found, strict=True)
        of_records = [leaf for leaf in found if leaf[2] is not None or leaf[3] is not None]
        late = [leaf for leaf in found if leaf[2] is None and leaf[3] is None]  # events
        ahead = self._read_ahead(len(of_records))
        if of_records and not self._pending and [leaf[1] for leaf in of_records] == [row[0] for row in ahead]:
            del self._queue[: len(ahead)]
            piece.places, _, piece.salts, piece.commitments = zip(*of_records, strict=True)
            piece.rows, self._last_order = ahead, ahead[-1][-1]
            self._look_up(piece, late)
            return
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

    def _look_up(self, piece: _Piece, late: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """See to the leaves whose record did not come in its place: events, and what was moved or removed."""
        rows: dict[str, RecordRow] = {}
        happened: dict[str, tuple[Any, ...]] = {}
        for at in range(0, len(late), _LOOK_UP):
            names = [leaf[1] for leaf in late[at : at + _LOOK_UP]]
            found = self._connection.execute(select(records).where(records.c.id.in_(names)))
            rows.update({row[0]: tuple(row) for row in found})
            found = self._connection.execute(select(events).where(events.c.id.in_(names)))
            happened.update({row[0]: tuple(row[:4]) for row in found})
        self._met_early.update(rows)
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
        """See to the positions without a leaf: the record was pruned, or the leaf removed."""
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
        """Read records until as many wait as there are leaves to come, since both have one order; return the next."""
        while len(self._queue) < wanted and len(self._pending) < _AHEAD:
            rows = next(self._rows, None)
            if rows is None:
                break
            self._queue += rows
        return self._queue[:wanted]

    def _tiles(self, first: int, count: int) -> bytes:
        """Return the stored hashes of the leaves, with zeros for those that are not there."""
        start, end = first // TILE_WIDTH, -(-(first + count) // TILE_WIDTH)
        found = {row[0]: row[1] for row in self._connection.execute(_TILES, {"first": start, "end": end})}
        width = TILE_WIDTH * HASH_SIZE
        joined = b"".join(bytes(found.get(number, b""))[:width].ljust(width, b"\0") for number in range(start, end))
        return joined[: count * HASH_SIZE]

    def _beyond(self, size: int) -> None:
        """Count what is not sealed yet, and name what should be: a record among those that are sealed."""
        query = select(leaves.c.position, leaves.c.id).where(leaves.c.position >= size).limit(MOST_FINDINGS)
        for position, name in self._connection.execute(query):
            text = f"stands at leaf {position}, beyond the last checkpoint: it was added"
            self._result.fault(Fault(kind="added", position=position, id=name, text=text))
        self._pending.update([(row[0], row) for row in self._queue])
        while True:
            for name, row in self._pending.items():
                if name in self._met_early:
                    continue
                if row[-1] <= self._last_order:
                    text = "stands among sealed records and is not sealed itself: it was added"
                    self._result.fault(Fault(kind="added", id=name, text=text))
                else:
                    self._result.unsealed += 1
            rows = next(self._rows, None)
            if rows is None:
                break
            self._pending = {row[0]: row for row in rows}
        self._result.unsealed += len(unsealed_events(self._connection))

    def _check_notices(self) -> None:
        for name, language, words in self._connection.execute(
            select(notices.c.hash, notices.c.language, notices.c.text)
        ):
            if sha256(f"{language}\n{words}".encode("utf-8", "replace")).hexdigest() != name:
                self._result.fault(Fault(kind="notice", id=name, text="is not the text that has this hash"))


def _event_hash(row: tuple[Any, ...]) -> bytes:
    try:
        return leaf_hash(event_leaf(*row))
    except (ValueError, TypeError, OverflowError):
        return DAMAGED


def _cached(load: Callable[[int, int], bytes]) -> Callable[[int, int], bytes]:
    """Keep the tile of each level that was asked for last."""
    kept: dict[int, tuple[int, bytes]] = {}

    def cached(level: int, number: int) -> bytes:
        held = kept.get(level)
        if held is None or held[0] != number:
            held = kept[level] = (number, load(level, number))
        return held[1]

    return cached
