"""Visitors' rights and retention: erasing what identifies a visitor, and deleting old records."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from cookie_consent.consent.record import time_text
from cookie_consent.errors import ConfigurationError, ProofError
from cookie_consent.ledger.events import add_event, event_of, new_event
from cookie_consent.ledger.proof.canonical import IDENTIFYING, commitment_of
from cookie_consent.ledger.proof.tree_store import amendments, read_state
from cookie_consent.ledger.schema import erasures, events, leaves, meta, micros, records
from cookie_consent.ledger.stats.rollup import count_rest, move_mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from cookie_consent.ledger.events import LogEvent
    from cookie_consent.ledger.proof.canonical import RecordRow
    from cookie_consent.ledger.store import Store

__all__ = ["Pruning", "erase", "erasure_of", "prune"]

_BATCH = 5000
_IN = 500


@dataclass(frozen=True, kw_only=True)
class Pruning:
    """How many records were deleted, and how many are old enough but were kept because they are not sealed yet."""

    deleted: int
    unsealed: int


def erase(store: Store, subject: str, *, url: str) -> int:
    """Remove everything that identifies a visitor from their records, in one transaction; return how many there were.

    Raises ``ConfigurationError`` for an empty ``subject``, ``ProofError`` for a record that is not what was sealed, and
    ``LedgerError``.
    """
    if not subject:
        raise ConfigurationError("the visitor's consent id is empty")
    with store.writing() as connection:
        rows = [tuple(row) for row in connection.execute(select(records).where(records.c.subject == subject))]
        if not rows:
            return 0
        names = sorted(row[0] for row in rows)
        event = new_event("erased", {"records": names})
        add_event(connection, event)
        connection.execute(insert(erasures), [{"record": name, "event": event[0]} for name in names])
        salts: dict[str, bytes] = {}
        for some in _pieces(names):
            query = select(leaves.c.id, leaves.c.salt).where(leaves.c.id.in_(some), leaves.c.salt.is_not(None))
            salts.update({row.id: row.salt for row in connection.execute(query)})
        for row in rows:
            salt = salts.get(row[0])
            if salt is not None:  # sealed: the leaf is still computable, but nobody can guess what was erased
                values = {"salt": None, "commitment": _commitment(row, salt, url)}
                connection.execute(update(leaves).where(leaves.c.id == row[0]).values(**values))
        for some in _pieces(names):
            blank = dict.fromkeys(IDENTIFYING, "")
            connection.execute(update(records).where(records.c.id.in_(some)).values(**blank))
        _count_amendment(connection)
    store.scrub()
    return len(rows)


def prune(store: Store, before: datetime) -> Pruning:
    """Delete the records made before a time, in several transactions, each with its own event. Raises ``LedgerError``.

    The tree keeps the hashes of their leaves, so the log can still be verified.
    """
    limit = micros(before)
    deleted = 0
    while True:
        with store.writing() as connection:
            is_sealed = read_state(connection).note is not None
            query = select(records.c.id, leaves.c.position).where(records.c.at < limit)
            # In a sealed log, an unsealed record is kept until it has been sealed.
            query = query.join(leaves, leaves.c.id == records.c.id, isouter=not is_sealed)
            found = connection.execute(query.order_by(records.c.at).limit(_BATCH)).all()
            if not found:
                left = connection.execute(select(func.count()).select_from(records).where(records.c.at < limit))
                unsealed = int(left.scalar_one())
                break
            count_rest(store, connection)
            names, positions = [row.id for row in found], [row.position for row in found]
            move_mark(store, connection, partial(_delete, connection, names, positions, before))
        deleted += len(found)
    if deleted:
        store.scrub()
    return Pruning(deleted=deleted, unsealed=unsealed)


def erasure_of(connection: Connection, record: str) -> LogEvent | None:
    """Return the event that erased a record, or None."""
    query = select(events).join(erasures, erasures.c.event == events.c.id).where(erasures.c.record == record)
    row: Any = connection.execute(query).first()
    return event_of(row) if row is not None else None


def _commitment(row: RecordRow, salt: bytes, url: str) -> bytes:
    try:
        return commitment_of(row, salt)
    except (ValueError, TypeError, AttributeError):
        message = f"the record {row[0]} is not what was sealed; see `cookie-consent log verify`"
        raise ProofError(message, url=url) from None


def _delete(connection: Connection, names: Sequence[str], positions: Iterable[int | None], before: datetime) -> None:
    detail = {
        "before": time_text(before),
        "records": len(names),
        "positions": _spans(sorted(position for position in positions if position is not None)),
    }
    add_event(connection, new_event("pruned", detail), before=micros(before))
    for some in _pieces(names):
        connection.execute(delete(records).where(records.c.id.in_(some)))
        connection.execute(delete(leaves).where(leaves.c.id.in_(some)))
    _count_amendment(connection)


def _count_amendment(connection: Connection) -> None:
    """Tell a concurrent sealer that the rows it has read have changed."""
    number = amendments(connection) + 1
    changed = connection.execute(update(meta).where(meta.c.key == "amendments").values(value=number))
    if not changed.rowcount:
        connection.execute(insert(meta).values(key="amendments", value=number))


def _spans(positions: Sequence[int]) -> list[list[int]]:
    spans: list[list[int]] = []
    for position in positions:
        if spans and spans[-1][1] == position - 1:
            spans[-1][1] = position
        else:
            spans.append([position, position])
    return spans


def _pieces(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(names), _IN):
        yield names[at : at + _IN]
