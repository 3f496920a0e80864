from __future__ import annotations

import time

import pytest

from cookie_consent import PolicyError
from cookie_consent.policy import parse_policy
from cookie_consent.policy.paths import PathPatterns


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/admin/*", "/admin/", True),
        ("/admin/*", "/admin", True),
        ("/admin/*", "/admin/users/1/", True),
        ("/admin/*", "/admin/a\nb", True),
        ("/admin/*", "/administration", False),
        ("/admin/*", "/Admin/", False),  # in doubt it is gated
        ("/admin/*", "//admin/", False),
        ("/admin/*", "/shop/admin/", False),
        ("/admin/*", "/admin/../shop", False),  # sent as /admin/..%2fshop
        ("/admin/*", "/admin/..", False),
        ("/admin/*", "/admin/./shop", False),
        ("/admin/*", "/admin/..;x=1/shop", False),  # as Java servers read it
        ("/admin/*", "/admin/..\\shop", False),
        ("/admin/*", "/admin/%2e%2e/shop", False),  # decoded twice
        ("/admin/*", "/admin/..%2fshop", False),
        ("/admin/*", "/admin/100%25", True),
        ("/admin/*", "/admin/a..b/.well-known", True),
        ("/admin", "/admin", True),
        ("/admin", "/admin/", False),
        ("/*/edit", "/shop/1/edit", True),
        ("/*/edit", "/shop/1/edit/2", False),
        ("/a.b", "/aXb", False),
        ("/über uns/*", "/über uns/team", True),
        ("/*", "/", True),
        ("/*", "/anything", True),
    ],
)
def test_what_matches(pattern: str, path: str, *, matches: bool) -> None:
    assert PathPatterns([pattern]).match(path) is matches
    assert PathPatterns(["/none", pattern]).match(path) is matches
    assert PathPatterns([pattern])


def test_without_patterns_nothing_matches() -> None:
    assert not PathPatterns([])
    assert not PathPatterns([]).match("")


@pytest.mark.parametrize("length", [4000, 60_000])  # servers take paths of 64 KiB
def test_matching_takes_no_long_time(length: int) -> None:
    pattern = PathPatterns(["/*a*b"])
    begun = time.perf_counter()
    assert not pattern.match("/" + "a" * length)
    assert time.perf_counter() - begun < 2


@pytest.mark.parametrize("key", ["gate", "banner"])
@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("admin/*", "must be a path"),
        ("*", "must be a path"),
        ("", "must be a path"),
        ("https://shop.example/admin/*", "must be a path"),
        ("/" + "a" * 1000, "must be a path"),
        ("/a\0", "must be a path"),
        ("/*/*/*", "at most twice"),
        ("/a?b=*", "without a query"),
        ("/a#b", "without a query"),
        ("/%C3%BCber/*", "without percent signs"),
        ("/admin/../*", "between slashes"),
        ("/admin\\*", "no backslash"),
    ],
)
def test_what_is_no_pattern(key: str, pattern: str, words: str) -> None:
    with pytest.raises(PolicyError) as raised:
        parse_policy({"version": "1", key: {"exclude": [pattern]}}, source="test")
    (problem,) = raised.value.problems
    assert problem.key == f"{key}.exclude.0"
    assert words in problem.fix
