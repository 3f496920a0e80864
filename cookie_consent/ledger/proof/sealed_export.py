"""The sealed log as a file that can be verified without a database.

One JSON object per line (https://jsonlines.org). The first line has ``format``, ``version``, the signed ``checkpoint``
and the ``keys`` of the log. Each following line is a leaf, in order, with ``position``, ``hash`` (base64) and

- ``record`` and ``salt``, or ``record`` and ``commitment`` if it was erased;
- ``event``, for what was done to the log;
- nothing more for a record that was pruned.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from cookie_consent.consent.record import ConsentRecord
from cookie_consent.errors import ConfigurationError, ProofError
from cookie_consent.ledger.events import LogEvent, event_of, recorded_keys
from cookie_consent.ledger.proof.canonical import DAMAGED, IDENTIFYING, leaf_hashes
from cookie_consent.ledger.proof.checkpoint import open_checkpoint
from cookie_consent.ledger.proof.encoding import decode_hash, encode_bytes
from cookie_consent.ledger.proof.merkle import HASH_SIZE, leaf_hash
from cookie_consent.ledger.proof.note import NoteError, Verifier
from cookie_consent.ledger.proof.tiles import TILE_WIDTH
from cookie_consent.ledger.proof.tree_check import Fault, TreeCheck
from cookie_consent.ledger.proof.tree_store import read_sealed, tile_loader
from cookie_consent.ledger.proof.verification import Amendments, Verification
from cookie_consent.ledger.schema import events, from_row, records, to_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO, TextIO

    from sqlalchemy import Connection

    from cookie_consent.ledger.store import LeafRow, Store

__all__ = ["export_sealed", "verify_export"]

FORMAT = "cookie-consent sealed log"
_VERSION = 1
_LONGEST_LINE = 16 * 1024 * 1024
_PIECE = 8 * TILE_WIDTH


def export_sealed(store: Store, stream: TextIO, *, url: str, progress: Callable[[int], object] | None = None) -> int:
    """Write all leaves that the last checkpoint covers, in constant memory; return their number.

    ``progress`` is called with the number of leaves in each piece. Raises ``ProofError`` if nothing is sealed, and
    ``LedgerError``.
    """
    with store.reading() as connection:
        state, note = read_sealed(connection, url)
        head = {"format": FORMAT, "version": _VERSION, "checkpoint": note, "keys": recorded_keys(connection)}
        stream.write(_line(head))
        load = tile_loader(connection)
        for first in range(0, state.size, TILE_WIDTH):
            end = min(first + TILE_WIDTH, state.size)
            try:
                hashes = load(0, first // TILE_WIDTH)
            except KeyError:
                raise ProofError(f"the hashes of the leaves from {first} on are missing", url=url) from None
            found = {leaf[0]: leaf for leaf in store.leaves(connection, first, end)}
            contents = _contents(connection, list(found.values()))
            for position in range(first, end):
                value = hashes[(position - first) * HASH_SIZE : (position - first + 1) * HASH_SIZE]
                content = contents.get(position, {})
                stream.write(_line({"position": position, "hash": encode_bytes(value), **content}))
            if progress is not None:
                progress(end - first)
        return state.size


def verify_export(
    stream: BinaryIO,
    *,
    trusted: Sequence[Verifier] | None = None,
    given: Sequence[str] = (),
    progress: Callable[[int], object] | None = None,
) -> Verification:
    """Recompute every leaf of an export and compare it with the signed checkpoints, without the log.

    ``trusted`` are the keys, by default those named in the export. ``given`` are checkpoints kept elsewhere. Raises
    ``NoteError`` if it is not an export.
    """
    head = _parse(stream.readline(_LONGEST_LINE))
    if head is None or head.get("format") != FORMAT or head.get("version") != _VERSION:
        raise NoteError("it is not a sealed export; write one with `cookie-consent log export --format sealed`")
    return _ExportCheck(head, trusted, given).run(stream, progress or (lambda _count: None))


class _ExportCheck:
    def __init__(self, head: dict[str, Any], trusted: Sequence[Verifier] | None, given: Sequence[str]) -> None:
        self._result = Verification()
        self._events: list[LogEvent] = []
        self._erased: list[tuple[int, str]] = []
        self._pruned: list[list[int]] = []
        self._size = 0
        keys = list(trusted) if trusted is not None else self._named_keys(head)
        signed = []
        notes = [(head.get("checkpoint"), "of the export"), *((note, "that was given") for note in given)]
        for note, which in notes:
            try:
                checkpoint, by = open_checkpoint(note if isinstance(note, str) else "", keys)
            except NoteError as error:
                self._result.fault(Fault(kind="checkpoint", text=f"the checkpoint {which} is not valid: {error}"))
                continue
            signed.append(checkpoint)
            self._result.checkpoints += 1
            if checkpoint.size >= self._result.size:
                self._result.size, self._result.root = checkpoint.size, checkpoint.root.hex()
                self._result.origin, self._result.signed_by = checkpoint.origin, [key.text for key in by]
        self._check = TreeCheck(signed)

    def _named_keys(self, head: dict[str, Any]) -> list[Verifier]:
        keys = []
        named = head.get("keys")
        for text in named if isinstance(named, list) else []:
            try:
                keys.append(Verifier.parse(str(text)))
            except ConfigurationError:
                self._result.fault(Fault(kind="checkpoint", text="a key of the export cannot be read"))
        return keys

    def run(self, stream: BinaryIO, progress: Callable[[int], object]) -> Verification:
        piece: list[tuple[int, dict[str, Any]]] = []
        for line in self._lines(stream):
            piece.append(line)
            if len(piece) == _PIECE:
                self._add(piece)
                progress(len(piece))
                piece.clear()
        self._add(piece)
        progress(len(piece))
        result = self._result
        faults, more = self._check.faults()
        result.faults[:0] = faults
        result.more += more
        if self._size > result.size and result.checkpoints:
            text = f"the leaves from {result.size} on are beyond the checkpoint: they were added"
            result.fault(Fault(kind="added", position=result.size, text=text))
        self._check_amendments()
        return result

    def _lines(self, stream: BinaryIO) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the position and content of each leaf, filling gaps."""
        number = 1
        while line := stream.readline(_LONGEST_LINE):
            number += 1
            content = _parse(line)
            position = content.get("position") if content is not None else None
            if content is None or type(position) is not int:
                self._result.fault(Fault(kind="changed", position=self._size, text=f"line {number} is not a leaf"))
                content, position = {"damaged": True}, self._size
            if position < self._size or position > self._size + _LONGEST_LINE:
                text = f"line {number} has position {position}, where {self._size} is expected: it was moved or added"
                self._result.fault(Fault(kind="moved", position=position, text=text))
                continue
            while self._size < position:
                text = f"leaf {self._size} is missing before line {number}"
                self._result.fault(Fault(kind="removed", position=self._size, text=text))
                yield self._size, {"damaged": True}
                self._size += 1
            yield position, content
            self._size += 1

    def _add(self, piece: Sequence[tuple[int, dict[str, Any]]]) -> None:
        """Compute the hashes of some leaves and add them to the check."""
        computed = [DAMAGED] * len(piece)
        stored = [_bytes(content.get("hash")) for _, content in piece]
        ids: list[str | None] = [None] * len(piece)
        rows, salts, commitments, places = [], [], [], []
        for at, (position, content) in enumerate(piece):
            if "record" in content:
                try:
                    record = ConsentRecord.from_dict(content["record"])
                    rows.append((*to_row(record), None))
                except (ValueError, AttributeError, OverflowError):
                    continue
                ids[at] = record.id
                places.append(at)
                salts.append(_bytes(content["salt"]) if "salt" in content else None)
                commitments.append(_bytes(content.get("commitment")))
                self._count(record, position, erased="salt" not in content)
            elif "event" in content:
                ids[at], computed[at] = self._event(content["event"])
            elif "damaged" in content:
                stored[at] = DAMAGED  # reported already
            else:
                self._result.pruned += 1
                computed[at] = stored[at]
                if self._pruned and self._pruned[-1][1] == position - 1:
                    self._pruned[-1][1] = position
                else:
                    self._pruned.append([position, position])
        for at, value in zip(places, leaf_hashes(rows, salts, commitments), strict=True):
            computed[at] = value
        self._check.add(ids, computed, b"".join(stored))

    def _count(self, record: ConsentRecord, position: int, *, erased: bool) -> None:
        if not erased:
            self._result.records += 1
            return
        self._result.erased += 1
        self._erased.append((position, record.id))
        if any(getattr(record, name) for name in IDENTIFYING):
            text = f"leaf {position} was erased, and yet names something that identifies"
            self._result.fault(Fault(kind="changed", position=position, id=record.id, text=text))

    def _event(self, content: object) -> tuple[str | None, bytes]:
        try:
            event = LogEvent.from_dict(content)
            hashed = leaf_hash(event.leaf())
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            return None, DAMAGED
        self._events.append(event)
        self._result.events += 1
        return event.id, hashed

    def _check_amendments(self) -> None:
        amended = Amendments(self._events)
        for position, name in self._erased:
            if name not in amended.erased:
                text = f"leaf {position} has lost its salt, and no erasure is on record"
                self._result.fault(Fault(kind="changed", position=position, id=name, text=text))
        for first, last in self._pruned:
            for position in range(first, last + 1):
                if not amended.is_pruned(position):
                    self._result.pruned -= 1
                    text = f"the record of leaf {position} is missing, and no pruning is on record"
                    self._result.fault(Fault(kind="removed", position=position, text=text))


def _contents(connection: Connection, found: Sequence[LeafRow]) -> dict[int, dict[str, Any]]:
    """Return the content of the leaves' lines, except position and hash."""
    names = [leaf[1] for leaf in found]
    rows = {row.id: row for row in connection.execute(select(records).where(records.c.id.in_(names)))}
    happened = {row.id: row for row in connection.execute(select(events).where(events.c.id.in_(names)))}
    contents: dict[int, dict[str, Any]] = {}
    for position, name, salt, commitment in found:
        if name in rows:
            secret = (
                {"salt": encode_bytes(salt)} if salt is not None else {"commitment": encode_bytes(commitment or b"")}
            )
            contents[position] = {"record": from_row(rows[name]).as_dict(), **secret}
        elif name in happened:
            contents[position] = {"event": event_of(happened[name]).as_dict()}
    return contents


def _line(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _bytes(value: object) -> bytes:
    """Decode 32 bytes of base64, or return a value that no hash has."""
    return decode_hash(value) or b"\xff" * HASH_SIZE
