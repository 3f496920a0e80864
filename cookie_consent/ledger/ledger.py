"""``Ledger``: the log of choices, for the rest of the package to write and read."""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cookie_consent.errors import ProofError
from cookie_consent.ledger.periodic import PeriodicThread
from cookie_consent.ledger.reader import LedgerReader
from cookie_consent.ledger.store import DEFAULT_URL, Entry
from cookie_consent.ledger.writing.spool import SpoolFolder
from cookie_consent.ledger.writing.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

    from cookie_consent.consent.record import Channel, ConsentRecord, Notice
    from cookie_consent.ledger.erasure import Pruning
    from cookie_consent.ledger.proof.seal import SealResult
    from cookie_consent.ledger.stats.figures import LedgerStats
    from cookie_consent.ledger.store import ChoiceSink, Store
    from cookie_consent.ledger.writing.spool import WaitingSpool
    from cookie_consent.policy import Policy
    from cookie_consent.policy.duration import Lifetime

__all__ = ["Ledger"]

_AT_ONCE = 1024  # records per step in a server, so that its other threads are not held up


class Ledger(LedgerReader):
    """An append-only log of consent records at a URL, whose scheme names the engine (see ``make_store``).

    ``url``, ``spool``, ``key`` and ``reads`` default to ``CONSENT_LEDGER``, ``CONSENT_SPOOL``, ``CONSENT_LEDGER_KEY``
    and ``CONSENT_LEDGER_READS``; the log itself to ``sqlite:///consent.db``. While the log cannot be written, choices
    wait in the folder ``spool``. A ``nats://`` log is read in the SQL log ``reads``, into which it is drained.
    ``memory`` allows ``sqlite://``: a log in memory, which is lost with the process.

    Safe to use from several threads, event loops and processes, and after a fork. Nothing is opened before first use.
    Raises ``ConfigurationError`` for a URL that is invalid or not supported, or needs a missing package.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        spool: str | Path | None = None,
        key: str | Path | None = None,
        seal_every: float = 60.0,
        count_every: float = 60.0,
        reads: str | None = None,
        memory: bool = False,
    ) -> None:
        # SQLAlchemy is imported only where it is used: many programs import this package and never use a ledger.
        from cookie_consent.ledger.late import mark_late
        from cookie_consent.ledger.stores.make import make_sink

        given = url or os.environ.get("CONSENT_LEDGER") or DEFAULT_URL
        self._sink, self._sql = make_sink(given, reads or os.environ.get("CONSENT_LEDGER_READS"), memory=memory)
        self.url = self._sink.name
        folder = spool or os.environ.get("CONSENT_SPOOL")
        self._spools = SpoolFolder(self._sink.spool_path, Path(folder) if folder else None)
        apart = self._sink is not self._sql
        # For a stream, the drain marks late records when it appends them to the SQL log.
        self._mark = partial(mark_late, self._store) if not apart else None
        others = [self._sql] if self._sql is not None else []
        self._writer = Writer(self._sink, self._spools, url=self.url, others=others, mark=self._mark)
        self._key = key
        self._seal_every = seal_every
        self._count_every = count_every
        self._threads: list[PeriodicThread] = []
        # Also runs at interpreter exit, which does not wait for daemon threads.
        weakref.finalize(self, _close_in_thread, self._writer, self._threads, self._sink if apart else None)

    def open(self, *, create: bool = True) -> None:
        """Connect and upgrade the schema. Without ``create``, a missing log is an error.

        Raises ``LedgerError`` if the log cannot be opened or written, or was made by a newer release.
        """
        (self._sink if create else self._store).open(create=create)  # without ``create`` it is opened to be read

    def migrate(self) -> tuple[int, int]:
        """Upgrade the schema; return its old and new version. The old version is 0 for a database without a log.

        An SQLite log is upgraded whenever it is opened. Raises ``LedgerError``.
        """
        return self._store.migrate()

    def start(self) -> None:
        """Start a server's background work: replaying spools, counting and, with a key, sealing.

        Raises ``ConfigurationError`` for an invalid key.
        """
        self._writer.start()
        signers = self.signers()
        if not self.is_readable or any(thread.is_alive for thread in self._threads):
            return
        from cookie_consent.ledger.stats.rollup import RecordCounter

        counter = RecordCounter(self._store, url=self._store.name, batch=_AT_ONCE)
        count = partial(_opened, self._store, counter.catch_up)
        self._threads[:] = [PeriodicThread(count, what="counted", every=self._count_every, finishes=False)]
        if signers:
            from cookie_consent.ledger.proof.seal import Sealer

            sealer = Sealer(self._store, signers, url=self._store.name, batch=_AT_ONCE)
            seal = partial(_opened, self._store, sealer.seal)
            self._threads.append(PeriodicThread(seal, what="sealed", every=self._seal_every, finishes=True))

    def close(self) -> None:
        """Write what is queued, stop the background work and close the connections. The next use reopens them."""
        _close(self._writer, self._threads, None)
        self._sink.close()
        if self._sql is not None and self._sql is not self._sink:
            self._sql.close()

    def seal(self) -> SealResult:
        """Add all new records to the tree, and sign its root.

        Raises ``ConfigurationError`` without a key, ``ProofError`` if the log does not match what was signed, and
        ``LedgerError``.
        """
        from cookie_consent.ledger.proof.seal import Sealer

        return Sealer(self._store, self.signers(), url=self._store.name).seal()

    def erase(self, subject: str) -> int:
        """Permanently remove everything that identifies a visitor from their records; return how many there were.

        Spools and backups are not changed. Raises ``ConfigurationError`` for an empty id, and ``LedgerError``.
        """
        from cookie_consent.ledger.erasure import erase

        return erase(self._store, subject, url=self._store.name)

    def prune(self, before: datetime) -> Pruning:
        """Permanently delete the records made before a time. Their statistics are kept. Raises ``LedgerError``."""
        from cookie_consent.ledger.erasure import prune

        with suppress(ProofError):  # counting reports a missing record
            self.count_new()
        return prune(self._store, before)

    def admit(self, record_ids: Iterable[str]) -> int:
        """Vouch for late records so that they can be signed; return how many nobody had vouched for.

        Raises ``LedgerError`` for an unknown id.
        """
        from cookie_consent.ledger.late import admit

        return admit(self._store, record_ids, url=self._store.name)

    def enter(
        self,
        policy: Policy,
        *,
        channel: Channel,
        granted: Iterable[str] = (),
        refused: Iterable[str] = (),
        subject: str | None = None,
        at: datetime | None = None,
        notice: Notice | None = None,
        note: str = "",
    ) -> ConsentRecord:
        """Record a choice made by phone, on paper or in person, now or at a past time ``at``; return the record.

        ``granted`` and ``refused`` are ids of categories and services; unnamed categories are refused. ``note``
        is kept with the record, until that is erased. Raises ``ConfigurationError`` for an id that is not in the policy
        and for a note that is too long, and ``LedgerError``.
        """
        from cookie_consent.ledger.offline import checked_subject, made_elsewhere

        name = checked_subject(subject)
        moment = at if at is not None else datetime.now(UTC)
        earlier = self.records(subject=name, until=moment) if subject is not None else ()
        record = made_elsewhere(
            policy,
            channel=channel,
            subject=name,
            granted=granted,
            refused=refused,
            at=moment,
            previous=max(earlier, key=lambda record: (record.at, record.id), default=None),
            notice=notice,
            note=note,
        )
        self.append([record], [notice] if notice is not None else [])
        return record

    async def write(self, record: ConsentRecord, notice: Notice | None = None) -> None:
        """Append one record; it is on disk when this returns. Raises ``LedgerError`` if that fails.

        While the store is unavailable the record waits in the spool, and appears in ``records`` later.
        """
        await self._writer.write(Entry(record, notice))

    def note_joined(self, record: str, choices: int) -> None:
        """Add an event that a record stands for several equal choices. Raises ``LedgerError``."""
        from cookie_consent.ledger.events import add_event, new_event

        with self._store.writing() as connection:
            add_event(connection, new_event("joined", {"record": record, "choices": choices}))

    def waiting(self) -> list[WaitingSpool]:
        """Return the spools of all processes that hold choices not yet in the log."""
        return self._spools.waiting()

    def append(self, new: Iterable[ConsentRecord], shown: Iterable[Notice] = ()) -> None:
        """Append records and their notices in one transaction, on disk when this returns. Nothing goes to the spool.

        A record whose id exists is left unchanged, so a write can be repeated. Raises ``LedgerError``.
        """
        texts = {notice.hash: notice for notice in shown}
        entries = [Entry(record, texts.get(record.notice or "")) for record in new]
        if self._mark is not None:
            self._mark([entry.record for entry in entries])
        self._sink.append(entries)

    def stats(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        lifetime: Lifetime | None = None,
        enough: Callable[[], bool] = lambda: False,
        progress: Callable[[int], object] | None = None,
    ) -> LedgerStats:
        """Return statistics for whole days (UTC), from that of ``since`` to that of ``until``.

        ``lifetime`` is that of choices, ``policy.cookie.max_age``, from which it follows which have lapsed.

        New records are counted first, see ``count_new``. Raises ``ProofError`` and ``LedgerError``.
        """
        from cookie_consent.ledger.stats.figures import read_stats, whole_days

        is_complete = self.count_new(enough, progress=progress)
        first, last = whole_days(since, until)
        with self._store.reading() as connection:
            return read_stats(connection, since=first, until=last, is_complete=is_complete, lifetime=lifetime)

    def count_new(
        self, enough: Callable[[], bool] = lambda: False, *, progress: Callable[[int], object] | None = None
    ) -> bool:
        """Count new records; return whether all are counted now. See ``RecordCounter.catch_up``."""
        from cookie_consent.ledger.stats.rollup import RecordCounter

        return RecordCounter(self._store, url=self._store.name).catch_up(enough, progress=progress)

    def recount(self) -> None:
        """Count all records again, except those of days with pruned records. Raises ``LedgerError``."""
        from cookie_consent.ledger.stats.rollup import RecordCounter

        RecordCounter(self._store, url=self._store.name).recount()

    def writing(self) -> AbstractContextManager[Connection]:
        """Yield a connection in a transaction with the write lock, for other tables of this package.

        Raises ``LedgerError``, also for database errors inside the block.
        """
        return self._store.writing()


def _opened(store: Store, work: Callable[[Callable[[], bool]], object], enough: Callable[[], bool]) -> object:
    """Do a background thread's work. It may be the first to open the log, because not every server runs lifespan."""
    store.open()
    return work(enough)


def _close_in_thread(writer: Writer, threads: list[PeriodicThread], sink: ChoiceSink | None) -> None:
    """Close a garbage-collected ledger in a separate thread, because the collector may run inside any lock."""
    if threading.main_thread().is_alive():
        threading.Thread(target=_close, args=(writer, threads, sink), name="cookie-consent-end").start()
    else:  # at interpreter exit no thread can be started
        _close(writer, threads, sink)


def _close(writer: Writer, threads: list[PeriodicThread], sink: ChoiceSink | None) -> None:
    writer.close()
    for thread in threads:
        thread.stop()
    threads.clear()
    if sink is not None:
        sink.close()
