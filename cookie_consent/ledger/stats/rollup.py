"""Counting records by day in the background, so that statistics need not read every record."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sqlalchemy import delete, func, insert, select, text, update

from cookie_consent.consent.record_id import milliseconds_of
from cookie_consent.errors import ProofError
from cookie_consent.ledger.schema import counted, events, notices, records, rollups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from cookie_consent.ledger.proof.canonical import WalkedRow
    from cookie_consent.ledger.store import Store

__all__ = ["DAY", "Cell", "Measure", "RecordCounter", "count_rest", "move_mark"]

Measure = Literal["action", "channel", "granted", "refused", "outcome", "first", "gpc", "replaced"]
"""What is counted: records by ``action`` and by ``channel``; records that ``granted`` or ``refused`` a category; the
``outcome``, which is ``all``, ``some`` or ``none``; ``first`` choices, which have no previous record; ``gpc``,
records caused by Global Privacy Control; and, on the day of the previous record, that it was ``replaced``. What is
allowed for a visit replaces nothing. It ends with the visit, so it counts as replaced itself."""
DAY = 86_400_000_000
"""Microseconds."""

_VISIT = "visit"
"""The channel of what is allowed for a visit alone."""
_BATCH = 16_384
_ATTEMPTS = 5
_LONGEST_VALUE = 255
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAYS = range(date.min.toordinal() - _EPOCH_DAY, date.max.toordinal() - _EPOCH_DAY)
_ADD = text(
    "INSERT INTO consent_rollups (day, measure, value, policy_version, language, number) "
    "VALUES (:day, :measure, :value, :policy_version, :language, :number) "
    "ON CONFLICT (day, measure, value, policy_version, language) "
    "DO UPDATE SET number = consent_rollups.number + excluded.number"
)


class Cell(NamedTuple):
    """What counted records have in common: the columns of ``schema.rollups`` except the number."""

    day: int
    measure: str
    value: str
    policy_version: str
    language: str


class _Mark(NamedTuple):
    """How far the log is counted: up to the record ``last``. ``version`` changes with each update."""

    last: str | None
    version: int


class RecordCounter:
    """Counts the records of a store, ``batch`` at a time. Several processes can do so; each record is counted once."""

    def __init__(self, store: Store, *, url: str, batch: int = _BATCH) -> None:
        self._store = store
        self._url = url
        self._batch = batch

    def catch_up(
        self, enough: Callable[[], bool] = lambda: False, *, progress: Callable[[int], object] | None = None
    ) -> bool:
        """Count new records; return whether all are counted now.

        ``enough`` is called after each batch: if true, the rest is left for next time. ``progress`` gets the size of
        each batch. Raises ``ProofError`` if the last counted record is missing, and ``LedgerError``.
        """
        missed = 0
        while True:
            done = self._step()
            if done is None:
                missed += 1
            else:
                missed = 0
                if progress is not None and done:
                    progress(done)
                if done < self._batch:
                    return True
            if missed == _ATTEMPTS or enough():  # other processes keep counting
                return False

    def recount(self) -> None:
        """Count the whole log again, except days with pruned records. Raises ``LedgerError``."""
        with self._store.reading() as connection:
            kept = _first_whole_day(connection)
            sums: Counter[Cell] = Counter()
            last: str | None = None
            after = 0
            while rows := self._store.settled(connection, after, self._batch):
                sums.update(_sums(connection, rows))
                last, after = str(rows[-1][0]), int(rows[-1][-1])
        with self._store.writing() as connection:
            connection.execute(delete(rollups).where(rollups.c.day >= kept))
            _add(connection, {cell: number for cell, number in sums.items() if cell.day >= kept})
            _set_mark(connection, _mark(connection), last)

    def _step(self) -> int | None:
        """Count a batch and return its size, or None if another process counted it first."""
        # Rows are read and added up without a lock; the sums are saved unless somebody counted meanwhile.
        with self._store.reading() as connection:
            mark = _mark(connection)
            after = _order(self._store, connection, mark)
            if after is None:
                raise ProofError(
                    f"the record {mark.last}, which was counted last, is missing from the log; "
                    "see what else is missing with `cookie-consent log verify`, and count again with "
                    "`cookie-consent log stats --recount`",
                    url=self._url,
                )
            rows = self._store.settled(connection, after, self._batch)
            sums = _sums(connection, rows)
        if not rows:
            return 0
        with self._store.writing() as connection:
            if _mark(connection) != mark:
                return None
            _add(connection, sums)
            _set_mark(connection, mark, str(rows[-1][0]))
        return len(rows)


def count_rest(store: Store, connection: Connection) -> None:
    """Count new records within a transaction of ``writing``, as before records are deleted.

    Does nothing if the last counted record is missing.
    """
    mark = _mark(connection)
    after = _order(store, connection, mark)
    while after is not None and (rows := store.settled(connection, after, _BATCH)):
        _add(connection, _sums(connection, rows))
        _set_mark(connection, mark, str(rows[-1][0]))
        mark = _mark(connection)
        after = int(rows[-1][-1])


def move_mark(store: Store, connection: Connection, deleting: Callable[[], None]) -> None:
    """Delete records within a transaction of ``writing``; the mark moves back if the last counted one is deleted."""
    mark = _mark(connection)
    order = _order(store, connection, mark)
    deleting()
    if mark.last is not None and order is not None and not store.orders(connection, [mark.last]):
        _set_mark(connection, mark, store.last_until(connection, order))


def _mark(connection: Connection) -> _Mark:
    row = connection.execute(select(counted.c.last, counted.c.version).where(counted.c.what == "records")).first()
    return _Mark(row.last, row.version) if row is not None else _Mark(None, 0)


def _set_mark(connection: Connection, before: _Mark, last: str | None) -> None:
    values = {"last": last, "version": before.version + 1}
    if not connection.execute(update(counted).where(counted.c.what == "records").values(values)).rowcount:
        connection.execute(insert(counted).values(what="records", **values))


def _order(store: Store, connection: Connection, mark: _Mark) -> int | None:
    """Return the order number of the last counted record, 0 if nothing is counted, None if it is missing."""
    return next(iter(store.orders(connection, [mark.last])), None) if mark.last is not None else 0


def _first_whole_day(connection: Connection) -> int:
    """Return the first day without pruned records."""
    before = connection.execute(select(func.max(events.c.before)).where(events.c.kind == "pruned")).scalar()
    return -(-int(before) // DAY) if before is not None else _DAYS.start


def _add(connection: Connection, sums: Mapping[Cell, int]) -> None:
    if sums:
        connection.execute(_ADD, [{**cell._asdict(), "number": number} for cell, number in sorted(sums.items())])


def _sums(connection: Connection, rows: Sequence[WalkedRow]) -> Counter[Cell]:
    """Return the sums over rows. Damaged rows are left out."""
    alike: Counter[tuple[Any, ...]] = Counter()
    before_visits = _before_visits(connection, {row[8] for row in rows})
    for row in rows:
        (_, _, at, action, granted, refused, on, off, previous, channel, version, notice, *_) = row
        if type(at) is int and at // DAY in _DAYS:
            # Replaced is the last choice that was not for a visit alone; a first choice has none before it at all.
            before = _day(before_visits.get(previous, previous)), previous is None
            key = (at // DAY, action, granted, refused, on != "", off != "", before, channel, version, notice)
            alike[key] += 1
    languages = _languages(connection, {key[-1] for key in alike if key[-1] is not None})
    sums: Counter[Cell] = Counter()
    for key, number in alike.items():
        if not all(isinstance(part, str) for part in (*key[1:4], *key[7:9])):
            continue
        day, action, granted, refused, on, off, (replaced, is_first), channel, version, notice = key
        yes, no = granted.split(), refused.split()
        measured: list[tuple[Measure, str]] = [
            ("action", action),
            ("channel", channel),
            # An answer for single services says nothing about the categories, so it is never "all".
            ("outcome", "none" if not (yes or on) else "some" if no or off or not yes else "all"),
            *(("granted", category) for category in yes),
            *(("refused", category) for category in no),
        ]
        if is_first:
            measured.append(("first", ""))
        if channel == _VISIT:
            replaced = day if yes or on else None
        if replaced is not None and replaced in _DAYS:
            sums[Cell(replaced, "replaced", "", version, languages.get(notice, ""))] += number
        if channel == "gpc" or action == "signal":
            measured.append(("gpc", ""))
        for measure, value in measured:
            sums[Cell(day, measure, value[:_LONGEST_VALUE], version, languages.get(notice, ""))] += number
    return sums


def _before_visits(connection: Connection, ids: Iterable[object]) -> dict[object, str | None]:
    """Return, for those ids that are of a visit's records, the record before: the last one that is not a visit's."""
    found: dict[str, str | None] = {}
    left = [name for name in ids if isinstance(name, str)]
    while left:
        new: dict[str, str | None] = {}
        for at in range(0, len(left), 500):
            query = select(records.c.id, records.c.previous).where(
                records.c.id.in_(left[at : at + 500]), records.c.channel == _VISIT
            )
            new.update({str(row.id): row.previous for row in connection.execute(query)})
        found.update(new)
        left = [name for name in new.values() if name is not None and name not in found]
    return {name: _first_outside(found, name) for name in found}


def _first_outside(found: Mapping[str, str | None], name: str) -> str | None:
    """Return the first record before ``name`` that is not in ``found``."""
    seen = set()
    before: str | None = name
    while before is not None and before in found and before not in seen:  # a damaged log may go in circles
        seen.add(before)
        before = found[before]
    return before


def _day(previous: object) -> int | None:
    """Return the day of the previous record by its id: one that is no day where the id has no time, None without it."""
    if previous is None:
        return None
    milliseconds = milliseconds_of(str(previous))
    return milliseconds * 1000 // DAY if milliseconds is not None else _DAYS.stop


def _languages(connection: Connection, hashes: Iterable[str]) -> dict[str | None, str]:
    names = [name for name in hashes if isinstance(name, str)]
    found: dict[str | None, str] = {}
    for at in range(0, len(names), 500):
        query = select(notices.c.hash, notices.c.language).where(notices.c.hash.in_(names[at : at + 500]))
        found.update({row.hash: str(row.language) for row in connection.execute(query)})
    return found
