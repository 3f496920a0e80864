"""The page with the table of all rows, and the totals."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.law.more_rows import MORE
from tests.law.rows import ROWS, SECTIONS
from tests.reference.code import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.law.row import Kind, Row

__all__ = ["ALL", "PAGE", "renewed", "totals"]

PAGE = ROOT / "docs" / "requirements.md"
BEGIN = "<!-- Written by `python -m tests.law --update`; do not edit. -->"
ALL = {row.number: row for rows in (*SECTIONS.values(), *MORE.values()) for row in rows}
_MET: dict[Kind, str] = {"met": "yes", "setting": "by a setting", "not met": "no"}


def totals() -> str:
    """Return how many rows are met, in a sentence for law and regulators and one for the others."""
    others = [row for number, row in ALL.items() if number not in ROWS]
    return f"Law and regulators: {_total(ROWS.values())} Promises and standards: {_total(others)}"


def _total(rows: Iterable[Row]) -> str:
    found = Counter(row.verdict.kind for row in rows)
    return (
        f"of {found.total()} rows {found['met']} are met as installed, {found['setting']} more by a setting, "
        f"and {found['not met']} are not met."
    )


def renewed() -> tuple[Path, str]:
    """Return the page and what it should hold."""
    head = PAGE.read_text("utf-8").partition(BEGIN)[0]
    return PAGE, head + BEGIN + "\n\n" + "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield f"{totals()} A `*` after the number: the source was not at hand, and the row is our reading of it."
    for name, rows in (*SECTIONS.items(), *MORE.items()):
        yield from ("", f"## {name}", "", "| row | source | what is asked | met | how |", "|---|---|---|---|---|")
        yield from map(_line, rows)


def _line(row: Row) -> str:
    number = f"{row.number}{'' if row.is_read else chr(92) + '*'}"
    return f"| {number} | {row.source} | {row.asks} | {_MET[row.verdict.kind]} | {row.verdict.how} |"
