"""What is made of whole columns is, byte for byte, what is made record by record."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent import ConfigurationError, ConsentRecord, Ledger, LedgerError
from cookie_consent.consent.record import CONTROLS
from cookie_consent.ledger import ACTIONS, CHANNELS, RecordFilter, export_csv, export_jsonl
from cookie_consent.ledger.exports.by_record import COLUMNS
from cookie_consent.ledger.exports.lines import CsvLines, JsonLines
from cookie_consent.ledger.exports.rows import PAGE, core_rows, records_query
from cookie_consent.ledger.schema import to_row
from tests.ledger.exports.mixed import fill, mixed
from tests.ledger.making import make, sqlite_store

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = (("csv", export_csv), ("jsonl", export_jsonl))


def by_record(name: str, records: list[ConsentRecord]) -> bytes:
    stream = io.StringIO(newline="")
    assert dict(FORMATS)[name](records, stream) == len(records)
    return stream.getvalue().encode("utf-8")


def whole(ledger: Ledger, name: str, where: RecordFilter | None = None) -> bytes:
    return b"".join(piece.data for piece in ledger.export(name, where=where or RecordFilter()))


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_several_pages_are_as_record_by_record(store_url: str, name: str) -> None:
    ledger = Ledger(store_url)
    records = mixed(PAGE * 2 + 7, days=0.01)
    fill(ledger, records)
    exported = whole(ledger, name)
    assert exported == by_record(name, records)
    where = RecordFilter(categories=("social",), actions=("given",))
    some = [record for record in records if "social" in record.granted and record.action == "given"]
    assert whole(ledger, name, where) == by_record(name, some)
    assert whole(ledger, name, RecordFilter(regions=("nowhere",))) == by_record(name, [])
    ledger.close()
    if name == "csv":
        rows = list(csv.reader(io.StringIO(exported.decode(), newline="")))
        assert {len(row) for row in rows} == {len(COLUMNS)}
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row)
    else:
        lines = exported.decode().removesuffix("\n").split("\n")
        assert [json.loads(line) for line in lines] == [record.as_dict() for record in records]


texts = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(["=1", ",", '"', "\r", "\n", "\0=", "\t"])
ids = st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1, max_size=6).filter(
    lambda text: text.split() == [text]
)
lists = st.lists(ids | st.sampled_from(["=a", "@b", "a,b"]), max_size=3).map(tuple)
records_ = st.builds(
    ConsentRecord,
    id=texts,
    subject=texts,
    at=st.datetimes(datetime(1, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - it wants one without zone
    action=st.sampled_from(ACTIONS),
    granted=lists,
    refused=lists,
    granted_services=lists,
    refused_services=lists,
    previous=st.none() | texts,
    channel=st.sampled_from(CHANNELS),
    policy_version=texts,
    notice=st.none() | texts,
    url=texts,
    region=texts,
    user_agent_family=texts,
    ip=texts,
    control=st.sampled_from(CONTROLS),
    build=texts,
    edition=texts,
    regime=texts,
    note=texts,
)


@given(st.lists(records_, min_size=1, max_size=6))
def test_any_records_are_as_record_by_record(records: list[ConsentRecord]) -> None:
    rows = [to_row(record) for record in records]
    written = CsvLines()
    assert written.head() + written.lines(rows) + written.tail() == by_record("csv", records)
    assert JsonLines().lines(rows) == by_record("jsonl", records)


@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(
    "change",
    [
        "url = x'00ff'",  # a blob where a text belongs
        "at = 9e18",
        "at = 'yesterday'",
        "at = 999999999999999999",  # beyond the year 9999
        "granted = x'37'",
    ],
)
def test_a_damaged_record_is_named(ledger_url: str, name: str, change: str) -> None:
    ledger = Ledger(ledger_url)
    records = mixed(5)
    fill(ledger, records)
    with sqlite_store(ledger).writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER consent_records_no_update")
        connection.exec_driver_sql(f"UPDATE consent_records SET {change} WHERE id = ?", (records[3].id,))  # noqa: S608
    if name == "parquet" and change in {"at = 9e18", "at = 999999999999999999"}:
        assert whole(ledger, name)  # Parquet knows no last year
        ledger.close()
        return
    named = records[3].id if name != "parquet" else records[0].id
    with pytest.raises(LedgerError, match=f"{named}.*log verify"):
        whole(ledger, name)
    ledger.close()


def test_what_is_missing_or_unknown_is_said(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    fill(ledger, mixed(1))
    with pytest.raises(ConfigurationError, match="write one of csv, jsonl, parquet, iso27560"):
        whole(ledger, "xml")
    with pytest.raises(ConfigurationError, match="give the policy"):
        whole(ledger, "iso27560")
    ledger.close()


def test_the_way_through_sqlalchemy_gives_the_same_rows(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    fill(ledger, mixed(PAGE + 3, days=0.01))
    store = sqlite_store(ledger)
    query = records_query(RecordFilter(channels=("banner", "phone")))
    with store.reading() as connection:
        portable = list(core_rows(connection, query))
        fast = list(store.rows(connection, query))
    assert [row for rows in portable for row in rows] == [row for rows in fast for row in rows]
    assert all(type(row) is tuple for rows in (*portable, *fast) for row in rows)
    assert all(portable)
    ledger.close()


def test_an_export_is_of_one_state_and_ends_its_transaction(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/consent.db")
    records = mixed(PAGE * 2, days=0.01)
    fill(ledger, records)
    pieces = ledger.export("jsonl")
    first = [next(pieces), next(pieces)]
    ledger.append([make(10_000_000)])
    rest = list(pieces)
    assert sum(piece.records for piece in (*first, *rest)) == len(records)
    unfinished = ledger.export("csv")
    next(unfinished)
    unfinished.close()
    with sqlite_store(ledger).writing() as connection:
        connection.exec_driver_sql("PRAGMA user_version = 1")
    busy = sqlite_store(ledger).engine().raw_connection()
    assert busy.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0  # nobody reads an old state
    busy.close()
    ledger.close()
