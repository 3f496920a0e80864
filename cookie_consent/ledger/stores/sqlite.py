"""The store in an SQLite file."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, inspect, select
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, ProgrammingError, SQLAlchemyError

from cookie_consent.errors import LedgerError, ProofError, RecordRefusedError
from cookie_consent.ledger.schema import SCHEMA_VERSION, meta, notices, records, to_row
from cookie_consent.ledger.store import PATIENCE
from cookie_consent.ledger.stores.sqlite_steps import SQLITE_STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Engine, Select, Table
    from sqlalchemy.engine import URL
    from sqlalchemy.engine.interfaces import DBAPICursor

    from cookie_consent.consent.record import Notice
    from cookie_consent.ledger.proof.canonical import WalkedRow
    from cookie_consent.ledger.store import Entry, LeafRow

__all__ = ["SqliteStore"]

logger = logging.getLogger("cookie_consent")

_BETWEEN_ATTEMPTS = 0.01  # seconds
_CHECKPOINT_PAGES = 8000  # 32 MB of write-ahead log, so that a page rewritten many times is moved once
_ROWS = 256
_FETCH = 1024
_COLUMNS = ", ".join(f'"{column.name}"' for column in records.columns)
_LEAVES = (
    "SELECT position, id, salt, commitment FROM consent_leaves WHERE position >= ? AND position < ? ORDER BY position"
)
_LAST_SEALED = (
    "SELECT id FROM consent_leaves WHERE salt IS NOT NULL OR commitment IS NOT NULL ORDER BY position DESC LIMIT 1"
)
_REFUSALS = (IntegrityError, DataError, InterfaceError, ProgrammingError, UnicodeEncodeError)
_forgotten: list[Engine] = []


class SqliteStore:
    """The ``Store`` in an SQLite file, shared by several processes, with each commit synced to disk.

    Safe to use from several threads. All methods raise ``LedgerError`` if the file cannot be used.
    """

    def __init__(self, url: URL) -> None:
        self.url = url
        self.path = Path(url.database or "")
        self.spool_path = self.path.absolute()
        self.name = str(url)
        self.opened_as = SCHEMA_VERSION
        """The schema version of the file before this process opened it; 0 if there was none."""
        self._engine: Engine | None = None
        self._known_notices: set[str] = set()  # hashes of notices that are in the file
        self._of_thread = threading.local()
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()

    def __reduce__(self) -> tuple[type[SqliteStore], tuple[URL]]:
        return SqliteStore, (self.url,)

    def append(self, entries: Sequence[Entry], *, patience: float = PATIENCE) -> None:
        """Append all or none, in one transaction; see ``Store``."""
        shown = {entry.notice.hash: entry.notice for entry in entries if entry.notice is not None}
        rows = [to_row(entry.record) for entry in entries]
        try:
            try:
                self._insert(
                    [notice for key, notice in shown.items() if key not in self._known_notices], rows, patience
                )
            except IntegrityError:  # the file may have been replaced
                self._known_notices.clear()
                self._insert(list(shown.values()), rows, patience)
        except _REFUSALS as error:
            message = f"the log {self.path.absolute()} refuses a record: {getattr(error, 'orig', None) or error}"
            raise RecordRefusedError(message, url=self.name) from error
        except SQLAlchemyError as error:
            raise self.failure("cannot be written", error) from error
        self._known_notices.update(shown)

    def _insert(self, shown: list[Notice], rows: list[tuple[Any, ...]], patience: float) -> None:
        with self._locked(patience), _writing(self.engine(patience=patience), patience) as connection:
            for notice in shown:
                values = (notice.hash, notice.language, notice.policy_version, notice.text)
                connection.exec_driver_sql(_insertion(notices, 1), values)
            done = 0
            while done < len(
                rows
            ):  # many rows per statement, because each statement releases the interpreter lock once
                count = min(_ROWS, 1 << ((len(rows) - done).bit_length() - 1))
                values = tuple(value for row in rows[done : done + count] for value in row)
                connection.exec_driver_sql(_insertion(records, count), values)
                done += count

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection in a transaction with the write lock. Errors inside become ``LedgerError``."""
        patience = getattr(self._of_thread, "patience", PATIENCE)
        try:
            with self._locked(patience), _writing(self.engine(patience=patience), patience) as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self.failure("cannot be written", error) from error

    @contextmanager
    def patiently(self, seconds: float) -> Iterator[None]:
        """Limit how long this thread waits for locks; see ``Store``."""
        self._of_thread.patience = seconds
        try:
            yield
        finally:
            del self._of_thread.patience

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection for reading. Errors inside become ``LedgerError``."""
        try:
            with self.engine(create=False).connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self.failure("cannot be read", error) from error

    def open(self, *, create: bool = True) -> None:
        """Connect and upgrade the schema."""
        self.engine(create=create)

    def migrate(self) -> tuple[int, int]:
        """Connect, which upgrades the schema."""
        self.open(create=False)
        return self.opened_as, SCHEMA_VERSION

    def rows(self, connection: Connection, query: Select[Any]) -> Iterator[list[tuple[Any, ...]]]:
        """Yield rows from the driver's cursor, twice as fast as SQLAlchemy; see ``Store``."""
        with connection.execute(query) as result:
            cursor = result.cursor
            while cursor is not None:
                try:
                    rows = cursor.fetchmany(_FETCH)
                except sqlite3.Error as error:
                    raise self._error("cannot be read", str(error)) from error
                if not rows:
                    return
                yield list(rows)

    def unsealed(self, connection: Connection, limit: int) -> list[WalkedRow]:
        """Return the rows after the last sealed one, by ``rowid``; see ``Store``."""
        # SQLite numbers rows in commit order. VACUUM may renumber them, but keeps their order: so the rowid of the
        # last sealed record is looked up each time.
        last = connection.exec_driver_sql(_LAST_SEALED).scalar()
        after: int | None = 0
        if last is not None:
            after = connection.exec_driver_sql("SELECT rowid FROM consent_records WHERE id = ?", (last,)).scalar()
        if after is None:
            raise ProofError(
                f"the record {last}, which was sealed last, is missing from the log {self.path.absolute()}; "
                "see what else is missing with `cookie-consent log verify`",
                url=self.name,
            )
        return self.settled(connection, after, limit)

    def settled(self, connection: Connection, after: int, limit: int) -> list[WalkedRow]:
        """Return the next rows by ``rowid``; see ``Store``."""
        query = f"SELECT {_COLUMNS}, rowid FROM consent_records WHERE rowid > ? ORDER BY rowid LIMIT ?"  # noqa: S608
        with self._cursor(connection) as cursor:
            return list(cursor.execute(query, (after, limit)).fetchall())

    def last_until(self, connection: Connection, order: int) -> str | None:
        """Return the id of a row by its ``rowid``; see ``Store``."""
        query = "SELECT id FROM consent_records WHERE rowid <= ? ORDER BY rowid DESC LIMIT 1"
        name = connection.exec_driver_sql(query, (order,)).scalar()
        return str(name) if name is not None else None

    def walk(self, connection: Connection, after: int) -> Iterator[list[WalkedRow]]:
        """Yield all rows by ``rowid``; see ``Store``."""
        with self._cursor(connection) as cursor:
            cursor.execute(f"SELECT {_COLUMNS}, rowid FROM consent_records WHERE rowid > ? ORDER BY rowid", (after,))  # noqa: S608
            while rows := cursor.fetchmany(_FETCH):
                yield list(rows)

    def orders(self, connection: Connection, ids: Sequence[str]) -> list[int]:
        """Return the ``rowid`` of rows; see ``Store``."""
        marks = ", ".join("?" * len(ids))
        query = f"SELECT rowid FROM consent_records WHERE id IN ({marks})"  # noqa: S608
        return [int(row[0]) for row in connection.exec_driver_sql(query, tuple(ids))]

    def leaves(self, connection: Connection, first: int, end: int) -> list[LeafRow]:
        """Return leaves; see ``Store``."""
        with self._cursor(connection) as cursor:
            return list(cursor.execute(_LEAVES, (first, end)).fetchall())

    def save_leaves(self, connection: Connection, new: list[LeafRow]) -> None:
        """Insert leaves; see ``Store``."""
        connection.exec_driver_sql("INSERT INTO consent_leaves VALUES (?, ?, ?, ?)", new)

    def scrub(self) -> None:
        """Truncate the write-ahead log, which holds old versions of pages. ``secure_delete`` overwrites the pages.

        While another process reads, this is left to a later checkpoint.
        """
        try:
            with closing(self.engine().raw_connection()) as connection:  # a checkpoint cannot run inside a transaction
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        except (sqlite3.Error, SQLAlchemyError) as error:
            raise self._error("cannot be written", str(error)) from error

    def engine(self, *, create: bool = True, patience: float = PATIENCE) -> Engine:
        """Return the engine; on first use, connect and upgrade the schema."""
        with self._lock:
            if self._engine is None:
                self._engine = self._connect(create=create, patience=patience)
            return self._engine

    def close(self) -> None:
        """Close the connections. The next use reopens them."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    def forget(self) -> None:
        """Start over in a fork, without closing the parent's connections."""
        if self._engine is not None:
            _forgotten.append(self._engine)  # garbage collection would close its connections
        self._engine = None
        self._known_notices = set()
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()

    def failure(self, what: str, error: SQLAlchemyError) -> LedgerError:
        """Return the error to raise, with advice."""
        return self._error(what, str(getattr(error, "orig", None) or error))

    @contextmanager
    def _cursor(self, connection: Connection) -> Iterator[DBAPICursor]:
        """Yield a cursor of the driver, whose rows are plain tuples. Errors inside become ``LedgerError``."""
        with closing(connection.connection.cursor()) as cursor:
            try:
                yield cursor
            except sqlite3.Error as error:
                raise self._error("cannot be read", str(error)) from error

    @contextmanager
    def _locked(self, patience: float) -> Iterator[None]:
        """Queue this process's threads for the write lock, instead of letting each of them poll SQLite."""
        if not self._write_lock.acquire(timeout=patience):
            raise self._error("cannot be written", "locked by another thread")
        try:
            yield
        finally:
            self._write_lock.release()

    def _is_there(self) -> bool:
        return self.path.exists()

    def _connect(self, *, create: bool, patience: float) -> Engine:
        if not create and not self._is_there():
            raise LedgerError(
                f"there is no log at {self.path.absolute()}; name another with --ledger or CONSENT_LEDGER",
                url=self.name,
            )
        engine = create_engine(self.url, connect_args={"timeout": patience, "check_same_thread": False})
        event.listen(engine, "connect", partial(_set_pragmas, patience))
        event.listen(engine, "begin", _begin)
        try:
            self._upgrade(engine, patience)
        except SQLAlchemyError as error:
            engine.dispose()
            raise self.failure("cannot be opened", error) from error
        except LedgerError:
            engine.dispose()
            raise
        return engine

    def _upgrade(self, engine: Engine, patience: float) -> None:
        """Run the missing schema steps, all or none. Locks nothing if there are none."""
        with engine.connect() as connection:
            version = self._schema_version(connection)
        if version == SCHEMA_VERSION:
            return
        with _writing(engine, patience) as connection:
            version = self.opened_as = self._schema_version(
                connection
            )  # another process may have upgraded it meanwhile
            for statements in SQLITE_STEPS[version:]:
                for statement in statements:
                    connection.exec_driver_sql(statement)
            connection.exec_driver_sql(
                "INSERT INTO consent_meta VALUES ('schema', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                (SCHEMA_VERSION,),
            )
        if version:
            logger.info("upgraded the log %s from schema %d to %d", self.path, version, SCHEMA_VERSION)

    def _schema_version(self, connection: Connection) -> int:
        """Return the file's schema version, 0 for none. Raises ``LedgerError`` if it is newer than this release."""
        if not inspect(connection).has_table(meta.name):
            return 0
        version = int(connection.execute(select(meta.c.value).where(meta.c.key == "schema")).scalar() or 0)
        if version > SCHEMA_VERSION:
            raise LedgerError(
                f"the log {self.path.absolute()} was made by a newer release (schema {version}); update cookie-consent",
                url=self.name,
            )
        return version

    def _error(self, what: str, cause: str) -> LedgerError:
        message = f"the log {self.path.absolute()} {what}: {cause}; {_advice(cause, self.path)}"
        return LedgerError(message, url=self.name)


