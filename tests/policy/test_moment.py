"""When a policy comes into force."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from cookie_consent import PolicyError
from cookie_consent.policy import Policy, instant, moment_text, parse_policy

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def effective(text: str) -> date | datetime | None:
    return parse_policy(tomllib.loads(f'version = "1"\neffective = {text}'), source="test").effective


@pytest.mark.parametrize(
    ("text", "reached", "shown"),
    [
        ("2026-12-01", datetime(2026, 12, 1, tzinfo=UTC), "2026-12-01"),
        ("2026-12-01T12:00:00Z", NOON, "2026-12-01 12:00 UTC"),
        ("2026-12-01T12:00:00", NOON, "2026-12-01 12:00 UTC"),  # no zone: UTC, wherever the server is
        ("2026-12-01 13:00:00+01:00", NOON, "2026-12-01 13:00 UTC+01:00"),
        ("2026-12-01T00:30:00+14:00", datetime(2026, 11, 30, 10, 30, tzinfo=UTC), "2026-12-01 00:30 UTC+14:00"),
        ("2026-11-30T23:59:59.000001-03:30", datetime(2026, 12, 1, 3, 29, 59, 1, UTC), "2026-11-30 23:59:59 UTC-03:30"),
        ("0001-01-01", datetime(1, 1, 1, tzinfo=UTC), "0001-01-01"),
        ('"2026-12-01"', datetime(2026, 12, 1, tzinfo=UTC), "2026-12-01"),
        ('"2026-12-01T12:00:00Z"', NOON, "2026-12-01 12:00 UTC"),
    ],
)
def test_a_date_or_a_time_is_read_and_shown(text: str, reached: datetime, shown: str) -> None:
    moment = effective(text)
    assert moment is not None
    assert (instant(moment), moment_text(moment)) == (reached, shown)


@pytest.mark.parametrize(
    "text",
    [
        '"soon"',
        "12:00:00",
        "20261201",
        "true",
        "[2026-12-01]",
        "0001-01-01T00:00:00+01:00",  # before the first moment in UTC
        "9999-12-31T23:30:00-01:00",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(PolicyError, match=r"effective.*\n +fix: .*2026-12-01T12:00:00\+01:00"):
        effective(text)


@pytest.mark.parametrize("moment", [date(2026, 12, 1), NOON, NOON.astimezone(timezone(timedelta(hours=-5)))])
def test_a_policy_survives_json(moment: date | datetime) -> None:
    policy = Policy(version="1", effective=moment)
    again = Policy.model_validate_json(policy.model_dump_json())
    assert again.effective == moment
    assert type(again.effective) is type(moment)
