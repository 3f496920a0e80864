"""The policies of a site, which its processes write into the log and read from it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent.ledger import Ledger
from cookie_consent.ledger.events import add_event, new_event
from cookie_consent.ledger.revisions import SharedHistory
from cookie_consent.policy import History, Policy, parse_policy

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
CHAT = {"chat": {"name": "Chat", "category": "preferences", "hosts": ["chat.test"]}}


@pytest.fixture
def ledger(store_url: str) -> Iterator[Ledger]:
    log = Ledger(store_url)
    log.open()
    yield log
    log.close()


def policy(version: str, **document: Any) -> Policy:
    return parse_policy({"version": version, **document}, source="test")


class Process:
    """A process that enforces a policy from so many hours after noon on."""

    def __init__(self, ledger: Ledger, declared: Policy, hour: int = 0, *, until: int = 99, site: str = "") -> None:
        self.now = NOON + timedelta(hours=hour)
        self.history = History(declared, since=self.now, until=(NOON + timedelta(hours=until)).timestamp())
        self._shared = SharedHistory(ledger, site, self.history, clock=self._clock)

    def _clock(self) -> float:
        return self.now.timestamp()

    def exchange(self) -> list[tuple[str, int]]:
        """Exchange with the log; return version and hour of each policy until now."""
        self._shared.exchange()
        return [(past.version, round((past.since - NOON) / timedelta(hours=1))) for past in self.history.past]


def written(ledger: Ledger) -> list[str]:
    return [event.detail["version"] for event in ledger.events() if event.kind == "policy"]


def test_each_policy_is_written_once_by_all_processes(ledger: Ledger) -> None:
    old = [Process(ledger, policy("1"), hour) for hour in (0, 1)]
    assert [process.exchange() for process in old] == [[("1", 0)]] * 2
    new = [Process(ledger, policy("2", services=CHAT), hour) for hour in (2, 3)]
    assert [process.exchange() for process in new] == [[("1", 0), ("2", 2)]] * 2
    assert written(ledger) == ["1", "2"]
    past = new[0].history.past[0].policy
    assert past is not None
    assert past.services == ()


def test_each_process_tells_how_its_own_policy_came_about(ledger: Ledger) -> None:
    """While hosts are updated one by one. None of them writes again what it has written."""
    old, new = Process(ledger, policy("1"), 0), Process(ledger, policy("2"), 1)
    for _ in range(3):
        assert old.exchange() == [("1", 0)]
        assert new.exchange() == [("1", 0), ("2", 1)]
    assert written(ledger) == ["1", "2"]
    assert Process(ledger, policy("1"), 2).exchange() == [("1", 0), ("2", 1), ("1", 2)]  # it was taken back
    assert new.exchange() == [("1", 0), ("2", 1)]


@pytest.mark.parametrize("versions", ["12", "123"])
def test_policies_that_take_turns_do_not_fill_the_log(ledger: Ledger, versions: str) -> None:
    """Such as recycled workers in a rollout, or two applications without a site on one log."""
    for hour in range(10):
        for version in versions:
            Process(ledger, policy(version), hour).exchange()
    assert written(ledger) == [*versions] * 2
    for version in versions:
        Process(ledger, policy(version), 98).exchange()
    assert len(written(ledger)) == (4 if len(versions) == 2 else 9)
    assert Process(ledger, policy("4"), 500, until=999).exchange()[-1] == ("4", 500)
    assert Process(ledger, policy("1"), 600, until=999).exchange()[-1] == ("1", 600)


def test_an_announced_policy_is_written_at_its_time(ledger: Ledger) -> None:
    present = Process(ledger, policy("1"), until=2)
    following = Process(ledger, policy("2"), 2)
    following.now = present.now
    for process in (present, following):
        process.exchange()
    assert written(ledger) == ["1"]
    following.now = present.now = NOON + timedelta(hours=5)
    assert following.exchange() == [("1", 0), ("2", 2)]
    assert present.exchange() == [("1", 0)]
    assert written(ledger) == ["1", "2"]


def test_what_visitors_do_not_see_is_no_revision(ledger: Ledger) -> None:
    Process(ledger, policy("1", services=CHAT)).exchange()
    hosts = {"chat": {**CHAT["chat"], "hosts": ["chat.test", "cdn.chat.test"]}}
    Process(ledger, policy("1", services=hosts, gate={"guard": False})).exchange()
    assert written(ledger) == ["1"]


def test_sites_that_share_a_log_have_histories_of_their_own(ledger: Ledger) -> None:
    Process(ledger, policy("1"), site="a.example").exchange()
    assert Process(ledger, policy("2"), 1, site="b.example").exchange() == [("2", 1)]


@pytest.mark.parametrize(
    "detail",
    [
        {},
        {"site": "", "since": "never", "policy": "{}"},
        {"site": "", "since": "2026-11-01T00:00:00Z", "policy": "{"},
        {"site": "", "since": "2026-11-01T00:00:00Z", "policy": "[]"},
        {"site": "", "since": 3, "policy": {}},
        {"site": "", "since": "0001-01-01T00:00:00+14:00", "policy": "{}"},  # before all years in UTC
        {"site": "", "since": "9999-12-31T23:59:59-14:00", "policy": "{}"},
        {"site": "", "since": "2026-11-01T00:00:00Z", "policy": "[" * 200_000},  # deeper than any parser goes
    ],
)
def test_a_damaged_event_is_passed_over(ledger: Ledger, detail: dict[str, Any]) -> None:
    with ledger.writing() as connection:
        add_event(connection, new_event("policy", detail))
    assert Process(ledger, policy("1")).exchange() == [("1", 0)]


def test_a_policy_of_another_release_keeps_its_label_and_time(ledger: Ledger) -> None:
    """It may have keys that this one does not know."""
    kept = {"version": "0", "services": [{"id": "chat", "colour": "red"}]}
    detail = {"site": "", "since": "2026-11-27T11:00:00Z", "policy": json.dumps(kept), "version": "0"}
    with ledger.writing() as connection:
        add_event(connection, new_event("policy", detail))
    process = Process(ledger, policy("1"))
    assert process.exchange() == [("0", -1), ("1", 0)]
    assert process.history.past[0].policy is None


def test_it_is_sealed_with_the_rest(ledger: Ledger) -> None:
    texts = {"zz-ü": "Ü", "en": "Talks"}
    Process(ledger, policy("1", services={"chat": {**CHAT["chat"], "purpose": texts}})).exchange()
    (event,) = [event for event in ledger.events() if event.kind == "policy"]
    assert len(event.leaf()) > 0
    assert json.loads(event.detail["policy"])["services"][0]["purpose"] == texts
