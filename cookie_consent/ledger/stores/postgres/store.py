"""The store in a PostgreSQL database."""

from __future__ import annotations

import logging
import re
import threading
import time
from contextlib import closing, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import psycopg
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cookie_consent.errors import LedgerError, ProofError, RecordRefusedError
from cookie_consent.ledger.exports.rows import core_rows
from cookie_consent.ledger.schema import SCHEMA_VERSION, records, to_row
from cookie_consent.ledger.store import PATIENCE
from cookie_consent.ledger.stores.postgres.append import MOST_ROWS, PIECE, insertion, insertion_with_notices
from cookie_consent.ledger.stores.postgres.connection import Patience, make_engine
from cookie_consent.ledger.stores.postgres.errors import advice, cause_of, is_demoted, is_refusal, is_worth_repeating
from cookie_consent.ledger.stores.postgres.migration import found_version, migrate
from cookie_consent.ledger.stores.postgres.months import month_of
from cookie_consent.ledger.stores.postgres.steps import PLACE_BITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection, Engine, Select

    from cookie_consent.consent.record import Notice
    from cookie_consent.ledger.proof.canonical import WalkedRow
    from cookie_consent.ledger.store import Entry, LeafRow

__all__ = ["PostgresStore"]

logger = logging.getLogger("cookie_consent")

_FETCH = 4096
_COLUMNS = ", ".join(column.name for column in records.columns)
_AMENDING = 1_128_222_537  # this package's advisory lock for amending; the second key is the log
_READ = f"SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '{PATIENCE:.0f}s', true)"
_LOCK = f"{_READ}, pg_advisory_xact_lock({_AMENDING}, 'consent_meta'::regclass::oid::bigint::bit(32)::integer)"
_LEAVES = (
    "SELECT position, id, salt, commitment FROM consent_leaves WHERE position >= %s AND position < %s ORDER BY position"
)
_LAST_SEALED = (
    "SELECT id FROM consent_leaves WHERE salt IS NOT NULL OR commitment IS NOT NULL ORDER BY position DESC LIMIT 1"
)
_WALK = f"SELECT {_COLUMNS}, place FROM consent_records WHERE place > %s ORDER BY place LIMIT {_FETCH}"  # noqa: S608
# Only records below every running transaction are settled: no record can appear before them any more.
_SETTLED = (
    f"SELECT {_COLUMNS}, place FROM consent_records WHERE place > %s AND place < "  # noqa: S608
    "((SELECT value FROM consent_meta WHERE key = 'base') + pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    f" << {PLACE_BITS}) ORDER BY place LIMIT %s"
)
_LAST_UNTIL = "SELECT id FROM consent_records WHERE place <= %s ORDER BY place DESC LIMIT 1"
_forgotten: list[Engine] = []


