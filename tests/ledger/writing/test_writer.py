from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import anyio
import pytest
import trio

from cookie_consent import ConsentRecord, Ledger, LedgerError
from cookie_consent.errors import RecordRefusedError
from cookie_consent.ledger import Notice, new_record_id
from cookie_consent.ledger.store import Entry
from cookie_consent.ledger.writing.spool import SpoolFolder
from cookie_consent.ledger.writing.waiter import make_waiter
from cookie_consent.ledger.writing.writer import Writer
from tests.ledger.making import NOTICE, START, make, sqlite_store
from tests.waiting import HANG, until, until_async

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cookie_consent.ledger.store import Store
    from cookie_consent.ledger.writing.waiter import Waiter


class Counting:
    """A store that counts its commits, and is away when told so."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.asked: list[int] = []
        self.commits: list[int] = []
        self.is_away = False
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def append(self, entries: Sequence[Entry], *, patience: float) -> None:
        self.asked.append(len(entries))
        self.may_go_on.wait(HANG)
        if self.is_away:
            raise LedgerError("the log is away", url="")
        self._store.append(entries, patience=patience)
        self.commits.append(len(entries))

    def forget(self) -> None:
        self._store.forget()

    def close(self) -> None:
        self._store.close()


def counted(ledger: Ledger, **options: float) -> Counting:
    """Put a counting store into the ledger."""
    store = Counting(ledger._store)
    ledger._writer = Writer(store, ledger._spools, url=ledger.url, **options)  # type: ignore[arg-type]
    return store


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold SQLite's write lock, as another process would."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@pytest.mark.anyio
async def test_choices_of_one_moment_share_a_commit(store_url: str) -> None:
    ledger = Ledger(store_url)
    store = counted(ledger)
    store.may_go_on.clear()
    written = [make(at, notice=NOTICE.hash) for at in range(100)]
    async with anyio.create_task_group() as group:
        for record in written:
            group.start_soon(ledger.write, record, NOTICE)
        await until_async(lambda: sum(store.asked) + len(ledger._writer._queue) == 100)
        store.may_go_on.set()
    assert sum(store.commits) == 100
    assert len(store.commits) <= 2
    assert list(ledger.records()) == written
    ledger.close()


def test_loops_of_both_kinds_and_threads_share_the_writer(store_url: str) -> None:
    ledger = Ledger(store_url)

    async def some() -> None:
        async with anyio.create_task_group() as group:
            for at in range(25):
                group.start_soon(ledger.write, make(at))

    threads = [threading.Thread(target=lambda: asyncio.run(some())) for _ in range(2)]
    threads += [threading.Thread(target=lambda: trio.run(some)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.count() == 100
    assert sum(thread.name == "cookie-consent-writer" for thread in threading.enumerate()) == 1
    ledger.close()
    assert not any(thread.name == "cookie-consent-writer" for thread in threading.enumerate())


@pytest.mark.anyio
async def test_a_record_that_is_refused_fails_alone(store_url: str) -> None:
    ledger = Ledger(store_url)
    store = counted(ledger)
    store.may_go_on.clear()
    odd = [make(1, url="\ud800"), make(2, notice="b" * 64)]  # no UTF-8; a notice that nobody has
    good = [make(at) for at in range(3, 40)]
    failed = []

    async def write(record: ConsentRecord) -> None:
        try:
            await ledger.write(record)
        except RecordRefusedError:
            failed.append(record)

    async with anyio.create_task_group() as group:
        for record in [*good[:20], *odd, *good[20:]]:
            group.start_soon(write, record)
        await until_async(lambda: sum(store.asked) + len(ledger._writer._queue) == len(odd + good))
        store.may_go_on.set()
    assert sorted(failed, key=lambda record: record.id) == odd
    assert list(ledger.records()) == good
    assert ledger.waiting() == []
    ledger.close()


@pytest.mark.anyio
async def test_a_queue_that_is_full_and_a_wait_that_is_long_are_errors(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(ledger_url)
    store = counted(ledger, queue=3, longest_wait=0.5)
    store.may_go_on.clear()
    errors: list[str] = []
    written = [make(at) for at in range(5)]

    async def write(record: ConsentRecord) -> None:
        try:
            await ledger.write(record)
        except LedgerError as error:
            errors.append(str(error))

    class Watch:
        """A waiter whose time is over once the queue has refused a choice."""

        def __init__(self) -> None:
            waiter: Waiter = make_waiter()
            self.loop, self.call, self.wake = waiter.loop, waiter.call, waiter.wake
            self._wait = waiter.wait

        async def wait(self, _seconds: float) -> bool:
            await until_async(lambda: errors)
            return await self._wait(0)

    monkeypatch.setattr("cookie_consent.ledger.writing.writer.make_waiter", Watch)
    async with anyio.create_task_group() as group:
        group.start_soon(write, written[0])
        await until_async(lambda: store.asked)  # the writer has taken it
        for record in written[1:]:
            group.start_soon(write, record)
    assert sorted(error.partition(";")[0] for error in errors) == [
        "3 choices are waiting already",
        *["a choice was not written within 0.5 seconds"] * 4,
    ]
    store.may_go_on.set()
    ledger.close()
    assert list(ledger.records()) == written[:1]  # it was on its way; the others were taken back
    ledger.close()


@pytest.mark.anyio
async def test_while_the_file_is_locked_choices_wait_in_the_spool(
    ledger_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger(ledger_url)
    await ledger.write(make(0, notice=NOTICE.hash), NOTICE)
    subject = str(uuid4())
    written = [make(at, subject=subject, notice=NOTICE.hash) for at in range(1, 40)]
    with caplog.at_level(logging.WARNING, "cookie_consent"):
        with locked(tmp_path / "consent.db"):
            for record in written[:20]:
                await ledger.write(record, NOTICE)
            assert [spool.choices for spool in ledger.waiting()] == [20]
            assert ledger.count() == 1
        for record in written[20:]:
            await ledger.write(record, NOTICE)
        await anyio.to_thread.run_sync(until, lambda: not ledger.waiting())
    assert list(ledger.records(subject=subject)) == written
    ledger.close()
    with sqlite3.connect(tmp_path / "consent.db") as database:
        query = "SELECT id FROM consent_records WHERE subject = ? ORDER BY rowid"
        inserted = [row[0] for row in database.execute(query, [subject])]
    database.close()
    assert inserted == [record.id for record in written]
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "another process has locked it" in caplog.text
    assert "is back" in caplog.text


def test_a_spool_that_was_left_is_carried_over_before_new_choices(ledger_url: str, tmp_path: Path) -> None:
    old = [make(at, notice=NOTICE.hash) for at in range(5000)]
    spool = SpoolFolder(tmp_path / "consent.db").create()
    spool.append([Entry(record, NOTICE) for record in old])
    spool.close()
    ledger = Ledger(ledger_url)
    ledger.append(old[:10], [NOTICE])  # its process was killed when these had been carried over
    new = make(6000)
    asyncio.run(ledger.write(new))
    ledger.close()
    assert list(ledger.records()) == [*old, new]
    assert {path.suffix for path in tmp_path.iterdir()} <= {".db", ".db-wal", ".db-shm"}
    ledger.close()


def test_what_the_store_refuses_of_a_spool_is_set_aside(
    ledger_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    records = [make(at, notice="b" * 64 if at == 3 else None) for at in range(6)]
    spool = SpoolFolder(tmp_path / "consent.db").create()
    spool.append([Entry(record) for record in records])
    spool.close()
    ledger = Ledger(ledger_url)
    with caplog.at_level(logging.ERROR, "cookie_consent"):
        ledger.start()
        until(lambda: not ledger.waiting())
        ledger.close()
    assert list(ledger.records()) == records[:3] + records[4:]
    assert records[3].id in spool.path.with_suffix(".aside").read_text()
    assert "FOREIGN KEY" in caplog.text
    ledger.close()


def test_a_file_that_is_no_database_or_full_or_not_there_loses_no_choice(tmp_path: Path) -> None:
    spools = tmp_path / "spools"
    spools.mkdir()
    (tmp_path / "file.db").write_text("this is no database" * 100)
    full = Ledger(f"sqlite:///{tmp_path}/full.db", spool=spools)
    full.open()
    with sqlite_store(full).engine().connect() as connection:  # the one connection of the pool
        connection.exec_driver_sql("PRAGMA max_page_count = 20")
    bad = Ledger(f"sqlite:///{tmp_path}/file.db", spool=spools)
    absent = Ledger(f"sqlite:///{tmp_path}/none/consent.db", spool=spools)
    for ledger in (full, bad, absent):
        for at in range(3):
            asyncio.run(ledger.write(make(at, url="x" * 50_000)))
        (spool,) = ledger.waiting()
        assert spool.choices in {2, 3}
        assert stat.S_IMODE(spool.path.stat().st_mode) == 0o600
    (tmp_path / "none").mkdir()
    (tmp_path / "file.db").unlink()
    with sqlite_store(full).engine().connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 20000")
    for ledger in (full, bad, absent):
        until(lambda ledger=ledger: not ledger.waiting())  # type: ignore[misc]
        assert ledger.count() == 3
        ledger.close()


def test_a_read_only_folder_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ledger = Ledger(f"sqlite:///{tmp_path}/file/consent.db")
    with pytest.raises(
        LedgerError, match=r"make the directory .*; the spool in .* cannot be written either: .*Not a directory"
    ):
        asyncio.run(ledger.write(make()))
    ledger.close()


@pytest.mark.anyio
async def test_without_room_in_the_spool_choices_fail_until_the_store_is_back(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(store_url)
    store = counted(ledger)
    store.is_away = True
    written = [make(at) for at in range(4)]
    await ledger.write(written[0])
    monkeypatch.setattr("cookie_consent.ledger.writing.spool.MAXIMUM_SPOOL", 10)
    with pytest.raises(LedgerError, match=r"spool .* is full"):
        await ledger.write(written[1])
    store.is_away = False
    await ledger.write(written[2])
    assert list(ledger.records()) == [written[0], written[2]]
    ledger.close()


def test_a_clock_that_goes_back_keeps_the_order(store_url: str) -> None:
    ledger = Ledger(store_url)
    written = []
    for second in range(20):
        at = START - timedelta(seconds=second)
        written.append(make(id=new_record_id(at), at=at))
        asyncio.run(ledger.write(written[-1]))
    assert list(ledger.records()) == written
    ledger.close()


SCRIPT = """
import asyncio, os, sys
from cookie_consent import Ledger
from tests.waiting import HANG, until, until_async
from tests.ledger.making import make
ledger = Ledger(sys.argv[1])
async def some():
    await asyncio.gather(*(ledger.write(make(at)) for at in range(50)))
