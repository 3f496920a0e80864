"""Record ids: UUIDs that sort by time (UUIDv7, RFC 9562, section 5.7)."""

from __future__ import annotations

import re
import secrets
import threading
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["milliseconds_of", "new_record_id"]

_COUNTER_BITS = 12
_UUID7 = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_lock = threading.Lock()
_last = 0


def milliseconds_of(record_id: str) -> int | None:
    """Return the id's time in milliseconds since 1970, or None if it is not a UUIDv7."""
    match = _UUID7.fullmatch(record_id)
    return int(match[1] + match[2], 16) if match is not None else None


def new_record_id(at: datetime) -> str:
    """Return a new id for the time ``at``. Ids of one process increase strictly, even if its clock goes back.

    The 12 bits after the milliseconds are a counter (method 1 of section 6.2), which overflows into the next
    millisecond. 62 bits are random.
    """
    global _last  # noqa: PLW0603 - the counter is the process's
    with _lock:
        moment = int(at.timestamp() * 1000) << _COUNTER_BITS
        _last = moment if moment > _last else _last + 1
        now = _last
    milliseconds, counter = now >> _COUNTER_BITS, now & ((1 << _COUNTER_BITS) - 1)
    value = milliseconds << 80 | 7 << 76 | counter << 64 | 2 << 62 | secrets.randbits(62)
    return str(UUID(int=value))
