from __future__ import annotations

import itertools
import multiprocessing
import random
import sqlite3
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent import ConsentRecord, Ledger
from cookie_consent.errors import ProofError
from cookie_consent.ledger import Notice
from cookie_consent.ledger.stats.figures import LAPSED, LedgerStats, read_stats
from cookie_consent.ledger.stats.rollup import RecordCounter
from cookie_consent.policy.duration import Lifetime
from tests.ledger.making import START, make
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import Connection

NOTICES = [
    Notice(hash=letter * 64, language=language, policy_version="1", text=language)
    for letter, language in (("a", "en"), ("b", "de"), ("c", "ar"))
]
LANGUAGE: dict[str | None, str] = {notice.hash: notice.language for notice in NOTICES}


def some_records(count: int, seed: int = 1) -> list[ConsentRecord]:
    chance = random.Random(seed)  # noqa: S311 - only to be the same each time
    made = []
    for number in range(count):
        granted = tuple(sorted(chance.sample(["analytics", "advertising", "social"], chance.randint(0, 3))))
        made.append(
            make(
                chance.randint(0, 60 * 24 * 40),
                granted=granted,
                refused=tuple(sorted({"analytics", "advertising", "social"} - {*granted})),
                refused_services=chance.choice([(), ("youtube",)]),
                action=chance.choice(["given", "refused", "changed", "withdrawn", "signal"]),
                channel=chance.choice(["banner", "preferences", "gpc", "phone"]),
                policy_version=chance.choice(["1", "2"]),
                notice=chance.choice([*LANGUAGE, None]),
                previous=chance.choice([None, str(number)]),
            )
        )
    return made


def by_hand(records: Iterable[ConsentRecord]) -> LedgerStats:
    """Count the records one by one, as the documentation says what is counted."""
    days: dict[date, Counter[tuple[str, str]]] = {}
    groups: Counter[tuple[str, str, str, str]] = Counter()
    for record in records:
        on, off = record.granted + record.granted_services, record.refused + record.refused_services
        outcome = "all" if record.granted and not off else "some" if on else "none"
        found = [("action", record.action), ("outcome", outcome)]
        found += [("first", "")] * (record.previous is None)
        found += [("gpc", "")] * (record.channel == "gpc" or record.action == "signal")
        days.setdefault(record.at.date(), Counter()).update(found)
        found += [("channel", record.channel)]
        found += [("granted", name) for name in record.granted] + [("refused", name) for name in record.refused]
        for measure, value in found:
            groups[measure, value, record.policy_version, LANGUAGE.get(record.notice, "")] += 1
    return LedgerStats(days=days, groups=groups)


def same(ours: LedgerStats, theirs: LedgerStats) -> bool:
    return (ours.days, ours.groups) == (theirs.days, theirs.groups)


@pytest.mark.parametrize("batch", [7, 16_384])
def test_what_is_counted_is_what_one_would_count(store_url: str, batch: int) -> None:
    ledger = Ledger(store_url)
    first, second = some_records(200), some_records(150, seed=2)
    ledger.append(first, NOTICES)
    assert RecordCounter(ledger._store, url="", batch=batch).catch_up()
    assert same(ledger.stats(), by_hand(first))
    ledger.append(second, NOTICES)
    assert same(ledger.stats(), by_hand(first + second))
    assert same(ledger.stats(), by_hand(first + second))
    since, until = START + timedelta(days=3), START + timedelta(days=9)
    wanted = [record for record in first + second if date(2026, 11, 27) <= record.at.date() <= date(2026, 12, 3)]
    part = ledger.stats(since=since, until=until)
    assert same(part, by_hand(wanted))
    assert (part.since, part.until) == (date(2026, 11, 27), date(2026, 12, 4))
    ledger.close()


def test_erasing_changes_no_number_and_pruning_neither(store_url: str) -> None:
    ledger = Ledger(store_url)
    records = some_records(300)
    ledger.append(records[:200], NOTICES)
    before = by_hand(records)
    ledger.stats()
    ledger.append(records[200:], NOTICES)  # not counted when the pruning begins
    ledger.erase(records[0].subject)
    assert ledger.prune(START + timedelta(days=20)).deleted > 50
    assert same(ledger.stats(), before)
    new = make(3, policy_version="3")
    ledger.append([new])
    assert same(ledger.stats(), by_hand([*records, new]))
    ledger.close()


