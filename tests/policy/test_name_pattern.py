from __future__ import annotations

import pytest

from cookie_consent.errors import PolicyError
from cookie_consent.policy import Policy, parse_policy
from cookie_consent.policy.name_pattern import NamePattern, checked_name_pattern, without_runs

HASH = "0123456789abcdef0123456789ABCDEF"
UUID = "0b7f63f2-1d3c-4E5F-8a9b-0123456789ab"


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("SESS{hex:32}", [f"SESS{HASH}"], ["SESS", f"SESS{HASH}0", f"SESS{HASH[1:]}", f"sess{HASH}", "SESSION"]),
        ("_ga_{alnum:6-12}", ["_ga_ABC123", "_ga_0123456789ab"], ["_ga_ABC12", "_ga_0123456789abc", "_ga_ABC-123"]),
        ("a{hex}", ["a0", f"a{HASH * 3}"], ["a", "ag", "a0 "]),
        ("{digit:2}x{digit}", ["12x3", "12x34567"], ["1x3", "12x", "12x3a"]),
        ("{upper:3}-{lower:1-2}", ["ABC-a", "ABC-ab"], ["ABc-a", "ABC-abc", "ABC-A", "ABC-"]),
        ("t.{base64url:3}", ["t.a-_", "t.A0z"], ["t.a+/", "t.ab", "txabc"]),
        ("id_{uuid}", [f"id_{UUID}"], [f"id_{UUID}0", f"id_{UUID.replace('-', '')}", "id_"]),
        ("{hex:32}", [HASH], [HASH[1:], "g" * 32]),
        ("a*{digit:2}", ["a12", "axx12"], ["a1", "a123x"]),
        ("a{hex}*", ["a0", "a0zz"], ["a", "az"]),
        ("a.b+{digit:1}", ["a.b+1"], ["aXb+1", "a.bb1"]),  # what means something to regular expressions
        ("ä{digit:1}", ["ä1"], ["ä١"]),  # a digit of another script
    ],
)
def test_what_a_pattern_matches(pattern: str, matching: list[str], other: list[str]) -> None:
    assert checked_name_pattern(pattern) == pattern
    for name in matching:
        assert NamePattern(pattern).matches(name), name
    for name in other:
        assert not NamePattern(pattern).matches(name), name
        assert not NamePattern(pattern).matches(f"{name}\n"), name


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("a{hex:}", "is not a run"),
        ("a{hex:0}", "its length is 1 to 128"),
        ("a{hex:9-8}", "the shorter one first"),
        ("a{hex:129}", "its length is 1 to 128"),
        ("a{Hex:3}", "with one of hex, digit, alnum, upper, lower, base64url"),
        ("a{binary}", "is not a run"),
        ("a{uuid:36}", "a uuid has no other length"),
        ("a{}", "is not a run"),
        ("a{hex", "around a run only"),
        ("a}b", "around a run only"),
        ("a{{hex}}", "around a run only"),
        ("{hex}", "a run of at least 16"),
        ("{hex:15}", "a run of at least 16"),
        ("{hex:8-32}*", "a run of at least 16"),
        ("*", "more than '*'"),
        ("**", "more than '*'"),
        ("a*b*c*", "'*' at most twice"),
        ("a{hex}b{digit}c*", "at most twice"),
    ],
)
def test_what_is_no_pattern_is_refused_with_a_reason(pattern: str, why: str) -> None:
    with pytest.raises(ValueError, match=r"must|is not") as error:
        checked_name_pattern(pattern)
    assert why in str(error.value)


def document(pattern: str) -> dict[str, object]:
    service = {"name": "Chat", "category": "social", "cookies": [{"name": pattern}], "storage": [pattern]}
    return {"version": "1", "cookies": [{"name": pattern, "category": "login"}], "services": {"chat": service}}


def test_a_policy_may_have_runs_wherever_it_has_names() -> None:
    policy = parse_policy(document("s{hex:2-4}"), source="test")
    assert isinstance(policy, Policy)
    assert policy.services[0].storage[0].name == policy.cookies[0].name == "s{hex:2-4}"


def test_a_policy_with_a_wrong_one_is_refused_everywhere() -> None:
    with pytest.raises(PolicyError) as error:
        parse_policy(document("s{hex:4-2}"), source="test")
    keys = {problem.key for problem in error.value.problems}
    assert keys >= {"cookies.0.name", "services.chat.cookies.0.name"}
    assert any(key.startswith("services.chat.storage.0") for key in keys)
    assert all("its length is 1 to 128" in problem.fix for problem in error.value.problems)


def test_a_cookie_has_no_space_beside_a_run() -> None:
    with pytest.raises(PolicyError, match="must be a cookie name"):
        parse_policy({"version": "1", "cookies": [{"name": "a {hex:3}", "category": "login"}]}, source="test")


def test_people_read_a_star() -> None:
    assert without_runs("SESS{hex:32}") == "SESS*"
    assert without_runs("a{hex}{digit}*b") == "a*b"
    assert without_runs("_ga_*") == "_ga_*"
