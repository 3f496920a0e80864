"""The store in one SQLite file."""

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
_CHECKPOINT_PAGES = 8000  # 32 MB of write-ahead log: pages that are written again and again are moved once
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
    """The ``Store`` in a file that several processes share: write-ahead log, each commit synced to the disk.

    Safe to use from several threads. All methods raise ``LedgerError`` where the file cannot be used.
    """

    def __init__(self, url: URL) -> None:
        self.url = url
        self.path = Path(url.database or "")
        self.spool_path = self.path.absolute()
        self.name = str(url)
        self.opened_as = SCHEMA_VERSION
        """The schema's version that the file had before this process opened it; 0 if there was none."""
        self._engine: Engine | None = None
        self._kept: set[str] = set()  # notices that are in the file
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
                self._insert([notice for key, notice in shown.items() if key not in self._kept], rows, patience)
            except IntegrityError:  # the file may be another one than before
                self._kept.clear()
                self._insert(list(shown.values()), rows, patience)
        except _REFUSALS as error:
            message = f"the log {self.path.absolute()} refuses a record: {getattr(error, 'orig', None) or error}"
            raise RecordRefusedError(message, url=self.name) from error
        except SQLAlchemyError as error:
            raise self.failure("cannot be written", error) from error
        self._kept.update(shown)

    def _insert(self, shown: list[Notice], rows: list[tuple[Any, ...]], patience: float) -> None:
        with self._locked(patience), _writing(self.engine(patience=patience), patience) as connection:
            for notice in shown:
                values = (notice.hash, notice.language, notice.policy_version, notice.text)
                connection.exec_driver_sql(_insertion(notices, 1), values)
            done = 0
            while done < len(rows):  # one statement for many rows: each gives up the interpreter's lock once
                count = min(_ROWS, 1 << ((len(rows) - done).bit_length() - 1))
                values = tuple(value for row in rows[done : done + count] for value in row)
                connection.exec_driver_sql(_insertion(records, count), values)
                done += count

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection in a transaction that has the write lock; what goes wrong inside is a ``LedgerError``."""
        patience = getattr(self._of_thread, "patience", PATIENCE)
        try:
            with self._locked(patience), _writing(self.engine(patience=patience), patience) as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self.failure("cannot be written", error) from error

    @contextmanager
    def patiently(self, seconds: float) -> Iterator[None]:
        """Let this thread wait for locks so long at most; see ``Store``."""
        self._of_thread.patience = seconds
        try:
            yield
        finally:
            del self._of_thread.patience

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection to read with; what goes wrong inside is a ``LedgerError``."""
        try:
            with self.engine(create=False).connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self.failure("cannot be read", error) from error

    def open(self, *, create: bool = True) -> None:
        """Connect and bring the schema up to date."""
        self.engine(create=create)

    def migrate(self) -> tuple[int, int]:
        """Connect, by which the schema is brought up to date."""
        self.open(create=False)
        return self.opened_as, SCHEMA_VERSION

    def rows(self, connection: Connection, query: Select[Any]) -> Iterator[list[tuple[Any, ...]]]:
        """Yield rows by the driver's own cursor, which takes half of SQLAlchemy's time; see ``Store``."""
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
        """Return the rows after that of the last leaf; see ``Store``.

        SQLite gives each new row a number above all others, in the order of the commits, and VACUUM may change
        numbers, but not their order. So numbers are looked up, never kept.
        """
        last = connection.exec_driver_sql(_LAST_SEALED).scalar()
        after: int | None = 0
        if last is not None:
            after = connection.exec_driver_sql("SELECT rowid FROM consent_records WHERE id = ?", (last,)).scalar()
        if after is None:
            raise ProofError(
                f"the record {last}, which was sealed last, is missing in the log {self.path.absolute()}; "
                "see what else is with `cookie-consent log verify`",
                url=self.name,
            )
        return self.settled(connection, after, limit)

    def settled(self, connection: Connection, after: int, limit: int) -> list[WalkedRow]:
        """Return the next rows by their numbers; see ``Store``."""
        query = f"SELECT {_COLUMNS}, rowid FROM consent_records WHERE rowid > ? ORDER BY rowid LIMIT ?"  # noqa: S608
        with self._cursor(connection) as cursor:
            return list(cursor.execute(query, (after, limit)).fetchall())

    def last_until(self, connection: Connection, order: int) -> str | None:
        """Return the id of a row by its number; see ``Store``."""
        query = "SELECT id FROM consent_records WHERE rowid <= ? ORDER BY rowid DESC LIMIT 1"
        name = connection.exec_driver_sql(query, (order,)).scalar()
        return str(name) if name is not None else None

    def walk(self, connection: Connection, after: int) -> Iterator[list[WalkedRow]]:
        """Yield all rows in the order of their numbers; see ``Store``."""
        with self._cursor(connection) as cursor:
            cursor.execute(f"SELECT {_COLUMNS}, rowid FROM consent_records WHERE rowid > ? ORDER BY rowid", (after,))  # noqa: S608
            while rows := cursor.fetchmany(_FETCH):
                yield list(rows)

    def orders(self, connection: Connection, ids: Sequence[str]) -> list[int]:
        """Return the numbers of rows; see ``Store``."""
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
        """Empty the write-ahead log, which holds former states of pages; the pages themselves have been overwritten.

        While another process reads, this has to be left to a later checkpoint.
        """
        try:
            with closing(self.engine().raw_connection()) as connection:  # no checkpoint inside of a transaction
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        except (sqlite3.Error, SQLAlchemyError) as error:
            raise self._error("cannot be written", str(error)) from error

    def engine(self, *, create: bool = True, patience: float = PATIENCE) -> Engine:
        """Return the engine; the first time, connect and bring the schema up to date."""
        with self._lock:
            if self._engine is None:
                self._engine = self._connect(create=create, patience=patience)
            return self._engine

    def close(self) -> None:
        """Close the connections. The next use opens them again."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    def forget(self) -> None:
        """Start anew in a fork, without closing what belongs to the process before it."""
        if self._engine is not None:
            _forgotten.append(self._engine)  # collected, its connections would be closed
        self._engine = None
        self._kept = set()
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()

    def failure(self, what: str, error: SQLAlchemyError) -> LedgerError:
        """Return the error to raise, with what to do."""
        return self._error(what, str(getattr(error, "orig", None) or error))

    @contextmanager
    def _cursor(self, connection: Connection) -> Iterator[DBAPICursor]:
        """Give a cursor of the driver, whose rows are plain tuples; what goes wrong inside is a ``LedgerError``."""
        with closing(connection.connection.cursor()) as cursor:
            try:
                yield cursor
            except sqlite3.Error as error:
                raise self._error("cannot be read", str(error)) from error

    @contextmanager
    def _locked(self, patience: float) -> Iterator[None]:
        """Wait for the other threads of this process in turn, rather than by asking SQLite again and again."""
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
            self._bring_up_to_date(engine, patience)
        except SQLAlchemyError as error:
            engine.dispose()
            raise self.failure("cannot be opened", error) from error
        except LedgerError:
            engine.dispose()
            raise
        return engine

    def _bring_up_to_date(self, engine: Engine, patience: float) -> None:
        """Run the steps that the file lacks, all or none. Without any nothing is locked."""
        with engine.connect() as connection:
            version = self._found(connection)
        if version == SCHEMA_VERSION:
            return
        with _writing(engine, patience) as connection:
            version = self.opened_as = self._found(connection)  # another process may have been faster
            for statements in SQLITE_STEPS[version:]:
                for statement in statements:
                    connection.exec_driver_sql(statement)
            connection.exec_driver_sql(
                "INSERT INTO consent_meta VALUES ('schema', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                (SCHEMA_VERSION,),
            )
        if version:
            logger.info("the log %s was brought from schema %d to %d", self.path, version, SCHEMA_VERSION)

    def _found(self, connection: Connection) -> int:
        """Return the schema's version in the file, 0 for none. ``LedgerError`` for one unknown to this release."""
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
    """Give a connection in a transaction that has the write lock from its start, so that it need not fail later."""
    with engine.connect().execution_options(consent_patience=patience) as connection, connection.begin():
        yield connection


def _begin(connection: Connection) -> None:
    patience = connection.get_execution_options().get("consent_patience")
    connection.exec_driver_sql(f"PRAGMA busy_timeout={int((PATIENCE if patience is None else patience) * 1000)}")
    connection.exec_driver_sql("BEGIN" if patience is None else "BEGIN IMMEDIATE")


def _set_pragmas(patience: float, connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins no transactions of its own
    cursor = connection.cursor()
    _use_wal(cursor, patience)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")  # what is erased is overwritten
    cursor.close()


def _use_wal(cursor: sqlite3.Cursor, patience: float) -> None:
    """Switch the file to write-ahead logging.

    SQLite does not wait for its lock here, whatever the timeout: a connection that holds the file, such as
    another one that is just switching it, makes the statement fail at once.
    """
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
        return "another process holds it; see which one, and end it"
    if "not a database" in cause or "malformed" in cause:
        return "put the file aside, restore it from a backup or name another one"
    return "see the message of the database"