@pytest.mark.parametrize("left", [0, 1])
def test_the_record_counted_last_may_be_pruned(ledger_url: str, left: int) -> None:
    ledger = Ledger(ledger_url)
    old = [make(number) for number in range(10)]
    late = make(60 * 24 * 9)
    ledger.append([*[late] * left, *old])  # the last one is old
    assert ledger.stats().total == 10 + left
    ledger.prune(START + timedelta(days=5))
    assert (ledger.count(), ledger.stats().total) == (left, 10 + left)
    ledger.append([make(60 * 24 * 8)])  # takes a number that was used before
    assert ledger.stats().total == 11 + left
    with sqlite3.connect(ledger_url.removeprefix("sqlite:///")) as database:
        database.execute("VACUUM")
    ledger.append([make(60 * 24 * 8 + 1)])
    assert ledger.stats().total == 12 + left
    ledger.close()


def test_a_mark_that_is_gone_is_told_and_mended(store_url: str) -> None:
    ledger = Ledger(store_url)
    records = some_records(60)
    ledger.append(records[:50], NOTICES)
    ledger.prune(START + timedelta(days=10))
    ledger.append(records[50:], NOTICES)
    numbers = ledger.stats()
    with ledger.writing() as connection:
        connection.exec_driver_sql("UPDATE consent_counted SET last = 'gone'")
    with pytest.raises(ProofError, match="--recount"):
        ledger.stats()
    ledger.prune(START + timedelta(days=9))  # is done nevertheless
    with ledger.writing() as connection:
        connection.exec_driver_sql("UPDATE consent_rollups SET number = number + 1 WHERE day > 20800")
    ledger.recount()
    again = ledger.stats()
    kept = START.date() + timedelta(days=11)
    for day in numbers.days.keys() | again.days.keys():
        assert again.days.get(day) == numbers.days.get(day) or day < kept
    assert sum(again.days[min(again.days)].values()) > 0
    ledger.close()


def test_damaged_records_are_in_no_number(ledger_url: str, tmp_path: Path) -> None:
    ledger = Ledger(ledger_url)
    ledger.append([make(1), make(2), make(3), make(4)])
    ledger.close()
    database = sqlite3.connect(tmp_path / "consent.db", isolation_level=None)
    database.execute("DROP TRIGGER consent_records_no_update")
    for number, change in enumerate(("at = 'soon'", "granted = x'00ff'", f"at = {2**62}"), 1):
        database.execute(f"UPDATE consent_records SET {change} WHERE rowid = {number}")  # noqa: S608
    database.close()
    assert ledger.stats().total == 1
    ledger.close()


def count(url: str) -> None:
    ledger = Ledger(url)
    RecordCounter(ledger._store, url=url, batch=20).catch_up()
    ledger.close()


