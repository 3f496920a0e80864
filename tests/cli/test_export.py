"""``cookie-consent log export`` and ``log receipt``."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from cookie_consent import Ledger
from cookie_consent.cli import export as module
from cookie_consent.ledger.exports.rows import PAGE
from tests.ledger.exports.mixed import fill, mixed
from tests.running import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cookie_consent import ConsentRecord


def log(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return run("log", *arguments, folder=folder, CONSENT_LEDGER_KEY="")


@pytest.fixture
def kept(tmp_path: Path) -> list[ConsentRecord]:
    (tmp_path / "consent.toml").write_text('version = "1"\n[controller]\nname = "Shop Ltd"\n')
    ledger = Ledger(f"sqlite:///{tmp_path}/consent.db")
    records = mixed(PAGE + 30)
    fill(ledger, records)
    ledger.close()
    return records


def test_each_format_is_written_to_a_file(tmp_path: Path, kept: list[ConsentRecord]) -> None:
    for name in ("csv", "jsonl", "parquet", "iso27560"):
        done = log("export", "--format", name, "-o", f"x.{name}", folder=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    ids = [record.id for record in kept]
    rows = csv.DictReader(io.StringIO((tmp_path / "x.csv").read_bytes().decode(), newline=""))
    assert [row["id"] for row in rows] == ids
    assert [json.loads(line)["id"] for line in (tmp_path / "x.jsonl").read_text("utf-8").strip().split("\n")] == ids
    assert pq.read_table(tmp_path / "x.parquet")["id"].to_pylist() == ids
    graph = json.loads((tmp_path / "x.iso27560").read_text("utf-8"))["@graph"]
    assert [node["dct:identifier"] for node in graph if node["@type"] == "dpv:ConsentRecord"] == ids
    done = log("export", "--format", "parquet", "--partition", "month", "-o", "months", folder=tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "months" / "year=2026" / "month=11").is_dir()


@pytest.mark.parametrize(
    ("content", "said"), [(None, "there is no policy file"), ("version = [", "the policy cannot be read")]
)
def test_records_are_exported_without_a_policy_that_can_be_read(
    tmp_path: Path, kept: list[ConsentRecord], content: str | None, said: str
) -> None:
    (tmp_path / "consent.toml").unlink()
    if content is not None:
        (tmp_path / "consent.toml").write_text(content)
    done = log("export", "-o", "x.csv", folder=tmp_path)
    assert done.returncode == 0
    assert said in done.stderr
    rows = list(csv.DictReader(io.StringIO((tmp_path / "x.csv").read_bytes().decode(), newline="")))
    assert len(rows) == len(kept)
    assert "expires" not in rows[0]


def test_filters_may_be_repeated(tmp_path: Path, kept: list[ConsentRecord]) -> None:
    arguments = ["--action", "given", "--action", "withdrawn", "--policy-version", "1", "--category", "analytics"]
    log("export", "--format", "jsonl", *arguments, "-o", "x", folder=tmp_path)
    found = [json.loads(line)["id"] for line in (tmp_path / "x").read_text("utf-8").strip().split("\n")]
    assert found == [
        record.id
        for record in kept
        if record.action in {"given", "withdrawn"} and "analytics" in record.granted + record.refused
    ]
    log("export", "--format", "jsonl", "--region", "DE", "--channel", "phone", "-o", "x", folder=tmp_path)
    assert (tmp_path / "x").read_bytes().count(b"\n") == sum(record.region == "DE" for record in kept)


@pytest.mark.server
@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_bytes_go_to_standard_output(tmp_path: Path, kept: list[ConsentRecord], name: str) -> None:
    command = [sys.executable, "-m", "cookie_consent", "log", "export", "--format", name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=60)
    if name == "csv":
        assert done.stdout.startswith(b"id,subject,at,")
        assert len(list(csv.reader(io.StringIO(done.stdout.decode(), newline="")))) == len(kept) + 1
    else:
        assert pq.read_table(io.BytesIO(done.stdout)).num_rows == len(kept)


def test_a_run_that_was_interrupted_says_how_to_go_on(
    tmp_path: Path, kept: list[ConsentRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def interrupted(*_: object) -> Iterator[Callable[[int], None]]:
        def tell(_: int) -> None:
            raise KeyboardInterrupt

        yield tell

    monkeypatch.setattr(module, "_progress", interrupted)
    done = log("export", "-o", "x.csv", folder=tmp_path)
    assert done.returncode != 0
    assert "continue with the same command and --resume (x.csv.part)" in done.stderr
    monkeypatch.undo()
    refused = log("export", "--action", "given", "-o", "x.csv", "--resume", folder=tmp_path)
    assert (refused.returncode, "another filter" in refused.stderr) == (2, True)
    assert log("export", "-o", "x.csv", "--resume", folder=tmp_path).returncode == 0
    rows = csv.DictReader(io.StringIO((tmp_path / "x.csv").read_bytes().decode(), newline=""))
    assert [row["id"] for row in rows] == [record.id for record in kept]


def test_long_runs_are_told_by_lines(
    tmp_path: Path, kept: list[ConsentRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BETWEEN_LINES", 0.0)
    done = log("export", "-o", "x.csv", folder=tmp_path)
    assert done.stderr.splitlines()[-1] == f"{len(kept)} records"


@pytest.mark.server
@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of its own")
def test_a_terminal_has_a_bar(tmp_path: Path, kept: list[ConsentRecord]) -> None:
    assert kept
    import pty

    own, other = pty.openpty()
    command = [sys.executable, "-m", "cookie_consent", "log", "export", "-o", "x.csv"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=other, env={**os.environ, "TERM": "xterm"}) as process:
        os.close(other)
        shown = b""
        try:
            while chunk := os.read(own, 4096):
                shown += chunk
        except OSError:  # how the end shows itself
            pass
        assert process.wait(60) == 0
    os.close(own)
    assert b"records" in shown
    assert f"/{len(kept)}".encode() in shown


def test_a_visitor_is_exported_by_an_id_as_people_copy_it(tmp_path: Path, kept: list[ConsentRecord]) -> None:
    done = log("export", "--subject", f" {kept[0].subject.upper()}", "--format", "jsonl", folder=tmp_path)
    assert kept[0].id in done.stdout
    assert "no record" not in done.stderr


@pytest.mark.usefixtures("kept")
def test_an_export_without_records_says_so(tmp_path: Path) -> None:
    assert "no record matches\n" in log("export", "--category", "nothing", folder=tmp_path).stderr
    assert "no record matches\n" in log("export", "--subject", "nobody", "-o", "log.csv", folder=tmp_path).stderr
    Ledger(f"sqlite:///{tmp_path}/new.db").open()
    new = log("export", "--ledger", f"sqlite:///{tmp_path}/new.db", folder=tmp_path)
    assert (new.returncode, "the log has no records yet\n" in new.stderr) == (0, True)


def test_a_receipt_is_printed(tmp_path: Path, kept: list[ConsentRecord]) -> None:
    done = log("receipt", kept[0].subject, "--policy", "consent.toml", folder=tmp_path)
    assert json.loads(done.stdout)["consentReceiptID"] == kept[0].id
    copied = log("receipt", f" {kept[0].subject.upper()}", "--policy", "consent.toml", folder=tmp_path)
    assert json.loads(copied.stdout)["piiPrincipalId"] == kept[0].subject
    nobody = log("receipt", "nobody", folder=tmp_path)
    assert (nobody.returncode, nobody.stdout) == (1, "")
    (tmp_path / "consent.toml").write_text('version = "1"\n')
    assert "add [controller]" in log("receipt", kept[0].subject, folder=tmp_path).stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--action", "agreed"], "write one of given, refused"),
        (["--channel", "fax"], "write one of banner"),
        (["--since", "noon"], "is not a time"),
        (["--resume"], "name the file or folder to write with -o"),
        (["--partition", "month"], "name the file or folder to write with -o"),
        (["--partition", "month", "-o", "x"], "only Parquet can be partitioned"),
        (["--format", "parquet", "--resume", "-o", "x"], "use --partition month, csv or jsonl"),
        (["--format", "sealed", "--region", "DE"], "leave out --resume, --partition and all filters"),
        (["--format", "iso27560", "--policy", "none.toml"], "does not exist"),
    ],
)
@pytest.mark.usefixtures("kept")
def test_wrong_usage_ends_with_2_and_one_message(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = log("export", *arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert not (tmp_path / "x").exists()
