from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cookie_consent import Ledger
from tests.ledger.making import START, make
from tests.running import run

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from cookie_consent import ConsentRecord

WHO = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def log(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return run("log", *arguments, folder=folder, CONSENT_LEDGER_KEY="")


@pytest.fixture
def kept(tmp_path: Path) -> list[ConsentRecord]:
    (tmp_path / "consent.toml").write_text('version = "1"\nretention = "3y"\n')
    ledger = Ledger(f"sqlite:///{tmp_path}/consent.db")
    old = START - timedelta(days=365 * 4)
    records = [make(0, subject=WHO), make(1, subject=WHO), make(2, at=old), make(3)]
    ledger.append(records)
    ledger.close()
    return records


def test_erase_and_show(tmp_path: Path, kept: list[ConsentRecord]) -> None:
    refused = log("erase", WHO, folder=tmp_path)
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    done = log("erase", WHO, "--yes", folder=tmp_path)
    assert (done.returncode, done.stdout.startswith("erased 2 records")) == (0, True)
    again = log("erase", WHO, "--yes", folder=tmp_path)
    assert (again.returncode, "no visitor" in again.stderr) == (1, True)
    assert log("erase", "", "--yes", folder=tmp_path).returncode == 1
    assert log("show", WHO, folder=tmp_path).returncode == 1
    shown = log("show", kept[0].id, folder=tmp_path).stdout
    assert "\nsubject\n" in shown
    assert "\nerased " in shown
    document = json.loads(log("show", kept[0].id, "--format", "json", folder=tmp_path).stdout)
    assert document["erasures"][kept[0].id]["kind"] == "erased"
    events = log("events", folder=tmp_path).stdout
    assert "  erased  " in events
    assert WHO not in events


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("copied", [WHO.upper(), f" {WHO}\n"])
def test_an_id_is_erased_as_people_copy_it(tmp_path: Path, copied: str) -> None:
    done = log("erase", copied, "--yes", folder=tmp_path)
    assert (done.returncode, done.stdout.startswith("erased 2 records")) == (0, True)
    assert log("show", WHO, folder=tmp_path).returncode == 1


def test_prune_by_the_policy(tmp_path: Path, kept: list[ConsentRecord]) -> None:
    counted = log("prune", "--dry-run", folder=tmp_path)
    assert counted.stdout.startswith("1 record is from before ")
    done = log("prune", folder=tmp_path)
    assert (done.returncode, done.stdout.startswith("deleted 1 record from")) == (0, True)
    assert log("show", kept[2].id, folder=tmp_path).returncode == 1
    assert log("prune", "--before", START.isoformat(), folder=tmp_path).stdout.startswith("deleted 0 records")
    events = json.loads(log("events", "--format", "json", folder=tmp_path).stdout)
    assert [(event["kind"], event["detail"]["records"]) for event in events if event["kind"] != "late"] == [
        ("pruned", 1)
    ]


def test_record(tmp_path: Path, kept: list[ConsentRecord]) -> None:
    (tmp_path / "script.txt").write_text("May we count you?")
    arguments = ["--channel", "phone", "--subject", WHO, "--grant", "social", "--refuse", "analytics"]
    made = log("record", *arguments, "--notice", "script.txt", "--language", "en", "--format", "json", folder=tmp_path)
    record = json.loads(made.stdout)
    assert (record["subject"], record["channel"], record["granted"]) == (WHO, "phone", ["social"])
    assert record["action"] == "changed"
    assert record["previous"] == kept[1].id
    assert record["note"] == ""
    assert "May we count you?" in log("show", record["id"], "--notice", folder=tmp_path).stdout
    new = log(
        "record", "--channel", "paper", "--refuse", "social", "--at", "2026-01-05", "--note", "Form 7\nby Jo",
        folder=tmp_path,
    )  # fmt: skip
    subject = new.stdout.split("subject ")[1].split()[0]
    assert "Form 7\nby Jo" in log("show", f" {subject.upper()} ", folder=tmp_path).stdout
    assert "action  refused" in new.stdout
    assert new.stdout.startswith("record  ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["record", "--channel", "phone"], "name what was granted"),
        (["record", "--channel", "fax", "--grant", "social"], "phone, paper, in-person"),
        (["record", "--channel", "phone", "--grant", "all"], "is neither a category"),
        (["record", "--channel", "phone", "--grant", "social", "--at", "noon"], "--at 'noon' is not a time"),
        (["record", "--channel", "phone", "--grant", "social", "--notice", "none"], "cannot be read"),
        (["record", "--channel", "phone", "--grant", "social", "--note", "x" * 2001], "a note has at most 2,000"),
        (["record", "--channel", "phone", "--grant", "social", "--note", "\x1b[2J"], "a note has at most 2,000"),
        (["prune", "--older-than", "3y", "--before", "2020-01-01"], "not both"),
        (["prune", "--older-than", "soon"], "is not a duration"),
        (["prune", "--older-than", "9000y"], "no record can be that old"),
        (["prune", "--before", "2999-01-01"], "in the future"),
        (["prune", "--policy", "none.toml"], "does not exist"),
        (["erase", "x", "--ledger", "sqlite:///none.db"], "there is no log"),
    ],
)
@pytest.mark.usefixtures("kept")
def test_wrong_usage_ends_with_2_and_one_message(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = log(*arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_without_retention_nothing_is_pruned(tmp_path: Path, kept: list[ConsentRecord]) -> None:
    (tmp_path / "consent.toml").write_text('version = "1"\n')
    done = log("prune", folder=tmp_path)
    assert (done.returncode, "retention" in done.stderr) == (2, True)
    assert log("stats", "--format", "json", folder=tmp_path).stdout.count(f'"total": {len(kept)}') == 1
