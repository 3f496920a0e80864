"""The filter of names that the guard has. That it is read alike in a browser, the tests in ``tests/js`` show."""

from __future__ import annotations

from cookie_consent.policy.registry.name_filter import host_key, may_have, name_filter


def test_every_name_is_found_and_few_others_are() -> None:
    exact = [f"cookie_{number}" for number in range(1500)]
    patterns = [f"{'abcdefghij'[number % 10] * (number % 7 + 1)}{number}_*" for number in range(500)]
    found = name_filter([*exact, *patterns, "ru{hex:4}"])
    assert all(may_have(found, name) for name in exact)
    assert all(may_have(found, pattern.replace("*", "x")) for pattern in patterns)
    assert may_have(found, "ru0a0a")
    others = [f"other-{number}-name" for number in range(5000)]
    assert sum(may_have(found, name) for name in others) < 200
    assert sum(len(found[kind]["bits"]) for kind in ("exact", "prefixes")) < 3500  # bytes in the script, of 2,001 names


def test_without_names_nothing_is_known() -> None:
    assert not may_have(name_filter([]), "_ga")


def test_names_of_one_kind_are_none_of_the_other() -> None:
    found = name_filter(["seen", "seen_*"], ["kept", "kept_*"])
    lasting = {"name_mark": "~", "prefix_mark": "%"}
    assert [may_have(found, name) for name in ("seen", "seen_1", "kept", "kept_1")] == [True, True, False, False]
    assert [may_have(found, name, **lasting) for name in ("seen", "seen_1", "kept", "kept_1")] == [
        False,
        False,
        True,
        True,
    ]


def test_a_host_is_known_by_its_last_two_labels() -> None:
    keys = {host_key(pattern) for pattern in ("a.b.site.test", "*.site.test/x/", "site.test", "*.one", "localhost/a")}
    assert keys == {"site.test", "one", "localhost"}
