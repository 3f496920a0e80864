from __future__ import annotations

import csv
import gc
import io
import json
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cookie_consent import ConfigurationError, ConsentRecord, Ledger, LedgerError
from cookie_consent.ledger import ACTIONS, CHANNELS, COLUMNS, export_csv, export_jsonl, new_record_id
from cookie_consent.ledger import ledger as ledger_module
from tests.ledger.making import NOTICE, START, make, sqlite_store
from tests.waiting import HANG

if TYPE_CHECKING:
    from pathlib import Path

ids = st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True), max_size=4).map(
    lambda names: tuple(sorted(names))
)


records = st.builds(
    make,
    st.integers(0, 10_000),
    action=st.sampled_from(ACTIONS),
    granted=ids,
    refused=ids,
    granted_services=ids,
    channel=st.sampled_from(CHANNELS),
    url=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=50),
    policy_version=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=10),
)


@settings(max_examples=40)  # each makes a file and syncs it
@given(st.lists(records, max_size=8))
def test_what_is_written_is_read_and_exported(
    tmp_path_factory: pytest.TempPathFactory, written: list[ConsentRecord]
) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path_factory.mktemp('ledger')}/consent.db")
    ledger.append(written)
    read = list(ledger.records())
    ledger.close()
    assert sorted(read, key=lambda record: record.id) == sorted(written, key=lambda record: record.id)
    lines = io.StringIO(newline="")
    assert export_jsonl(read, lines) == len(read)
    assert [json.loads(line) for line in lines.getvalue().split("\n")[:-1]] == [record.as_dict() for record in read]
    table = io.StringIO(newline="")
    export_csv(read, table)
    rows = list(csv.reader(io.StringIO(table.getvalue(), newline="")))
    assert rows[0] == list(COLUMNS)
    assert [row[0] for row in rows[1:]] == [record.id for record in read]
    assert [row[12].removeprefix("'") for row in rows[1:]] == [record.url.removeprefix("'") for record in read]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows[1:] for cell in row)


@pytest.mark.anyio
async def test_a_write_is_committed_when_it_returns(ledger_url: str, tmp_path: Path) -> None:
    ledger = Ledger(ledger_url)
    record = make(notice=NOTICE.hash)
    await ledger.write(record, NOTICE)
    with sqlite3.connect(f"file:{tmp_path / 'consent.db'}?mode=ro", uri=True) as other:
        assert other.execute("SELECT id FROM consent_records").fetchall() == [(record.id,)]
    other.close()
    assert ledger.record(record.id) == record
    assert ledger.notice(NOTICE.hash) == NOTICE
    await ledger.write(record, NOTICE)  # once more does no harm
    assert ledger.count() == 1
    ledger.close()


def test_every_commit_is_synced(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    ledger.open()
    engine = sqlite_store(ledger).engine()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    ledger.close()


def test_threads_and_two_ledgers_write_to_one_file(store_url: str) -> None:
    ledgers = [Ledger(store_url), Ledger(store_url)]
    threads = [
        threading.Thread(target=lambda ledger=ledger: [ledger.append([make(at)]) for at in range(20)])
        for ledger in ledgers * 3
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledgers[0].count() == 120
    for ledger in ledgers:
        ledger.close()


def test_a_new_file_that_another_connection_holds_is_waited_for(
    ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = sqlite3.connect(tmp_path / "consent.db", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")  # what SQLite does not wait for while it switches the file to its write-ahead log
    waits = threading.Event()
    goes_on = threading.Event()

    def sleep(_seconds: float) -> None:
        waits.set()
        goes_on.wait(HANG)

    clock = SimpleNamespace(monotonic=time.monotonic, sleep=sleep)
    monkeypatch.setattr("cookie_consent.ledger.stores.sqlite.time", clock)
    ledger = Ledger(ledger_url)
    with ThreadPoolExecutor(1) as pool:
        appended = pool.submit(ledger.append, [make()])
        assert waits.wait(HANG)
        assert not appended.done()
        held.execute("ROLLBACK")
        goes_on.set()
        appended.result()
    assert ledger.count() == 1
    ledger.close()
    held.close()


def test_filters_and_order(store_url: str) -> None:
    ledger = Ledger(store_url)
    written = [make(at, subject=f"s{at % 2}") for at in range(6)]
    ledger.append(written)
    assert list(ledger.records(since=written[2].at, until=written[4].at)) == written[2:4]
    assert list(ledger.records(subject="s1", newest_first=True)) == written[5::-2]
    assert list(ledger.records(limit=2)) == written[:2]
    assert ledger.count(since=written[4].at) == 2
    stats = ledger.stats()
    assert (stats.total, stats.first_choices, stats.acceptance()) == (6, 6, {"advertising": 0.0, "analytics": 1.0})
    ledger.close()


def test_the_log_is_append_only(ledger_url: str, tmp_path: Path) -> None:
    ledger = Ledger(ledger_url)
    ledger.append([make()])
    ledger.close()
    database = sqlite3.connect(tmp_path / "consent.db")
    for statement in ("UPDATE consent_records SET action = 'refused'", "DELETE FROM consent_records"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            database.execute(statement)
    database.close()


def test_ids_are_uuid7_and_grow() -> None:
    made = [new_record_id(START + timedelta(seconds=-at)) for at in range(5000)]  # a clock that goes back
    assert made == sorted(set(made))
    value = UUID(new_record_id(START))
    assert (value.version, value.variant) == (7, "specified in RFC 4122")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "is not a URL"),
        ("mysql://shop:se4ret@localhost/consent?password=se4ret", "not supported"),
        ("postgresql//shop:se4ret@localhost/consent", "is not a URL"),
        ("postgresql://shop:a:se4ret@localhost:x/consent", "is not a URL; .* write @ : / as %40"),
        ("sqlite://", "not supported"),  # in memory: nothing would be kept
        ("sqlite:///:memory:", "not supported"),
    ],
)
def test_a_wrong_url_is_refused(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as refused:
        Ledger(url)
    assert "se4ret" not in str(refused.value)


def test_what_cannot_be_opened_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("this is no database" * 100)
    with pytest.raises(LedgerError, match="make the directory"):
        Ledger(f"sqlite:///{tmp_path}/none/consent.db").append([make()])
    with pytest.raises(LedgerError, match="move the file away"):
        Ledger(f"sqlite:///{tmp_path}/file").append([make()])
    with pytest.raises(LedgerError, match="there is no log"):
        list(Ledger(f"sqlite:///{tmp_path}/absent.db").records())
    assert not (tmp_path / "absent.db").exists()


def test_a_newer_schema_is_refused(ledger_url: str, tmp_path: Path) -> None:
    Ledger(ledger_url).open()
    database = sqlite3.connect(tmp_path / "consent.db")
    database.execute("UPDATE consent_meta SET value = 99")
    database.commit()
    database.close()
    with pytest.raises(LedgerError, match="newer release"):
        Ledger(ledger_url).open()


def test_a_log_that_is_garbage_ends_in_a_thread_of_its_own(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []
    done = threading.Event()

    def end(*_: object) -> None:
        ended.append(threading.current_thread().name)
        done.set()

    monkeypatch.setattr(ledger_module, "_close", end)
    Ledger(ledger_url)
    gc.collect()
    assert done.wait(HANG)
    assert set(ended) == {"cookie-consent-end"}
