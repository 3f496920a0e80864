"""How fast the log is exported, and how much memory that takes, by format.

    python benchmarks/export.py [--folder FOLDER] [--records 1000000] [--rounds 3]

A log is made with records as the banner's, of some hundred different choices. Each run is a process of its own, as
``cookie-consent log export`` is (which leaves Python's garbage collector off, as is done here):

- *records a second*: the median of the rounds, and in brackets by processor time, which differs where the machine is
  busy with something else; with what it is of reading the rows and doing nothing with them, which is the ceiling;
- *memory*: by how much the most that was resident exceeds what was when the log was open: for Parquet this has pyarrow
  itself in it, and what it takes without that stands in brackets.

For comparison: CSV and JSON Lines record by record, by way of ``Ledger.records``. In the end DuckDB reads all files
back and compares what they hold; the documents of ISO/IEC TS 27560 are read by Python, and their records counted.
"""

# ruff: noqa: S608 - the statements are put together of constants
from __future__ import annotations

import argparse
import gc
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import insert

from cookie_consent import Ledger
from cookie_consent.ledger import FORMATS, Notice, RecordFilter
from cookie_consent.ledger.exports.rows import records_query
from cookie_consent.ledger.schema import notices, records
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from collections.abc import Iterator

INSERT = f"INSERT INTO consent_records VALUES ({', '.join('?' * len(records.columns))})"
START = 1_764_000_000_000_000  # microseconds
BETWEEN = 9_876_543
TEXT = "We ask. " * 300
NOTICES = [
    Notice(hash=sha256(f"{tag}\n{TEXT}".encode()).hexdigest(), language=tag, policy_version="1", text=TEXT)
    for tag in ("en", "de", "fr", "nl")
]
OPTIONAL = ("advertising", "analytics", "login", "preferences", "social")
LISTS = ("granted", "refused", "granted_services", "refused_services")
RUNS = ("rows only", "csv", "jsonl", "parquet", "iso27560", "csv by record", "jsonl by record")


def make_rows(count: int) -> Iterator[tuple[object, ...]]:
    """Yield rows, one each ten seconds, some of which have one before."""
    choose = random.Random(5)  # noqa: S311 - the same log each time
    previous = None
    for number in range(count):
        at = START + number * BETWEEN
        value = at // 1000 << 80 | 7 << 76 | (number & 0xFFF) << 64 | 2 << 62 | choose.getrandbits(62)
        name = str(UUID(int=value))
        granted = [entry for entry in OPTIONAL if choose.random() < 0.5]
        services = choose.choice(("", "", "", "youtube", "vimeo youtube"))
        yield (
            name, str(UUID(int=choose.getrandbits(128), version=4)), at,
            "changed" if previous else "given" if granted else "refused", " ".join(granted),
            " ".join(entry for entry in OPTIONAL if entry not in granted), services, "", previous,
            choose.choice(("banner", "banner", "preferences")), choose.choice(("2026-05-01", "2026-11-01")),
            choose.choice(NOTICES).hash, f"/products/{number % 5000}", choose.choice(("", "DE", "FR", "US-CA")),
            choose.choice(("Firefox", "Chrome", "Safari")), "",
        )  # fmt: skip
        previous = name if number % 4 == 0 else None


