"""Choices alike that are joined into one record."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import anyio
import pytest

from cookie_consent.endpoints.joined_records import JoinedRecords
from cookie_consent.errors import LedgerError, RecordRefusedError
from cookie_consent.ledger import ConsentRecord, Ledger, new_key, new_record_id

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio


def refusal(**more: Any) -> ConsentRecord:
    at = datetime.now(UTC)
    values: dict[str, Any] = {
        "id": new_record_id(at),
        "subject": str(uuid4()),
        "at": at,
        "action": "refused",
        "granted": (),
        "refused": ("analytics",),
        "channel": "api",
        "policy_version": "1",
        "url": "/private",
        "user_agent_family": "Firefox",
    }
    return ConsentRecord(**{**values, **more})


class Gate:
    """Stands in for the time that passes while choices are gathered."""

    def __init__(self) -> None:
        self.opened = anyio.Event()
        self.asked: list[float] = []

    async def pause(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.opened.wait()


async def written_together(ledger: Any, *records: ConsentRecord) -> list[ConsentRecord]:
    gate = Gate()
    joined = JoinedRecords(ledger, pause=gate.pause)
    found: dict[int, ConsentRecord] = {}

    async def write(place: int, record: ConsentRecord) -> None:
        found[place] = await joined.write(record, None)

    async with anyio.create_task_group() as tasks:
        for place, record in enumerate(records):
            tasks.start_soon(write, place, record)
            await anyio.wait_all_tasks_blocked()  # so that they come in this order
        assert not found  # nothing is acknowledged before it is on the disk
        gate.opened.set()
    assert set(gate.asked) == {1.0}
    assert not joined._rows
    return [found[place] for place in range(len(records))]


async def test_refusals_share_a_record_that_says_how_many_they_were(ledger: Ledger) -> None:
    found = await written_together(ledger, *(refusal(refused_services=("maps",)[: n % 2]) for n in range(5)))
    (record,) = ledger.records()
    assert found == [record] * 5
    assert (record.action, record.granted, record.refused) == ("refused", (), ("analytics",))
    assert (record.url, record.user_agent_family, record.refused_services) == ("", "", ())  # they are several visitors'
    (event,) = ledger.events()
    assert (event.kind, event.detail) == ("joined", {"record": record.id, "choices": 5})


async def test_one_alone_is_one(ledger: Ledger) -> None:
    await written_together(ledger, refusal())
    assert ledger.count() == 1
    assert list(ledger.events()) == []


@pytest.mark.parametrize("other", [{"channel": "banner"}, {"policy_version": "2"}, {"action": "given"}])
async def test_what_is_not_alike_is_not_joined(ledger: Ledger, other: dict[str, Any]) -> None:
    found = await written_together(ledger, refusal(), refusal(**other), refusal())
    assert found[0] == found[2] != found[1]
    assert ledger.count() == 2


async def test_of_one_visitors_choices_the_last_is_written(ledger: Ledger) -> None:
    mine, others = str(uuid4()), str(uuid4())
    choices = [
        refusal(previous=mine, action="changed", granted=("analytics",), refused=()),
        refusal(previous=others, action="withdrawn"),
        refusal(previous=mine, action="withdrawn"),
    ]
    found = await written_together(ledger, *choices)
    assert found[0] == found[2] == dataclasses.replace(choices[2], url="", user_agent_family="")
    assert {record.previous: record.action for record in ledger.records()} == {mine: "withdrawn", others: "withdrawn"}


class Failing:
    url = "test"

    def __init__(self, error: BaseException) -> None:
        self.error = error

    async def write(self, *_: Any) -> None:
        raise self.error


@pytest.mark.parametrize("error", [LedgerError("away", url="test"), RecordRefusedError("odd", url="test")])
async def test_all_hear_of_what_could_not_be_written(error: LedgerError) -> None:
    gate = Gate()
    gate.opened.set()
    joined = JoinedRecords(Failing(error), pause=gate.pause)  # type: ignore[arg-type]
    heard = []

    async def write() -> None:
        with pytest.raises(type(error), match=str(error)):
            await joined.write(refusal(), None)
        heard.append(1)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(write)
    assert len(heard) == 3
    assert not joined._rows


async def test_who_goes_away_takes_nobodys_record_along(ledger: Ledger) -> None:
    gate = Gate()
    joined = JoinedRecords(ledger, pause=gate.pause)
    found = []

    async def write() -> None:
        found.append(await joined.write(refusal(), None))

    async with anyio.create_task_group() as tasks:
        first = anyio.CancelScope()

        async def go_away() -> None:
            with first:
                await joined.write(refusal(), None)

        tasks.start_soon(go_away)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(write)
        await anyio.wait_all_tasks_blocked()
        first.cancel()
        await anyio.wait_all_tasks_blocked()
        gate.opened.set()
    assert found == list(ledger.records())


async def test_a_log_with_joined_records_can_be_verified(ledger_url: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(new_key("shop.example/consent")[0])
    ledger = Ledger(ledger_url, key=tmp_path / "key")
    await written_together(ledger, refusal(), refusal())
    ledger.seal()
    assert ledger.verify().faults == []
    ledger.close()
