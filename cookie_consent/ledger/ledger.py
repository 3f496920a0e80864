"""The log of choices, kept in SQLite."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from sqlalchemy import create_engine, event, func, insert, make_url, select, text
from sqlalchemy.dialects.sqlite import insert as insert_or_ignore
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from cookie_consent.errors import ConfigurationError, LedgerError
from cookie_consent.ledger.record import Notice
from cookie_consent.ledger.schema import SCHEMA_VERSION, from_row, meta, metadata, micros, notices, records, to_row
from cookie_consent.ledger.stats import LedgerStats, StatsBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Select

    from cookie_consent.ledger.record import ConsentRecord

__all__ = ["DEFAULT_URL", "Ledger"]

DEFAULT_URL = "sqlite:///consent.db"
_BUSY_SECONDS = 10
_FETCH = 1000
_APPEND_ONLY = (
    "CREATE TRIGGER IF NOT EXISTS consent_records_no_update BEFORE UPDATE ON consent_records "
    "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END",
    "CREATE TRIGGER IF NOT EXISTS consent_records_no_delete BEFORE DELETE ON consent_records "
    "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END",
)


class Ledger:
    """An append-only log of consent records at an SQLAlchemy URL; SQLite is the one engine by now.

    None reads ``CONSENT_LEDGER``, else ``sqlite:///consent.db``. Nothing is touched before the first use. Safe to
    use from several threads, and the file from several processes (write-ahead log, each commit synced to the disk).
    Raises ``ConfigurationError`` for a URL that is none or names another engine.
    """

    def __init__(self, url: str | None = None) -> None:
        self.url = url or os.environ.get("CONSENT_LEDGER") or DEFAULT_URL
        try:
            parsed = make_url(self.url)
        except ArgumentError:
            raise ConfigurationError(f"the ledger {self.url!r} is not a URL; write one such as {DEFAULT_URL}") from None
        if parsed.drivername != "sqlite" or not parsed.database or parsed.database == ":memory:":
            raise ConfigurationError(
                f"the ledger {parsed.render_as_string()!r} is not supported; write sqlite:///PATH, as in {DEFAULT_URL}"
            )
        self.path = Path(parsed.database)
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()

    def open(self, *, create: bool = True) -> None:
        """Connect and bring the schema up to date; without ``create`` a log that is not there is an error.

        Raises ``LedgerError`` if the file cannot be opened or written, is no log, or was made by a newer release.
        """
        self._connected(create=create)

    def close(self) -> None:
        """Close the connections. The next use opens them again."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    async def write(self, record: ConsentRecord, notice: Notice | None = None) -> None:
        """Append one record; when this returns, it is on the disk. Raises ``LedgerError`` if it cannot be."""
        await anyio.to_thread.run_sync(self.append, [record], [notice] if notice is not None else [])

    def append(self, new: Iterable[ConsentRecord], shown: Iterable[Notice] = ()) -> None:
        """Append records, and the notices that they name, in one transaction; all or nothing, durable on return.

        A record whose id is there already is left as it is, so that a repeated write does no harm.
        """
        rows = [to_row(record) for record in new]
        texts = [vars(notice) for notice in shown]
        engine = self._connected()
        try:
            with self._write_lock, _writing(engine) as connection:
                if texts:
                    connection.execute(insert_or_ignore(notices).on_conflict_do_nothing(), texts)
                if rows:
                    connection.execute(insert_or_ignore(records).on_conflict_do_nothing(), rows)
        except SQLAlchemyError as error:
            raise self._failure("cannot be written", error) from error

    def records(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        subject: str | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[ConsentRecord]:
        """Yield records in the order of their ids, which is that of time; ``since`` is included, ``until`` is not.

        Memory is constant whatever the number. Raises ``LedgerError``.
        """
        query = _between(select(records), since, until)
        if subject is not None:
            query = query.where(records.c.subject == subject)
        query = query.order_by(records.c.id.desc() if newest_first else records.c.id)
        if limit is not None:
            query = query.limit(limit)
        try:
            with self._connected(create=False).connect() as connection:
                for row in connection.execution_options(yield_per=_FETCH).execute(query):
                    yield from_row(row)
        except SQLAlchemyError as error:
            raise self._failure("cannot be read", error) from error

    def record(self, record_id: str) -> ConsentRecord | None:
        """Return the record of that id, or None."""
        row = self._one(select(records).where(records.c.id == record_id))
        return from_row(row) if row is not None else None

    def notice(self, notice_hash: str) -> Notice | None:
        """Return the notice of that hash, or None."""
        row = self._one(select(notices).where(notices.c.hash == notice_hash))
        return Notice(**row._mapping) if row is not None else None  # noqa: SLF001 - a public name of SQLAlchemy

    def count(self, *, since: datetime | None = None, until: datetime | None = None) -> int:
        """Return how many records there are between the two times."""
        row = self._one(_between(select(func.count()).select_from(records), since, until))
        return int(row[0]) if row is not None else 0

    def stats(self, *, since: datetime | None = None, until: datetime | None = None) -> LedgerStats:
        """Return counts over the records between the two times."""
        builder = StatsBuilder()
        for record in self.records(since=since, until=until):
            builder.add(record)
        return builder.result()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection in a transaction that has the write lock, for other tables of this package.

        Raises ``LedgerError``, for what goes wrong inside too.
        """
        engine = self._connected()
        try:
            with self._write_lock, _writing(engine) as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self._failure("cannot be written", error) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection to read other tables of this package. Raises ``LedgerError``."""
        try:
            with self._connected(create=False).connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self._failure("cannot be read", error) from error

    def _one(self, query: Select[Any]) -> Any:
        try:
            with self._connected(create=False).connect() as connection:
                return connection.execute(query).first()
        except SQLAlchemyError as error:
            raise self._failure("cannot be read", error) from error

    def _connected(self, *, create: bool = True) -> Engine:
        with self._lock:
            if self._engine is None:
                self._engine = self._connect(create=create)
            return self._engine

    def _connect(self, *, create: bool) -> Engine:
        if not create and not self.path.exists():
            raise LedgerError(
                f"there is no log at {self.path.absolute()}; name another with --ledger or CONSENT_LEDGER",
                url=self.url,
            )
        engine = create_engine(self.url, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False})
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
        try:
            with _writing(engine) as connection:
                metadata.create_all(connection)
                version = connection.execute(select(meta.c.value).where(meta.c.key == "schema")).scalar()
                if version is None:
                    connection.execute(insert(meta).values(key="schema", value=SCHEMA_VERSION))
                    for trigger in _APPEND_ONLY:
                        connection.execute(text(trigger))
        except SQLAlchemyError as error:
            engine.dispose()
            raise self._failure("cannot be opened", error) from error
        if version is not None and version > SCHEMA_VERSION:
            engine.dispose()
            raise LedgerError(
                f"the log {self.path.absolute()} was made by a newer release (schema {version}); update cookie-consent",
                url=self.url,
            )
        return engine

    def _failure(self, what: str, error: SQLAlchemyError) -> LedgerError:
        cause = str(getattr(error, "orig", None) or error)
        return LedgerError(f"the log {self.path.absolute()} {what}: {cause}; {_advice(cause, self.path)}", url=self.url)


def _between(query: Select[Any], since: datetime | None, until: datetime | None) -> Select[Any]:
    if since is not None:
        query = query.where(records.c.at >= micros(since))
    if until is not None:
        query = query.where(records.c.at < micros(until))
    return query


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    """Give a connection in a transaction that has the write lock from its start, so that it need not fail later."""
    with engine.connect().execution_options(consent_writes=True) as connection, connection.begin():
        yield connection


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("consent_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _set_pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins no transactions of its own
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _advice(cause: str, path: Path) -> str:
    if "unable to open" in cause:
        return f"make the directory {path.absolute().parent} and let this process write to it"
    if "readonly" in cause:
        return "let this process write to the file and its directory"
    if "full" in cause:
        return "make room on the disk"
    if "locked" in cause:
        return "another process holds it; see which one, and end it"
    if "not a database" in cause or "malformed" in cause:
        return "put the file aside, restore it from a backup or name another one"
    return "see the message of the database"
