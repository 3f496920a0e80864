"""What holds of a choice when the browser sends a signal."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cookie_consent.consent import Consent, decide
from cookie_consent.consent.cookie import StoredChoice
from cookie_consent.policy import parse_policy

POLICY = parse_policy(
    {
        "version": "1",
        "categories": {"analytics": {"sale_or_sharing": False}},
        "services": {
            "ads": {"name": "Ads", "category": "advertising", "hosts": ["ads.example"]},
            "maps": {"name": "Maps", "category": "preferences", "hosts": ["maps.example"]},
        },
    },
    source="test",
)


def decided(
    granted: list[str],
    services: dict[str, bool] | None = None,
    *,
    gpc: bool = True,
    by_signal: bool = False,
    version: str = "1",
) -> Consent:
    stored = StoredChoice(
        subject="3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        record="0190163d-8694-739b-aea5-966c26f8ad92",
        policy_version=version,
        decided_at=datetime(2026, 1, 1, tzinfo=UTC),
        granted=frozenset(granted),
        services=services or {},
        gpc=by_signal,
    )
    return decide(POLICY, stored, gpc=gpc)


@pytest.mark.parametrize(
    ("granted", "services", "left", "left_services"),
    [
        (["advertising"], {}, [], {}),
        (["advertising", "analytics", "social"], {}, ["analytics"], {}),
        ([], {"ads": True}, [], {}),  # one service of a category that was refused
        (["advertising"], {"ads": False}, [], {"ads": False}),  # what he refused himself stays refused
        ([], {"ads": True, "maps": True}, [], {"maps": True}),
        ([], {"youtube": True, "maps": False}, [], {"maps": False}),  # one that only the registry knows
    ],
)
def test_the_signal_takes_back_sale_and_sharing(
    granted: list[str], services: dict[str, bool], left: list[str], left_services: dict[str, bool]
) -> None:
    consent = decided(granted, services)
    assert consent.overruled
    assert consent.decided
    assert consent.granted == {"session", *left}
    assert consent.services == left_services
    assert not decided(granted, services, gpc=False).overruled
    assert not decided(granted, services, by_signal=True).overruled


@pytest.mark.parametrize(
    ("granted", "services"),
    [
        ([], {}),
        (["analytics", "preferences"], {}),
        ([], {"maps": True}),
        (["analytics"], {"ads": False}),
        (["no-longer-offered"], {}),
    ],
)
def test_where_nothing_is_taken_back_nothing_is_overruled(granted: list[str], services: dict[str, bool]) -> None:
    assert not decided(granted, services).overruled


def test_without_a_choice_under_this_policy_nothing_is_overruled() -> None:
    assert not decide(POLICY, None, gpc=True).overruled
    assert not decided(["advertising"], version="0").overruled
