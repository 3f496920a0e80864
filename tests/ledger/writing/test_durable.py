"""A choice that goes to the spool is on the disk before it is acknowledged, and a store that is away has its peace."""

from __future__ import annotations

import logging
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING

from cookie_consent.errors import LedgerError
from cookie_consent.ledger.store import Entry
from cookie_consent.ledger.writing import spool, writer
from cookie_consent.ledger.writing.spool import SpoolFolder
from cookie_consent.ledger.writing.writer import Writer
from tests.ledger.making import NOTICE, make

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

ENTRIES = [Entry(make(at, notice=NOTICE.hash), NOTICE) for at in range(5)]


def test_the_spool_syncs_by_the_means_of_the_system() -> None:
    assert spool._sync is getattr(os, "fdatasync", os.fsync)


def test_what_is_written_is_synced_before_it_is_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    pwrite, sync, folder_sync = spool._pwrite, spool._sync, os.fsync

    def write(file: int, data: memoryview, offset: int) -> int:
        done.append("write")
        return int(pwrite(file, data, offset))

    def synced(file: int) -> None:
        done.append(f"sync at {os.fstat(file).st_size}")
        sync(file)

    def folder_synced(file: int) -> None:
        done.append("sync the folder")
        folder_sync(file)

    monkeypatch.setattr(spool, "_pwrite", write)
    monkeypatch.setattr(spool, "_sync", synced)
    monkeypatch.setattr(os, "fsync", folder_synced)
    one = SpoolFolder(tmp_path / "consent.db").create()
    assert done == ["sync the folder"]  # or the file's name could be lost with a power cut
    done.clear()
    for entries in (ENTRIES[:3], ENTRIES[3:]):
        one.append(entries)
        assert done == ["write", f"sync at {one.path.stat().st_size}"]
        done.clear()
    one.close()


class Away:
    """A store that is away, with the times at which it was asked."""

    def __init__(self, clock: SimpleNamespace) -> None:
        self.is_away = True
        self.asked: list[float] = []
        self._clock = clock

    def append(self, _entries: Sequence[Entry], *, patience: float) -> None:
        assert patience > 0
        self.asked.append(round(self._clock.now, 3))
        if self.is_away:
            raise LedgerError("the log is away", url="")

    def forget(self) -> None:
        pass


def with_choices_that_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[SimpleNamespace, SpoolFolder, Away, Writer]:
    """Return a clock that only the test moves, and a writer that has taken on a spool while its store is away."""
    clock = SimpleNamespace(now=100.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(writer, "time", clock)
    folder = SpoolFolder(tmp_path / "consent.db")
    left = folder.create()
    left.append(ENTRIES)
    left.close()
    store = Away(clock)
    one = Writer(store, folder, url="")  # type: ignore[arg-type]
    one._adopt()
    return clock, folder, store, one


def test_a_store_that_is_away_is_asked_less_and_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, folder, store, one = with_choices_that_wait(tmp_path, monkeypatch)
    for _ in range(2000):  # 20 seconds, in which choices come all the time
        one._carry()
        clock.now += 0.01
    pauses = [round(later - earlier, 1) for earlier, later in zip(store.asked, store.asked[1:], strict=False)]
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    store.is_away = False
    clock.now += 10
    assert one._carry()
    assert folder.waiting() == []
    again = folder.create()  # and when it is away the next time, it is asked soon
    again.append(ENTRIES)
    again.close()
    store.is_away, store.asked[:], one._adopt_at = True, [], 0.0
    one._adopt()
    for _ in range(100):
        one._carry()
        clock.now += 0.01
    assert round(store.asked[1] - store.asked[0], 1) == 0.1
    one.close()


def test_an_error_that_nobody_expects_is_not_met_without_a_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock, _, store, one = with_choices_that_wait(tmp_path, monkeypatch)
    rounds = iter([True, False])

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of the store")

    monkeypatch.setattr(store, "append", broken)
    monkeypatch.setattr(one, "_ends", lambda: not next(rounds))
    monkeypatch.setattr(one, "_take", list)
    with caplog.at_level(logging.ERROR, "cookie_consent"):
        one._run()
    assert one._retry_at > clock.now
    assert "unexpected error in the log's writer" in caplog.text
    one.close()
