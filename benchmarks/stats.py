"""What the figures of the log cost: counting it by day, and asking for figures, beside a look at every record.

    python benchmarks/stats.py [--folder FOLDER] [--sizes 100000 1000000] [--large]

For each size a log is made of three years of choices, in five languages and three policy versions, and then

- *count*: all of it is counted, in batches, as the first ``cookie-consent log stats`` of an old log does it;
- *longest*: the longest transaction of these, for which others that write have to wait;
- *query*: the figures of all days, and of the last 90, once everything is counted (the best of five);
- *full scan*: the same sums of all days from the records themselves, by the database (GROUP BY), as the ceiling of what
  could be done without counting, and one by one in Python, as releases before did;
- *command*: the time of ``cookie-consent log stats --format json``, with Python's start.

``--large`` adds ten million records, which take some 6 GB of the folder. Rates are of the wall clock.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import insert

from cookie_consent import Ledger
from cookie_consent.ledger import Notice
from cookie_consent.ledger.schema import moment, notices, records
from cookie_consent.ledger.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

INSERT = f"INSERT INTO consent_records VALUES ({', '.join('?' * len(records.columns))})"  # noqa: S608
START = 1_700_000_000_000_000  # microseconds
YEARS = 3 * 365 * 86_400_000_000
CATEGORIES = ("advertising", "analytics", "login", "preferences", "social")
NOTICES = [
    Notice(hash=letter * 64, language=language, policy_version=str(version), text="We ask. " * 300)
    for version, letters in enumerate(("abcde", "fghij", "klmno"), 1)
    for letter, language in zip(letters, ("ar", "de", "en", "es", "fr"), strict=True)
]
SCAN = (
    "SELECT at / 86400000000, action, channel, granted, refused, consent_records.policy_version, language, "
    "previous IS NULL, COUNT(*) FROM consent_records LEFT JOIN consent_notices ON hash = notice "
    "GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
)


def make_rows(count: int) -> Iterator[tuple[object, ...]]:
    """Yield rows, evenly over three years."""
    chance = random.Random(1)  # noqa: S311 - only to be the same each time
    for number in range(count):
        at = START + number * YEARS // count
        part = number * 3 // count
        luck = chance.random()
        granted = CATEGORIES if luck < 0.4 else () if luck < 0.8 else tuple(CATEGORIES[: chance.randint(1, 4)])
        digits = f"{at // 1000:012x}7{number & 0xFFF:03x}8{chance.getrandbits(60):015x}"
        name = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
        action = "withdrawn" if luck > 0.97 else "given" if granted else "refused"
        yield (
            name, str(uuid4()), at, action, " ".join(granted),
            " ".join(one for one in CATEGORIES if one not in granted), "", "", name if luck > 0.9 else None, "banner",
            str(part + 1), NOTICES[part * 5 + number % 5].hash, f"/products/{number % 500}", "", "Firefox", "",
        )  # fmt: skip


def make_log(path: str, count: int) -> Ledger:
    """Make a log of so many records that are not counted; quickly, not durably."""
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
    return ledger


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what the work returns, and the seconds it took."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


@contextmanager
def watched(held: list[float]) -> Iterator[None]:
    """Note how long each transaction that writes has held the lock."""
    plain = SqliteStore.writing

    @contextmanager
    def writing(store: SqliteStore) -> Iterator[Connection]:
        with plain(store) as connection:
            start = time.perf_counter()
            yield connection
        held.append(time.perf_counter() - start)

    SqliteStore.writing = writing  # type: ignore[method-assign]
    try:
        yield
    finally:
        SqliteStore.writing = plain  # type: ignore[method-assign]


def one_by_one(ledger: Ledger) -> Counter[tuple[str, ...]]:
    """Count the records in Python, as ``log stats`` did before it counted by day."""
    found: Counter[tuple[str, ...]] = Counter()
    for record in ledger.records():
        found["action", record.action] += 1
        found["channel", record.channel] += 1
        found["day", record.at.date().isoformat()] += 1
        found.update([("granted", name) for name in record.granted])
        found.update([("refused", name) for name in record.refused])
    return found


def measure(folder: str, count: int) -> None:
    """Print what was measured for one size."""
    path = f"{folder}/{count}.db"
    ledger = make_log(path, count)
    held: list[float] = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with watched(held):
        _, counting = timed(ledger.count_new)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    everything = min((timed(ledger.stats) for _ in range(5)), key=lambda one: one[1])
    since = moment(START + YEARS) - timedelta(days=89)
    recent = min((timed(lambda: ledger.stats(since=since)) for _ in range(5)), key=lambda one: one[1])
    assert everything[0].total == count
    with ledger.reading() as connection:
        rows, scanning = timed(lambda: connection.exec_driver_sql(SCAN).fetchall())
        cells = connection.exec_driver_sql("SELECT COUNT(*) FROM consent_rollups").scalar()
    assert sum(row[-1] for row in rows) == count
    found, python = timed(lambda: one_by_one(ledger))
    assert found["action", "withdrawn"] == everything[0].withdrawals
    ledger.close()
    command = [sys.executable, "-m", "cookie_consent", "log", "stats", "--format", "json", "--ledger", ledger.url]
    _, whole = timed(lambda: subprocess.run(command, check=True, capture_output=True))  # noqa: S603
    print(
        f"{count:>10,}  {counting:>7.2f} s {count / counting:>9,.0f}/s  {max(held) * 1000:>6.1f} ms  {grown:>5.0f} MB"
        f"  {cells:>8,}  {everything[1] * 1000:>7.1f} ms {recent[1] * 1000:>6.1f} ms"
        f"  {scanning:>6.2f} s {scanning / everything[1]:>6.0f} x  {python:>7.2f} s {python / everything[1]:>6.0f} x"
        f"  {whole:>5.2f} s",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", help="where to write; else the folder for temporary files")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--large", action="store_true", help="ten million records as well")
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(
        f"{'records':>10}  {'count':>21}  {'longest':>9}  {'memory':>8}  {'rows':>8}  {'query: all, 90 days':>20}"
        f"  {'by the database':>17}  {'one by one':>18}  {'command':>7}"
    )
    for count in [*options.sizes, *([10_000_000] if options.large else [])]:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            measure(folder, count)


if __name__ == "__main__":
    main()
