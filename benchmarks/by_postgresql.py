"""What PostgreSQL itself does with the rows of the ledger, for ``benchmarks/ledger.py``."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from cookie_consent import Ledger
from cookie_consent.ledger.schema import records, to_row

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.postgres_server import PostgresServer, find_programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cookie_consent import ConsentRecord
    from cookie_consent.ledger import Notice

COLUMNS = ", ".join([*(column.name for column in records.columns), "place"])
ROW = f"INSERT INTO consent_records ({COLUMNS}) VALUES ({', '.join(['%s'] * (len(records.columns) + 1))})"  # noqa: S608


@contextmanager
def running(folder: str | None) -> Iterator[PostgresServer | None]:
    """Give a server whose data lies in the folder, with PostgreSQL's own settings but for 256 MB of memory.

    None where there is no PostgreSQL.
    """
    programs = find_programs()
    if programs is None:
        yield None
        return
    server = PostgresServer(programs, folder, shared_buffers="256MB", autovacuum="on")
    try:
        server.start()
        yield server
    finally:
        server.remove()


def by_the_driver(url: str, make: Callable[[], ConsentRecord], notice: Notice, seconds: float, size: int) -> float:
    """Return the rows per second in transactions of ``size`` rows, by COPY, or INSERT for a row at a time."""
    made = Ledger(url)
    made.append([make()], [notice])
    made.close()
    done, spent = 0, 0.0
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        while spent < seconds:
            rows = [(*to_row(make()), done + at) for at in range(size)]
            begin = time.perf_counter()
            if size == 1:
                cursor.execute(ROW.encode(), rows[0])
            else:
                with cursor.copy(f"COPY consent_records ({COLUMNS}) FROM STDIN".encode()) as copy:
                    for row in rows:
                        copy.write_row(row)
            connection.commit()
            spent += time.perf_counter() - begin
            done += size
    return done / spent