def make_log(path: str, count: int) -> None:
    """Make a log of so many records; quickly, not durably."""
    ledger = Ledger(f"sqlite:///{path}")
    with ledger.writing() as connection:
        connection.execute(insert(notices), [vars(notice) for notice in NOTICES])
    ledger.close()
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA synchronous=OFF")
    database.execute("BEGIN")
    database.executemany(INSERT, make_rows(count))
    database.execute("COMMIT")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def resident(name: str) -> float:
    """Return what ``/proc`` says of this process's memory, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def run_one(path: str, what: str, target: str) -> dict[str, Any]:
    """Export once, in this process; return the figures."""
    gc.disable()
    ledger = Ledger(f"sqlite:///{path}")
    ledger.count()
    policy = parse_policy({"version": "2026-11-01", "controller": {"name": "Shop Ltd"}}, source="benchmark")
    before = resident("VmRSS")
    library = 0.0
    if what == "parquet":
        import pyarrow.parquet  # noqa: F401 - its own size is told apart

        library = resident("VmRSS") - before
    Path("/proc/self/clear_refs").write_text("5")  # the peak is reset
    wall, processor = time.perf_counter(), time.process_time()
    if what == "rows only":
        store = ledger._store  # noqa: SLF001 - what the exports read by
        with store.reading() as connection:
            count = sum(len(rows) for rows in store.rows(connection, records_query(RecordFilter())))
    elif what.endswith(" by record"):
        with Path(target).open("w", encoding="utf-8", newline="") as stream:
            count = FORMATS[what.removesuffix(" by record")](ledger.records(), stream)
    else:
        count = ledger.export_file(target, what, policy=policy)
    figures = {
        "count": count,
        "wall": time.perf_counter() - wall,
        "processor": time.process_time() - processor,
        "memory": resident("VmHWM") - before,
        "library": library,
    }
    ledger.close()
    return figures


def check(folder: str, count: int) -> str:
    """Compare what the files hold. ``AssertionError`` where they differ."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    joined = ", ".join(f"array_to_string({name}, ' ') AS {name}" for name in LISTS)
    names = [column.name for column in records.columns]
    types = ", ".join(f"'{name}': '{'VARCHAR[]' if name in LISTS else 'VARCHAR'}'" for name in names)
    sources = {
        "csv": f"SELECT * FROM read_csv('{folder}/out.csv', header=true, all_varchar=true)",
        "jsonl": f"SELECT * REPLACE ({joined}) FROM read_json('{folder}/out.jsonl', "
        f"format='newline_delimited', columns={{{types}}})",
        "parquet": f"SELECT * REPLACE ({joined}) FROM read_parquet('{folder}/out.parquet')",
    }
    values = ", ".join('CAST("at" AS TIMESTAMPTZ)' if name == "at" else f"coalesce({name}, '')" for name in names)
    found = {
        name: connection.execute(f"SELECT count(*), sum(hash({values})::HUGEINT) FROM ({source})").fetchone()
        for name, source in sources.items()
    }
    connection.close()
    assert len(set(found.values())) == 1, found
    assert found["csv"][0] == count
    with Path(folder, "out.iso27560").open(encoding="utf-8") as stream:
        written = sum('"@type":"dpv:ConsentRecord"' in line for line in stream)
    assert written == count
    return f"DuckDB finds the same {count:,} records in CSV, JSON Lines and Parquet; ISO 27560 has as many"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", help="where to write; else the folder for temporary files")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(run_one(*options.one)))
        return
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors, {options.records:,} records")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = f"{folder}/consent.db"
        make_log(path, options.records)
        ceiling = 0.0
        for what in RUNS:
            target = f"{folder}/out.{what.replace(' by record', '.by-record')}"
            command = [sys.executable, __file__, "--one", path, what, target]
            figures = [
                json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603
                for _ in range(options.rounds)
            ]
            rate = statistics.median(entry["count"] / entry["wall"] for entry in figures)
            processor = statistics.median(entry["count"] / entry["processor"] for entry in figures)
            ceiling = ceiling or rate
            memory = max(entry["memory"] for entry in figures)
            apart = max(entry["memory"] - entry["library"] for entry in figures)
            size = Path(target).stat().st_size / options.records if Path(target).exists() else 0
            print(
                f"{what:<16} {rate:>9,.0f}/s ({processor:>9,.0f})  {rate / ceiling:>5.2f} of the ceiling"
                f"  memory +{memory:>4.0f} MB{f' ({apart:.0f} without pyarrow)' if what == 'parquet' else ''}"
                f"  {size:>5.0f} B a record",
                flush=True,
            )
        for name in FORMATS:
            whole, by_record = (Path(f"{folder}/out.{name}{end}").read_bytes() for end in ("", ".by-record"))
            assert whole == by_record, name
        print("CSV and JSON Lines are, byte for byte, what they are record by record")
        print(check(folder, options.records))


if __name__ == "__main__":
    main()
