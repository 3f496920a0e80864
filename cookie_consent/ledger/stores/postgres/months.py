"""Which month's partition a record belongs to, by its id.

Ids are UUIDv7 (RFC 9562, section 5.7): they begin with 48 bits of milliseconds since 1970, so that a range of months is
a range of texts. Partitioned by the id itself, the table has the id alone as its primary key.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime

__all__ = ["EARLIEST", "LATEST", "bound", "month_of"]

_YEARS = range(2018, 2100)


def bound(year: int, month: int) -> str:
    """Return what the ids of a month, and of all later ones, are not below (UTC)."""
    milliseconds = int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000
    return f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}"


EARLIEST = bound(_YEARS.start, 1)
"""Ids below have one partition for all of them, and so have those from ``LATEST`` on, and ids that are no UUIDv7."""
LATEST = bound(_YEARS.stop, 1)
_MONTHS = [(year, month) for year in _YEARS for month in range(1, 13)]
_BOUNDS = [*(bound(*month) for month in _MONTHS), LATEST]


def month_of(name: str) -> tuple[int, int] | None:
    """Return the year and month of the partition of an id, whatever text it is; None for what has no month's own."""
    at = bisect_right(_BOUNDS, name) - 1
    return _MONTHS[at] if 0 <= at < len(_MONTHS) else None
