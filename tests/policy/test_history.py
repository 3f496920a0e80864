"""The policies until now: what the log keeps of each, and which was in force when."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cookie_consent.policy import Change, History, PastPolicy, Policy, changes, parse_policy
from cookie_consent.policy.history import kept_of

if TYPE_CHECKING:
    import pytest

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def test_nothing_that_visitors_can_notice_is_lost() -> None:
    policy = parse_policy(
        {
            "version": "1",
            "effective": "2026-11-01T12:00:00+01:00",
            "ask_again_since": "2026-11-01",
            "site": "shop.example",
            "retention": "3y",
            "controller": {
                "name": "Shop Ltd",
                "contact": "a@shop.example",
                "country": "DE",
                "authority": "The Authority",
            },
            "cookie": {"name": "choice", "max_age": "5mo"},
            "categories": {"analytics": {"purposes": {"sales": {"en": "Counts sales"}}}, "social": {"required": True}},
            "services": {
                "google-analytics": {"transfers": ["US"], "safeguard": "standard-clauses", "retention": "14mo"},
                "facebook-pixel": {"consent_mode": "advanced"},
                "chat": {
                    "name": "Chat",
                    "category": "preferences",
                    "hosts": ["chat.example"],
                    "consent_mode": "advanced",
                    "signals": [{"on": "default", "push": "chatQueue", "args": ["denied"]}],
                },
                "youtube": {"opt_out_url": "https://youtube.com/"},
            },
            "cookies": [{"name": "stay", "category": "session", "persist": "login", "exempt": "authentication"}],
        },
        source="test",
    )
    past = PastPolicy(kept=kept_of(policy), since=NOON)
    assert past.policy is not None
    assert changes(policy, past.policy) == changes(past.policy, policy) == []
    empty = Policy(version="1")
    assert {change.kind for change in changes(empty, past.policy)} == {change.kind for change in changes(empty, policy)}
    assert [service.id for service in past.policy.advanced] == ["facebook-pixel", "chat"]
    assert not any(word in repr(past.kept) for word in ("hosts", "signals"))


def test_a_policy_that_only_asks_all_again_is_another_one() -> None:
    policies = Policy(version="1"), Policy(version="1", ask_again_since=NOON.date())
    before, after = (PastPolicy(kept=kept_of(policy), since=NOON) for policy in policies)
    history = History(policies[1], since=NOON)
    history.learn([before])
    assert not history.is_last()
    history.learn([before, after])
    assert history.is_last()


def test_the_policy_of_a_moment_is_the_last_one_before_it() -> None:
    history = History(Policy(version="3"), since=NOON + timedelta(hours=2))
    assert history.at(NOON) == 0
    earlier = [PastPolicy(kept=kept_of(Policy(version=str(n))), since=NOON + timedelta(hours=n - 1)) for n in (1, 2)]
    history.learn(earlier)
    hours = (-1, 0, 0.5, 1, 2, 9)
    assert [history.at(NOON + timedelta(hours=hour)) for hour in hours] == [0, 0, 0, 1, 2, 2]


def test_only_new_policies_are_compared_and_only_the_last_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def noting(old: Policy, new: Policy) -> list[Change]:
        compared.append(old.version)
        return changes(old, new)

    monkeypatch.setattr(sys.modules["cookie_consent.policy.history"], "changes", noting)
    found = [
        PastPolicy(kept=kept_of(Policy(version=str(n))), since=NOON + timedelta(hours=n - 100)) for n in range(100)
    ]
    history = History(Policy(version="own"), since=NOON)
    history.learn(found[:99])
    assert len(compared) == 20
    history.learn(found)
    assert compared[20:] == ["99"]
    assert not history.is_last()
    assert len(history.past) == 101
    old = History(Policy(version="3"), since=NOON)
    old.learn(found)
    assert [past.version for past in old.past] == ["0", "1", "2", "3"]
