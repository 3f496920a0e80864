"""An export that was cut off goes on, and ends as one that was not."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent import ConfigurationError, Ledger, LedgerError, Policy
from cookie_consent.ledger import RecordFilter
from cookie_consent.ledger.exports.rows import PAGE
from cookie_consent.policy import Controller
from tests.ledger.exports.mixed import fill, mixed
from tests.ledger.making import START, make, sqlite_store
from tests.waiting import HANG

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POLICY = Policy(version="1", controller=Controller(name="Shop Ltd"))
NAMES = ("csv", "jsonl", "iso27560")


class Cut(BaseException):
    """What ends a run."""


def cut_after(pages: int) -> Callable[[int], None]:
    """Return what breaks an export off when so many pages are written."""
    left = [pages]

    def tell(count: int) -> None:
        left[0] -= count > 0
        if left[0] <= 0:
            raise Cut

    return tell


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(f"sqlite:///{tmp_path}/consent.db")
    fill(ledger, mixed(PAGE * 4 + 5, days=0.001))
    return ledger


def begun(ledger: Ledger, path: Path, name: str = "csv", **options: Any) -> None:
    with pytest.raises(Cut):
        ledger.export_file(path, name, policy=POLICY, progress=cut_after(2), **options)
    assert not path.exists()
    assert path.with_name(path.name + ".part").exists()


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith("consent.db")}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("torn", [b"", b"\0", b'{"id":"01a2', b"x" * 300_000])
def test_the_file_is_as_if_it_had_not_been_cut_off(tmp_path: Path, ledger: Ledger, name: str, torn: bytes) -> None:
    path, other = tmp_path / "out", tmp_path / "other"
    where = RecordFilter(channels=("banner", "phone"))
    begun(ledger, path, name, where=where)
    with (tmp_path / "out.part").open("ab") as part:
        part.write(torn)  # what a machine that stopped may leave behind
    ledger.append([make(10_000_000)])  # the log goes on
    counted: list[int] = []
    total = ledger.export_file(path, name, where=where, policy=POLICY, resume=True, progress=counted.append)
    assert ledger.export_file(other, name, where=where, policy=POLICY) == total == sum(counted)
    assert path.read_bytes() == other.read_bytes()
    assert total == ledger.count(where=where)
    assert left(tmp_path) == {"out", "other"}
    ledger.close()


@pytest.mark.server
def test_a_killed_process_leaves_what_can_be_gone_on_with(tmp_path: Path, ledger: Ledger) -> None:
    source = (
        "import os, signal, sys\n"
        "from cookie_consent import Ledger\n"
        "from cookie_consent.ledger.exports import to_file\n"
        "to_file._BETWEEN_NOTES = 0\n"
        "pages = []\n"
        "def tell(count):\n"
        "    pages.append(count)\n"
        "    if len(pages) == 4: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Ledger(sys.argv[1]).export_file(sys.argv[2], 'jsonl', progress=tell)\n"
    )
    command = [sys.executable, "-c", source, ledger.url, str(tmp_path / "out")]
    done = subprocess.run(command, check=False, timeout=HANG, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    note = json.loads((tmp_path / "out.part.json").read_text())
    assert note["records"] == PAGE * 3
    assert ledger.export_file(tmp_path / "out", "jsonl", resume=True) == PAGE * 4 + 5
    lines = (tmp_path / "out").read_text("utf-8").removesuffix("\n").split("\n")
    assert [json.loads(line)["id"] for line in lines] == [record.id for record in ledger.records()]
    ledger.close()


def late(ledger: Ledger, _: Path) -> None:
    ledger.append([make(0, id="0" * 8 + make(0).id[8:], at=START - timedelta(days=1))])


def erased(ledger: Ledger, _: Path) -> None:
    ledger.erase(next(ledger.records()).subject)


def shortened(_: Ledger, part: Path) -> None:
    os.truncate(part, 100)


def no_json(_: Ledger, part: Path) -> None:
    part.with_name(part.name + ".json").write_text("[" * 100_000)


def no_note(_: Ledger, part: Path) -> None:
    part.with_name(part.name + ".json").write_text('{"version": 1, "size": "7"}')


@pytest.mark.parametrize(
    ("happened", "words"),
    [
        (late, "choices were added later; start over without --resume"),
        (erased, "may hold records that have been erased or pruned since"),
        (shortened, "is shorter than it was"),
        (no_json, "is not the note of an export"),
        (no_note, "is not the note of an export"),
    ],
)
def test_what_would_end_as_another_file_is_refused(
    tmp_path: Path, ledger: Ledger, happened: Callable[[Ledger, Path], None], words: str
) -> None:
    path = tmp_path / "out"
    begun(ledger, path)
    happened(ledger, tmp_path / "out.part")
    with pytest.raises(ConfigurationError, match=words):
        ledger.export_file(path, "csv", policy=POLICY, resume=True)
    assert left(tmp_path) == {"out.part", "out.part.json"}
    assert ledger.export_file(path, "csv") == ledger.count()  # from the beginning
    assert left(tmp_path) == {"out"}
    ledger.close()


def test_beginning_anew_forgets_the_part_before(tmp_path: Path, ledger: Ledger) -> None:
    """Else a run that is killed before its first note would leave the note of another."""
    begun(ledger, tmp_path / "out")
    assert (tmp_path / "out.part.json").exists()
    seen = []
    ledger.export_file(tmp_path / "out", "csv", progress=lambda _: seen.append((tmp_path / "out.part.json").exists()))
    assert seen[0] is False
    ledger.close()


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("jsonl", {}, r"another format \('csv', now 'jsonl'\)"),
        ("csv", {}, r"another filter \({'actions': \['given'\]}, now {}\)"),
        ("csv", {"where": RecordFilter(actions=("given",), since=START)}, "another filter"),
    ],
)
def test_another_export_is_not_gone_on_with(
    tmp_path: Path, ledger: Ledger, name: str, options: dict[str, Any], words: str
) -> None:
    begun(ledger, tmp_path / "out", where=RecordFilter(actions=("given",)))
    with pytest.raises(ConfigurationError, match=words):
        ledger.export_file(tmp_path / "out", name, resume=True, **options)
    other = Ledger(f"sqlite:///{tmp_path}/consent.db2")
    other.open()
    with pytest.raises(ConfigurationError, match="another log"):
        other.export_file(tmp_path / "out", "csv", resume=True, where=RecordFilter(actions=("given",)))
    other.close()
    ledger.close()


def test_nothing_is_left_where_nothing_was_written(tmp_path: Path, ledger: Ledger) -> None:
    with sqlite_store(ledger).writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER consent_records_no_update")
        connection.exec_driver_sql("UPDATE consent_records SET url = x'ff'")
    with pytest.raises(LedgerError):
        ledger.export_file(tmp_path / "out", "csv")
    assert left(tmp_path) == set()
    with pytest.raises(ConfigurationError, match=r"\[controller\]"):
        ledger.export_file(tmp_path / "out", "iso27560", policy=Policy(version="1"))
    assert left(tmp_path) == set()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        ledger.export_file(tmp_path / "none" / "out", "csv")
    ledger.close()


def test_resuming_without_a_part_begins_anew_and_keeps_the_old_file_until_then(tmp_path: Path, ledger: Ledger) -> None:
    path = tmp_path / "out"
    path.write_text("old")
    begun_ = pytest.raises(Cut)
    with begun_:
        ledger.export_file(path, "csv", resume=True, progress=cut_after(1))
    assert path.read_text() == "old"
    assert stat.S_IMODE((tmp_path / "out.part").stat().st_mode) == 0o600
    ledger.export_file(path, "csv", resume=True)
    assert path.read_text("utf-8").startswith("id,subject")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    ledger.close()


@pytest.mark.skipif(sys.platform == "win32", reason="needs flock")
def test_two_exports_do_not_write_one_file(tmp_path: Path, ledger: Ledger) -> None:
    path = tmp_path / "out"

    def another(_: int) -> None:
        with pytest.raises(ConfigurationError, match="another export is writing"):
            ledger.export_file(path, "csv")

    assert ledger.export_file(path, "csv", progress=another) == ledger.count()
    ledger.close()


def test_a_link_in_the_part_s_place_is_not_followed(tmp_path: Path, ledger: Ledger) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "out.part").symlink_to(target)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        ledger.export_file(tmp_path / "out", "csv")
    assert target.read_text() == "precious"
    ledger.close()
