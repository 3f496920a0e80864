"""Records that say that they are older than what was sealed: named and not signed, unless it is known why they came."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from cookie_consent import ConsentRecord, Ledger, Policy
from cookie_consent.errors import LedgerError, ProofError
from cookie_consent.ledger.late import mark_late
from cookie_consent.ledger.proof.note import new_key
from cookie_consent.ledger.schema import events
from cookie_consent.ledger.store import Entry
from tests.ledger.making import make
from tests.running import run
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY, PUBLIC = new_key("shop.example/consent")
NOW = datetime.now(UTC)


def made(before: timedelta = timedelta(), at: timedelta | None = None, **values: Any) -> ConsentRecord:
    """Return a record whose id was made so long ago, and whose time is as long ago, or ``at``."""
    moment = NOW - before
    number = int(moment.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62 | uuid4().int & (1 << 62) - 1
    text = f"{number:032x}"
    name = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    return make(**{"id": name, "at": NOW - (before if at is None else at), **values})


HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def ledger(store_url: str) -> Iterator[Ledger]:
    """Return a log with three choices of this hour, which is sealed."""
    ledger = Ledger(store_url, key=KEY)
    ledger.append([made(timedelta(minutes=at)) for at in (30, 20, 10)])
    ledger.seal()
    yield ledger
    ledger.close()


def slip_in(ledger: Ledger, *new: ConsentRecord) -> None:
    """Insert records as somebody would who can write to the tables: nothing says why they come now."""
    ledger._store.append([Entry(record) for record in new])


def named(ledger: Ledger) -> set[str | None]:
    faults = ledger.verify(trusted=[PUBLIC]).faults
    assert {fault.kind for fault in faults} <= {"added"}
    return {fault.id for fault in faults}


OLD = [
    made(30 * DAY),  # both
    made(30 * DAY, at=timedelta()),  # an old id, with which it would sort among the old ones
    made(at=30 * DAY),  # an old time
    made(2 * HOUR),  # little more than clocks differ
    made(30 * DAY, channel="phone"),  # nobody has entered it
    make(id="x", at=NOW - 30 * DAY),  # whose id tells no time
]


@pytest.mark.parametrize("old", OLD, ids=range(len(OLD)))
def test_an_old_record_that_somebody_put_in_is_named_and_not_signed(ledger: Ledger, old: ConsentRecord) -> None:
    slip_in(ledger, old)
    later = made()
    ledger.append([later])
    assert named(ledger) == {old.id}
    for _ in range(2):
        with pytest.raises(ProofError, match=f"the record {old.id} says that it was made long before"):
            ledger.seal()
    assert named(ledger) == {old.id}
    for record in (old, later):
        with pytest.raises(ProofError, match="is not sealed yet"):
            ledger.prove(record.id)
    assert ledger.verify(trusted=[PUBLIC]).records == 3


def test_what_comes_before_it_is_signed_all_the_same(ledger: Ledger) -> None:
    good, old = [made() for _ in range(5)], made(DAY)
    ledger.append(good)
    slip_in(ledger, old)
    with pytest.raises(ProofError, match=old.id):
        ledger.seal()
    assert ledger.verify(trusted=[PUBLIC]).records == 8
    assert named(ledger) == {old.id}


def test_who_knows_it_can_vouch_for_it(ledger: Ledger) -> None:
    old = [made(DAY), made(2 * DAY)]
    slip_in(ledger, *old)
    with pytest.raises(LedgerError, match="no record has the id nobody"):
        ledger.admit([old[0].id, "nobody"])
    assert ledger.admit([record.id for record in old]) == 2
    assert ledger.admit([old[1].id]) == 0
    ledger.seal()
    assert named(ledger) == set()
    found = ledger.verify(trusted=[PUBLIC])
    assert (found.records, found.unsealed) == (5, 0)
    (event,) = [event for event in ledger.events() if event.kind == "late"]
    assert event.detail == {"records": [record.id for record in old]}
    assert ledger.prove(event.id) is not None, "and that somebody did is signed as well"


def test_the_command(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/consent.db", key=KEY)
    ledger.append([made()])
    ledger.seal()
    old = made(DAY)
    slip_in(ledger, old)
    ledger.close()
    done = run("log", "seal", folder=tmp_path, CONSENT_LEDGER_KEY=KEY)
    assert (done.returncode, f"log admit {old.id}" in done.stderr) == (1, True)
    done = run("log", "verify", folder=tmp_path)
    assert (done.returncode, f"{old.id}  says that it was made long before" in done.stdout) == (1, True)
    done = run("log", "admit", old.id, folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "admitted 1 record\n")
    assert run("log", "seal", folder=tmp_path, CONSENT_LEDGER_KEY=KEY).returncode == 0
    assert run("log", "verify", folder=tmp_path).returncode == 0
    assert run("log", "admit", "nobody", folder=tmp_path).returncode == 2


# Nothing that came by honest means is refused.


def test_a_spool_that_is_carried_over_after_an_outage(ledger: Ledger) -> None:
    old = [made(3 * DAY - timedelta(minutes=at)) for at in range(50)]
    spool = ledger._spools.create()
    spool.append([Entry(record) for record in old])
    spool.close()
    ledger.start()
    until(lambda: not ledger.waiting())
    asyncio.run(ledger.write(made()))
    ledger.close()
    ledger.seal()
    assert named(ledger) == set()
    assert ledger.verify().records == 54
    late = {name for event in ledger.events() if event.kind == "late" for name in event.detail["records"]}
    assert late == {record.id for record in old}


def test_what_is_entered_by_hand_for_a_day_long_ago(ledger: Ledger) -> None:
    entered = ledger.enter(Policy(version="1"), channel="paper", granted=["analytics"], at=NOW - 400 * DAY)
    ledger.enter(Policy(version="1"), channel="phone", granted=["analytics"])
    ledger.seal()
    assert named(ledger) == set()
    assert [event.detail["records"] for event in ledger.events() if event.kind == "late"] == [[entered.id]]


def test_another_log_that_is_put_in_and_what_is_written_twice(ledger: Ledger) -> None:
    others = [made(timedelta(days=at)) for at in (9, 3, 7, 1)]  # in no order
    for _ in range(3):
        ledger.append(others)
    assert sum(event.kind == "late" for event in ledger.events()) == 1
    ledger.seal()
    assert named(ledger) == set()
    assert ledger.verify().records == 7


def test_hosts_whose_clocks_differ(ledger: Ledger) -> None:
    for minutes in (0, 55, -55, 3, 40, -20):
        slip_in(ledger, made(timedelta(minutes=minutes)))  # as by releases that mark nothing
    ledger.seal()
    assert named(ledger) == set()


def test_a_clock_that_is_far_ahead_makes_nobody_late(ledger: Ledger) -> None:
    ledger.append([made(-300 * DAY)])
    ledger.seal()
    ledger.append([made(timedelta(minutes=5)), made()])
    ledger.seal()
    assert named(ledger) == set()


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_what_has_waited_for_long_is_sealed_in_several_batches(store_url: str, batch: int) -> None:
    from cookie_consent.ledger.proof.seal import Sealer

    ledger = Ledger(store_url, key=KEY)
    ledger.append([made(timedelta(days=at)) for at in (9, 8, 7)])
    sealer = Sealer(ledger._store, ledger.signers(), url=ledger.url, batch=batch)
    sealer.seal()
    ledger.append([made(timedelta(days=at)) for at in (6, 5, 4)])  # nobody sealed for a week
    ledger.append([made(), made(8 * DAY)])
    for _ in range(20):
        sealer.seal(lambda: True)  # ends after each batch, as a server that is stopped
    assert named(ledger) == set()
    found = ledger.verify(trusted=[PUBLIC])
    assert (found.records, found.unsealed) == (8, 0)
    ledger.close()


def test_a_first_sealing_takes_what_there_is(store_url: str) -> None:
    ledger = Ledger(store_url, key=KEY)
    ledger.append([made(timedelta(days=400))])
    slip_in(ledger, made(2 * DAY), made(DAY), made())
    ledger.seal()
    assert named(ledger) == set()
    ledger.close()


def test_a_late_record_that_is_erased_or_pruned_later(ledger: Ledger) -> None:
    old = made(3 * DAY, subject=str(uuid4()))
    ledger.append([old])
    ledger.seal()
    assert ledger.erase(old.subject) == 1
    assert ledger.prune(NOW - DAY).deleted == 1
    ledger.seal()
    assert named(ledger) == set()


def test_fresh_choices_ask_the_log_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> None:
        raise AssertionError("the log was asked")

    monkeypatch.setattr(ledger._store, "reading", never)
    mark_late(ledger._store, [made() for _ in range(100)], now=lambda: NOW)


def test_a_damaged_event_explains_nothing(ledger_url: str, tmp_path: Path) -> None:
    ledger = Ledger(ledger_url, key=KEY)
    ledger.append([made()])
    ledger.seal()
    old = made(DAY)
    slip_in(ledger, old)
    with closing(sqlite3.connect(tmp_path / "consent.db", isolation_level=None)) as database:
        for number, detail in enumerate(("[]", "{", '{"records": 5}', "[" * 9000)):
            values = (str(number), 1, "late", detail)
            database.execute(f"INSERT INTO {events.name} (id, at, kind, detail) VALUES (?, ?, ?, ?)", values)  # noqa: S608
    with pytest.raises(ProofError, match=old.id):
        ledger.seal()
    ledger.close()
