from __future__ import annotations

import csv
import io
import json
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cookie_consent import ConsentRecord, Ledger
from cookie_consent.ledger import Notice, new_record_id
from cookie_consent.ledger.schema import SCHEMA_VERSION
from cookie_consent.ledger.store import Entry
from cookie_consent.ledger.writing.spool import SpoolFolder
from tests.ledger.stores.test_migrations import FIRST_SCHEMA
from tests.running import run

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 11, 24, tzinfo=UTC)
NOTICE = Notice(hash="f" * 64, language="en", policy_version="1", text="May we count you?")


@pytest.fixture
def kept(tmp_path: Path) -> list[ConsentRecord]:
    ledger = Ledger(f"sqlite:///{tmp_path}/consent.db")
    records = [
        ConsentRecord(
            id=new_record_id(START + timedelta(days=day)),
            subject=f"subject-{day % 2}",
            at=START + timedelta(days=day),
            action="given",
            granted=("analytics", "social"),
            refused=("advertising",),
            channel="banner",
            policy_version="1",
            notice=NOTICE.hash,
            url="=1+1",
        )
        for day in range(4)
    ]
    ledger.append(records, [NOTICE])
    ledger.close()
    return records


def log(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return run("log", *arguments, folder=folder)


def test_export_prints_one_row_each(tmp_path: Path, kept: list[ConsentRecord]) -> None:
    done = log("export", folder=tmp_path)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["id"] for row in rows] == [record.id for record in kept]
    assert rows[0]["granted"] == "analytics social"
    assert rows[0]["url"] == "'=1+1"
    assert "expires" not in rows[0]
    assert 'so the column "expires" is left out' in done.stderr, "a guess would be wrong"


def test_export_filters_and_writes_a_whole_file(tmp_path: Path, kept: list[ConsentRecord]) -> None:
    arguments = ["--format", "jsonl", "--since", "2026-11-25", "--until", "2026-11-27T00:00:00Z", "-o", "out.jsonl"]
    assert log("export", *arguments, folder=tmp_path).returncode == 0
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [record.id for record in kept[1:3]]
    by_subject = log("export", "--subject", "subject-1", "--format", "jsonl", folder=tmp_path).stdout.splitlines()
    assert len(by_subject) == 2
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith((".out", "out"))} == {"out.jsonl"}


def test_show_and_stats(tmp_path: Path, kept: list[ConsentRecord]) -> None:
    one = json.loads(log("show", kept[0].id, "--format", "json", "--notice", folder=tmp_path).stdout)
    assert one["records"] == [kept[0].as_dict()]
    assert one["notices"][0]["text"] == NOTICE.text
    assert NOTICE.text in log("show", "subject-0", "--notice", folder=tmp_path).stdout
    nothing = log("show", "nobody", folder=tmp_path)
    assert (nothing.returncode, nothing.stdout) == (1, "")
    stats = json.loads(log("stats", "--format", "json", folder=tmp_path).stdout)
    assert (stats["total"], stats["first_choices"]) == (4, 4)
    assert stats["acceptance"] == {"advertising": 0.0, "analytics": 1.0, "social": 1.0}
    assert "choices: 4, of them first choices: 4;" in log("stats", folder=tmp_path).stdout


def test_a_choice_without_notice_says_so(tmp_path: Path, kept: list[ConsentRecord]) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/consent.db")
    ledger.append([replace(kept[0], id=new_record_id(START), notice=None, channel="api")])
    ledger.close()
    done = log("show", "subject-0", "--notice", folder=tmp_path)
    assert (done.returncode, done.stdout.count("May we count you?")) == (0, 1)
    alone = log("show", next(iter(_ids(tmp_path, channel="api"))), "--notice", folder=tmp_path)
    assert "no notice on record" in alone.stderr


def test_migrate_says_what_it_did(tmp_path: Path, kept: list[ConsentRecord]) -> None:
    assert kept
    assert log("migrate", folder=tmp_path).stdout == f"the log has schema {SCHEMA_VERSION} already\n"
    database = sqlite3.connect(tmp_path / "old.db")
    database.executescript(FIRST_SCHEMA)
    database.close()
    done = log("migrate", "--ledger", "sqlite:///old.db", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"the log has schema {SCHEMA_VERSION}, migrated from 1\n")
    missing = log("migrate", "--ledger", "sqlite:///none.db", folder=tmp_path)
    assert (missing.returncode, (tmp_path / "none.db").exists()) == (2, False)


def _ids(folder: Path, *, channel: str) -> list[str]:
    ledger = Ledger(f"sqlite:///{folder}/consent.db")
    found = [record.id for record in ledger.records() if record.channel == channel]
    ledger.close()
    return found


def test_what_waits_in_a_spool_is_told(tmp_path: Path, kept: list[ConsentRecord]) -> None:
    spool = SpoolFolder(tmp_path / "consent.db").create()
    spool.append([Entry(kept[0]), Entry(kept[1])])
    for command in ("stats", "export"):
        done = log(command, folder=tmp_path)
        assert done.returncode == 0
        assert f"2 more choices wait in {spool.path}" in done.stderr
        assert "wait" not in done.stdout
    spool.remove()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "--ledger", "sqlite:///none.db"], "there is no log at"),
        (["export", "--since", "yesterday"], "is not a time"),
        (["export", "--ledger", "mysql://x/y"], "is not supported"),
        (["export", "-o", "none/out.csv"], "cannot be written"),
        (["export", "--format", "xml"], "xml"),
    ],
)
@pytest.mark.usefixtures("kept")
def test_wrong_usage_ends_with_2_and_one_message(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = log(*arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "none.db").exists()


@pytest.mark.server
@pytest.mark.usefixtures("kept")
def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "consent.toml").write_text('version = "1"\n', "utf-8")
    command = f"{sys.executable} -m cookie_consent log export | head -n 1"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S602
    assert done.stdout.startswith("id,subject")
    assert done.stderr == ""
