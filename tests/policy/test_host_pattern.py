from __future__ import annotations

import pytest

from cookie_consent.policy.host import host_of
from cookie_consent.policy.host_pattern import HostPattern, checked_pattern, is_below, is_host_name, parent_domains


@pytest.mark.parametrize(
    ("given", "host", "path", "matching", "other"),
    [
        ("cdn.example.com", "cdn.example.com", "", "cdn.example.com", "a.cdn.example.com"),
        ("*.example.com", "*.example.com", "", "a.b.example.com", "example.com"),  # subdomains, not the domain
        ("*.example.com", "*.example.com", "", "a.example.com", "aexample.com"),
        ("*.Example.com/embed/", "*.example.com", "/embed/", "a.example.com", "example.com"),
        (" bücher.example/Ä ", "xn--bcher-kva.example", "/Ä", "xn--bcher-kva.example", "bücher.example"),
        ("[::1]/x", "[::1]", "/x", "[::1]", "::1"),
    ],
)
def test_a_pattern_has_a_host_and_a_path(given: str, host: str, path: str, matching: str, other: str) -> None:
    pattern = HostPattern.parse(checked_pattern(given))
    assert (pattern.host, pattern.path) == (host, path)
    assert pattern.matches(matching)
    assert not pattern.matches(other)


@pytest.mark.parametrize(
    "wrong", ["", "*", "*.", "*.*.example", "a.*.example", "https://a.example", "a.example:80", "a b", "-a.example"]
)
def test_what_is_no_pattern_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="must be a host name"):
        checked_pattern(wrong)


@pytest.mark.parametrize("wrong", ["a.example/x*", "a.example/*x/y", "a.example/*", "a.example/x/*", "a.example/**/x"])
def test_a_star_in_a_path_is_a_segment_before_others(wrong: str) -> None:
    with pytest.raises(ValueError, match="for a whole segment"):
        checked_pattern(wrong)


def test_what_lies_below_a_domain() -> None:
    assert is_below("a.example.com", "example.com")
    assert is_below("*.example.com", "example.com")
    assert is_below("*.a.example.com", "example.com")
    assert not is_below("example.com", "example.com")
    assert not is_below("*.com", "example.com")
    assert not is_below("an-example.com", "example.com")
    assert list(parent_domains("a.b.example")) == ["b.example", "example"]
    assert list(parent_domains("localhost")) == []


def test_a_host_name_has_no_wildcard_and_no_dot_at_its_end() -> None:
    assert is_host_name("a_b.example")
    assert not any(map(is_host_name, ("*.example", "a.example.", "A.example", "a..example", "[::1]", "")))


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("Shop.Example:8000", "shop.example"),
        ("shop.example.", "shop.example"),
        ("b%C3%BCcher.example", "xn--bcher-kva.example"),
        ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"),
    ],
)
def test_the_host_of_an_authority(authority: str, host: str) -> None:
    assert host_of(authority) == host
