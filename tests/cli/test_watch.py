"""What browsers reported, beside the inventory and never in it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from cookie_consent.cli.main import app
from cookie_consent.endpoints.reports import Finding, Observation, Reports
from cookie_consent.endpoints.reports.store import ReportStore
from cookie_consent.endpoints.reports.watch import watched
from cookie_consent.endpoints.reports.weekly import WeeklySummary
from cookie_consent.ledger import Ledger
from cookie_consent.ledger.inventory import InventoryStore
from cookie_consent.policy import Inventory, Policy, load_policy
from cookie_consent.policy.classifier import Classifier

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 11, 24)
MONDAY = datetime(2026, 11, 23, 0, 5, tzinfo=UTC)


def finding(kind: Any, name: str, *, service: str = "", directive: str = "img-src", **fields: Any) -> Finding:
    reason = fields.pop("reason", "undeclared")
    seen = Observation(kind=kind, name=name, directive=directive, service=service, reason=reason)
    return Finding(observation=seen, **{"paths": ("/a",), "count": 1, "first": DAY, "last": DAY, **fields})


FOUND = [
    finding("host", "px.example", count=2),
    finding("host", "px.example", directive="script-src", count=5, first=DAY - timedelta(9), paths=("/b",)),
    finding("cookie", "_px"),
    finding("host", "www.youtube.com", service="youtube"),
    finding("host", "player.vimeo.com", service="vimeo"),
    finding("host", "held.example", reason="refused"),
    finding("cookie", "mine"),
]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    text = 'version = "1"\nsite = "shop.example"\n[[cookies]]\nname = "mine"\ncategory = "preferences"\n'
    (tmp_path / "consent.toml").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONSENT_LEDGER", f"sqlite:///{tmp_path}/consent.db")
    made = Ledger()
    made.open()
    return made


def printed(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["inventory", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_each_thing_is_told_once_with_the_lines_that_declare_it() -> None:
    found = watched(FOUND, Classifier(Policy(version="1")), {"youtube"})
    assert [(one.kind, one.name, one.count) for one in found] == [
        ("host", "px.example", 7),
        ("cookie", "_px", 1),
        ("cookie", "mine", 1),
        ("host", "player.vimeo.com", 1),
    ]
    assert (found[0].first, found[0].last, found[0].paths) == (DAY - timedelta(9), DAY, ("/a", "/b"))
    assert 'hosts = ["px.example"]' in found[0].lines
    assert found[3].lines.startswith("[services.vimeo]")


def test_the_inventory_shows_reports_beside_and_holds_none_of_them(ledger: Ledger) -> None:
    store, found = InventoryStore(ledger, "shop.example"), Inventory(load_policy())
    found.meet(["youtube"])
    store.save(found.take_news())
    ReportStore(ledger).save(FOUND)
    before = store.read()
    text = printed()
    above, _, below = text.partition("reported by browsers and gates; no notice names it for that:\n")
    assert "youtube" in above
    assert "youtube" not in below
    assert f"{DAY - timedelta(9)} host     px.example: 7 times, last on {DAY}\n    [services.px-example]" in below
    assert "host     player.vimeo.com (vimeo): 1 time" in below
    assert "mine" not in below
    assert "held.example" not in below
    document = json.loads(printed("--format", "json"))
    assert [row["name"] for row in document["inventory"]] == ["youtube"]
    assert {row["name"] for row in document["reported"]} == {"px.example", "_px", "player.vimeo.com"}
    assert "px.example" not in printed("accept")
    assert [event for event in store.read() if event.kind != "accepted"] == before


class Calendar:
    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    found = [(record.levelname, record.getMessage()) for record in caplog.records if "the week" in record.message]
    caplog.clear()
    return found


def test_once_a_week_one_process_says_what_was_reported(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "cookie_consent")
    policy, calendar = load_policy(), Calendar(MONDAY - timedelta(days=1))
    sites = [(Reports(Classifier(policy), ledger), Inventory(policy))]
    processes = [WeeklySummary(ledger, sites, clock=calendar) for _ in range(3)]
    for process in processes:
        process.tell()
    assert told(caplog) == []  # the first week is not whole
    calendar.now = MONDAY
    for process in processes:
        process.tell()
    assert told(caplog) == [
        ("INFO", "the week since 2026-11-16: nothing was reported that the policy does not declare")
    ]
    ReportStore(ledger).save(FOUND)
    calendar.now = MONDAY + timedelta(days=6, hours=23)
    processes[0].tell()
    assert told(caplog) == []
    calendar.now = MONDAY + timedelta(days=7, hours=3)
    for process in processes:
        process.tell()
    ((level, message),) = told(caplog)
    assert level == "WARNING"
    assert message.startswith(
        "the week since 2026-11-23: 4 things were reported that the policy does not declare, 3 for the first time "
        "(cookie _px, host player.vimeo.com, host www.youtube.com, host px.example); "
    )
    calendar.now += timedelta(days=14)
    processes[2].tell()
    assert [level for level, _ in told(caplog)] == ["INFO"]  # of the latest seven days alone
    WeeklySummary(Ledger(), sites, clock=calendar).tell()  # after a restart
    assert told(caplog) == []


def test_sites_that_share_a_log_sum_up_their_own_weeks(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "cookie_consent")
    calendar = Calendar(MONDAY)
    policies = [Policy(version="1", site=site) for site in ("a.example", "b.example", None)]
    sites = [
        WeeklySummary(ledger, [(Reports(Classifier(policy), ledger), Inventory(policy))], clock=calendar)
        for policy in policies
    ]
    for _ in range(2):
        for site in sites:
            site.tell()
        assert told(caplog) == []
    calendar.now += timedelta(days=7)
    for site in (*sites, *sites):
        site.tell()
    assert len(told(caplog)) == 3


def test_a_summary_that_could_not_be_made_is_left_to_another_process(
    ledger: Ledger, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO", "cookie_consent")
    policy, calendar = Policy(version="1"), Calendar(MONDAY)
    summary = WeeklySummary(ledger, [(Reports(Classifier(policy), ledger), Inventory(policy))], clock=calendar)
    summary.tell()
    calendar.now += timedelta(days=7)
    with monkeypatch.context() as patched:
        patched.setattr("cookie_consent.endpoints.reports.weekly.watched", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            summary.tell()
    summary.tell()
    assert len(told(caplog)) == 1


def test_notes_of_weeks_are_no_events_of_an_inventory(ledger: Ledger) -> None:
    policy = Policy(version="1")
    WeeklySummary(ledger, [(Reports(Classifier(policy), ledger), Inventory(policy))]).tell()
    assert InventoryStore(ledger, None).read() == []
