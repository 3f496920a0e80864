"""One filter for reading, counting and exporting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cookie_consent import ConfigurationError, Ledger
from cookie_consent.ledger import RecordFilter
from tests.ledger.making import START, make

if TYPE_CHECKING:
    from cookie_consent import ConsentRecord


@pytest.fixture
def kept(store_url: str) -> tuple[Ledger, list[ConsentRecord]]:
    ledger = Ledger(store_url)
    records = [
        make(0, subject="a", granted=("analytics",), refused=("social",)),
        make(1, subject="b", granted=("analytics-extra",), refused=(), action="changed", region="DE"),
        make(2, subject="a", granted=(), refused=("advertising", "analytics"), action="refused", channel="gpc"),
        make(3, subject="c", granted=("Analytics", "x"), refused=(), policy_version="2", region="FR"),
        make(4, subject="d", granted=("an%lytics", "pre_"), refused=(), action="withdrawn", channel="phone"),
        make(5, subject="e", granted=(), refused=(), action="signal"),
    ]
    ledger.append(records)
    return ledger, records


@pytest.mark.parametrize(
    ("pairs", "numbers"),
    [
        ([], [0, 1, 2, 3, 4, 5]),
        ([("category", "analytics")], [0, 2]),  # not a longer id, not another case
        ([("category", "Analytics")], [3]),
        ([("category", "an%lytics")], [4]),  # no pattern
        ([("category", "a_alytics")], []),
        ([("category", "analytics extra")], None),
        ([("category", "social"), ("category", "x")], [0, 3]),
        ([("action", "given"), ("action", "changed")], [0, 1, 3]),
        ([("action", "given"), ("policy-version", "1")], [0]),
        ([("policy_version", "2")], [3]),
        ([("region", "DE"), ("region", "FR")], [1, 3]),
        ([("channel", "phone"), ("channel", "gpc"), ("subject", "a")], [2]),
        ([("subject", "' OR 1=1 --")], []),
        ([("since", (START + timedelta(minutes=2)).isoformat())], [2, 3, 4, 5]),
        ([("until", (START + timedelta(minutes=2)).isoformat())], [0, 1]),
        ([("since", "2026-11-24"), ("until", "2026-11-25")], [0, 1, 2, 3, 4, 5]),
    ],
)
def test_what_is_meant_is_read_and_counted(
    kept: tuple[Ledger, list[ConsentRecord]], pairs: list[tuple[str, str]], numbers: list[int] | None
) -> None:
    ledger, records = kept
    if numbers is None:
        with pytest.raises(ConfigurationError, match="one by one"):
            RecordFilter.parse(pairs)
        return
    where = RecordFilter.parse(pairs)
    expected = [records[number] for number in numbers]
    assert list(ledger.records(where=where)) == expected
    assert list(ledger.records(where=where, newest_first=True, limit=2)) == expected[::-1][:2]
    assert ledger.count(where=where) == len(expected)
    ledger.close()


def test_the_other_ways_to_ask_are_kept(kept: tuple[Ledger, list[ConsentRecord]]) -> None:
    ledger, records = kept
    where = RecordFilter(actions=("given", "refused"))
    end = START + timedelta(minutes=3)
    assert list(ledger.records(since=START, until=end, subject="a", where=where)) == [records[0], records[2]]
    assert ledger.count(since=START, until=end, where=where) == 2
    ledger.close()


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([("action", "agreed")], "action 'agreed' is unknown; write one of given, refused, changed, withdrawn"),
        ([("channel", "fax")], "write one of banner, preferences, api, visit, gpc, phone, paper, in-person"),
        ([("colour", "red")], "'colour' is not a filter; the filters are since, until, subject, category"),
        ([("since", "noon")], "since 'noon' is not a time; write 2026-11-24"),
        ([("since", "2026-11-24"), ("since", "2026-11-25")], "since is given twice"),
        ([("since", "2026-11-25"), ("until", "2026-11-25")], "since is not before until"),
        ([("region", "")], "region '' is not a value"),
        ([("subject", "a\nb")], "is not a value that a record can have"),
        ([("subject", "x" * 300)], "is not a value that a record can have"),
    ],
)
def test_what_no_record_can_have_is_refused(pairs: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        RecordFilter.parse(pairs)


def test_a_time_needs_a_zone() -> None:
    with pytest.raises(ConfigurationError, match="time zone"):
        RecordFilter(since=datetime(2026, 11, 24))  # noqa: DTZ001 - what is tested
    assert RecordFilter(since=datetime(2026, 11, 24, tzinfo=UTC), regions=("FR", "DE")).as_dict() == {
        "since": "2026-11-24T00:00:00.000000Z",
        "regions": ["DE", "FR"],
    }
