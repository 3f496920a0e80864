"""The log in memory is a log like any other, as long as its process lives."""

from __future__ import annotations

import gc
import os
import pickle
import sqlite3
import sys
import threading
from typing import TYPE_CHECKING

import anyio
import pytest

from cookie_consent import ConfigurationError, Ledger, LedgerError, Policy
from cookie_consent.ledger import new_key
from tests.ledger.making import NOTICE, make

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.anyio
@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
async def test_it_keeps_what_is_written_until_nothing_uses_it(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ledger, other = Ledger(url, memory=True), Ledger(url, memory=True)
    assert list(ledger.records()) == []  # nothing has to be opened first
    written = [make(number, notice=NOTICE.hash) for number in range(3)]
    async with anyio.create_task_group() as tasks:
        for record in written:
            tasks.start_soon(ledger.write, record, NOTICE)
    await anyio.to_thread.run_sync(ledger.close)  # as a server does when it ends
    assert list(ledger.records()) == written
    assert ledger.notice(NOTICE.hash) == NOTICE
    assert ledger.count_new()
    assert other.count() == 0
    assert ledger.url == "sqlite://"
    ledger.close()
    other.close()
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a blocking call like any other, in a test


def test_threads_share_it() -> None:
    ledger = Ledger("sqlite://", memory=True)

    def append(first: int) -> None:
        for number in range(first, first + 20):
            ledger.append([make(number)])

    threads = [threading.Thread(target=append, args=(first,)) for first in range(0, 100, 20)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        assert ledger.count() <= 100
    for thread in threads:
        thread.join()
    assert ledger.count() == 100
    ledger.close()


def test_it_can_be_sealed_and_erased() -> None:
    ledger = Ledger("sqlite://", memory=True, key=new_key("shop.example/consent")[0])
    record = ledger.enter(Policy(version="1"), channel="phone")
    ledger.seal()
    assert ledger.verify().records == 1
    assert ledger.erase(record.subject or "") == 1
    ledger.close()


def test_another_process_cannot_read_it() -> None:
    ledger = Ledger("sqlite://", memory=True)
    with pytest.raises(LedgerError, match="cannot be read by other processes"):
        pickle.dumps(ledger._store)


@pytest.mark.server
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_begins_with_an_empty_one() -> None:
    ledger = Ledger("sqlite://", memory=True)
    ledger.append([make()])
    pid = os.fork()
    if pid == 0:
        try:
            found = ledger.count()
            ledger.append([make(1), make(2)])
            os._exit(10 * found + ledger.count())
        except BaseException:  # noqa: BLE001 - the test is told by the code
            os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
    assert ledger.count() == 1
    ledger.close()


def test_an_old_sqlite_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 35, 5))
    with pytest.raises(ConfigurationError, match=r"3\.36"):
        Ledger("sqlite://", memory=True)


def test_it_leaves_no_connection_behind() -> None:
    ledger = Ledger("sqlite://", memory=True)
    anchor = ledger._store._anchor  # type: ignore[attr-defined]
    ledger.append([make()])
    ledger.close()
    del ledger
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        anchor.execute("SELECT 1")
