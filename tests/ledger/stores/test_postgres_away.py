"""What happens when PostgreSQL is away, slow, restarted, or takes no changes."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

from cookie_consent import Ledger, LedgerError
from cookie_consent.cli.main import app
from cookie_consent.errors import RecordRefusedError
from cookie_consent.ledger.proof.note import new_key
from cookie_consent.ledger.store import Entry
from tests.ledger.making import NOTICE, ask, make, postgres_store
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.postgres_server import PostgresServer

KEY, PUBLIC = new_key("shop.example/consent")


def _append(ledger: Ledger, patience: float) -> None:
    postgres_store(ledger).append([Entry(make(1))], patience=patience)


def test_appending_does_not_wait_longer_than_it_may(postgres_url: str) -> None:
    ledger = Ledger(postgres_url)
    ledger.append([make(0)])
    with psycopg.connect(postgres_url) as other:
        other.execute("LOCK TABLE consent_records IN SHARE MODE")
        with pytest.raises(LedgerError, match="another session holds a lock") as away:
            _append(ledger, 0.2)
        assert not isinstance(away.value, RecordRefusedError)
    _append(ledger, 0.2)
    assert ledger.count() == 2
    ledger.close()


def test_a_restart_of_the_server_is_not_seen(own_server: PostgresServer, tmp_path: Path) -> None:
    ledger = Ledger(own_server.make_database(), spool=tmp_path, key=KEY)
    ledger.append([make(0)])
    assert ledger.count() == 1
    for number, end in enumerate((own_server.stop, own_server.kill), 1):
        end()
        own_server.start()
        ledger.append([make(number)])
        end()
        own_server.start()
        assert ledger.count() == number + 1
        assert ledger.seal().added > 0
    assert ledger.verify().faults == []
    ledger.close()


def test_while_the_server_is_away_choices_wait_in_the_spool(
    own_server: PostgresServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = own_server.make_database()
    ledger = Ledger(url, spool=tmp_path)
    written = [make(at, subject="one", notice=NOTICE.hash) for at in range(30)]

    async def write(some: int, end: int) -> None:
        for record in written[some:end]:
            await ledger.write(record, NOTICE)

    with caplog.at_level(logging.WARNING, "cookie_consent"):
        asyncio.run(write(0, 10))
        own_server.stop()
        asyncio.run(write(10, 20))
        assert [spool.choices for spool in Ledger(url, spool=tmp_path).waiting()] == [10]
        own_server.start()
        asyncio.run(write(20, 30))
        until(lambda: not ledger.waiting())
    query = "SELECT id FROM consent_records ORDER BY place"
    assert [row[0] for row in ask(url, query)] == [record.id for record in written]
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "check that PostgreSQL runs there" in caplog.text
    ledger.close()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs signals that stop a process")
def test_a_server_that_says_nothing_is_away(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cookie_consent.ledger.stores.postgres.connection._ANSWER", 0.5)
    ledger = Ledger(postgres_url)
    asyncio.run(ledger.write(make(0)))
    query = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'cookie-consent'"
    )
    stopped = [int(str(row[0])) for row in ask(postgres_url, query)]
    try:
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        asyncio.run(ledger.write(make(1)))
        until(lambda: ledger.count() == 2)  # by another connection
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert [path.name for path in tmp_path.glob("*.spool")] == []
    assert ledger.count() == 2
    ledger.close()


def test_while_a_standby_is_away_that_commits_wait_for_choices_stay_in_the_spool(
    own_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cookie_consent.ledger.stores.postgres.connection._ANSWER", 0.5)
    url = own_server.make_database()
    ledger = Ledger(url, spool=tmp_path)
    appended: list[int] = []
    append = postgres_store(ledger).append

    def counted(entries: Sequence[Entry], *, patience: float) -> None:
        appended.append(len(entries))
        append(entries, patience=patience)

    monkeypatch.setattr(postgres_store(ledger), "append", counted)
    asyncio.run(ledger.write(make(0)))
    own_server.execute("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'away'", "SELECT pg_reload_conf()")
    until(lambda: ask(url, "SHOW synchronous_standby_names") == [("away",)])
    for at in range(1, 4):
        asyncio.run(ledger.write(make(at)))
        asked = len(appended)
        until(lambda asked=asked: len(appended) > asked)  # type: ignore[misc] # it is asked again meanwhile
    assert [spool.choices for spool in ledger.waiting()] == [3]
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    assert ask(url, waiting) == [(1,)]  # and no more with each attempt
    own_server.execute("postgres", "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
    until(lambda: not ledger.waiting())
    assert ledger.count() == 4
    ledger.close()


def test_a_choice_is_synced_whatever_the_database_is_set_to(postgres: PostgresServer, postgres_url: str) -> None:
    name = str(make_url(postgres_url).database)
    postgres.execute(name, f"ALTER DATABASE {name} SET synchronous_commit = off")
    ledger = Ledger(postgres_url)
    ledger.open()
    with ledger.reading() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    ledger.close()


def test_errors_say_what_to_do_and_no_password(own_server: PostgresServer, caplog: pytest.LogCaptureFixture) -> None:
    url = make_url(own_server.make_database())
    word = "w0rd-that-is-secret"
    own_server.execute(
        str(url.database),
        "CREATE ROLE shop LOGIN PASSWORD 'right'",
        "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0",
        "CREATE DATABASE still",
    )
    own_server.execute("still", "ALTER DATABASE still SET default_transaction_read_only = on")
    right = own_server.url
    cases = [
        (right(str(url.database), "shop", word), "check the user and the password"),
        (right(str(url.database), "nobody", word), "check the user and the password"),
        (right("absent"), "create the database with `createdb`"),
        (right("latin"), "encoding LATIN1"),
        (right("still"), "is read-only; name the primary"),
        (right(str(url.database), "shop", "right"), "docs/postgresql.md lists"),  # may not make tables
        (f"postgresql://shop:{word}@127.0.0.1:1/consent", "check that PostgreSQL runs there"),
        (f"postgresql://shop@127.0.0.1:1/consent?password={word}", "check that PostgreSQL runs there"),
        (f"postgresql://shop:{word}@no-such-host.invalid/consent", "check that PostgreSQL runs there"),
    ]
    for case, words in cases:
        ledger = Ledger(case)
        with pytest.raises(LedgerError, match=words) as failed:
            ledger.append([make(0)])
        for text in (str(failed.value), repr(failed.value), failed.value.url, repr(ledger), repr(ledger._store)):
            assert word not in text
        ledger.close()
    assert word not in caplog.text
    log = own_server.make_database()
    ledger = Ledger(log, key=KEY)
    ledger.append([make(0)])
    ledger.seal()
    shown = CliRunner().invoke(app, ["log", "verify", "--ledger", log])
    assert (shown.exit_code, "@127.0.0.1" in shown.output) == (0, True)
    assert str(url.password) not in shown.output
    ledger.close()
