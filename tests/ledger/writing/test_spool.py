from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.ledger.store import Entry
from cookie_consent.ledger.writing import framing, spool
from cookie_consent.ledger.writing.framing import decode_frame, encode_frame
from cookie_consent.ledger.writing.spool import Spool, SpoolFolder
from tests.ledger.making import NOTICE, make

ENTRIES = [Entry(make(at, notice=NOTICE.hash, url="/ä\n\u2028"), NOTICE) for at in range(5)]


def folder(path: Path) -> SpoolFolder:
    return SpoolFolder(path / "consent.db")


def read_all(one: Spool) -> list[Entry]:
    found = []
    while not one.is_empty:
        entries, offset = one.read(2)
        found += entries
        one.advance(offset)
    return found


def test_a_record_of_an_older_release_is_read() -> None:
    older = ENTRIES[0].record.as_dict()
    for name in ("control", "build", "edition", "regime", "note"):
        del older[name]
    payload = json.dumps({"record": older}).encode()
    line = b"%08x %s %s\n" % (len(payload), framing._checksum(payload), payload)
    assert decode_frame(line) == ENTRIES[0].record


def test_a_frame_holds_what_was_put_in() -> None:
    for item in (NOTICE, ENTRIES[0].record):
        frame = encode_frame(item)
        assert frame.count(b"\n") == 1
        assert decode_frame(frame) == item


@pytest.mark.parametrize(
    "payload",
    [
        b"",  # nothing
        b"[]",  # no object
        b'{"record":{"id":"1"}}',  # of another release
        b'{"record":{"at":5}}',
        b'{"seal":{}}',  # a kind unknown here
        b"\xff",  # no UTF-8
        b"[" * 500_000,  # deep
    ],
)
def test_a_whole_frame_of_something_else_is_none(payload: bytes) -> None:
    frame = b"%08x %s %s\n" % (len(payload), framing._checksum(payload), payload)
    assert decode_frame(frame) is None


def test_what_cannot_be_kept_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode_frame(make(url="\ud800"))
    with pytest.raises(ValueError, match="too long"):
        encode_frame(make(url="x" * framing.MAXIMUM_FRAME))


def test_an_ended_process_leaves_its_spool_to_another(tmp_path: Path) -> None:
    first = folder(tmp_path).create()
    first.append(ENTRIES[:3])
    first.append(ENTRIES[3:])
    assert folder(tmp_path).adopt() == []  # its owner lives
    assert [(found.path, found.choices) for found in folder(tmp_path).waiting()] == [(first.path, 5)]
    first.close()
    (second,) = folder(tmp_path).adopt()
    assert folder(tmp_path).adopt() == []
    assert read_all(second) == ENTRIES
    second.remove()
    assert list(tmp_path.iterdir()) == []


def test_spools_of_other_databases_are_left_alone(tmp_path: Path) -> None:
    other = SpoolFolder(tmp_path / "consent.db.2").create()
    hashed = SpoolFolder(tmp_path / "elsewhere" / "consent.db", tmp_path).create()
    for one in (other, hashed):
        one.append(ENTRIES)
        one.close()
    assert folder(tmp_path).adopt() == []
    assert folder(tmp_path).waiting() == []
    (found,) = SpoolFolder(tmp_path / "elsewhere" / "consent.db", tmp_path).adopt()
    assert read_all(found) == ENTRIES
    found.close()


def test_two_adopters_get_each_spool_once(tmp_path: Path) -> None:
    for _ in range(20):
        one = folder(tmp_path).create()
        one.append(ENTRIES)
        one.close()
    script = (
        "import sys; from pathlib import Path; from cookie_consent.ledger.writing.spool import SpoolFolder\n"
        "found = SpoolFolder(Path(sys.argv[1])).adopt(); print(*(one.path for one in found), flush=True)\n"
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "consent.db")]
    adopters = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    taken = []
    for adopter in adopters:
        assert adopter.stdout is not None
        taken.append(adopter.stdout.readline().split())
    for adopter in adopters:
        adopter.communicate("")
    assert len(taken[0]) + len(taken[1]) == 20
    assert not set(taken[0]) & set(taken[1])


@given(st.data())
def test_damage_at_the_tail_changes_no_record_and_loses_none_before_it(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "consent.db.1-0.spool"
        frames = [encode_frame(NOTICE), *(encode_frame(entry.record) for entry in ENTRIES)]
        content = b"".join(frames)
        starts = [len(b"".join(frames[:number])) for number in range(1, len(frames))]
        at = data.draw(st.integers(0, len(content) - 1), label="at")
        if data.draw(st.booleans(), label="cut"):
            damaged = content[:at] + data.draw(st.binary(max_size=40), label="then")
        else:
            flipped = content[at] ^ (1 << data.draw(st.integers(0, 7), label="bit"))
            damaged = content[:at] + bytes([flipped]) + content[at + 1 :]
        path.write_bytes(damaged)
        (found,) = folder(Path(name)).adopt()
        records = [entry.record for entry in read_all(found)]
        whole = [entry.record for entry in ENTRIES]
        before = max(0, sum(start <= at for start in starts) - 1)
        assert records[:before] == whole[:before]
        assert set(records) <= set(whole)
        assert records == sorted(records, key=whole.index)
        if len(damaged) == len(content):
            assert len(records) >= len(whole) - 2  # what follows the damage is found again
        aside = found.path.with_suffix(".aside")
        if len(damaged) == len(content) and damaged != content:
            assert aside.exists()
        found.close()


def test_damaged_lines_are_set_aside_once_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    one = folder(tmp_path).create()
    one.append(ENTRIES)
    one.close()
    with one.path.open("ab") as stream:
        stream.write(b"garbage\n" + b"\0" * 3_000_000 + encode_frame(make())[:-30])
    (found,) = folder(tmp_path).adopt()
    with caplog.at_level(logging.ERROR, "cookie_consent"):
        for _ in range(2):  # the store was away in between
            entries, offset = found.read(100)
    found.advance(offset)
    assert entries == ENTRIES
    assert found.is_empty
    assert found.path.with_suffix(".aside").read_bytes().startswith(b"garbage\n")
    assert found.path.with_suffix(".aside").stat().st_size < 3_001_000
    assert len(caplog.records) == 1
    found.close()


@pytest.mark.parametrize("fails", ["write", "sync"])
def test_a_full_disk_leaves_the_spool_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    one = folder(tmp_path).create()
    one.append(ENTRIES[:2])
    size = one.path.stat().st_size
    with monkeypatch.context() as patch:

        def some(file: int, data: memoryview, offset: int) -> int:
            if offset > size:
                raise OSError(errno.ENOSPC, "no space left on device")
            return os.pwrite(file, data[:100], offset)

        def nothing(_: int) -> None:
            raise OSError(errno.ENOSPC, "no space left on device")

        if fails == "write":
            patch.setattr(spool, "_pwrite", some)
        else:
            patch.setattr(spool, "_sync", nothing)
        with pytest.raises(OSError, match="no space"):
            one.append(ENTRIES[2:])
    assert one.path.stat().st_size == size
    one.append(ENTRIES[2:])
    assert read_all(one) == ENTRIES
    one.close()
