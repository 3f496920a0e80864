"""End what caches may keep with the policy that it was made for (RFC 9111, section 4.2.1)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from cookie_consent.exchange.cache_control import is_for_caches

__all__ = ["end_freshness"]

_NUMBER = re.compile(rb"\d{1,18}")
_FRESH = re.compile(rb"((?:max-age|s-maxage)\s*=\s*\"?)(\d+)", re.IGNORECASE)
_STALE = re.compile(rb",?\s*\b(?:stale-while-revalidate|stale-if-error)\s*(?:=[^,]*)?", re.IGNORECASE)


def end_freshness(headers: list[tuple[bytes, bytes]], seconds: float) -> None:
    """Let no cache use a response for longer than ``seconds`` without asking. Header names must be in lower case.

    What ends earlier is left as it is, and nothing is added to a response that names no time.
    """
    left = max(int(seconds), 0)
    kept = []
    for name, value in headers:
        if name == b"cache-control":
            if sum(map(int, _NUMBER.findall(value))) > left:
                limited = _FRESH.sub(lambda match: match[1] + b"%d" % min(int(match[2]), left), value)
                value = _STALE.sub(b"", limited).strip(b", ")  # noqa: PLW2901 - the shortened one
            kept.append((name, value))
        elif name == b"expires":
            kept.append((name, _earlier(value, datetime.now(UTC) + timedelta(seconds=left))))
        elif not is_for_caches(name) or all(int(number) <= left for number in _NUMBER.findall(value)):
            kept.append((name, value))
    headers[:] = kept


def _earlier(expires: bytes, latest: datetime) -> bytes:
    """Return the earlier of two times. One that cannot be read has passed (RFC 9111, section 5.3)."""
    try:
        is_later = parsedate_to_datetime(expires.decode("latin-1")).astimezone(UTC) > latest
    except (ValueError, TypeError, OverflowError):
        return expires
    return format_datetime(latest, usegmt=True).encode("ascii") if is_later else expires