asyncio.run(some())
if sys.argv[2] == "fork":
    child = os.fork()
    asyncio.run(some())
    if child:
        assert os.waitpid(child, 0)[1] == 0
elif sys.argv[2] == "leave":
    async def leave():
        tasks = [asyncio.create_task(ledger.write(make(at))) for at in range(50)]
        await asyncio.sleep(0)
    asyncio.run(leave())
"""


@pytest.mark.parametrize(("how", "count"), [("fork", 150), ("leave", 100)])
def test_forks_and_ends_of_a_process(store_url: str, how: str, count: int) -> None:
    # "leave": choices that nobody waits for any more are written at the interpreter's end all the same
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", SCRIPT, store_url, how]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANG, env=_environment())
    said = [line for line in done.stderr.splitlines() if "fsync=off" not in line]  # as the tests' PostgreSQL is run
    assert (done.returncode, said) == (0, [])
    ledger = Ledger(store_url)
    assert ledger.count() == count
    assert ledger.waiting() == []
    ledger.close()


def test_two_processes_write_to_one_file(store_url: str) -> None:
    command = [sys.executable, "-c", SCRIPT, store_url, "leave"]
    both = [subprocess.Popen(command, env=_environment()) for _ in range(2)]
    assert [process.wait(HANG) for process in both] == [0, 0]
    ledger = Ledger(store_url)
    ledger.start()
    until(lambda: not ledger.waiting())
    ledger.close()
    assert ledger.count() == 200
    ledger.close()


def test_another_file_in_the_place_of_the_log_gets_the_notice_too(ledger_url: str, tmp_path: Path) -> None:
    ledger = Ledger(ledger_url)
    asyncio.run(ledger.write(make(notice=NOTICE.hash), NOTICE))
    ledger.close()
    for path in tmp_path.iterdir():
        path.unlink()
    other = Notice(hash="c" * 64, language="de", policy_version="1", text="Dürfen wir?")
    asyncio.run(ledger.write(make(notice=other.hash), other))
    asyncio.run(ledger.write(make(notice=NOTICE.hash), NOTICE))
    assert ledger.notice(NOTICE.hash) == NOTICE
    assert ledger.count() == 2
    ledger.close()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.getcwd()}  # noqa: PTH109
