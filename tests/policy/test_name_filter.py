"""The filter of names that the guard has. That it is read alike in a browser, the tests in ``tests/js`` show."""

from __future__ import annotations

import pytest

from cookie_consent.policy.name_pattern import NamePattern
from cookie_consent.policy.registry import registry
from cookie_consent.policy.registry.name_filter import host_keys, may_have, name_filter
from cookie_consent.policy.site_domain import site_domain


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


@pytest.mark.parametrize(
    ("patterns", "keys"),
    [
        (["*.site.test/x/", "a.b.site.test", "c.site.test"], {"site.test"}),
        (["site.test", "a.site.test"], {"site.test"}),
        (["a.b.site.test", "c.site.test/x/"], {"b.site.test", "c.site.test"}),  # none has all of site.test
        (
            ["www.shop.co.uk", "*.other.co.uk", "a.d0.cloudfront.net"],
            {"shop.co.uk", "other.co.uk", "d0.cloudfront.net"},
        ),
        (["*.one", "localhost/a", "b.localhost"], {"one", "localhost", "b.localhost"}),
        (["*.a.b.c.d.test"], {"c.d.test"}),
    ],
)
def test_a_host_is_known_by_two_labels_if_a_pattern_has_them_all_or_by_three(
    patterns: list[str], keys: set[str]
) -> None:
    assert host_keys(patterns) == keys


def test_each_host_of_the_registry_is_in_the_filter() -> None:
    guard = registry().guard
    for pattern, _ in guard["hosts"]:
        labels = pattern.partition("/")[0].replace("*", "x.y").split(".")
        ends = (".".join(labels[-2:]), ".".join(labels[-3:]))  # the keys that judge.js tries
        assert any(may_have(guard["filter"], end, name_mark="@", prefix_mark="@^") for end in ends), pattern


def test_no_key_of_the_registry_has_the_hosts_of_many() -> None:
    patterns = [pattern for pattern, _ in registry().guard["hosts"]]
    # What a service has as a whole.
    whole = {pattern.removeprefix("*.") for pattern in patterns}
    assert [key for key in sorted(host_keys(patterns) - whole) if key.count(".") < 2 and site_domain(key) is None] == []


def test_names_of_services_that_can_be_refused_are_in_the_filter() -> None:
    guard, ids = registry().guard, registry().ids
    refusable = {
        row[0]
        for row in guard["cookies"]
        if registry()[ids[guard["owners"][row[1]][0]]].category != "session"
        and guard["owners"][row[1]][1] == "session"
        and NamePattern(row[0]).prefix
    }
    assert "datadome" in refusable
    for name in refusable:
        assert may_have(guard["filter"], name.replace("*", "x")), name
