"""Servers of a site and of PostgreSQL are killed while 32 clients post: no acknowledged choice is lost."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from typing import TYPE_CHECKING

import psycopg
import pytest

from cookie_consent import Ledger
from tests.ledger.making import make
from tests.ledger.test_torture import Load, answers, check, listen, serving, spools, verify
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres_server import PostgresServer


@pytest.fixture
def server(own_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PostgresServer:
    """Give a server of the test's own; spools lie in the test's folder."""
    monkeypatch.setenv("CONSENT_SPOOL", str(tmp_path))
    return own_server


def wait_for_the_last(url: str) -> None:
    """Wait until the server has ended what killed clients had begun, as that holds up the sealing."""
    query = b"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(url, autocommit=True) as connection:
        until(lambda: connection.execute(query).fetchone() == (0,))


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.torture)])
def test_no_acknowledged_choice_is_lost_when_servers_are_killed(
    server: PostgresServer, tmp_path: Path, kills: int
) -> None:
    chance = random.Random(kills)  # noqa: S311 - nothing secret
    url = server.make_database()
    left: list[Path] = []
    sealed: list[int] = []

    async def run() -> list[str]:
        with listen() as listener:
            load = Load(listener.getsockname()[1])
            async with load.running():
                for number in range(kills):
                    with serving(url, listener) as site:
                        await answers(load, 50)
                        await asyncio.sleep(chance.uniform(0, 0.3))
                        if number % 3:  # PostgreSQL is killed, and the choices go to the spool
                            server.kill()
                            await answers(load, 50)
                        if number % 3 == 1:  # it is back before the site is killed, which carries them over
                            await asyncio.to_thread(server.start)
                            await answers(load, 50)
                        site.send_signal(signal.SIGKILL)
                        site.wait()
                        left.extend(spools(tmp_path))
                        if number % 3 == 2:
                            await asyncio.to_thread(server.start)
                        sealed.append(await asyncio.to_thread(verify, url))
            assert load.failures == []
            return load.acknowledged

    acknowledged = asyncio.run(run())
    assert len(acknowledged) >= 80 * kills
    assert len(left) >= kills // 3  # some ended with choices in the spool
    assert sealed[-1] > sealed[0]
    wait_for_the_last(url)
    check(url, acknowledged)


@pytest.mark.parametrize("seconds", [pytest.param(60, marks=pytest.mark.torture)])
def test_a_database_that_is_away_fails_no_page_and_loses_no_choice(
    server: PostgresServer, tmp_path: Path, seconds: float
) -> None:
    url = server.make_database()

    async def run() -> list[str]:
        with listen() as listener:
            load = Load(listener.getsockname()[1])
            with serving(url, listener) as site:
                async with load.running():
                    await answers(load, 50)
                    server.stop()
                    before = len(load.acknowledged)
                    await asyncio.sleep(seconds)
                    assert len(load.acknowledged) - before > 20 * seconds
                    await asyncio.to_thread(server.start)
                    await answers(load, 50)
                site.terminate()
                assert site.wait(30) in {0, -signal.SIGTERM}
            assert load.failures == []
            return load.acknowledged

    acknowledged = asyncio.run(run())
    assert spools(tmp_path) == []  # carried over while it ran, or when it ended
    wait_for_the_last(url)
    check(url, acknowledged)


def test_each_visitors_choices_keep_their_order_while_the_database_comes_and_goes(
    server: PostgresServer, tmp_path: Path
) -> None:
    url = server.make_database()
    ledger = Ledger(url)
    made: list[str] = []

    async def visitor(number: int, is_over: asyncio.Event) -> None:
        while not is_over.is_set():
            record = make(subject=f"visitor-{number}")
            await ledger.write(record)
            made.append(record.id)
            await asyncio.sleep(0.01)

    async def run() -> None:
        is_over = asyncio.Event()
        visitors = [asyncio.create_task(visitor(number, is_over)) for number in range(16)]
        for end in (server.stop, server.kill):
            await asyncio.sleep(0.25)
            await asyncio.to_thread(end)
            await asyncio.sleep(0.25)
            await asyncio.to_thread(server.start)
        is_over.set()
        await asyncio.gather(*visitors)

    asyncio.run(run())
    until(lambda: not ledger.waiting())
    ledger.close()
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT subject, id FROM consent_records ORDER BY place").fetchall()
    assert Counter(row[1] for row in found) == Counter(made)
    for number in range(16):
        ids = [row[1] for row in found if row[0] == f"visitor-{number}"]
        assert ids == sorted(ids)
    assert spools(tmp_path) == []
