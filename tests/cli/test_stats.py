from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from cookie_consent import Ledger
from cookie_consent.cli.stats import TableName
from cookie_consent.ledger import TABLES
from tests.ledger.making import NOTICE, make
from tests.running import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ledger = Ledger(f"sqlite:///{tmp_path}/consent.db")
    ledger.append(
        [
            make(0, notice=NOTICE.hash),
            make(5, granted=(), refused=("advertising", "analytics"), action="withdrawn", previous="x"),
            make(60 * 24, channel="gpc", action="signal"),
            make(60 * 24 * 8, policy_version="=2"),
        ],
        [NOTICE],
    )
    ledger.close()
    return tmp_path


def test_the_command_knows_every_table() -> None:
    assert [name.value.replace("-", "_") for name in TableName] == list(TABLES)


def test_json_has_the_sums_and_the_tables(folder: Path) -> None:
    found = json.loads(run("log", "stats", "--format", "json", "--by", "week", folder=folder).stdout)
    assert (found["total"], found["first_choices"], found["withdrawals"], found["gpc"]) == (4, 3, 1, 1)
    assert found["acceptance"] == {"advertising": 0.0, "analytics": 0.75}
    assert found["languages"] == {"": 3, "en": 1}
    assert found["days"] == {"2026-11-24": 2, "2026-11-25": 1, "2026-12-02": 1} | {
        day: 0 for day in found["days"] if found["days"][day] == 0
    }
    assert [(row["start"], row["choices"]) for row in found["tables"]["days"]] == [("2026-11-23", 3), ("2026-11-30", 1)]
    assert {"language": "en", "category": "analytics", "granted": 1, "refused": 0, "accepted": 1.0} in found["tables"][
        "languages"
    ]
    one = json.loads(run("log", "stats", "--format", "json", "--table", "actions", folder=folder).stdout)
    assert one == {
        "tables": {
            "actions": [
                {"action": "given", "choices": 2},
                {"action": "signal", "choices": 1},
                {"action": "withdrawn", "choices": 1},
            ]
        }
    }


def test_csv_is_of_one_table_and_safe(folder: Path) -> None:
    done = run("log", "stats", "--format", "csv", "--table", "policy-versions", folder=folder)
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert rows[0] == ["policy_version", "category", "granted", "refused", "accepted"]
    assert {row[0] for row in rows[1:]} == {"1", "'=2"}
    days = run("log", "stats", "--format", "csv", "--table", "days", "--by", "month", folder=folder)
    assert days.stdout.splitlines() == [
        "start,choices,all,some,none,first,withdrawals,gpc,lapsed",
        "2026-11-01,3,0,2,1,2,1,1,0",
        "2026-12-01,1,0,1,0,1,0,0,0",
    ]


def test_whole_days_are_counted_and_that_is_said(folder: Path) -> None:
    done = run(
        "log", "stats", "--format", "json", "--since", "2026-11-24T20:00", "--until", "2026-11-25", folder=folder
    )
    found = json.loads(done.stdout)
    assert (found["since"], found["until"], found["total"]) == ("2026-11-24", "2026-11-25", 2)
    assert done.stderr == "only whole days (UTC) are counted: --since was taken as 2026-11-24\n"


def test_the_table_is_for_reading(folder: Path) -> None:
    shown = run("log", "stats", folder=folder).stdout
    assert "choices: 4, of them first choices: 3; withdrawals: 1; by Global Privacy Control: 1 (25.0%)" in shown
    assert "75.0%" in shown
    days, *_ = shown.partition("categories")
    assert "…" not in days
    assert "withdrawals ┃ gpc" in days  # in 80 columns
    only = run("log", "stats", "--table", "channels", folder=folder).stdout
    assert "75.0%" not in only
    empty = run("log", "stats", "--since", "2030-01-01", "--until", "2030-01-03", folder=folder)
    assert (empty.returncode, "choices: 0" in empty.stdout) == (0, True)


def test_a_table_is_named_and_the_log_is_counted_anew(folder: Path) -> None:
    nameless = run("log", "stats", "--format", "csv", folder=folder)
    assert (nameless.returncode, "--table" in nameless.stderr) == (2, True)
    ledger = Ledger(f"sqlite:///{folder}/consent.db")
    assert ledger.stats(until=datetime(2027, 1, 1, tzinfo=UTC)).total == 4
    with ledger.writing() as connection:
        connection.exec_driver_sql("UPDATE consent_counted SET last = 'gone'")
    ledger.close()
    refused = run("log", "stats", folder=folder)
    assert refused.returncode != 0
    assert "--recount" in refused.stderr
    done = run("log", "stats", "--recount", "--format", "json", folder=folder)
    assert json.loads(done.stdout)["total"] == 4
