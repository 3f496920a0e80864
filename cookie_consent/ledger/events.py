"""Events of the log itself: erasures, prunings, new keys, joined choices and late records; and policies."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import insert, select

from cookie_consent.consent.record import parse_time, time_text
from cookie_consent.consent.record_id import new_record_id
from cookie_consent.ledger.proof.canonical import canonical_json, event_leaf
from cookie_consent.ledger.schema import events, leaves, micros, moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

__all__ = [
    "EventKind",
    "EventRow",
    "LogEvent",
    "add_event",
    "event_of",
    "new_event",
    "read_events",
    "recorded_keys",
    "unsealed_events",
]

EventKind = Literal["erased", "pruned", "key", "joined", "late", "policy"]
EventRow = tuple[str, int, str, str]
"""``id``, ``at`` in microseconds, ``kind``, and ``detail`` as JSON."""
_COLUMNS = (events.c.id, events.c.at, events.c.kind, events.c.detail)


@dataclass(frozen=True, kw_only=True)
class LogEvent:
    """An event of the log, whose ``detail`` depends on its ``kind``.

    - ``erased``: ``records``, the ids of the erased records;
    - ``pruned``: ``before``, the time limit, ``records``, the number of deleted records, and ``positions``, their
      leaves as pairs of first and last position;
    - ``late``: ``records``, the ids of records that were written long after they were made;
    - ``key``: ``key``, the verifier of a key that signs from now on;
    - ``joined``: ``record``, the id of a record that stands for several equal choices, and ``choices``, their number;
    - ``policy``: ``policy``, what visitors were told by a policy, as JSON, ``version``, its label, ``since``, the time
      from which it was in force, and ``site``, the policy's host or an empty text.
    """

    id: str
    at: datetime
    kind: str
    detail: Mapping[str, Any]

    @classmethod
    def from_dict(cls, values: Any) -> LogEvent:
        """Return the event from the output of ``as_dict``.

        Raises ``ValueError``, ``TypeError`` or ``KeyError`` if it is not an event.
        """
        return cls(id=values["id"], at=parse_time(values["at"]), kind=values["kind"], detail=values["detail"])

    def leaf(self) -> bytes:
        """Return the event's leaf in the tree. Raises the errors of ``event_leaf`` and ``canonical_json``."""
        return event_leaf(self.id, micros(self.at), self.kind, canonical_json(self.detail).decode("utf-8"))

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return {"id": self.id, "at": time_text(self.at), "kind": self.kind, "detail": dict(self.detail)}


def new_event(kind: EventKind, detail: Mapping[str, Any]) -> EventRow:
    """Return an event dated now, ready for ``add_event``."""
    at = datetime.now(UTC)
    return new_record_id(at), micros(at), str(kind), canonical_json(detail).decode("utf-8")


def add_event(connection: Connection, event: EventRow, *, before: int | None = None) -> None:
    """Insert an event. ``before``, in microseconds, is for prunings only."""
    columns = ("id", "at", "kind", "detail", "before")
    connection.execute(insert(events).values(dict(zip(columns, (*event, before), strict=True))))


def read_events(connection: Connection) -> list[LogEvent]:
    """Return all events, oldest first. Raises ``ValueError`` for a damaged one."""
    return [event_of(row) for row in connection.execute(select(*_COLUMNS).order_by(events.c.id))]


def event_of(row: Any) -> LogEvent:
    """Return the event in a row. Raises ``ValueError`` or ``OverflowError`` if it is damaged."""
    content = json.loads(row.detail)
    if not isinstance(content, dict):
        raise ValueError(f"the event {row.id} is damaged")  # noqa: TRY004 - the same error as for other damage
    return LogEvent(id=row.id, at=moment(row.at), kind=row.kind, detail=content)


def unsealed_events(connection: Connection) -> list[EventRow]:
    """Return the events that are not sealed yet, oldest first."""
    query = select(*_COLUMNS).outerjoin(leaves, leaves.c.id == events.c.id).where(leaves.c.id.is_(None))
    return [(row[0], row[1], row[2], row[3]) for row in connection.execute(query.order_by(events.c.id))]


def recorded_keys(connection: Connection) -> list[str]:
    """Return the verifiers of all keys on record, oldest first."""
    query = select(events.c.detail).where(events.c.kind == "key").order_by(events.c.id)
    return [str(json.loads(detail).get("key", "")) for detail in connection.execute(query).scalars()]
