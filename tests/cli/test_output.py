"""Where ``-o`` leads, and a standard output that is closed. The only devices written to are terminals made here."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cookie_consent import Ledger
from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger.exports.destination import find_output
from cookie_consent.ledger.proof.note import new_key
from tests.ledger.making import make
from tests.running import run
from tests.waiting import HANG, ended

KEY, _ = new_key("shop.example/consent")
COMMANDS = {
    "csv": ("log", "export"),
    "jsonl": ("log", "export", "--format", "jsonl"),
    "iso27560": ("log", "export", "--format", "iso27560"),
    "parquet": ("log", "export", "--format", "parquet"),
    "sealed": ("log", "export", "--format", "sealed"),
    "key": ("log", "key", "shop.example/consent"),
}
"""Every command that has ``-o``, with every way of writing that it has."""
every_command = pytest.mark.parametrize("name", COMMANDS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a log of three records, which is sealed."""
    (tmp_path / "consent.toml").write_text('version = "1"\n[controller]\nname = "Shop Ltd"\n')
    ledger = Ledger(f"sqlite:///{tmp_path}/consent.db", key=KEY)
    ledger.append([make(at) for at in range(3)])
    ledger.seal()
    ledger.close()
    return tmp_path


def is_good(name: str, content: bytes) -> bool:
    """Say whether the content is what the command of that name writes."""
    begins = {
        "key": b"PRIVATE+KEY+",
        "parquet": b"PAR1",
        "csv": b"id,",
        "jsonl": b"{",
        "iso27560": b"{",
        "sealed": b"{",
    }
    return content.startswith(begins[name]) and (name != "parquet" or content.endswith(b"PAR1"))


class Reading(threading.Thread):
    """Reads all that is written into a pipe or terminal."""

    def __init__(self, file: int) -> None:
        super().__init__()
        self._file = file
        self.content = b""

    def run(self) -> None:
        while data := self._read():
            self.content += data

    def _read(self) -> bytes:
        try:
            return os.read(self._file, 65536)
        except OSError:  # how a terminal says that nobody has it open
            return b""


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith("consent.")}


@every_command
def test_a_pipe_is_written_into_and_stays(folder: Path, name: str) -> None:
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    reading = Reading(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))
    os.set_blocking(reading._file, True)
    (folder / "link").symlink_to("pipe")
    writing = os.open(pipe, os.O_WRONLY)  # so that the reader does not see an end before the command has begun
    reading.start()
    done = run(*COMMANDS[name], "-o", "link", folder=folder)
    os.close(writing)
    assert ended(reading)
    os.close(reading._file)
    assert (done.returncode, done.stderr) == (0, "")
    assert is_good(name, reading.content)
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert (folder / "link").is_symlink()
    assert left(folder) == {"pipe", "link"}


@every_command
def test_a_device_is_written_into_and_stays(folder: Path, name: str) -> None:
    master, slave = os.openpty()
    device = os.ttyname(slave)
    before = Path(device).stat()
    assert stat.S_ISCHR(before.st_mode)
    reading = Reading(master)
    reading.start()
    (folder / "link").symlink_to(device)
    done = run(*COMMANDS[name], "-o", "link", folder=folder)
    os.close(slave)
    assert ended(reading)
    os.close(master)
    assert (done.returncode, done.stderr) == (0, "")
    assert is_good(name, reading.content.replace(b"\r\n", b"\n")) or name == "parquet"
    assert left(folder) == {"link"}


@every_command
@pytest.mark.parametrize("path", ["folder", "folder/", "link", ".", "absent/"])
def test_a_folder_is_refused(folder: Path, name: str, path: str) -> None:
    (folder / "folder").mkdir()
    (folder / "link").symlink_to("folder")
    done = run(*COMMANDS[name], "-o", path, folder=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error: {path} is a folder; name a file in it" in done.stderr
    assert left(folder) == {"folder", "link"}
    assert list((folder / "folder").iterdir()) == []


@every_command
def test_symbolic_links_stay(folder: Path, name: str) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "link").symlink_to("other")
    (folder / "other").symlink_to(folder / "elsewhere" / "file")
    for old in [None] if name == "key" else [None, b"old"]:  # the target is not there yet, or is replaced
        if old is not None:
            (folder / "elsewhere" / "file").write_bytes(old)
        done = run(*COMMANDS[name], "-o", "link", folder=folder)
        assert (done.returncode, done.stderr) == (0, "")
        assert is_good(name, (folder / "elsewhere" / "file").read_bytes())
        assert ((folder / "link").readlink(), (folder / "other").is_symlink()) == (Path("other"), True)
        assert [path.name for path in (folder / "elsewhere").iterdir()] == ["file"]
    assert left(folder) == {"elsewhere", "link", "other"}


