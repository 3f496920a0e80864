"""The page with the table of all rows, and the totals."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.law.rows import ROWS, SECTIONS
from tests.reference.code import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.law.row import Kind, Row

__all__ = ["PAGE", "renewed", "totals"]

PAGE = ROOT / "docs" / "requirements.md"
BEGIN = "<!-- Written by `python -m tests.law --update`; do not edit. -->"
_MET: dict[Kind, str] = {"met": "yes", "setting": "by a setting", "not met": "no"}


def totals() -> str:
    """Return how many rows are met, in a sentence."""
    found = Counter(row.verdict.kind for row in ROWS.values())
    return (
        f"Of {len(ROWS)} rows {found['met']} are met as installed, {found['setting']} more by a setting, "
        f"and {found['not met']} are not met."
    )


def renewed() -> tuple[Path, str]:
    """Return the page and what it should hold."""
    head = PAGE.read_text("utf-8").partition(BEGIN)[0]
    return PAGE, head + BEGIN + "\n\n" + "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield f"{totals()} A `*` after the number: the source was not at hand, and the row is our reading of it."
    for name, rows in SECTIONS.items():
        yield from ("", f"## {name}", "", "| row | source | what is asked | met | how |", "|---|---|---|---|---|")
        yield from map(_line, rows)


def _line(row: Row) -> str:
    number = f"{row.number}{'' if row.is_read else chr(92) + '*'}"
    return f"| {number} | {row.source} | {row.asks} | {_MET[row.verdict.kind]} | {row.verdict.how} |"
