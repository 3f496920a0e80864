"""What is special of the store in PostgreSQL; what all stores share is tested with both."""

from __future__ import annotations

import sys
import threading
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg
import pytest

from cookie_consent import ConfigurationError, Ledger, LedgerError
from cookie_consent.errors import RecordRefusedError
from cookie_consent.ledger.proof.note import new_key
from cookie_consent.ledger.schema import micros
from cookie_consent.ledger.stores.postgres import store as postgres_module
from cookie_consent.ledger.stores.postgres.months import EARLIEST, LATEST, bound, month_of
from tests.ledger.making import NOTICE, ask, make, postgres_store
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres_server import PostgresServer

KEY, PUBLIC = new_key("shop.example/consent")


def test_records_lie_in_partitions_by_the_month_of_their_id(postgres_url: str) -> None:
    edges = [("2025-12-31T23:59:59.999", "2025_12"), ("2026-01-01T00:00", "2026_01"), ("2026-02-28T12:00", "2026_02")]
    edges += [("2017-12-31T23:59:59.999", "earlier"), ("2018-01-01T00:00", "2018_01"), ("2100-01-01T00:00", "beyond")]
    edges += [("2099-12-31T23:59:59.999", "2099_12")]
    records, expected = [], {}
    for number, (text, name) in enumerate(edges):
        at = datetime.fromisoformat(text).replace(tzinfo=UTC)
        value = round(at.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62 | number
        records.append(make(id=str(UUID(int=value)), at=at))
        expected[records[-1].id] = f"consent_records_{name}"
    # What is no UUIDv7 has its place all the same.
    records += [make(id=odd) for odd in ("", "zebra", "019a", "FFFF", "019z-ü", "ff" * 18)]
    ledger = Ledger(postgres_url)
    ledger.append(records)
    ledger.append(records)  # an id is there once, whatever its partition
    assert sorted(record.id for record in ledger.records()) == sorted(record.id for record in records)
    assert list(ledger.records()) == sorted(records, key=lambda record: record.id)
    found = dict(ask(postgres_url, "SELECT id, tableoid::regclass::text FROM consent_records"))
    assert {name: found[name] for name in expected} == expected
    assert found["zebra"] == found["ff" * 18] == found["FFFF"] == "consent_records_beyond"
    ledger.close()


def test_months_are_told_by_the_id() -> None:
    assert (bound(2018, 1), bound(2100, 1)) == (EARLIEST, LATEST)
    assert month_of(bound(2026, 11)) == (2026, 11)
    assert month_of(bound(2026, 12)[:-1]) == (2026, 11)
    assert [month_of(name) for name in ("", "0", LATEST, "~")] == [None] * 4


def test_a_month_that_is_empty_may_be_dropped(postgres_url: str) -> None:
    ledger = Ledger(postgres_url)
    old = make(id="0180" + "0" * 32, at=datetime(2022, 4, 5, tzinfo=UTC))
    ledger.append([old, make(notice=NOTICE.hash)], [NOTICE])
    month = ask(postgres_url, f"SELECT tableoid::regclass FROM consent_records WHERE id = '{old.id}'")[0][0]  # noqa: S608
    assert ledger.prune(datetime(2023, 1, 1, tzinfo=UTC)).deleted == 1
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP TABLE {month}".encode())
    ledger.append([old])  # who knew that it was there makes it again
    assert ledger.count() == 2
    ledger.close()


def test_hosts_that_begin_at_the_same_time_make_one_log(postgres_url: str) -> None:
    ready, failed = threading.Barrier(6), []

    def begin(number: int) -> None:
        ledger = Ledger(postgres_url)
        ready.wait()
        try:
            ledger.append([make(number * 45000 + at, notice=NOTICE.hash) for at in range(3)], [NOTICE])
        except LedgerError as error:
            failed.append(error)
        ledger.close()

    threads = [threading.Thread(target=begin, args=(number % 3,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    ledger = Ledger(postgres_url)
    assert ledger.count() == 18
    ledger.close()


def test_what_commits_late_is_sealed_late(postgres_url: str) -> None:
    ledger = Ledger(postgres_url, key=KEY)
    ledger.append([make(0)])
    assert ledger.seal().size == 2
    store = postgres_store(ledger)
    slow, fast, last = make(1), make(2), make(3)
    with psycopg.connect(postgres_url) as other:
        columns = "id, subject, at, action, granted, refused, granted_services, refused_services, channel, "
        columns += "policy_version, url, region, user_agent_family, ip, place"
        other.execute(  # a host whose commit takes long
            f"INSERT INTO consent_records ({columns}) VALUES (%s, %s, %s, 'given', '', '', '', '', 'banner', '1', '', "  # noqa: S608
            "'', '', '', (SELECT value FROM consent_meta WHERE key = 'base') "
            "+ pg_current_xact_id()::text::bigint << 20)",
            (slow.id, slow.subject, micros(slow.at)),
        )
        ledger.append([fast])  # overtakes it
        with ledger.reading() as connection:
            assert store.unsealed(connection, 10) == []
        assert ledger.seal().added == 0
        other.commit()
    ledger.append([last])
    with ledger.reading() as connection:
        assert [row[0] for row in store.unsealed(connection, 10)] == [slow.id, fast.id, last.id]
        assert [row[0] for rows in store.walk(connection, -(2**63)) for row in rows][1:] == [slow.id, fast.id, last.id]
    assert ledger.seal().added == 3
    assert (ledger.verify().faults, ledger.verify().records) == ([], 4)
    ledger.close()


def test_a_transaction_keeps_the_order_of_its_records(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cookie_consent.ledger.stores.postgres.store.PIECE", 7)
    ledger = Ledger(postgres_url, key=KEY)
    written = [make(1000 - at, id=f"{at * 7919 % 100:03}") for at in range(100)]
    ledger.append(written)
    ledger.seal()
    found = ask(postgres_url, "SELECT id FROM consent_leaves WHERE salt IS NOT NULL ORDER BY position")
    assert [row[0] for row in found] == [record.id for record in written]
    assert len(ask(postgres_url, "SELECT DISTINCT xmin::text FROM consent_records")) == 1
    monkeypatch.setattr("cookie_consent.ledger.stores.postgres.store.MOST_ROWS", 5)
    with pytest.raises(RecordRefusedError, match="at most 5 records"):
        ledger.append(written[:6])
    ledger.close()


def test_a_log_that_is_restored_in_another_cluster_goes_on(
    postgres: PostgresServer, postgres_url: str, own_server: PostgresServer
) -> None:
    postgres.execute("postgres", *["SELECT pg_current_xact_id()"] * 300)  # this cluster is older than the new one
    ledger = Ledger(postgres_url, key=KEY)
    ledger.append([make(at, notice=NOTICE.hash) for at in range(50)], [NOTICE])
    ledger.seal()
    ledger.append([make(50)])
    ledger.erase(next(ledger.records()).subject)
    dump = postgres.run("pg_dump", "--no-owner", postgres_url)
    ledger.close()
    restored = own_server.make_database()
    own_server.run("psql", "--quiet", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", restored, given=dump)
    highest = ask(restored, "SELECT max(place) >> 20 FROM consent_records")[0][0]
    assert int(str(highest)) > int(str(ask(restored, "SELECT pg_snapshot_xmax(pg_current_snapshot())")[0][0]))
    copy = Ledger(restored, key=KEY)
    copy.append([make(51), make(52)])
    assert copy.seal().added == 4  # with the one before, and the erasure
    assert ask(restored, "SELECT max(place) >> 20 FROM consent_records")[0][0] > highest
    found = copy.verify()
    assert [fault for fault in found.faults if fault.kind != "notice"] == []
    assert (found.records, found.erased, found.unsealed) == (52, 1, 0)
    copy.close()


def test_those_who_amend_wait_for_each_other_and_nobody_else(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cookie_consent.ledger.stores.postgres.store._LOCK", _short_lock())
    first, second = Ledger(postgres_url), Ledger(postgres_url)
    first.append([make(0)])
    with first.writing():
        second.append([make(400_000)])  # in a month that has no partition yet
        with pytest.raises(LedgerError, match="another session holds a lock"), second.writing():
            pass
    with second.writing():
        pass
    with first.reading() as connection:
        before = connection.exec_driver_sql("SELECT count(*) FROM consent_records").scalar()
        second.append([make(2)])
        assert connection.exec_driver_sql("SELECT count(*) FROM consent_records").scalar() == before == 2
        with pytest.raises(LedgerError, match="read-only transaction"), first.reading() as reading:
            reading.exec_driver_sql("DELETE FROM consent_tiles")
    first.close()
    second.close()


def _short_lock() -> str:
    assert "'10s'" in postgres_module._LOCK
    return postgres_module._LOCK.replace("'10s'", "'100ms'")


def test_records_are_streamed(postgres_url: str) -> None:
    ledger = Ledger(postgres_url)
    ledger.append([make(at) for at in range(3000)])
    reading = ledger.records()
    next(reading)
    query = "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"
    assert [str(row[0]).partition(" ")[0] for row in ask(postgres_url, query)] == ["FETCH"]
    assert len(list(reading)) == 2999
    ledger.close()


@pytest.mark.parametrize(
    "values", [{"url": "a\x00b"}, {"ip": "\ud800"}, {"notice": "b" * 64}, {"id": "x" * 37}, {"subject": "ü" * 37}]
)
def test_what_can_never_be_kept_is_refused(postgres_url: str, values: dict[str, str]) -> None:
    ledger = Ledger(postgres_url)
    with pytest.raises(RecordRefusedError, match="refuses a record"):
        ledger.append([make(0), make(1, **values)])
    assert ledger.count() == 0
    ledger.close()


def test_texts_that_look_like_arrays_stay_what_they_are(postgres_url: str) -> None:
    odd = ["NULL", "", "{}", '{"a,b"}', "\\", '\\"', "a\nb\tc\r", " a ", "%s %% %(x)s", "ä\u2028😀", "$1", "'; --"]
    written = [make(at, url=text, region=text, policy_version=text, ip=text) for at, text in enumerate(odd)]
    ledger = Ledger(postgres_url)
    ledger.append(written)
    assert list(ledger.records()) == written
    ledger.close()


def test_without_the_driver_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        name for name in sys.modules if name.startswith(("psycopg", "cookie_consent.ledger.stores.postgres.store"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'cookie-consent\[postgresql\]'"):
        Ledger("postgresql://localhost/consent")


def test_spools_are_named_after_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_SPOOL", str(tmp_path))
    urls = [
        "h/a?options=-csearch_path%3Db",
        "h/a",
        "u:p@h/a",
        "h:5432/a?sslmode=require",
        "h:5433/a",
        "h/b",
        "g/a",
        "/a",
    ]
    names = [Ledger(f"postgresql://{url}")._spools._prefix for url in urls]
    assert names[1] == names[2] == names[3]
    assert len(set(names)) == 6
    monkeypatch.chdir(tmp_path)
    assert Ledger("postgres://h/a")._spools._prefix == names[1]


def test_erased_rows_are_vacuumed(postgres_url: str) -> None:
    ledger = Ledger(postgres_url, key=KEY)
    ledger.append([make(at, subject="one", url="/private") for at in range(20)])
    ledger.seal()
    assert ledger.erase("one") == 20
    with closing(ledger):
        name = ask(postgres_url, "SELECT DISTINCT tableoid::regclass::text FROM consent_records")[0][0]
        query = f"SELECT last_vacuum FROM pg_stat_user_tables WHERE relname = '{name}'"  # noqa: S608
        until(lambda: ask(postgres_url, query)[0][0] is not None)
