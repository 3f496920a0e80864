"""The monthly partition of a record, by its id.

Ids are UUIDv7 (RFC 9562, section 5.7), which begin with 48 bits of milliseconds since 1970. So a month is a range of
ids, and a table partitioned by id can have the id alone as its primary key.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime

__all__ = ["EARLIEST", "LATEST", "bound", "month_of"]

_YEARS = range(2018, 2100)


def bound(year: int, month: int) -> str:
    """Return the lower bound for the ids of a month (UTC)."""
    milliseconds = int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000
    return f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}"


EARLIEST = bound(_YEARS.start, 1)
"""Ids below this share one partition, and so do ids from ``LATEST`` on."""
LATEST = bound(_YEARS.stop, 1)
_MONTHS = [(year, month) for year in _YEARS for month in range(1, 13)]
_BOUNDS = [*(bound(*month) for month in _MONTHS), LATEST]


def month_of(name: str) -> tuple[int, int] | None:
    """Return the year and month of the partition for an id, or None if it belongs to no monthly partition."""
    at = bisect_right(_BOUNDS, name) - 1
    return _MONTHS[at] if 0 <= at < len(_MONTHS) else None
