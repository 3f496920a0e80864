"""When choices end, which no row of the log says, is a column of the exports."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from cookie_consent import ConfigurationError, Ledger
from cookie_consent.ledger import new_record_id
from cookie_consent.ledger.exports.by_record import COLUMNS
from cookie_consent.policy import parse_policy
from tests.ledger.making import make

if TYPE_CHECKING:
    from pathlib import Path

MONTHS = parse_policy({"version": "1", "cookie": {"max_age": "6mo"}}, source="test")
DAYS = parse_policy({"version": "1", "cookie": {"max_age": "180d"}}, source="test")


def at(text: str, **values: Any) -> Any:
    time = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return make(**{"id": new_record_id(time), "at": time, **values})


@pytest.fixture
def ledger(ledger_url: str) -> Ledger:
    ledger = Ledger(ledger_url)
    ledger.append(
        [
            at("2025-08-31T12:00:00.000250"),
            at("2026-01-31T23:59:59", action="refused", granted=(), refused=("analytics",)),
            at("2026-02-01T00:00:00", channel="visit", granted_services=("youtube",)),
            at("2026-02-02T00:00:00", action="signal", channel="gpc"),
        ]
    )
    return ledger


BY_MONTHS = ["2026-02-28T12:00:00.000250Z", "2026-07-31T23:59:59.000000Z", "2026-02-02T00:00:00.000000Z", None]
BY_DAYS = ["2026-02-27T12:00:00.000250Z", "2026-07-30T23:59:59.000000Z", "2026-02-02T00:00:00.000000Z", None]


@pytest.mark.parametrize(("policy", "ends"), [(MONTHS, BY_MONTHS), (DAYS, BY_DAYS)])
def test_csv_and_json_lines_say_when_choices_end(ledger: Ledger, policy: Any, ends: list[str | None]) -> None:
    table, lines = (b"".join(piece.data for piece in ledger.export(name, policy=policy)) for name in ("csv", "jsonl"))
    rows = list(csv.DictReader(io.StringIO(table.decode(), newline="")))
    assert [row["expires"] or None for row in rows] == ends
    assert list(rows[0]) == [*COLUMNS, "expires"]
    assert [json.loads(line)["expires"] for line in lines.decode().splitlines()] == ends


def test_so_does_parquet_in_one_file_or_by_month(ledger: Ledger, tmp_path: Path) -> None:
    ledger.export_file(tmp_path / "a.parquet", "parquet", policy=MONTHS)
    ledger.export_file(tmp_path / "months", "parquet", policy=MONTHS, partition="month")
    (tmp_path / "b.parquet").write_bytes(b"".join(piece.data for piece in ledger.export("parquet", policy=MONTHS)))
    tables = [pq.read_table(tmp_path / "a.parquet"), pq.read_table(tmp_path / "b.parquet")]
    tables.append(ds.dataset(tmp_path / "months", partitioning="hive").to_table())
    wanted = {datetime.fromisoformat(text) if text is not None else None for text in BY_MONTHS}
    for table in tables:
        assert set(table["expires"].to_pylist()) == wanted


def test_an_export_is_not_resumed_with_another_lifetime(ledger: Ledger, tmp_path: Path) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger.export_file(tmp_path / "a.csv", "csv", policy=MONTHS, progress=stop)
    with pytest.raises(ConfigurationError):
        ledger.export_file(tmp_path / "a.csv", "csv", policy=DAYS, resume=True)
    assert ledger.export_file(tmp_path / "a.csv", "csv", policy=MONTHS, resume=True) == 4
