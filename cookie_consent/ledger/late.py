"""Late records: from a spool or a stream, made offline, or inserted by an intruder.

Records normally arrive in the order of their times. One that legitimately arrives later gets an event ``late`` before
it is written; a late record without that event is not signed. See docs/decisions/0013-records-that-come-late.md.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from cookie_consent.consent.record_id import milliseconds_of
from cookie_consent.errors import LedgerError
from cookie_consent.ledger.events import add_event, new_event
from cookie_consent.ledger.schema import checkpoints, events, leaves, micros, records
from cookie_consent.ledger.store import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection

    from cookie_consent.consent.record import ConsentRecord
    from cookie_consent.ledger.store import Store

__all__ = ["Lateness", "admit", "explained", "mark_late"]

logger = logging.getLogger("cookie_consent")

SKEW = timedelta(hours=1)
"""How far the clocks of hosts may differ, including the time that a choice takes to arrive."""
_FRESH = timedelta(minutes=10)
_SOME = 64
_LOOK_UP = 500


def mark_late(
    store: Store,
    new: Sequence[ConsentRecord],
    *,
    patience: float = PATIENCE,
    now: Callable[[], datetime] | None = None,
) -> None:
    """Add an event ``late`` for those of the records, not yet written, that are older than the latest in the log.

    Raises ``LedgerError``.
    """
    limit = micros((now or _now)() - _FRESH)
    times = [_Times.of(record.id, micros(record.at)) for record in new]
    if all(min(time) >= limit for time in times):
        return  # nearly always: the log need not be read
    with store.patiently(patience):
        _mark(store, new, times, limit)


def _mark(store: Store, new: Sequence[ConsentRecord], times: Sequence[_Times], limit: int) -> None:
    store.open()
    with store.reading() as connection:
        last, at_last = connection.execute(select(func.max(records.c.id), func.max(records.c.at))).one()
        latest = _Times.of(last, at_last) if last is not None else _NEVER
        known = explained(connection)
        names = []
        for record, time in zip(new, times, strict=True):
            if min(time) < limit and time.is_before(latest) and record.id not in known:
                names.append(record.id)
            latest = latest.later(time)
        for at in range(
            0, len(names), _LOOK_UP
        ):  # records that are in the log already, written a second time, are not late
            some = names[at : at + _LOOK_UP]
            known.update(connection.execute(select(records.c.id).where(records.c.id.in_(some))).scalars())
    names = [name for name in names if name not in known]
    if names:
        with store.writing() as connection:
            add_event(connection, new_event("late", {"records": names}))


def admit(store: Store, names: Iterable[str], *, url: str) -> int:
    """Add an event ``late`` for records; return how many had none. Raises ``LedgerError`` for an unknown id."""
    wanted = list(dict.fromkeys(names))
    with store.writing() as connection:
        known = explained(connection)
        for name in wanted:
            if connection.execute(select(records.c.id).where(records.c.id == name)).first() is None:
                raise LedgerError(f"no record has the id {name}", url=url)
        new = [name for name in wanted if name not in known]
        if new:
            add_event(connection, new_event("late", {"records": new}))
    return len(new)


def explained(connection: Connection) -> set[str]:
    """Return the ids of the records that have an event ``late``."""
    found: set[str] = set()
    for detail in connection.execute(select(events.c.detail).where(events.c.kind == "late")).scalars():
        try:
            found.update(str(name) for name in json.loads(detail)["records"])
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # verification reports the damaged event
    return found


class Lateness:
    """Finds unsealed records that claim to be made long before the latest sealed ones."""

    def __init__(self, connection: Connection) -> None:
        self._known = explained(connection)
        self._sealed = self._latest_sealed(connection)

    def look_again(self, connection: Connection) -> None:
        """Read the events ``late`` again."""
        self._known = explained(connection)

    def is_unexplained(self, record_id: str, at: Any) -> bool:
        """Return whether a record is late and has no event ``late``. ``at`` is in microseconds."""
        return (
            isinstance(at, int)
            and self._sealed is not None
            and _Times.of(record_id, at).is_before(self._sealed)
            and record_id not in self._known
        )

    def _latest_sealed(self, connection: Connection) -> _Times | None:
        """Return the latest sealed times, but no later than the last checkpoint, in case a clock was ahead."""
        sealed = connection.execute(select(func.max(checkpoints.c.at))).scalar()
        if sealed is None:
            return None
        query = (
            select(records.c.id, records.c.at)
            .join(leaves, leaves.c.id == records.c.id)
            .order_by(leaves.c.position.desc())
        )
        latest, count = _NEVER, 0
        with connection.execution_options(yield_per=_LOOK_UP).execute(query) as rows:
            for name, at in rows:
                if name not in self._known:
                    latest, count = latest.later(_Times.of(name, at)), count + 1
                    if count == _SOME:
                        break
        return _Times(min(latest.by_id, int(sealed)), min(latest.by_time, int(sealed)))


class _Times(NamedTuple):
    """When a record claims to be made, by its id and by its time, in microseconds since 1970."""

    by_id: int
    by_time: int

    @classmethod
    def of(cls, record_id: str, at: int) -> _Times:
        made = milliseconds_of(record_id)
        return cls(made * 1000 + 999 if made is not None else at, at)

    def is_before(self, latest: _Times) -> bool:
        """Return whether either time is earlier by more than clock skew explains."""
        return self.by_id < latest.by_id - _SKEW or self.by_time < latest.by_time - _SKEW

    def later(self, other: _Times) -> _Times:
        return _Times(max(self.by_id, other.by_id), max(self.by_time, other.by_time))


_NEVER = _Times(-(2**63), -(2**63))
_SKEW = SKEW // timedelta(microseconds=1)


def _now() -> datetime:
    return datetime.now(UTC)