@lru_cache(maxsize=64)
def _insertion(table: Table, rows: int) -> str:
    row = "(" + ", ".join("?" * len(table.columns)) + ")"
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    return f"INSERT INTO {table.name} ({columns}) VALUES {', '.join([row] * rows)} ON CONFLICT DO NOTHING"  # noqa: S608


@contextmanager
def _writing(engine: Engine, patience: float) -> Iterator[Connection]:
    """Yield a connection in a transaction that takes the write lock at its start, so it cannot fail later."""
    with engine.connect().execution_options(consent_patience=patience) as connection, connection.begin():
        yield connection


def _begin(connection: Connection) -> None:
    patience = connection.get_execution_options().get("consent_patience")
    connection.exec_driver_sql(f"PRAGMA busy_timeout={int((PATIENCE if patience is None else patience) * 1000)}")
    connection.exec_driver_sql("BEGIN" if patience is None else "BEGIN IMMEDIATE")


def _set_pragmas(patience: float, connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver starts no transactions of its own
    cursor = connection.cursor()
    _use_wal(cursor, patience)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")  # erased data is overwritten
    cursor.close()


def _use_wal(cursor: sqlite3.Cursor, patience: float) -> None:
    """Switch the file to write-ahead logging."""
    # SQLite ignores its timeout here: the statement fails at once while another connection switches the file.
    deadline = time.monotonic() + patience
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(_BETWEEN_ATTEMPTS)
        else:
            return


def _advice(cause: str, path: Path) -> str:
    if "unable to open" in cause:
        return f"make the directory {path.absolute().parent} and let this process write to it"
    if "readonly" in cause:
        return "let this process write to the file and its directory"
    if "full" in cause:
        return "make room on the disk"
    if "locked" in cause:
        return "another process has locked it; find that process and end it"
    if "not a database" in cause or "malformed" in cause:
        return "move the file away and restore it from a backup, or name another one"
    return "see the database's message"
