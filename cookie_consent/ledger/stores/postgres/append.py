"""The statement that appends many records at once, with an array for each column.

This takes less than half the time of many rows of ``VALUES``.
"""

# ruff: noqa: S608 - the statements consist of constants
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cookie_consent.ledger.schema import notices, records
from cookie_consent.ledger.stores.postgres.steps import PLACE_BITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Table

    from cookie_consent.consent.record import Notice

__all__ = ["MOST_ROWS", "PIECE", "insertion", "insertion_with_notices"]

MOST_ROWS = 1 << PLACE_BITS
"""The maximum number of records in a transaction, which has that many places."""
PIECE = 8192
"""The maximum number of rows in a statement."""


def _columns(table: Table) -> str:
    return ", ".join(column.name for column in table.columns)


def _arrays(table: Table) -> str:
    return ", ".join("%s::bigint[]" if column.name == "at" else "%s::text[]" for column in table.columns)


_RECORDS = (
    f"INSERT INTO consent_records ({_columns(records)}, place) SELECT {_columns(records)}, "
    "((SELECT value FROM consent_meta WHERE key = 'base') + pg_current_xact_id()::text::bigint "
    f"<< {PLACE_BITS}) + %s + number - 1 "
    f"FROM unnest({_arrays(records)}) WITH ORDINALITY AS new ({_columns(records)}, number) "
    "ORDER BY number ON CONFLICT DO NOTHING"
)
_BOTH = (
    f"WITH shown AS (INSERT INTO consent_notices ({_columns(notices)}) SELECT * FROM unnest({_arrays(notices)}) "
    f"ON CONFLICT DO NOTHING) {_RECORDS}"
)


def insertion(rows: Sequence[tuple[Any, ...]], at: int) -> tuple[str, tuple[Any, ...]]:
    """Return the statement and values that append records, after ``at`` others in the same transaction."""
    return _RECORDS, (at, *_as_arrays(rows))


def insertion_with_notices(
    shown: Sequence[Notice], rows: Sequence[tuple[Any, ...]], at: int
) -> tuple[str, tuple[Any, ...]]:
    """Return the statement and values that append records and those of the notices that are missing."""
    texts = [(notice.hash, notice.language, notice.policy_version, notice.text) for notice in shown]
    return _BOTH, (*_as_arrays(texts), at, *_as_arrays(rows))


def _as_arrays(rows: Sequence[tuple[Any, ...]]) -> Iterable[str]:
    """Return each column as an array literal (PostgreSQL manual, section 8.15.2)."""
    return ["{" + ",".join(map(_quoted, column)) + "}" for column in zip(*rows, strict=True)]


def _quoted(value: str | int | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