class PostgresStore:
    """The ``Store`` in a database of PostgreSQL 14 or newer, which several hosts can share.

    Safe to use from several threads. All methods raise ``LedgerError`` if the database cannot be used.
    """

    # Records are ordered by ``place``: the transaction number and the record's number in it. Commits may overtake each
    # other, so only records whose transaction number is below that of all running transactions are sealed (see
    # https://www.postgresql.org/docs/current/functions-info.html, "pg_snapshot_xmin").

    def __init__(self, url: URL) -> None:
        self.url = url.set(drivername="postgresql+psycopg")
        host = url.host or url.query.get("host", "")
        shown = URL.create("postgresql", url.username, None, str(host) or None, url.port, url.database)
        self.name = shown.render_as_string()
        self._password = url.password or str(url.query.get("password", "")) or None
        self.spool_path = Path(_spool_name(shown, str(url.query.get("options", ""))))
        self.opened_as = SCHEMA_VERSION
        self._engine: Engine | None = None
        self._reset()

    def __reduce__(self) -> tuple[type[PostgresStore], tuple[URL]]:
        return PostgresStore, (self.url,)

    def append(self, entries: Sequence[Entry], *, patience: float = PATIENCE) -> None:
        """Append all or none, in one transaction; see ``Store``. At most 1,048,576 records at a time."""
        if not entries:
            return
        if len(entries) > MOST_ROWS:
            raise RecordRefusedError(f"at most {MOST_ROWS:,} records can be appended at a time", url=self.name)
        shown = {entry.notice.hash: entry.notice for entry in entries if entry.notice is not None}
        rows = [to_row(entry.record) for entry in entries]
        new = [shown[key] for key in sorted(shown.keys() - self._known_notices)]  # sorted, to avoid deadlocks
        end = time.monotonic() + patience
        with self._patience.of(patience):
            try:
                try:
                    self._insert(new, rows, patience)
                except DBAPIError as error:
                    self._known_notices.clear()  # the database may have been replaced
                    self._months.clear()
                    if not is_worth_repeating(error) or (error.connection_invalidated and time.monotonic() > end):
                        raise
                    self._insert([shown[key] for key in sorted(shown)], rows, patience)
            except (SQLAlchemyError, UnicodeError) as error:
                if is_refusal(error):
                    cause = cause_of(error, self._password)
                    raise RecordRefusedError(f"the log {self.name} refuses a record: {cause}", url=self.name) from error
                raise self._failure("cannot be written", error) from error
        self._known_notices.update(shown)

    def _insert(self, shown: list[Notice], rows: list[tuple[Any, ...]], patience: float) -> None:
        with self.engine().connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            if connection.info.get("patience") != patience:
                for setting in self._patience.settings():
                    connection.exec_driver_sql(setting)
                connection.info["patience"] = patience
            months = {month for row in rows if (month := month_of(row[0])) is not None}
            for month in sorted(months - self._months):
                connection.exec_driver_sql("SELECT consent_add_month(%s, %s)", month)
            self._months |= months
            if len(rows) <= PIECE:  # one statement is a transaction of its own
                self._insert_piece(connection, shown, rows, 0)
                return
            connection.commit()  # which sends nothing to the server
            connection.execution_options(isolation_level="READ COMMITTED")
            with connection.begin():
                for at in range(0, len(rows), PIECE):
                    self._insert_piece(connection, shown if at == 0 else [], rows[at : at + PIECE], at)

    def _insert_piece(self, connection: Connection, shown: list[Notice], rows: list[tuple[Any, ...]], at: int) -> None:
        statement, values = insertion_with_notices(shown, rows, at) if shown else insertion(rows, at)
        connection.exec_driver_sql(statement, values)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection in a transaction with the lock for amending. Others can still append records."""
        try:
            with self._begun(_LOCK, {}) as connection:
                yield connection
                connection.commit()
        except (SQLAlchemyError, psycopg.Error) as error:
            raise self._failure("cannot be written", error) from error

    def patiently(self, seconds: float) -> AbstractContextManager[None]:
        """Limit how long this thread waits; see ``Store``."""
        return self._patience.of(seconds)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that reads one snapshot. Errors inside become ``LedgerError``."""
        try:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            with self._begun(_READ, options, create=False) as connection:
                yield connection
        except (SQLAlchemyError, psycopg.Error) as error:
            raise self._failure("cannot be read", error) from error

    @contextmanager
    def _begun(self, first: str, options: dict[str, Any], *, create: bool = True) -> Iterator[Connection]:
        """Yield a connection after its first statement, reconnecting once if the server was restarted."""
        engine = self.engine(create=create)
        connection = engine.connect()
        try:
            try:
                connection.execution_options(**options).exec_driver_sql(first)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                connection.close()
                connection = engine.connect()
                connection.execution_options(**options).exec_driver_sql(first)
            yield connection
        finally:
            connection.close()

    def open(self, *, create: bool = True) -> None:
        """Connect and check the schema: an empty database gets the tables, an older schema is an error."""
        self.engine(create=create)

    def migrate(self) -> tuple[int, int]:
        """Create or upgrade the schema; return its old version, 0 for none, and its new one."""
        with self._lock:
            engine = self._engine or make_engine(self.url, self._patience, PATIENCE)
            try:
                self.opened_as = migrate(engine, url=self.name)
            except (SQLAlchemyError, psycopg.Error) as error:
                raise self._failure("cannot be migrated", error) from error
            finally:
                engine.dispose()
                self._engine = None
        return self.opened_as, SCHEMA_VERSION

    def rows(self, connection: Connection, query: Select[Any]) -> Iterator[list[tuple[Any, ...]]]:
        """Yield rows from a server-side cursor; see ``Store``."""
        return core_rows(connection, query)

    def unsealed(self, connection: Connection, limit: int) -> list[WalkedRow]:
        """Return the records after the last sealed one; see ``Store``."""
        after: int | None = 0
        last = connection.exec_driver_sql(_LAST_SEALED).scalar()
        if last is not None:
            after = next(iter(self.orders(connection, [last])), None)
        if after is None:
            raise ProofError(
                f"the record {last}, which was sealed last, is missing from the log {self.name}; "
                "see what else is missing with `cookie-consent log verify`",
                url=self.name,
            )
        return self.settled(connection, after, limit)

    def settled(self, connection: Connection, after: int, limit: int) -> list[WalkedRow]:
        """Return the next records by their places; see ``Store``."""
        return self._tuples(connection, _SETTLED, (after, limit))

    def last_until(self, connection: Connection, order: int) -> str | None:
        """Return the id of a record by its place; see ``Store``."""
        found = self._tuples(connection, _LAST_UNTIL, (order,))
        return str(found[0][0]) if found else None

    def walk(self, connection: Connection, after: int) -> Iterator[list[WalkedRow]]:
        """Yield all records in the order of their places; see ``Store``."""
        while rows := self._tuples(connection, _WALK, (after,)):
            after = rows[-1][-1]
            yield rows

    def orders(self, connection: Connection, ids: Sequence[str]) -> list[int]:
        """Return the places of records; see ``Store``."""
        query = "SELECT place FROM consent_records WHERE id = ANY(%s)"
        return [row[0] for row in self._tuples(connection, query, (list(ids),))]

    def leaves(self, connection: Connection, first: int, end: int) -> list[LeafRow]:
        """Return leaves; see ``Store``."""
        return self._tuples(connection, _LEAVES, (first, end))

    def save_leaves(self, connection: Connection, new: list[LeafRow]) -> None:
        """Insert leaves; see ``Store``."""
        driver: Any = connection.connection
        with driver.cursor() as cursor, cursor.copy("COPY consent_leaves FROM STDIN") as copy:
            for leaf in new:
                copy.write_row(leaf)

    def scrub(self) -> None:
        """Vacuum the tables, which frees the space of erased and deleted rows. Needs the owner's role.

        The write-ahead log, backups and free space keep old content until they are overwritten.
        """
        try:
            with closing(self.engine().raw_connection()) as connection:
                driver: Any = connection
                driver.dbapi_connection.autocommit = True
                try:
                    with driver.cursor() as cursor:
                        cursor.execute("SET statement_timeout = 0")
                        cursor.execute("VACUUM (INDEX_CLEANUP ON) consent_records, consent_leaves")
                finally:
                    connection.invalidate()  # together with its changed settings
        except (SQLAlchemyError, psycopg.Error) as error:
            raise self._failure("cannot be written", error) from error

    def engine(self, *, create: bool = True) -> Engine:
        """Return the engine; on first use, connect and check the schema."""
        with self._lock:
            if self._engine is None:
                self._engine = self._connect(create=create)
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
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._patience = Patience()
        self._known_notices: set[str] = set()  # hashes of notices that are in the database
        self._months: set[tuple[int, int]] = set()  # partitions known to exist

    def _connect(self, *, create: bool) -> Engine:
        engine = make_engine(self.url, self._patience, PATIENCE)
        try:
            with engine.connect() as connection:
                self.opened_as = found_version(connection, url=self.name)
            if self.opened_as == 0 and create:
                migrate(engine, url=self.name)
            elif self.opened_as < SCHEMA_VERSION:
                self._say_outdated(self.opened_as)
        except (SQLAlchemyError, psycopg.Error) as error:
            engine.dispose()
            raise self._failure("cannot be opened", error) from error
        except LedgerError:
            engine.dispose()
            raise
        return engine

    def _say_outdated(self, version: int) -> NoReturn:
        message = f"there is no log in {self.name}; name another database, or create it: cookie-consent log migrate"
        if version:
            message = (
                f"the log {self.name} has schema {version}, and this release needs {SCHEMA_VERSION}; "
                "upgrade it: cookie-consent log migrate"
            )
        raise LedgerError(message, url=self.name)

    def _tuples(self, connection: Connection, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Run a query with the driver, whose rows are plain tuples."""
        driver: Any = connection.connection
        with driver.cursor(binary=True) as cursor:
            return list(cursor.execute(query, values).fetchall())

    def _failure(self, what: str, error: BaseException) -> LedgerError:
        if is_demoted(error) and self._engine is not None:
            self._engine.dispose()  # another server may be the primary now
        cause = cause_of(error, self._password)
        return LedgerError(f"the log {self.name} {what}: {cause}; {advice(error)}", url=self.name)


def _spool_name(url: URL, options: str) -> str:
    """Return a readable name unique to the database; ``options`` may select a schema."""
    readable = re.sub(r"[^A-Za-z0-9-]+", "-", f"{url.host or 'local'}-{url.database or url.username or ''}").strip("-")
    place = f"{url.host or ''}\n{url.port or 5432}\n{url.database or url.username or ''}\n{options}"
    return f"consent-{readable[:80]}-{blake2b(place.encode(), digest_size=4).hexdigest()}"
