"""How many choices are taken of one address, and in all."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.endpoints.choice_limit import Address, AddressReader, ChoiceLimit, choice_limit
from cookie_consent.policy import LimitOptions


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def taken(limit: ChoiceLimit, address: Address | None, times: int) -> int:
    return sum(limit.take(address) == 0 for _ in range(times))


def test_an_address_has_thirty_at_once_and_one_a_second() -> None:
    clock = Clock()
    limit = ChoiceLimit(clock=clock)
    assert taken(limit, "a", 100) == 30
    assert limit.take("a") == 1
    assert taken(limit, "b", 100) == 30
    clock.now = 0.75
    assert limit.take("a") == 0.25
    clock.now = 5
    assert taken(limit, "a", 100) == 5
    clock.now = 10_000
    assert taken(limit, "a", 100) == 30


@pytest.mark.parametrize(
    ("options", "first", "others"),
    [
        (LimitOptions(), 30, 470),
        (LimitOptions(choices_per_address=2), 60, 440),
        (LimitOptions(choices_per_address=0), 500, 0),  # half of the common bucket is for new addresses
        (LimitOptions(choices=10), 30, 20),
        (LimitOptions(choices=0), 30, 9_000),
        (LimitOptions(choices_per_address=0, choices=0), 9_000, 9_000),
    ],
)
def test_the_policy_sets_both_limits(options: LimitOptions, first: int, others: int) -> None:
    limit = choice_limit(options, clock=Clock())
    assert taken(limit, "a", 9_000) == first
    assert sum(taken(limit, f"b{number // 20}", 1) for number in range(9_000)) >= others


def test_who_has_posted_within_the_hour_is_refused_first() -> None:
    clock = Clock()
    limit = ChoiceLimit(total_burst=100, total_rate=1, clock=clock)
    assert sum(taken(limit, name, 25) for name in ("a", "b", "c")) == 51  # then half of the common bucket is left
    assert limit.take("a") > 0
    assert limit.take("new") == 0
    assert limit.take("new") > 0
    assert taken(limit, None, 10) == 10  # nobody knows whether they have posted
    assert sum(limit.take(f"new {number}") == 0 for number in range(100)) == 38
    assert limit.take("newest") == 1
    clock.now = 3600  # full again
    assert taken(limit, "a", 25) == 25


def test_an_hour_later_an_address_is_new() -> None:
    clock = Clock()
    limit = ChoiceLimit(total_burst=100, total_rate=0.001, clock=clock)
    limit.take("a")
    clock.now = 3599
    assert taken(limit, None, 60) == 60
    assert limit.take("a") > 0
    clock.now += 3599
    assert limit.take("a") > 0  # what was refused counts as well
    clock.now += 3600
    assert limit.take("a") == 0


def test_without_an_address_the_limit_in_all_counts() -> None:
    limit = ChoiceLimit(total_burst=100, total_rate=10, clock=Clock())
    assert taken(limit, None, 200) == 100
    assert limit.take(None) == 0.1
    assert len(limit) == 0


def test_what_is_refused_takes_nothing_from_the_others() -> None:
    limit = ChoiceLimit(total_burst=100, total_rate=1, clock=Clock())
    assert taken(limit, "a", 10_000) == 30
    assert taken(limit, None, 1000) == 70


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 5000)), max_size=200))
def test_memory_is_bounded(posts: list[tuple[int, float]]) -> None:
    clock = Clock()
    limit = ChoiceLimit(remembered=10, clock=clock)
    latest: dict[int, float] = {}
    for name, later in posts:
        clock.now += later
        limit.take((4, name))
        latest[name] = clock.now
        assert len(limit) <= 10
        assert len(limit) <= sum(clock.now - at < 3600 for at in latest.values())


SHARED = None


@pytest.mark.parametrize(
    ("client", "headers", "address"),
    [
        (("203.0.113.9", 1), {}, (4, 0xCB007109)),
        (("198.51.100.7", 1), {"x-forwarded-for": "192.0.2.1"}, (4, 0xC6336407)),  # anybody could write this
        (("2001:db8:1:2:3:4:5:6", 1), {}, (6, 0x20010DB800010002)),
        (("2001:db8:1:2:ffff::", 1), {}, (6, 0x20010DB800010002)),  # all of a /64 are one
        (("2001:db8:1:3::", 1), {}, (6, 0x20010DB800010003)),
        (("::ffff:192.0.2.1", 1), {}, (4, 0xC0000201)),
        (("fe80::1%eth0", 1), {}, (6, 0xFE80000000000000)),
        (("127.0.0.1", 1), {}, (4, 0x7F000001)),
        (("127.0.0.1", 1), {"x-forwarded-for": "192.0.2.1"}, SHARED),
        (("::1", 1), {"x-forwarded-for": "192.0.2.1"}, SHARED),
        (("::ffff:127.0.0.1", 1), {"x-forwarded-for": "192.0.2.1"}, SHARED),
        (("10.1.2.3", 1), {"forwarded": 'for="[2001:db8::1]:80"'}, SHARED),
        (("172.16.0.1", 1), {"x-real-ip": "192.0.2.1"}, SHARED),
        (("100.64.0.1", 1), {"x-forwarded-for": "192.0.2.1"}, SHARED),  # RFC 6598
        (("10.1.2.3", 1), {"x-forwarded-for": "192.0.2.1, 10.1.2.3"}, (4, 0x0A010203)),  # the server trusts the proxy
        (("10.1.2.3", 1), {"forwarded": "for=10.1.2.3;proto=https"}, (4, 0x0A010203)),
        (("10.1.2.3", 1), {"x-forwarded-for": "210.1.2.3"}, SHARED),
        (None, {}, SHARED),  # a Unix socket, behind which is a proxy
        (("", 0), {}, SHARED),
        (("testclient", 1), {}, "testclient"),
        (("x" * 10_000, 1), {}, "x" * 256),
        (("%", 1), {}, "%"),
    ],
)
def test_the_visitors_address(client: Any, headers: dict[str, str], address: Address | None) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert AddressReader().read({"client": client, "headers": raw}) == address
    assert AddressReader().read({"headers": raw}) is None


def test_a_proxy_that_is_not_trusted_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    reader = AddressReader()
    scope = {"client": ("127.0.0.1", 1), "headers": [(b"x-forwarded-for", b"192.0.2.1")]}
    with caplog.at_level(logging.WARNING, "cookie_consent"):
        for _ in range(3):
            reader.read(scope)
    (said,) = caplog.messages
    assert "--forwarded-allow-ips" in said
    assert "192.0.2.1" not in said  # an address is kept in memory only
