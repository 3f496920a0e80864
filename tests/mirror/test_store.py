"""Where the files of the mirror are kept."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent.mirror.store import Entry, FolderStore, MemoryStore, Store, make_store

if TYPE_CHECKING:
    from pathlib import Path


def entry(upstream: str = "https://unpkg.com/vue@3.4.1/a.js", body: bytes = b"a()\n{}") -> Entry:
    digest = hashlib.sha256(body).hexdigest()
    return Entry(
        upstream=upstream, media_type="text/javascript", digest=digest, fetched_at=1.5, fresh_until=None, body=body
    )


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return FolderStore(tmp_path / "m", size=100_000) if request.param == "folder" else MemoryStore(size=10_000)


def test_an_entry_is_kept_until_it_is_cleared(store: Store) -> None:
    assert store.get(entry().upstream) is None
    store.put(entry())
    assert store.get(entry().upstream) == entry()
    assert list(store.entries()) == [entry()]
    assert store.pin("x", "1") == "1"
    assert store.pin("x", "2") == "1"
    assert store.clear() == 1
    assert store.get(entry().upstream) is None
    assert store.pin("x", "2") == "2"


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b\\c", "x" * 300, "\0", "\udc80", "CON", ""])
def test_no_name_becomes_a_path(store: Store, name: str, tmp_path: Path) -> None:
    store.put(entry(name))
    store.pin(name, "1")
    found = store.get(name)
    assert found is not None
    assert found.upstream == name
    names = {path.name for path in tmp_path.rglob("*")} - {"m", "pins", "writable"}
    assert all(len(part) == 64 for part in names)


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    kept = FolderStore(tmp_path, size=3 * 4096)  # for three files, however small
    for number in range(4):
        kept.put(entry(f"https://unpkg.com/{number}", b"x" * 500))
        for path in tmp_path.glob("*"):
            os.utime(path, (time.time() - 9000, path.stat().st_mtime - 10_000))
        kept.get("https://unpkg.com/0")
    left = {found.upstream for found in kept.entries()}
    assert "https://unpkg.com/0" in left
    assert "https://unpkg.com/1" not in left
    memory = MemoryStore(size=3000)  # for two entries, which take something beside their bodies
    for number in range(3):
        memory.put(entry(str(number), b"x" * 400))
        memory.get("0")
    assert [found.upstream for found in memory.entries()] == ["2", "0"]


def test_the_folder_is_looked_through_only_when_it_may_be_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scans: list[Path] = []
    scandir, listdir = os.scandir, os.listdir

    def scan(folder: Path) -> Any:
        scans.append(folder)
        return scandir(folder)

    def count(folder: Path) -> list[str]:
        scans.append(folder)
        return listdir(folder)

    monkeypatch.setattr(os, "scandir", scan)
    monkeypatch.setattr(os, "listdir", count)
    FolderStore(tmp_path).put(entry("https://unpkg.com/old", b"x" * 4000))
    scans.clear()
    kept = FolderStore(tmp_path, size=100 * 4096)
    for number in range(6):
        kept.put(entry(f"https://unpkg.com/{number}", b"x" * 500))
    assert len(scans) == 1  # before, others may have written any number of files
    for _ in range(3):
        kept.put(entry("https://unpkg.com/0", b"x" * 500))
    assert len(scans) == 2  # after a sixteenth of the limit, since others may have gone on
    scans.clear()
    for number in range(6):
        kept.pin(str(number), "1")
    assert len(scans) == 1


def test_the_oldest_of_too_many_pins_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cookie_consent.mirror.store._MOST_PINS", 20)
    monkeypatch.setattr("cookie_consent.mirror.store._PINS_AT_A_TIME", 5)
    kept = FolderStore(tmp_path)
    for number in range(60):
        kept.pin(str(number), "1")
        assert len(list((tmp_path / "pins").iterdir())) <= 25
    assert kept.pin("59", "2") == "1"


def test_the_running_total_keeps_the_folder_within_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cookie_consent.mirror.store._MOST_UNCOUNTED", 100)
    kept = FolderStore(tmp_path, size=10 * 4096)
    for _ in range(30):
        kept.put(entry("https://unpkg.com/same", b"x" * 500))  # which replaces itself
    for number in range(9):
        kept.put(entry(f"https://unpkg.com/{number}", b"x" * 500))
    assert len(list(kept.entries())) == 10
    for number in range(9, 40):
        kept.put(entry(f"https://unpkg.com/{number}", b"x" * 500))
        assert len(list(kept.entries())) <= 10


def test_several_processes_may_share_a_folder(tmp_path: Path) -> None:
    FolderStore(tmp_path).put(entry())
    FolderStore(tmp_path).pin("x", "1")
    assert FolderStore(tmp_path).get(entry().upstream) == entry()
    assert FolderStore(tmp_path).pin("x", "2") == "1"
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize("damage", [b"", b"{}\n", b"\xff", b'{"upstream": 1}\nx', b"x" * 100_000])
def test_what_was_altered_on_disk_is_not_served(tmp_path: Path, damage: bytes) -> None:
    kept = FolderStore(tmp_path)
    kept.put(entry())
    (path,) = [path for path in tmp_path.iterdir() if len(path.name) == 64]
    path.write_bytes(damage or path.read_bytes()[:-1])
    assert kept.get(entry().upstream) is None
    assert not path.exists()


def test_a_file_system_without_hard_links_keeps_pins_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise PermissionError(1, "not supported")

    monkeypatch.setattr(os, "link", link)
    kept = FolderStore(tmp_path)
    assert kept.pin("x", "1" * 64) == "1" * 64
    assert kept.pin("x", "2" * 64) == "1" * 64


@pytest.mark.parametrize("damage", [b"", b"\xff", b"x"])
def test_a_pin_that_was_not_written_to_the_end_is_none(tmp_path: Path, damage: bytes) -> None:
    kept = FolderStore(tmp_path)
    assert kept.pin("x", "1" * 64) == "1" * 64
    (path,) = (tmp_path / "pins").iterdir()
    path.write_bytes(damage)  # as when the machine lost its power
    assert kept.pin("x", "2" * 64) == "2" * 64
    assert kept.pin("x", "3" * 64) == "2" * 64


def test_a_pin_that_another_process_has_dropped_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = FolderStore(tmp_path)
    monkeypatch.setattr("cookie_consent.mirror.store._MOST_PINS", 0)
    found = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: ["gone", *found(folder)])
    assert kept.pin("x", "1") == "1"


def test_an_entry_of_another_address_is_not_served(tmp_path: Path) -> None:
    kept = FolderStore(tmp_path)
    kept.put(entry())
    (path,) = [path for path in tmp_path.iterdir() if len(path.name) == 64]
    path.rename(tmp_path / hashlib.sha256(b"other").hexdigest())
    assert kept.get("other") is None


def test_unfinished_files_of_a_process_that_was_killed_go(tmp_path: Path) -> None:
    left = tmp_path / "left.tmp"
    left.write_bytes(b"x")
    os.utime(left, (1, 1))
    FolderStore(tmp_path).put(entry())
    assert not left.exists()


def test_the_folder_is_the_named_one_the_users_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_MIRROR", str(tmp_path / "a"))
    assert isinstance(make_store(), FolderStore)
    assert (tmp_path / "a").stat().st_mode & 0o077 == 0
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("CONSENT_MIRROR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert isinstance(make_store(), FolderStore)
    assert (tmp_path / "cache" / "cookie_consent" / "mirror").is_dir()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("a file", "it is no folder"),
        ("open to all", "others may write to it"),
        ("open to its group", "others may write to it"),
        ("a link to a folder", "it is a symbolic link"),
        ("a link to nothing", "it is a symbolic link"),
    ],
)
def test_a_folder_that_cannot_be_used_is_told_and_memory_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: str, reason: str
) -> None:
    named, other = tmp_path / "named", tmp_path / "other"
    if kind == "a file":
        named.write_bytes(b"")
    elif kind.startswith("open"):
        named.mkdir()
        named.chmod(0o777 if kind == "open to all" else 0o770)
    else:
        named.symlink_to(other)
        if kind == "a link to a folder":
            other.mkdir(mode=0o700)
    monkeypatch.setenv("CONSENT_MIRROR", str(named))
    assert isinstance(make_store(), MemoryStore)
    assert reason in caplog.text
    assert not other.exists() or not list(other.iterdir())


def test_the_folder_below_a_link_is_one_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "disk")  # such as a cache folder on another disk
    monkeypatch.setenv("CONSENT_MIRROR", str(tmp_path / "cache" / "mirror"))
    assert isinstance(make_store(), FolderStore)
