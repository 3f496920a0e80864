"""How fast the log is sealed and verified, and what a proof takes, by the number of records.

    python benchmarks/proof.py [--folder FOLDER] [--sizes 10000 100000 1000000] [--proofs 200]

For each size a log is made with records as the banner's, and then

- *seal*: all of it is sealed, in batches, each of which is durable and signed;
- *verify*: every leaf is computed from its record, the tree from the leaves, and the signature checked, as by
  ``cookie-consent log verify`` (which leaves Python's garbage collector off, as is done here): in one process, and with
  all processors, as the command does it;
- *prove*: random records are proved; the median, the slowest, and the size of the largest, as JSON;
- *check*: what a third party does with such a proof.

Rates are of the wall clock, in brackets of processor time: they differ where the machine is busy with something else.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import sqlite3
import statistics
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import insert

from cookie_consent import Ledger
from cookie_consent.ledger import Notice
from cookie_consent.ledger.note import new_key
from cookie_consent.ledger.proof import check_proof
from cookie_consent.ledger.schema import notices, records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INSERT = f"INSERT INTO consent_records VALUES ({', '.join('?' * len(records.columns))})"  # noqa: S608
START = 1_764_000_000_000_000  # microseconds
BETWEEN = 987_654
TEXT = "We ask. " * 300
NOTICE = Notice(hash=sha256(f"en\n{TEXT}".encode()).hexdigest(), language="en", policy_version="1", text=TEXT)


def make_rows(count: int) -> Iterator[tuple[object, ...]]:
    """Yield rows, about one a second, some of which have one before."""
    previous = None
    for number in range(count):
        at = START + number * BETWEEN
        digits = f"{at // 1000:012x}7{number & 0xFFF:03x}8{random.getrandbits(60):015x}"
        name = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
        yield (
            name, str(uuid4()), at, "changed" if previous else "given", "analytics preferences",
            "advertising login social", "", "", previous, "banner", "2026-11-01", NOTICE.hash,
            f"/products/{number % 500}", "", "Firefox", "",
        )  # fmt: skip
        previous = name if number % 4 == 0 else None


def make_log(path: str, count: int, key: str) -> Ledger:
    """Make a log of so many records that are not sealed; quickly, not durably."""
    ledger = Ledger(f"sqlite:///{path}", key=key)
    with ledger.writing() as connection:
        connection.execute(insert(notices).values(vars(NOTICE)))
    ledger.close()
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA synchronous=OFF")
    database.execute("BEGIN")
    database.executemany(INSERT, make_rows(count))
    database.execute("COMMIT")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return ledger


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what the work returns, the seconds it took, and those of processor time."""
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - processor


def measure(folder: str, count: int, proofs: int) -> None:
    """Print a line for one size."""
    key, public = new_key("shop.example/consent")
    ledger = make_log(f"{folder}/{count}.db", count, key)
    sealed, seal_wall, seal_processor = timed(ledger.seal)
    gc.disable()
    verified, wall, processor = timed(ledger.verify)
    _, together, _ = timed(lambda: ledger.verify(processes=os.cpu_count() or 1))
    gc.enable()
    assert verified.faults == []
    assert verified.records == count == sealed.size - 1
    with ledger.reading() as connection:
        names = [
            str(connection.exec_driver_sql("SELECT id FROM consent_leaves WHERE position = ?", (at,)).scalar())
            for at in random.sample(range(count), min(proofs, count))
        ]
    times, sizes, checks = [], [], []
    for name in names:
        proof, took, _ = timed(lambda name=name: ledger.prove(name))
        times.append(took * 1000)
        text = json.dumps(proof, separators=(",", ":"))
        sizes.append(len(text.encode()))
        _, took, _ = timed(lambda text=text: check_proof(json.loads(text), [public]))
        checks.append(took * 1000)
    size = Path(f"{folder}/{count}.db").stat().st_size
    ledger.close()
    print(
        f"{count:>10,}  {count / seal_wall:>9,.0f}/s ({count / seal_processor:>9,.0f})"
        f"  {count / wall:>9,.0f}/s ({count / processor:>9,.0f})  {count / together:>9,.0f}/s"
        f"  {statistics.median(times):>6.2f} ms ({max(times):>6.2f})  {max(sizes):>5} B"
        f"  {statistics.median(checks):>6.2f} ms  {size / count:>5.0f} B",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", help="where to write; else the folder for temporary files")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--proofs", type=int, default=200)
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(
        f"{'records':>10}  {'seal (processor)':>24}  {'verify (processor)':>24}  {'all':>11}"
        f"  {'prove (slowest)':>18}  {'proof':>7}  {'check':>9}  {'a record':>7}"
    )
    for count in options.sizes:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            measure(folder, count, options.proofs)


if __name__ == "__main__":
    main()
