"""The log of choices: what the rest of the package writes to and reads from."""

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

__all__ = ["Ledger"]

_AT_ONCE = 1024  # records that a server seals or counts, so that a server's other threads are not held up


class Ledger(LedgerReader):
    """An append-only log of consent records at a URL, whose scheme names the engine (see ``make_store``).

    None reads ``CONSENT_LEDGER``, else ``sqlite:///consent.db``. While it cannot be written, choices wait in the folder
    ``spool``; None reads ``CONSENT_SPOOL``, else it is that of the database. With a ``key``, or one in
    ``CONSENT_LEDGER_KEY`` (see ``load_signers``), a server seals the log every ``seal_every`` seconds; with or without
    one it counts the log every ``count_every`` seconds. Nothing is touched before the first use. A ``nats://`` log is
    read in the SQL log that it is drained to, at the URL ``reads``; None reads ``CONSENT_LEDGER_READS``.
    ``memory`` allows ``sqlite://``: a log in memory, for development and tests, which is lost with the process.
    Safe to use from several threads and event loops, and the log from several processes; a fork starts anew.
    Raises ``ConfigurationError`` for a URL that is none, names another engine, or needs a package that is missing.
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
        # SQLAlchemy and what is built on it are imported where they are used: a program may need no ledger.
        from cookie_consent.ledger.late import mark_late
        from cookie_consent.ledger.stores.make import make_sink

        given = url or os.environ.get("CONSENT_LEDGER") or DEFAULT_URL
        self._sink, self._sql = make_sink(given, reads or os.environ.get("CONSENT_LEDGER_READS"), memory=memory)
        self.url = self._sink.name
        folder = spool or os.environ.get("CONSENT_SPOOL")
        self._spools = SpoolFolder(self._sink.spool_path, Path(folder) if folder else None)
        apart = self._sink is not self._sql
        # A stream keeps no order: there the drain puts it on record, as it appends to the SQL log.
        self._mark = partial(mark_late, self._store) if not apart else None
        others = [self._sql] if self._sql is not None else []
        self._writer = Writer(self._sink, self._spools, url=self.url, others=others, mark=self._mark)
        self._key = key
        self._seal_every = seal_every
        self._count_every = count_every
        self._threads: list[PeriodicThread] = []
        # At the interpreter's end too, which waits for no daemon.
        weakref.finalize(self, _end_apart, self._writer, self._threads, self._sink if apart else None)

    def open(self, *, create: bool = True) -> None:
        """Connect and bring the schema up to date; without ``create`` a log that is not there is an error.

        Raises ``LedgerError`` if the file cannot be opened or written, is no log, or was made by a newer release.
        """
        (self._sink if create else self._store).open(create=create)  # without, it is to be read

    def migrate(self) -> tuple[int, int]:
        """Bring the schema up to date; return the version that it had and the one that it has.

        An SQLite log is migrated by whatever opens it, so that there is nothing left to do. In a PostgreSQL database
        without a log one is made; it had version 0. Raises ``LedgerError``.
        """
        return self._store.migrate()

    def start(self) -> None:
        """Begin what a server does beside answering: carrying over spools, counting and, if there is a key, sealing.

        Spools of processes that have ended are else carried over from the first choice on. Raises
        ``ConfigurationError`` for a wrong key.
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
        """Write what waits, seal if ``start`` began to, and close the connections. The next use opens them again."""
        _end(self._writer, self._threads, None)
        self._sink.close()
        if self._sql is not None and self._sql is not self._sink:
            self._sql.close()

    def seal(self) -> SealResult:
        """Make all records leaves of the tree, and sign it.

        Raises ``ConfigurationError`` without a key, ``ProofError`` if the log is not what was signed before, and
        ``LedgerError``.
        """
        from cookie_consent.ledger.proof.seal import Sealer

        return Sealer(self._store, self.signers(), url=self._store.name).seal()

    def erase(self, subject: str) -> int:
        """Remove what identifies from all records of a visitor, for good; return how many there were.

        The log can be verified as before, and the erasure is on record. Choices that wait in a spool are not reached,
        nor are backups. Raises ``ConfigurationError`` for an empty id, and ``LedgerError``.
        """
        from cookie_consent.ledger.erasure import erase

        return erase(self._store, subject, url=self._store.name)

    def prune(self, before: datetime) -> Pruning:
        """Delete the records made before a time, for good; the log can be verified as before.

        What was counted of them stays. Raises ``LedgerError``.
        """
        from cookie_consent.ledger.erasure import prune

        with suppress(ProofError):  # what is missing is told by whoever counts
            self.count_new()
        return prune(self._store, before)

    def admit(self, record_ids: Iterable[str]) -> int:
        """Vouch for records that came late, so that they are signed; return how many nobody had vouched for.

        Raises ``LedgerError`` for an id that no record has.
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
    ) -> ConsentRecord:
        """Put a choice on record that was made by phone, on paper or in person, now or ``at`` a time; return it.

        ``granted`` and ``refused`` are ids of categories and services; categories that are not named are refused.
        Without ``subject`` the visitor is a new one. Raises ``ConfigurationError`` for what the policy does not know,
        and ``LedgerError``: nothing goes to the spool.
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
        )
        self.append([record], [notice] if notice is not None else [])
        return record

    async def write(self, record: ConsentRecord, notice: Notice | None = None) -> None:
        """Append one record; when this returns, it is on the disk. Raises ``LedgerError`` if it cannot be.

        Choices that are made at the same time share a commit. While the store is away they are kept in the spool,
        from which they reach the log, and so ``records``, later.
        """
        await self._writer.write(Entry(record, notice))

    def note_joined(self, record: str, choices: int) -> None:
        """Put on record that the record stands for so many choices alike. Raises ``LedgerError``."""
        from cookie_consent.ledger.events import add_event, new_event

        with self._store.writing() as connection:
            add_event(connection, new_event("joined", {"record": record, "choices": choices}))

    def waiting(self) -> list[WaitingSpool]:
        """Return the spools whose choices the log does not hold yet, of whatever process."""
        return self._spools.waiting()

    def append(self, new: Iterable[ConsentRecord], shown: Iterable[Notice] = ()) -> None:
        """Append records, and the notices that they name, in one transaction; all or nothing, durable on return.

        A record whose id is there already is left as it is, so that a repeated write does no harm.
        Raises ``LedgerError``, as nothing goes to the spool.
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
        enough: Callable[[], bool] = lambda: False,
        progress: Callable[[int], object] | None = None,
    ) -> LedgerStats:
        """Return figures about the days (UTC) from that of ``since`` on, and up to that in which ``until`` lies.

        Looks at no record that was counted before; see ``count_new``, which comes first. Raises ``ProofError`` and
        ``LedgerError``.
        """
        from cookie_consent.ledger.stats.figures import read_stats, whole_days

        is_complete = self.count_new(enough, progress=progress)
        first, last = whole_days(since, until)
        with self._store.reading() as connection:
            return read_stats(connection, since=first, until=last, is_complete=is_complete)

    def count_new(
        self, enough: Callable[[], bool] = lambda: False, *, progress: Callable[[int], object] | None = None
    ) -> bool:
        """Count the records that are not counted yet; return whether that is all. See ``RecordCounter.catch_up``."""
        from cookie_consent.ledger.stats.rollup import RecordCounter

        return RecordCounter(self._store, url=self._store.name).catch_up(enough, progress=progress)

    def recount(self) -> None:
        """Count all records anew, but for the days of which some were pruned. Raises ``LedgerError``."""
        from cookie_consent.ledger.stats.rollup import RecordCounter

        RecordCounter(self._store, url=self._store.name).recount()

    def writing(self) -> AbstractContextManager[Connection]:
        """Give a connection in a transaction that has the write lock, for other tables of this package.

        Raises ``LedgerError``, for what goes wrong inside too.
        """
        return self._store.writing()


def _opened(store: Store, work: Callable[[Callable[[], bool]], object], enough: Callable[[], bool]) -> object:
    """Do the work of a thread, which may be the first to touch the log: not every server tells when it starts."""
    store.open()
    return work(enough)


def _end_apart(writer: Writer, threads: list[PeriodicThread], sink: ChoiceSink | None) -> None:
    """End the log of a ledger that is garbage in a thread of its own.

    Garbage is collected in any thread, inside of any lock. At the interpreter's end no thread may be started.
    """
    if threading.main_thread().is_alive():
        threading.Thread(target=_end, args=(writer, threads, sink), name="cookie-consent-end").start()
    else:
        _end(writer, threads, sink)


def _end(writer: Writer, threads: list[PeriodicThread], sink: ChoiceSink | None) -> None:
    writer.close()
    for thread in threads:
        thread.stop()
    threads.clear()
    if sink is not None:
        sink.close()
