"""Each row that is met has a test which its number and source name, and the page says what the rows say."""

from __future__ import annotations

import re

import pytest

from tests.law.table import ALL, renewed, totals
from tests.reference.code import ROOT

NAMES = sorted(
    name
    for place in ("tests/law/test_*.py", "tests/browser/test_law.py")
    for file in ROOT.glob(place)
    for name in re.findall(r"^(?:async )?def (test_row_\w+)", file.read_text("utf-8"), re.MULTILINE)
)


@pytest.mark.parametrize("number", sorted(ALL))
def test_a_row_has_a_test_or_a_reason(number: int) -> None:
    row = ALL[number]
    tests = [name for name in NAMES if name.startswith(f"{row.prefix}_")]
    assert bool(tests) == (row.verdict.kind != "not met"), f"{row.prefix}_…"
    if row.verdict.kind == "not met":
        assert re.search(
            r"; belongs to the work on \w+|; not planned yet|^as row \d+|; the taskforce accepts", row.verdict.how
        )
    if row.verdict.kind == "setting":
        assert "`" in row.verdict.how or re.search(r"as row \d+", row.verdict.how)


def test_each_test_is_of_a_row() -> None:
    prefixes = {f"{row.prefix}_" for row in ALL.values()}
    assert [name for name in NAMES if not any(name.startswith(prefix) for prefix in prefixes)] == []


def test_all_rows_are_there() -> None:
    assert sorted(ALL) == list(range(1, 141))


def test_the_page_is_up_to_date() -> None:
    path, text = renewed()
    assert path.read_text("utf-8") == text, "run: python -m tests.law --update"
    assert totals() in text
