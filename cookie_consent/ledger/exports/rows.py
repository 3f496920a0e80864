"""The rows that an export is made of, in the order of their ids, a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from cookie_consent.ledger.schema import records

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from sqlalchemy import Connection, Select

    from cookie_consent.ledger.filter import RecordFilter
    from cookie_consent.ledger.store import Store

__all__ = ["PAGE", "Page", "core_rows", "paged", "records_query"]

PAGE = 1024
"""How many rows are read, and turned into bytes, at once."""
Page = list[tuple[Any, ...]]
"""Rows of ``schema.records``: plain tuples with the columns in their order."""


def records_query(where: RecordFilter, after: str | None = None) -> Select[Any]:
    """Return the query for the records that are meant, ordered by id; ``after`` is an id to go on from."""
    query = where.apply(select(*records.columns)).order_by(records.c.id)
    return query if after is None else query.where(records.c.id > after)


def paged(store: Store, connection: Connection, query: Select[Any]) -> Generator[Page]:
    """Yield the rows of a query in pages; to be closed before the connection is, if it is not read to the end."""
    yield from store.rows(connection, query)


def core_rows(connection: Connection, query: Select[Any]) -> Iterator[Page]:
    """Yield the rows of a query in pages, in constant memory, through SQLAlchemy: what ``Store.rows`` is by default."""
    with connection.execute(query, execution_options={"yield_per": PAGE}) as result:
        for rows in result.partitions(PAGE):
            yield [tuple(row) for row in rows]
