"""The dialects' own ``INSERT``, which knows ``ON CONFLICT``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Table
    from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["inserter"]


def inserter(connection: Connection) -> Callable[[Table], sqlite.Insert | postgresql.Insert]:
    """Return the ``insert`` of the connection's dialect."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        return postgresql_insert
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    return sqlite_insert
