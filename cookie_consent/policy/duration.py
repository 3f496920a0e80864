"""Durations as people write them: ``30d``, ``12h``, ``13mo``, ``2y``."""

from __future__ import annotations

import re

__all__ = ["DURATION", "UNITS", "duration_text", "parse_duration"]

UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800, "mo": 2_629_800, "y": 31_557_600}
DURATION = r"^\s*(\d{1,9})\s*(s|min|h|d|w|mo|y)\s*$"
_DURATION = re.compile(DURATION)


def parse_duration(text: str) -> int:
    """Return the number of seconds in ``text``; a month is a twelfth of a year of 365.25 days.

    Raises ``ValueError``, which says what is expected.
    """
    match = _DURATION.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is not a duration; write a number and one of {', '.join(UNITS)}, such as '30d'")
    return int(match[1]) * UNITS[match[2]]


def duration_text(seconds: int) -> str:
    """Return a duration such as ``30d``, in the largest unit that divides it."""
    unit = next(unit for unit in reversed(UNITS) if seconds % UNITS[unit] == 0)
    return f"{seconds // UNITS[unit]}{unit}"
