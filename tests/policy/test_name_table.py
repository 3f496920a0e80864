"""Names are found as fast among thousands of rules as among ten, and as if each had been tried."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.policy.name_pattern import NamePattern, checked_name_pattern
from cookie_consent.policy.name_table import NameTable, arranged

ALPHABETS = {"hex": "0-9A-Fa-f", "digit": "0-9", "alnum": "0-9A-Za-z", "lower": "a-z"}
PART = st.one_of(
    st.text(alphabet="ab1_-.", min_size=1, max_size=3),
    st.sampled_from(["*", "{hex}", "{hex:2}", "{digit:1-3}", "{alnum:2-4}", "{lower}", "__Host-", "__Secure-"]),
)


def is_pattern(text: str) -> bool:
    try:
        checked_name_pattern(text)
    except ValueError:
        return False
    return True


PATTERNS = st.lists(st.lists(PART, min_size=1, max_size=4).map("".join).filter(is_pattern), max_size=25)
NAMES = st.lists(st.sampled_from(["a", "b", "1", "_", "-", ".", "ab", "F", "__Host-", "__secure-", "A1b2"]), max_size=8)


def matches(pattern: str, name: str) -> bool:
    """Say whether a pattern matches, by translating it each time."""
    expression = re.escape(pattern).replace(r"\*", ".*")
    run = re.compile(r"\\\{(\w+)(?::([0-9]+)(?:\\-([0-9]+))?)?\\\}")
    expression = run.sub(
        lambda found: f"[{ALPHABETS[found[1]]}]" + (f"{{{found[2]},{found[3] or found[2]}}}" if found[2] else "+"),
        expression,
    )
    return re.fullmatch(expression, name, re.DOTALL) is not None


def expected(patterns: list[str], name: str, refused: set[int]) -> int | None:
    """Return the number of the best pattern, by trying all of them."""
    bare = re.sub(r"^__(Host-Http|Host|Http|Secure)-", "", name, flags=re.IGNORECASE)
    numbered = [(number, pattern) for number, pattern in enumerate(patterns) if number not in refused]
    for exact in (name, bare):
        for number, pattern in numbered:
            if pattern == exact:
                return number
    found = [
        (len(re.sub(r"\*|\{[^}]*\}", "", pattern)), number, pattern)
        for number, pattern in numbered
        if re.search(r"[*{]", pattern) and (matches(pattern, name) or matches(pattern, bare))
    ]
    if not found:
        return None
    longest = max(literal for literal, _, _ in found)
    ties = [(NamePattern(pattern).rank, number) for literal, number, pattern in found if literal == longest]
    return min(ties)[1]


@given(PATTERNS, NAMES.map("".join), st.sets(st.integers(0, 24), max_size=4))
def test_what_is_found_is_what_trying_all_of_them_finds(patterns: list[str], name: str, refused: set[int]) -> None:
    arrangement = arranged((pattern, number) for number, pattern in enumerate(patterns))
    table = NameTable(json.loads(json.dumps(arrangement)), looks_through=True)
    wanted = expected(patterns, name, refused)
    for _ in range(2):  # prepared at the first look-up
        assert table.find(name, lambda number: number not in refused) == wanted
    if not refused:
        assert table.find(name) == wanted
    assert bool(table) == bool(patterns)


@given(PATTERNS, NAMES.map("".join))
def test_all_that_match_are_found_the_best_first(patterns: list[str], name: str) -> None:
    table = NameTable(arranged((pattern, number) for number, pattern in enumerate(patterns)), looks_through=False)
    found = table.all(name)
    assert sorted(found) == [number for number, pattern in enumerate(patterns) if matches(pattern, name)]
    assert found[:1] == [number for number in [table.find(name)] if number is not None]


def find(name: str, *patterns: str, looks_through: bool = True) -> str | None:
    table = NameTable(arranged((text, number) for number, text in enumerate(patterns)), looks_through=looks_through)
    number = table.find(name)
    return patterns[number] if number is not None else None


def test_the_prefixes_of_browsers_are_looked_through() -> None:
    assert find("__Host-sid", "sid") == "sid"
    assert find("__Secure-_ga_1", "_ga_*") == "_ga_*"
    assert find("__Host-sid", "sid", "__Host-sid") == "__Host-sid"
    assert find("__Host-sid", "__Host-s*", "sid") == "sid"  # an exact name before a pattern
    assert find("sid", "__Host-sid") is None
    assert find("__Host-sid", "sid", looks_through=False) is None


def test_what_says_more_comes_first() -> None:
    assert find("SESS0a", "SESS*", "SESS{hex:2}", "SESS{hex}") == "SESS{hex:2}"
    assert find("SESS0a0", "SESS*", "SESS{hex:2}", "SESS{hex}") == "SESS{hex}"
    assert find("SESSION", "SESS*", "SESS{hex:2}") == "SESS*"
    assert find("ab_session", "a*", "*_session") == "*_session"
    assert find("x_mid_y", "x*", "*_mid_*") == "*_mid_*"


def test_the_time_does_not_grow_with_the_rules() -> None:
    tried = 0

    class Counting(dict[str, list[int]]):
        def get(self, *arguments: object) -> object:  # type: ignore[override]
            nonlocal tried
            tried += 1
            return super().get(*arguments)  # type: ignore[call-overload]

    counts = []
    for size in (10, 10_000):
        names = [f"c{number:05}_{suffix}" for number in range(size // 2) for suffix in ("id", "v*")]
        arrangement = arranged((text, number) for number, text in enumerate(names))
        table = NameTable({**arrangement, "exact": Counting(arrangement["exact"])}, looks_through=True)
        tried = 0
        assert table.find("c00003_v1") is not None
        counts.append((tried, sum(map(len, table._prefixes._ready.values())) if table._prefixes else 0))
    assert counts[0] == counts[1] == (1, 1)
