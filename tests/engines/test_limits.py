"""What an engine cannot hold, or does not do, is told to those who read the documentation."""

from __future__ import annotations

import re
from pathlib import Path

from tests.engines.engine import ENGINES
from tests.engines.lab import LAB
from tests.engines.limits import IDLE, LIMITS
from tests.leaklab.beyond import BEYOND

DOCUMENT = Path(__file__).parents[2] / "docs" / "browsers.md"
WORDS = {"gecko": "firefox", "webkit": "webkit"}
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in DOCUMENT.read_text("utf-8").splitlines()
    if line.startswith("| ")
]


def test_the_documentation_names_each_limit() -> None:
    assert set(LIMITS) == set(ENGINES)
    for engine, cases in LIMITS.items():
        named = {row[1].strip("`") for row in ROWS if WORDS.get(row[0].lower()) == engine and row[1].startswith("`")}
        assert named == set(cases)


def test_the_documentation_names_what_an_engine_does_not_do() -> None:
    assert set(IDLE) == set(ENGINES)
    named: dict[str, set[str]] = {engine: set() for engine in ENGINES}
    for cases, engines, *_ in (row for row in ROWS if row[0].startswith("`")):
        for engine in engines.lower().split(", "):
            named[WORDS[engine]] |= set(re.findall(r"`([^`]+)`", cases))
    assert named == {engine: set(cases) for engine, cases in IDLE.items()}


def test_the_documentation_counts_the_pages() -> None:
    pages = {page.name for page in LAB}
    counted = {
        WORDS[row[0].lower()]: [int(cell) for cell in row[1:]]
        for row in ROWS
        if row[0].lower() in WORDS and row[1].isdigit()
    }
    assert counted == {
        engine: [len(pages), len(pages - set(IDLE[engine])), len(pages & {*LIMITS[engine], *BEYOND})]
        for engine in WORDS.values()
    }