@pytest.mark.parametrize("name", ["csv", "sealed"])
def test_a_dash_is_standard_output(folder: Path, name: str) -> None:
    command = [sys.executable, "-m", "cookie_consent", *COMMANDS[name], "-o", "-"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=HANG)
    assert is_good(name, done.stdout)
    assert left(folder) == set()


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "key"])
def test_a_file_is_replaced_in_one_step_and_keeps_its_rights(folder: Path, name: str) -> None:
    file = folder / "file"
    file.write_bytes(b"old")
    file.chmod(0o640)
    before = file.open("rb")
    done = run(*COMMANDS[name], "-o", "file", folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert is_good(name, file.read_bytes())
    assert before.read() == b"old", "who has it open reads on what was there"
    before.close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert left(folder) == {"file"}


def test_a_key_that_is_there_is_never_replaced(folder: Path) -> None:
    (folder / "file").write_text("old")
    (folder / "link").symlink_to("file")
    for path in ("file", "link"):
        done = run(*COMMANDS["key"], "-o", path, folder=folder)
        assert (done.returncode, f"{path} exists, and a key is never overwritten" in done.stderr) == (2, True)
    assert (folder / "file").read_text() == "old"
    (folder / "new").symlink_to("secret")
    assert run(*COMMANDS["key"], "-o", "new", folder=folder).returncode == 0
    assert stat.S_IMODE((folder / "secret").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("absent/file", "No such file or directory"),
        ("consent.toml/file", "Not a directory"),
        ("x" * 300, "File name too long"),
        ("nothing\0here", "null byte"),
        ("round", "too many symbolic links"),
        ("socket", "No such device or address"),
        ("/proc/self/fd/987", "Bad file descriptor"),
    ],
)
@every_command
def test_what_cannot_be_written_is_told(folder: Path, name: str, path: str, words: str) -> None:
    import socket

    (folder / "round").symlink_to("about")
    (folder / "about").symlink_to("round")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
        done = run(*COMMANDS[name], "-o", path, folder=folder)
    assert (done.returncode, words in done.stderr, done.stderr.startswith("error: ")) == (2, True, True), done.stderr
    assert left(folder) == {"round", "about", "socket"}


def test_an_open_file_goes_on_where_others_have_left_it(folder: Path) -> None:
    """``(echo first; … -o /dev/stdout) > file`` neither replaces the file nor begins at its start."""
    with (folder / "file").open("wb", buffering=0) as file:
        file.write(b"first\n")
        command = [sys.executable, "-m", "cookie_consent", *COMMANDS["jsonl"], "-o", "/dev/stdout"]
        subprocess.run(command, cwd=folder, stdout=file, check=True, timeout=HANG)
        file.write(b"last\n")
    lines = (folder / "file").read_bytes().splitlines()
    assert (lines[0], lines[-1], len(lines)) == (b"first", b"last", 5)
    assert json.loads(lines[1])["action"] == "given"


