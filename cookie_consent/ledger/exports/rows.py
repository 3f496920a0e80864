"""The rows of an export, ordered by id, a page at a time."""

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
"""Rows that are read and formatted at once."""
Page = list[tuple[Any, ...]]
"""Rows of ``schema.records`` as plain tuples, in column order."""


def records_query(where: RecordFilter, after: str | None = None) -> Select[Any]:
    """Return the query for matching records, ordered by id, starting after the id ``after``."""
    query = where.apply(select(*records.columns)).order_by(records.c.id)
    return query if after is None else query.where(records.c.id > after)


def paged(store: Store, connection: Connection, query: Select[Any]) -> Generator[Page]:
    """Yield the rows of a query in pages. Close the generator before the connection."""
    yield from store.rows(connection, query)


def core_rows(connection: Connection, query: Select[Any]) -> Iterator[Page]:
    """Yield the rows of a query in pages and constant memory: the default for ``Store.rows``."""
    with connection.execute(query, execution_options={"yield_per": PAGE}) as result:
        for rows in result.partitions(PAGE):
            yield [tuple(row) for row in rows]
