"""What an engine cannot hold is told to those who read the documentation."""

from __future__ import annotations

from pathlib import Path

from tests.engines.engine import ENGINES
from tests.engines.limits import LIMITS

DOCUMENT = Path(__file__).parents[2] / "docs" / "browsers.md"


def test_the_documentation_names_each_limit() -> None:
    rows = [line.lower() for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("|")]
    assert set(LIMITS) == set(ENGINES)
    for engine, cases in LIMITS.items():
        named = {row.split("|")[2].strip(" `") for row in rows if row.startswith(f"| {engine} | `")}
        assert named == set(cases)
