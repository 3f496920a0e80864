"""Parquet holds what the other formats hold, typed; other programs read it back."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from cookie_consent import ConfigurationError, Ledger
from cookie_consent.ledger import RecordFilter
from cookie_consent.ledger.exports import partitions
from cookie_consent.ledger.exports.by_record import COLUMNS
from cookie_consent.ledger.exports.rows import PAGE
from tests.ledger.exports.mixed import fill, mixed
from tests.ledger.making import START, make

if TYPE_CHECKING:
    from pathlib import Path

    from cookie_consent import ConsentRecord

LISTS = ("granted", "refused", "granted_services", "refused_services")


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Ledger, list[ConsentRecord]]:
    ledger = Ledger(f"sqlite:///{tmp_path}/consent.db")
    records = mixed(PAGE + 100, days=0.05)
    fill(ledger, records)
    return ledger, records


def as_read(table: pa.Table) -> list[dict[str, Any]]:
    return [
        {**row, "at": row["at"].isoformat(timespec="microseconds").replace("+00:00", "Z")} for row in table.to_pylist()
    ]


def test_a_file_is_typed_and_whole(tmp_path: Path, kept: tuple[Ledger, list[ConsentRecord]]) -> None:
    ledger, records = kept
    counted: list[int] = []
    assert ledger.export_file(tmp_path / "a.parquet", "parquet", progress=counted.append) == len(records)
    assert sum(counted) == len(records)
    (tmp_path / "b.parquet").write_bytes(b"".join(piece.data for piece in ledger.export("parquet")))
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.equals(pq.read_table(tmp_path / "b.parquet"))
    assert as_read(table) == [record.as_dict() for record in records]
    schema = table.schema
    assert schema.field("at").type == pa.timestamp("us", tz="UTC")
    assert {schema.field(name).type.value_type for name in LISTS} == {pa.string()}
    assert pa.types.is_dictionary(schema.field("policy_version").type)
    assert {field.name for field in schema if field.nullable} == {"previous", "notice"}
    some = ledger.export("parquet", where=RecordFilter(regions=("DE",)))
    (tmp_path / "c.parquet").write_bytes(b"".join(piece.data for piece in some))
    assert set(pq.read_table(tmp_path / "c.parquet")["region"].to_pylist()) == {"DE"}
    none = ledger.export("parquet", where=RecordFilter(regions=("nowhere",)))
    (tmp_path / "d.parquet").write_bytes(b"".join(piece.data for piece in none))
    assert pq.read_table(tmp_path / "d.parquet").num_rows == 0
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    ledger.close()


def test_duckdb_finds_the_same_in_all_formats(tmp_path: Path, ledger_url: str) -> None:
    """What CSV says of a formula and of nothing is put back; an empty list of JSON and Parquet is an empty cell."""
    ledger = Ledger(ledger_url)
    fill(ledger, [record for record in mixed(300) if "\0" not in record.url])  # which DuckDB's reader of CSV refuses
    for name in ("csv", "jsonl", "parquet"):
        ledger.export_file(tmp_path / f"x.{name}", name)
    ledger.close()
    joined = ", ".join(f"array_to_string({name}, ' ') AS {name}" for name in LISTS)
    undone = "regexp_replace(COLUMNS(* EXCLUDE (\"at\")), '^''([=+@\\t\\r-])', '\\1')"
    csv = f"read_csv('{tmp_path}/x.csv', header=true, all_varchar=true, quote='\"', escape='\"', nullstr='')"
    json = f"read_json('{tmp_path}/x.jsonl', format='newline_delimited', columns={{{_json_types()}}})"
    parquet = f"read_parquet('{tmp_path}/x.parquet')"
    at = 'CAST("at" AS TIMESTAMPTZ) AS "at"'
    blank = "coalesce(COLUMNS(* EXCLUDE (\"at\")), '')"
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(
        f'CREATE VIEW c AS SELECT {at}, {blank} FROM (SELECT "at", {undone} FROM {csv});'  # noqa: S608
        f"CREATE VIEW j AS SELECT {at}, {blank} FROM (SELECT * REPLACE ({joined}) FROM {json});"
        f"CREATE VIEW p AS SELECT {at}, {blank} FROM (SELECT * REPLACE ({joined}) FROM {parquet});"
    )
    count = connection.execute("SELECT count(*) FROM p").fetchone()
    assert count is not None
    assert count[0] > 250
    for one, other in (("c", "p"), ("p", "c"), ("j", "p"), ("p", "j")):
        differing = connection.execute(f"SELECT * FROM {one} EXCEPT SELECT * FROM {other}").fetchall()  # noqa: S608
        assert differing == []
    connection.close()


def _json_types() -> str:
    return ", ".join(f"'{name}': '{'VARCHAR[]' if name in LISTS else 'VARCHAR'}'" for name in COLUMNS)


def test_months_are_read_back_as_one_table(
    tmp_path: Path, kept: tuple[Ledger, list[ConsentRecord]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_OPEN", 1)  # so that a month that comes again gets a second file
    ledger, records = kept
    late = make(0, id="ff" + records[0].id[2:], at=START - timedelta(days=3))  # of a month that was written already
    early = make(0, id="00" + records[0].id[2:], at=START + timedelta(days=400))
    ledger.append([late, early])
    folder = tmp_path / "months"
    assert ledger.export_file(folder, "parquet", partition="month") == len(records) + 2
    parts = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.parquet"))
    assert parts[:3] == [
        "year=2026/month=11/part-0.parquet",
        "year=2026/month=11/part-1.parquet",
        "year=2026/month=12/part-0.parquet",
    ]
    assert "year=2027/month=12/part-0.parquet" in parts
    expected = sorted([*records, late, early], key=lambda record: record.id)
    read = ds.dataset(folder, partitioning="hive").to_table().sort_by("id")
    assert {(row["year"], row["month"]) == (int(row["at"].year), int(row["at"].month)) for row in read.to_pylist()} == {
        True
    }
    assert as_read(read.drop_columns(["year", "month"])) == [record.as_dict() for record in expected]
    connection = duckdb.connect()
    found = connection.execute(
        f"SELECT count(*), count(DISTINCT id) FROM read_parquet('{folder}/**/*.parquet', hive_partitioning=true) "  # noqa: S608
        "WHERE year = 2026 AND month = 11"
    ).fetchone()
    connection.close()
    november = [record for record in expected if record.at.year == 2026 and record.at.month == 11]
    assert found == (len(november), len(november))
    with pytest.raises(ConfigurationError, match="already exists"):
        ledger.export_file(folder, "parquet", partition="month")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    ledger.close()


class CutError(Exception):
    """Stands for whatever ends an export."""


def months_until(ledger: Ledger, folder: Path, pages: int) -> None:
    """Write months until so many pages are there."""
    left = pages

    def tell(count: int) -> None:
        nonlocal left
        left -= count > 0
        if left < 0:
            raise CutError

    with pytest.raises(CutError):
        ledger.export_file(folder, "parquet", partition="month", progress=tell)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("pages", [2, 3, 5])
def test_months_that_were_cut_off_are_gone_on_with(
    tmp_path: Path, ledger_url: str, monkeypatch: pytest.MonkeyPatch, pages: int
) -> None:
    monkeypatch.setattr(partitions, "_BETWEEN_NOTES", 2 * PAGE)
    ledger = Ledger(ledger_url)
    fill(ledger, [make(60 * number) for number in range(6 * PAGE)])  # one an hour
    folder = tmp_path / "months"
    months_until(ledger, folder, pages)
    (tmp_path / "months.part" / "year=2026" / "month=12").mkdir(exist_ok=True)
    (tmp_path / "months.part" / "year=2026" / "month=12" / "part-77.parquet").write_bytes(b"PAR1")  # not noted
    ledger.append([make(60 * 6 * PAGE)])
    counted: list[int] = []
    total = ledger.export_file(folder, "parquet", partition="month", resume=True, progress=counted.append)
    assert total == sum(counted) == 6 * PAGE + 1
    assert counted[0] == pages // 2 * 2 * PAGE
    assert ledger.export_file(tmp_path / "other", "parquet", partition="month") == total
    assert files_of(folder) == files_of(tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir() if "consent.db" not in path.name) == ["months", "other"]
    ledger.close()


def test_months_that_cannot_be_gone_on_with_are_refused(
    tmp_path: Path, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_BETWEEN_NOTES", PAGE)
    ledger = Ledger(ledger_url)
    fill(ledger, [make(number) for number in range(3 * PAGE)])
    folder = tmp_path / "months"
    months_until(ledger, folder, 0)
    assert not (tmp_path / "months.part").exists()  # nothing was noted yet
    months_until(ledger, folder, 2)
    with pytest.raises(ConfigurationError, match="another filter"):
        ledger.export_file(folder, "parquet", partition="month", resume=True, where=RecordFilter(actions=("given",)))
    next((tmp_path / "months.part").rglob("part-0.parquet")).unlink()
    with pytest.raises(ConfigurationError, match="has lost files; start over without --resume"):
        ledger.export_file(folder, "parquet", partition="month", resume=True)
    ledger.erase(next(ledger.records()).subject)
    with pytest.raises(ConfigurationError, match="erased or pruned"):
        ledger.export_file(folder, "parquet", partition="month", resume=True)
    assert ledger.export_file(folder, "parquet", partition="month") == 3 * PAGE
    ledger.close()


def test_two_exports_do_not_write_the_same_months(tmp_path: Path, ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    fill(ledger, [make(0)])
    folder = tmp_path / "months"

    def again(_: int) -> None:
        with pytest.raises(ConfigurationError, match=r"another export is writing .*months\.part"):
            ledger.export_file(folder, "parquet", partition="month")

    assert ledger.export_file(folder, "parquet", partition="month", progress=again) == 1
    ledger.close()


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("csv", {"partition": "month"}, "only Parquet can be partitioned"),
        ("parquet", {"partition": "week"}, "only by month"),
        ("parquet", {"resume": True}, "use --partition month, csv or jsonl"),
    ],
)
def test_what_does_not_go_together_is_refused(
    tmp_path: Path, kept: tuple[Ledger, list[ConsentRecord]], name: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        kept[0].export_file(tmp_path / "x", name, **options)
    kept[0].close()
    assert not (tmp_path / "x").exists()


def test_without_pyarrow_the_command_is_named(
    tmp_path: Path, kept: tuple[Ledger, list[ConsentRecord]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for partition in (None, "month"):
        with pytest.raises(ConfigurationError, match=r"pip install 'cookie-consent\[parquet\]'"):
            kept[0].export_file(tmp_path / "x", "parquet", partition=partition)
    kept[0].close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["consent.db"]
