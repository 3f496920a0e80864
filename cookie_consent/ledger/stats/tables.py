"""Statistics as tables and as CSV."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cookie_consent.ledger.exports.columns import FORMULA

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Mapping
    from typing import TextIO

    from cookie_consent.ledger.stats.figures import Interval, LedgerStats, Share

__all__ = ["TABLES", "StatsTable", "make_table", "write_csv"]

_PERIOD = (
    ("choices", None),
    ("all", ("outcome", "all")),
    ("some", ("outcome", "some")),
    ("none", ("outcome", "none")),
    ("first", ("first", "")),
    ("withdrawals", ("action", "withdrawn")),
    ("gpc", ("gpc", "")),
    ("lapsed", ("lapsed", "")),
)
_SHARE = ("category", "granted", "refused", "accepted")


@dataclass(frozen=True, kw_only=True)
class StatsTable:
    """A table of statistics. The column ``accepted`` is a share (0 to 1)."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]

    def pairs(self, key: str, value: str) -> Iterator[tuple[str | int | float, str | int | float]]:
        """Yield pairs from two columns. Raises ``ValueError`` for an unknown column."""
        first, second = self.columns.index(key), self.columns.index(value)
        return ((row[first], row[second]) for row in self.rows)


def make_table(stats: LedgerStats, name: str, *, by: Interval = "day") -> StatsTable:
    """Return one of ``TABLES``; ``by`` groups the rows of "days". Raises ``KeyError`` for an unknown name."""
    columns, rows = TABLES[name]
    return StatsTable(name=name, columns=columns, rows=tuple(rows(stats, by)))


def write_csv(table: StatsTable, stream: TextIO) -> None:
    """Write CSV (RFC 4180) with a header, to a stream opened with ``newline=""``.

    A cell that a spreadsheet would read as a formula is prefixed with an apostrophe.
    """
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([_cell(value) for value in row])


def _cell(value: str | float) -> str:
    if isinstance(value, float):
        return f"{value:.6f}"
    text = str(value)
    return "'" + text if isinstance(value, str) and text.startswith(FORMULA) else text


def _days(stats: LedgerStats, by: Interval) -> Iterator[tuple[str | int, ...]]:
    for start, numbers in stats.by(by).items():
        yield (start.isoformat(), *(_number(numbers, key) for _, key in _PERIOD))


def _number(numbers: Counter[tuple[str, str]], key: tuple[str, str] | None) -> int:
    if key is not None:
        return numbers[key]
    return sum(number for (measure, _), number in numbers.items() if measure == "action")


def _categories(stats: LedgerStats, _: Interval) -> Iterator[tuple[str | float, ...]]:
    return _shares(stats.categories())


def _languages(stats: LedgerStats, _: Interval) -> Iterator[tuple[str | float, ...]]:
    for language, categories in stats.categories_by("language").items():
        yield from ((language, *row) for row in _shares(categories))


def _policy_versions(stats: LedgerStats, _: Interval) -> Iterator[tuple[str | float, ...]]:
    for version, categories in stats.categories_by("policy_version").items():
        yield from ((version, *row) for row in _shares(categories))


def _shares(categories: Mapping[str, Share]) -> Iterator[tuple[str | float, ...]]:
    for name, share in categories.items():
        yield name, share.granted, share.refused, share.accepted


def _actions(stats: LedgerStats, _: Interval) -> Iterator[tuple[str | int, ...]]:
    yield from stats.actions.items()


def _channels(stats: LedgerStats, _: Interval) -> Iterator[tuple[str | int, ...]]:
    yield from stats.channels.items()


TABLES: dict[str, tuple[tuple[str, ...], Callable[[LedgerStats, Interval], Iterator[tuple[str | float, ...]]]]] = {
    "days": (("start", *(name for name, _ in _PERIOD)), _days),
    "categories": (_SHARE, _categories),
    "languages": (("language", *_SHARE), _languages),
    "policy_versions": (("policy_version", *_SHARE), _policy_versions),
    "actions": (("action", "choices"), _actions),
    "channels": (("channel", "choices"), _channels),
}
"""The columns of each table, and the function that makes its rows."""