def test_what_is_a_pipe_is_not_gone_on_with(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    done = run(*COMMANDS["csv"], "-o", "pipe", "--resume", folder=folder)
    assert (done.returncode, "start over without --resume" in done.stderr) == (2, True)
    done = run(*COMMANDS["csv"], "-o", "-", "--resume", folder=folder)
    assert (done.returncode, "name the file" in done.stderr) == (2, True)


def test_a_folder_of_months_may_be_a_link(folder: Path) -> None:
    (folder / "months").symlink_to("elsewhere")
    done = run(*COMMANDS["parquet"], "--partition", "month", "-o", "months", folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert pq.read_table(folder / "elsewhere").num_rows == 3
    assert left(folder) == {"months", "elsewhere"}


def test_the_log_itself_writes_no_file_in_the_place_of_a_device(folder: Path) -> None:
    master, slave = os.openpty()
    reading = Reading(master)
    reading.start()
    device = os.ttyname(slave)
    ledger = Ledger(f"sqlite:///{folder}/consent.db")
    assert ledger.export_file(device, "jsonl") == 3
    assert stat.S_ISCHR(Path(device).stat().st_mode)
    ledger.close()
    os.close(slave)
    assert ended(reading)
    os.close(master)
    assert reading.content.count(b"\n") == 3
    with pytest.raises(ConfigurationError, match="is a folder"):
        ledger.export_file(folder, "csv")


def test_a_descriptor_is_found_whatever_leads_to_it(folder: Path) -> None:
    (folder / "a").symlink_to("/proc/self/fd/0")
    (folder / "b").symlink_to(folder / "a")
    assert find_output(folder / "b").is_stream
    assert find_output("/dev/stderr").is_stream
    assert not find_output(folder / "fd").is_stream


# What becomes of standard output.


def start(folder: Path, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-X", "dev", "-W", "error", "-m", "cookie_consent", *arguments]
    return subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, **options)


@pytest.mark.parametrize(
    ("format_", "where"),
    [
        ("csv", ()),
        ("csv", ("-o", "/dev/stdout")),
        ("csv", ("-o", "pipe")),
        ("parquet", ("-o", "-")),
        ("sealed", ()),
        ("sealed", ("-o", "pipe")),
    ],
)
def test_an_export_ends_quietly_when_its_reader_has_enough(folder: Path, format_: str, where: tuple[str, ...]) -> None:
    ledger = Ledger(f"sqlite:///{folder}/consent.db", key=KEY)
    ledger.append([make(at) for at in range(3, 3000)])
    ledger.seal()
    ledger.close()
    os.mkfifo(folder / "pipe")
    process = start(folder, "log", "export", "--format", format_, *where, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    if "pipe" in where:
        with (folder / "pipe").open("rb", buffering=0) as pipe:
            assert pipe.read(10)
    else:
        assert process.stdout.read(10)
    process.stdout.close()
    assert (process.stderr.read(), process.wait(HANG)) == (b"", 0)
    process.stderr.close()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("schema",), 0),
        (("types",), 0),
        (("classify", "nothing-known"), 1),  # what was found counts, whether or not anybody reads it
        (("log", "verify"), 1),
        (("log", "stats"), 0),
        (("log", "stats", "--format", "csv", "--table", "days"), 0),
    ],
)
@pytest.mark.parametrize("how", ["nobody reads", "closed"])
def test_a_command_ends_as_ever_where_nobody_reads(
    folder: Path, arguments: tuple[str, ...], code: int, how: str
) -> None:
    with closing(sqlite3.connect(folder / "consent.db", isolation_level=None)) as database:
        database.execute("DELETE FROM consent_tiles")  # a fault for `verify`
    if how == "closed":
        process = start(folder, *arguments, preexec_fn=lambda: os.close(1))
    else:
        reader, writer = os.pipe()
        os.close(reader)
        process = start(folder, *arguments, stdout=writer)
        os.close(writer)
    assert process.stderr is not None
    errors = process.stderr.read()
    assert (process.wait(HANG), b"Traceback" in errors, b"Exception ignored" in errors) == (code, False, False), errors
    process.stderr.close()


def test_an_export_to_a_closed_output_says_so(folder: Path) -> None:
    process = start(folder, "log", "export", preexec_fn=lambda: os.close(1))
    _, errors = process.communicate(timeout=HANG)
    assert (process.returncode, errors) == (2, b"error: standard output is closed; name the file to write with -o\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")  # noqa: PTH110
@pytest.mark.parametrize("arguments", [("schema",), ("log", "export")])
def test_a_full_disk_is_told(folder: Path, arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - as a shell does
        process = start(folder, *arguments, stdout=full)
        _, errors = process.communicate(timeout=HANG)
    told = b"error: standard output cannot be used: No space left on device\n"
    assert (process.returncode, errors) == (2, told)


def test_names_that_are_no_text_can_be_printed(folder: Path) -> None:
    command = [sys.executable.encode(), b"-m", b"cookie_consent", b"classify", b"\xff\xfe"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=HANG)
    assert (done.returncode, done.stderr) == (1, b"")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable.encode(), b"-m", b"cookie_consent", b"schema"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=HANG, env=environment)
    assert json.loads(done.stdout)["properties"]
