from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent import Ledger
from cookie_consent.ledger.proof.note import new_key
from tests.ledger.making import make
from tests.running import run

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from cookie_consent import ConsentRecord


def log(*arguments: str, folder: Path, key: str = "consent.key") -> subprocess.CompletedProcess[str]:
    return run("log", *arguments, folder=folder, CONSENT_LEDGER_KEY=key)


@pytest.fixture
def kept(tmp_path: Path) -> list[ConsentRecord]:
    """Make a log of 300 records, and a key."""
    private, verifier = new_key("shop.example/consent")
    (tmp_path / "consent.key").write_text(private + "\n")
    (tmp_path / "published").write_text(verifier.text)
    ledger = Ledger(f"sqlite:///{tmp_path}/consent.db")
    records = [make(at) for at in range(300)]
    ledger.append(records)
    ledger.close()
    return records


def seal(folder: Path) -> None:
    ledger = Ledger(f"sqlite:///{folder}/consent.db", key=folder / "consent.key")
    ledger.seal()
    ledger.close()


def tamper(folder: Path, statement: str) -> None:
    database = sqlite3.connect(folder / "consent.db", isolation_level=None)
    database.execute("DROP TRIGGER IF EXISTS consent_records_no_update")
    database.execute(statement)
    database.close()


