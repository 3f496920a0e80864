"""Lifetimes in months of the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.errors import PolicyError
from cookie_consent.policy import Lifetime, Policy, parse_duration, parse_policy
from cookie_consent.policy.duration import iso_duration

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2900, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as hypothesis asks


@pytest.mark.parametrize(
    ("start", "text", "end"),
    [
        ("2026-11-27T10:00:00Z", "6mo", "2027-05-27T10:00:00Z"),
        # the last month is too short
        ("2026-08-31T10:00:00Z", "6mo", "2027-02-28T10:00:00Z"),
        ("2027-08-31T10:00:00Z", "6mo", "2028-02-29T10:00:00Z"),
        ("2028-02-29T10:00:00Z", "1y", "2029-02-28T10:00:00Z"),
        ("2028-02-29T10:00:00Z", "4y", "2032-02-29T10:00:00Z"),
        ("2026-12-31T10:00:00Z", "1mo", "2027-01-31T10:00:00Z"),
        # the day is that of UTC
        ("2026-09-01T01:00:00+02:00", "6mo", "2027-02-28T23:00:00Z"),
        # days and shorter units are exact, also where they make up average months
        ("2026-08-31T10:00:00Z", "180d", "2027-02-27T10:00:00Z"),
        ("2026-08-31T10:00:00Z", "487d", "2027-12-31T10:00:00Z"),
        ("2026-08-31T10:00:00Z", "12h", "2026-08-31T22:00:00Z"),
    ],
)
def test_months_are_those_of_the_calendar(start: str, text: str, end: str) -> None:
    assert Lifetime.parse(text).end(datetime.fromisoformat(start)) == datetime.fromisoformat(end)


@given(MOMENTS, st.integers(1, 1200))
def test_months_end_on_the_same_day_or_the_last(start: datetime, months: int) -> None:
    end = Lifetime(months=months).end(start)
    assert (end.year - start.year) * 12 + end.month - start.month == months
    assert end.day == start.day or (end.day < start.day and (end + timedelta(days=1)).day == 1)
    assert end.timetz() == start.timetz()


@given(MOMENTS, st.integers(1, 10**9), st.integers(-14, 14))
def test_seconds_keep_their_length(start: datetime, seconds: int, hours: int) -> None:
    there = start.astimezone(timezone(timedelta(hours=hours)))
    assert Lifetime(seconds=seconds).end(there) - start == timedelta(seconds=seconds)


@given(st.one_of(st.builds(Lifetime, months=st.integers(1, 12_000)), st.builds(Lifetime, st.integers(1, 10**9 - 1))))
def test_a_lifetime_is_read_as_it_is_written(lifetime: Lifetime) -> None:
    assert Lifetime.parse(str(lifetime)) == lifetime
    policy = parse_policy({"version": "1", "cookie": {"max_age": str(lifetime)}}, source="test")
    assert policy.cookie.max_age == lifetime
    assert Policy.model_validate({**policy.model_dump(), "services": ()}).cookie.max_age == lifetime


@pytest.mark.parametrize(
    ("text", "iso"),
    [("6mo", "P6M"), ("12mo", "P1Y"), ("180d", "P180D"), ("487d", "P487D"), ("4w", "P28D"), ("12h", "PT43200S")],
)
def test_iso_8601_has_months_where_they_are_meant(text: str, iso: str) -> None:
    assert Lifetime.parse(text).iso == iso


@pytest.mark.parametrize(("text", "iso"), [("13mo", "P13M"), ("2y", "P2Y"), ("30d", "P30D"), ("12h", "P1D")])
def test_months_of_a_declared_cookie_are_exported_as_months(text: str, iso: str) -> None:
    assert iso_duration(parse_duration(text)) == iso


def test_the_limit_of_a_cookie_counts_average_months() -> None:
    assert parse_duration("6mo") <= 184 * 86_400


@pytest.mark.parametrize("value", [{"months": 6}, True, 0, -1, "6 moons", Lifetime(), Lifetime(months=12_001)])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(PolicyError, match=r"cookie\.max_age"):
        parse_policy({"version": "1", "cookie": {"max_age": value}}, source="test")


def test_code_may_give_seconds() -> None:
    assert Policy.model_validate({"version": "1", "cookie": {"max_age": 3600}}).cookie.max_age == Lifetime(seconds=3600)
