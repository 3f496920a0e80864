"""Durations as people write them: ``30d``, ``12h``, ``13mo``, ``2y``."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

__all__ = ["DURATION", "UNITS", "Lifetime", "duration_text", "iso_duration", "parse_duration"]

UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800, "mo": 2_629_800, "y": 31_557_600}
DURATION = r"^\s*(\d{1,9})\s*(s|min|h|d|w|mo|y)\s*$"
_DURATION = re.compile(DURATION)
_MONTHS = {"mo": 1, "y": 12}
_EXACT = {unit: size for unit, size in UNITS.items() if unit not in _MONTHS}


def parse_duration(text: str) -> int:
    """Return the number of seconds in ``text``; a month is a twelfth of a year of 365.25 days.

    Raises ``ValueError``, which says what is expected.
    """
    count, unit = _parts(text)
    return count * UNITS[unit]


def duration_text(seconds: int) -> str:
    """Return a duration such as ``30d``, in the largest unit that divides it."""
    return _text(seconds, UNITS)


def iso_duration(seconds: int) -> str:
    """Return a duration by ISO 8601: in years or months where they divide it, else in days, rounded up."""
    for unit, letter in (("y", "Y"), ("mo", "M")):
        if seconds % UNITS[unit] == 0:
            return f"P{seconds // UNITS[unit]}{letter}"
    return f"P{-(-seconds // UNITS['d'])}D"


@dataclass(frozen=True)
class Lifetime:
    """How long something lasts from a moment on: calendar months, or else seconds.

    Months are those of the calendar in UTC. If the last month is too short for the day, it ends on its last day.
    """

    seconds: int = 0
    months: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the lifetime that ``text`` names. Raises ``ValueError``, which says what is expected."""
        count, unit = _parts(text)
        return cls(months=count * _MONTHS[unit]) if unit in _MONTHS else cls(seconds=count * UNITS[unit])

    def end(self, start: datetime) -> datetime:
        """Return when it ends if it begins at ``start``, which has a time zone."""
        start = start.astimezone(UTC)
        years, month = divmod(start.month - 1 + self.months, 12)
        year = start.year + years
        day = min(start.day, monthrange(year, month + 1)[1])
        return start.replace(year=year, month=month + 1, day=day) + timedelta(seconds=self.seconds)

    @property
    def average(self) -> int:
        """About how many seconds it lasts, to compare it with others."""
        return self.seconds + self.months * UNITS["mo"]

    @property
    def iso(self) -> str:
        """The duration by ISO 8601, such as ``P6M``."""
        if self.months:
            return iso_duration(self.average)
        days, rest = divmod(self.seconds, UNITS["d"])
        return f"P{days}D" if not rest else f"PT{self.seconds}S"

    def __str__(self) -> str:
        return duration_text(self.average) if self.months else _text(self.seconds, _EXACT)


def _parts(text: str) -> tuple[int, str]:
    match = _DURATION.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is not a duration; write a number and one of {', '.join(UNITS)}, such as '30d'")
    return int(match[1]), match[2]


def _text(seconds: int, units: dict[str, int]) -> str:
    unit = next(unit for unit in reversed(units) if seconds % units[unit] == 0)
    return f"{seconds // units[unit]}{unit}"
