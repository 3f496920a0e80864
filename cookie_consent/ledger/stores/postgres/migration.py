"""Creating and upgrading the schema in a PostgreSQL database."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cookie_consent.errors import LedgerError
from cookie_consent.ledger.schema import SCHEMA_VERSION
from cookie_consent.ledger.stores.postgres.steps import POSTGRES_STEPS

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["found_version", "migrate"]

logger = logging.getLogger("cookie_consent")

_OLDEST_SERVER = 140000
_MAKING = 1_128_222_536  # this package's advisory lock for migrations
_PIN = "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"


def found_version(connection: Connection, *, url: str) -> int:
    """Return the schema version in the database, 0 for none.

    Raises ``LedgerError`` if it is newer than this release, or the server cannot hold a log.
    """
    server, encoding, is_there = connection.exec_driver_sql(
        "SELECT current_setting('server_version_num')::integer, current_setting('server_encoding'), "
        "EXISTS (SELECT FROM pg_tables WHERE tablename = 'consent_meta' AND schemaname = ANY (current_schemas(false)))"
    ).one()
    if server < _OLDEST_SERVER:
        raise LedgerError(f"the server of {url} is older than PostgreSQL 14; update it", url=url)
    if encoding != "UTF8":
        raise LedgerError(
            f"the database {url} has the encoding {encoding}, which cannot hold every text; "
            "create one with `createdb --encoding UTF8 --template template0`",
            url=url,
        )
    if not is_there:
        return 0
    version = int(connection.exec_driver_sql("SELECT value FROM consent_meta WHERE key = 'schema'").scalar() or 0)
    if version > SCHEMA_VERSION:
        raise LedgerError(
            f"the log {url} was made by a newer release (schema {version}); update cookie-consent", url=url
        )
    return version


def migrate(engine: Engine, *, url: str) -> int:
    """Run the missing schema steps, all or none; return the version before, 0 for none.

    Concurrent migrations wait for each other.
    """
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MAKING}, 0)")
        version = found_version(connection, url=url)
        if version == SCHEMA_VERSION:
            return version
        connection.exec_driver_sql(_PIN)
        as_it_is = {"no_parameters": True}  # the statements contain percent signs
        for statements in POSTGRES_STEPS[version:SCHEMA_VERSION]:
            for statement in statements:
                connection.exec_driver_sql(statement, execution_options=as_it_is)
        connection.exec_driver_sql(
            "INSERT INTO consent_meta VALUES ('schema', %s) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (SCHEMA_VERSION,),
        )
    if version:
        logger.info("upgraded the log %s from schema %d to %d", url, version, SCHEMA_VERSION)
    return version