@pytest.mark.server
def test_several_count_each_record_once(store_url: str) -> None:
    ledger = Ledger(store_url)
    records = some_records(600)
    ledger.append(records[:400], NOTICES)
    ledger.close()
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=count, args=(store_url,)) for _ in range(2)]
    for process in processes:
        process.start()
    threads = [threading.Thread(target=count, args=(store_url,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for at in range(400, 600, 20):
        ledger.append(records[at : at + 20], NOTICES)
    for thread in threads:
        thread.join(60)
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert same(ledger.stats(), by_hand(records))
    ledger.close()


def test_what_is_pruned_while_it_is_counted_is_counted_once(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is empty before and after, so that only the version of the mark tells."""
    ledger, other = Ledger(store_url), Ledger(store_url)
    ledger.append([make(number) for number in range(10)])
    plain = ledger._store.writing
    pruned: list[int] = []

    def prune_first() -> AbstractContextManager[Connection]:
        monkeypatch.setattr(ledger._store, "writing", plain)
        pruned.append(other.prune(START + timedelta(days=1)).deleted)
        return plain()

    monkeypatch.setattr(ledger._store, "writing", prune_first)
    assert ledger.stats().total == 10
    assert (pruned, ledger.count()) == ([10], 0)
    ledger.close()
    other.close()


def test_counting_can_be_left_off_and_goes_on(store_url: str) -> None:
    ledger = Ledger(store_url)
    ledger.append(some_records(100), NOTICES)
    told: list[int] = []
    counter = RecordCounter(ledger._store, url="", batch=30)
    assert not counter.catch_up(lambda: len(told) == 2, progress=told.append)
    with ledger.reading() as connection:
        assert read_stats(connection).total == 60
    assert counter.catch_up(progress=told.append)
    assert told == [30, 30, 30, 10]
    ledger.close()


def total(ledger: Ledger) -> int:
    with ledger.reading() as connection:
        return read_stats(connection).total


def test_a_server_without_a_key_counts(store_url: str) -> None:
    ledger = Ledger(store_url, count_every=0.02)
    ledger.open()
    ledger.start()
    ledger.append(some_records(20), NOTICES)
    until(lambda: total(ledger) == 20)
    ledger.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("cookie-consent-counted")]


def test_weeks_and_months_are_put_together_and_gaps_are_filled() -> None:
    numbers = {date(2026, 1, 30): {("action", "given"): 2}, date(2026, 2, 3): {("action", "given"): 3}}
    stats = LedgerStats(days=numbers)
    assert [len(stats.by("day")), len(stats.by("week")), len(stats.by("month"))] == [5, 2, 2]
    assert stats.by("week") == {
        date(2026, 1, 26): {("action", "given"): 2},
        date(2026, 2, 2): {("action", "given"): 3},
    }
    assert list(stats.by("month")) == [date(2026, 1, 1), date(2026, 2, 1)]
    bounded = LedgerStats(since=date(2026, 1, 1), until=date(2026, 3, 1), days=numbers)
    assert list(bounded.by("day"))[0::58] == [date(2026, 1, 1), date(2026, 2, 28)]
    far = LedgerStats(days={date(1, 1, 1): {("action", "given"): 1}, date(9999, 12, 31): {("action", "given"): 1}})
    assert len(far.by("day")) == len(far.by("week")) == 2
    assert LedgerStats().by("day") == {}


def test_times_within_a_day_mean_the_day(store_url: str) -> None:
    ledger = Ledger(store_url)
    ledger.append([make(0)])
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert ledger.stats(since=noon).total == 1
    assert ledger.stats(until=noon).total == 1
    assert ledger.stats(until=datetime(2026, 11, 24, tzinfo=UTC)).total == 0
    assert ledger.stats(since=noon + timedelta(days=1)).total == 0
    ledger.close()


NUMBERS = itertools.count(1)


def given(day: str, previous: ConsentRecord | None = None, **values: object) -> ConsentRecord:
    at = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    time = f"{int(at.timestamp() * 1000):012x}"
    name = f"{time[:8]}-{time[8:]}-7{next(NUMBERS) % 4096:03x}-8000-000000000000"
    return make(id=name, at=at, previous=previous.id if previous is not None else None, **values)  # type: ignore[arg-type]


def lapses(ledger: Ledger) -> dict[str, int]:
    found = ledger.stats(lifetime=Lifetime(months=1)).days
    return {day.isoformat(): numbers[LAPSED] for day, numbers in found.items() if LAPSED in numbers}


def test_what_is_allowed_for_a_visit_neither_lapses_nor_replaces_a_choice(store_url: str) -> None:
    ledger = Ledger(store_url)
    video: dict[str, Any] = {"granted": (), "refused": (), "granted_services": ("youtube",), "channel": "visit"}
    alone = given("2024-01-10", **video)
    lasting = given("2024-01-31")
    visit = given("2024-02-02", lasting, **{**video, "granted": lasting.granted})
    ledger.append([alone, lasting, visit])
    assert lapses(ledger) == {"2024-02-29": 1}
    assert ledger.stats().first_choices == 2
    assert ledger.stats().channels["visit"] == 2
    again = given("2024-02-03", visit, **video)
    # the next choice names the visit's record before it, and replaces the one before that
    ledger.append([again, given("2024-02-20", again), given("2024-02-21", alone)])
    assert lapses(ledger) == {"2024-03-20": 1, "2024-03-21": 1}
    assert ledger.stats().first_choices == 2
    ledger.recount()
    assert lapses(ledger) == {"2024-03-20": 1, "2024-03-21": 1}


def test_records_for_visits_that_name_each_other_are_counted(store_url: str) -> None:
    ledger = Ledger(store_url)
    one = given("2024-01-10", channel="visit")
    other = given("2024-01-11", one, channel="visit")
    circular = replace(one, previous=other.id)
    ledger.append([circular, other, given("2024-01-12", other)])
    assert ledger.stats().total == 3
    assert lapses(ledger).keys() <= {"2024-02-10", "2024-02-11", "2024-02-12"}


def test_what_no_later_choice_has_replaced_lapses_with_its_lifetime(store_url: str) -> None:
    ledger = Ledger(store_url)
    first, second, third = given("2024-01-31"), given("2024-01-31"), given("2024-02-10")
    ledger.append([first, second, third, given("2024-01-31", granted=(), action="refused")])
    assert ledger.stats(lifetime=Lifetime(months=1)).lapsed == 3
    changed = given("2024-02-20", second)
    ledger.append([changed, given("2024-02-25", third, granted=(), action="withdrawn")])
    assert lapses(ledger) == {"2024-02-29": 1, "2024-03-20": 1}
    assert ledger.stats(since=changed.at, lifetime=Lifetime(months=1)).lapsed == 2
    assert ledger.stats(until=datetime(2024, 3, 20, tzinfo=UTC), lifetime=Lifetime(months=1)).lapsed == 1
    assert ledger.stats(lifetime=Lifetime(months=1200)).lapsed == 0
    assert ledger.stats().lapsed == 0
    ledger.recount()
    assert ledger.stats(lifetime=Lifetime(months=1)).lapsed == 2
