"""``HostTable``: the patterns for a host, by how near their domain is."""

from __future__ import annotations

import pytest

from cookie_consent.policy.host_table import HostTable, arranged

PATTERNS = ["example.com", "*.example.com", "cdn.example.com/a/", "cdn.example.com", "*.cdn.example.com", "*.com"]
TABLE = HostTable(arranged((pattern, number) for number, pattern in enumerate(PATTERNS)))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("example.com", [["example.com"], ["*.com"]]),
        ("cdn.example.com", [["cdn.example.com/a/", "cdn.example.com"], ["*.example.com"], ["*.com"]]),
        ("a.cdn.example.com", [["*.cdn.example.com"], ["*.example.com"], ["*.com"]]),
        ("com", []),
        ("a.b.example.org", []),
        ("notexample.com", [["*.com"]]),
        ("", []),
    ],
)
def test_each_domain_with_rules_is_a_level(host: str, expected: list[list[str]]) -> None:
    levels = TABLE.levels(host)
    assert [[PATTERNS[number] for _, number in rules] for _, rules in levels] == expected
    assert [level for level, _ in levels] == sorted({level for level, _ in levels}), "the nearest comes first"
    assert [number for _, number in TABLE.rules(host)] == [number for _, rules in levels for _, number in rules]


def test_levels_of_two_tables_can_be_compared() -> None:
    other = HostTable(arranged([("a.cdn.example.com", 0), ("*.example.com", 1)]))
    nearest, domain = (level for level, _ in other.levels("a.cdn.example.com"))
    own, same, _ = (level for level, _ in TABLE.levels("a.cdn.example.com"))
    assert nearest < own < same == domain


def test_an_empty_table_has_no_levels() -> None:
    assert HostTable(arranged([])).levels("a.example.com") == []
