from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.gate.csp.syntax import parse_policies, parse_policy

TOKEN = st.from_regex(r"[!#-+\--:<-~]{1,12}", fullmatch=True)
NAME = st.from_regex(r"[a-zA-Z0-9-]{1,12}", fullmatch=True)
SPACE = st.text(" \t\n\f\r", min_size=1, max_size=3)


@pytest.mark.parametrize(
    ("text", "directives"),
    [
        ("script-src 'self'", {"script-src": ("'self'",)}),
        ("  SCRIPT-src\t a \n b ;;; ", {"script-src": ("a", "b")}),  # names in any case, any space, empty ones
        ("img-src a; img-src b", {"img-src": ("a",)}),  # the first counts
        ("sandbox", {"sandbox": ()}),  # no values
        ("img-src \u00e9; font-src b", {"font-src": ("b",)}),  # not ASCII: left out
        ("img-src\u00a0a", {}),  # no ASCII space
        ("script-src 'nonce-Ab='", {"script-src": ("'nonce-Ab='",)}),  # values keep their case
        ("", {}),
        ("; ;", {}),
    ],
)
def test_a_policy(text: str, directives: dict[str, tuple[str, ...]]) -> None:
    assert parse_policy(text) == directives


def test_several_policies() -> None:
    headers = ["default-src a, img-src b", "", ", ,", "font-src c"]
    assert parse_policies(headers) == [{"default-src": ("a",)}, {"img-src": ("b",)}, {"font-src": ("c",)}]


@given(st.lists(st.tuples(NAME, st.lists(TOKEN, max_size=4), SPACE), max_size=6))
def test_what_is_written_is_read(directives: list[tuple[str, list[str], str]]) -> None:
    text = ";".join(space + space.join([name, *values]) for name, values, space in directives)
    expected: dict[str, tuple[str, ...]] = {}
    for name, values, _ in directives:
        expected.setdefault(name.lower(), tuple(values))
    assert parse_policy(text) == expected


@given(st.lists(st.text(max_size=60), max_size=4))
def test_anything_can_be_read(headers: list[str]) -> None:
    for policy in parse_policies(headers):
        for name, values in policy.items():
            assert name == name.lower()
            assert not any(set(value) & set(" \t\n\f\r;,") or not value.isascii() for value in (name, *values))