@pytest.mark.usefixtures("kept")
def test_a_key_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    done = log("key", "shop.example", "-o", "new.key", folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("shop.example+")
    assert (tmp_path / "new.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new.key").read_text().startswith("PRIVATE+KEY+shop.example+")
    again = log("key", "shop.example", "-o", "new.key", folder=tmp_path)
    assert (again.returncode, "exists" in again.stderr) == (2, True)
    shown = log("key", folder=tmp_path)
    assert shown.stdout.strip() == (tmp_path / "published").read_text()
    alone = log("key", "--ledger", "sqlite:///none.db", folder=tmp_path)
    assert (alone.stdout, (tmp_path / "none.db").exists()) == (shown.stdout, False)
    printed = log("key", "shop.example", folder=tmp_path)
    assert printed.stdout.startswith("PRIVATE+KEY+")
    assert "publish this" in printed.stderr
    assert log("key", folder=tmp_path, key="").returncode == 1


def test_seal_verify_and_prove(tmp_path: Path, kept: list[ConsentRecord]) -> None:
    published = (tmp_path / "published").read_text()
    assert log("checkpoint", folder=tmp_path).returncode == 1
    assert log("verify", folder=tmp_path).returncode == 1  # nothing is sealed
    assert log("seal", folder=tmp_path).stdout == "sealed 301 leaves; the log has 301\n"
    note = log("checkpoint", folder=tmp_path).stdout
    assert note.startswith("shop.example/consent\n301\n")
    (tmp_path / "kept").write_text(note)
    fine = log("verify", "--checkpoint", "kept", "--key", published, folder=tmp_path)
    assert (fine.returncode, fine.stderr) == (0, "")
    assert "301 leaves (300 records, 0 erased, 0 pruned, 1 event), 0 not sealed yet" in fine.stdout
    assert fine.stdout.endswith("the log matches what was signed\n")
    (tmp_path / "proof").write_text(log("prove", kept[7].id, folder=tmp_path).stdout)
    checked = log("verify", "--proof", "proof", folder=tmp_path)
    assert (checked.returncode, f"the record {kept[7].id} is leaf 7" in checked.stdout) == (0, True)
    assert "published" in checked.stderr
    (tmp_path / "growth").write_text(log("checkpoint", "--since", "kept", folder=tmp_path).stdout)
    assert log("verify", "--proof", "growth", "--key", published, folder=tmp_path).returncode == 0
    bad = json.loads((tmp_path / "proof").read_text())
    bad["record"]["url"] = "/other"
    (tmp_path / "proof").write_text(json.dumps(bad))
    refused = log("verify", "--proof", "proof", "--format", "json", folder=tmp_path)
    assert (refused.returncode, json.loads(refused.stdout)["holds"]) == (1, False)
    events = json.loads(log("events", "--format", "json", folder=tmp_path).stdout)
    assert [event["detail"] for event in events] == [{"key": published}]


def test_verify_names_what_was_changed(tmp_path: Path, kept: list[ConsentRecord]) -> None:
    seal(tmp_path)
    tamper(tmp_path, f"UPDATE consent_records SET granted = '' WHERE id = '{kept[3].id}'")  # noqa: S608
    wrong = log("verify", folder=tmp_path)
    assert wrong.returncode == 1
    assert f"changed     leaf 3        {kept[3].id}" in wrong.stdout
    assert wrong.stdout.endswith("the log does NOT match what was signed\n")
    found = json.loads(log("verify", "--format", "json", folder=tmp_path, key="").stdout)
    assert found["faults"][0]["id"] == kept[3].id
    assert found["key_is_given"] is False
    proof = log("prove", kept[3].id, folder=tmp_path)
    assert (proof.returncode, proof.stdout) == (1, "")
    assert "is not what was sealed" in proof.stderr


def edited(lines: list[str], number: int, **changes: Any) -> list[str]:
    line = json.loads(lines[number])
    for name, value in changes.items():
        line["record"][name] = value
    return [*lines[:number], json.dumps(line) + "\n", *lines[number + 1 :]]


def test_an_export_is_verified_without_the_database(tmp_path: Path, kept: list[ConsentRecord]) -> None:
    seal(tmp_path)
    published = (tmp_path / "published").read_text()
    (tmp_path / "kept").write_text(log("checkpoint", folder=tmp_path).stdout)
    assert log("export", "--format", "sealed", "-o", "sealed.jsonl", folder=tmp_path).returncode == 0
    for path in tmp_path.glob("consent.db*"):
        path.unlink()
    check = ["verify", "--export", "sealed.jsonl", "--checkpoint", "kept", "--key", published]
    fine = log(*check, folder=tmp_path, key="")
    assert (fine.returncode, fine.stderr) == (0, "")
    assert "301 leaves (300 records" in fine.stdout
    lines = (tmp_path / "sealed.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "sealed.jsonl").write_text("".join(edited(lines, 5, granted=["social"])))
    wrong = log(*check, "--format", "json", folder=tmp_path)
    faults = json.loads(wrong.stdout)["faults"]
    assert (wrong.returncode, [(fault["kind"], fault["id"]) for fault in faults]) == (1, [("changed", kept[4].id)])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["seal"], "cannot be read"),
        (["verify", "--export", "a", "--proof", "b"], "not both"),
        (["verify", "--export", "none"], "cannot be read"),
        (["verify", "--export", "published"], "not a sealed export"),
        (["verify", "--proof", "none"], "cannot be read"),
        (["verify", "--proof", "published"], "not JSON"),
        (["verify", "--key", "nonsense"], "the key cannot be read"),
        (["verify", "--checkpoint", "none"], "cannot be read"),
        (["checkpoint", "--since", "published"], "not a signed note"),
        (["key", "a b"], "cannot be a key's name"),
        (["key", "shop.example", "-o", "none/file"], "cannot be written"),
        (["key", "shop.example", "-o", "consent.key"], "consent.key exists, and a key is never overwritten"),
        (["export", "--format", "sealed", "--subject", "a"], "whole log"),
        (["prove", "x", "--ledger", "sqlite:///none.db"], "there is no log at"),
    ],
)
@pytest.mark.usefixtures("kept")
def test_wrong_usage_ends_with_2_and_one_message(tmp_path: Path, arguments: list[str], words: str) -> None:
    if "--since" in arguments:
        seal(tmp_path)
    done = log(*arguments, folder=tmp_path, key="none.key" if arguments == ["seal"] else "consent.key")
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
