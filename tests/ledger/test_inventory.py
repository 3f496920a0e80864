"""What one process has met reaches the others through the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import httpx
import pytest
from starlette.responses import HTMLResponse

from cookie_consent import ConsentMiddleware
from cookie_consent.errors import LedgerError
from cookie_consent.ledger import Ledger
from cookie_consent.ledger.inventory import InventoryStore, SharedInventory
from cookie_consent.ledger.sharing import SharingThread
from cookie_consent.policy import Inventory, InventoryEvent, Policy

if TYPE_CHECKING:
    from pathlib import Path

PAGE = HTMLResponse("<!doctype html><title>a</title><iframe src=https://www.youtube.com/embed/a></iframe>")
EMPTY = HTMLResponse("<!doctype html><title>a</title>")


def met(name: str, at: int) -> InventoryEvent:
    return InventoryEvent(kind="service", name=name, at=at)


def test_what_was_saved_first_stays(store_url: str) -> None:
    ledger = Ledger(store_url)
    ledger.open()
    store = InventoryStore(ledger, "shop.example")
    assert store.read() == []
    store.save([met("vimeo", 2), met("youtube", 1)])
    InventoryStore(ledger, "shop.example").save([met("vimeo", 1), met("matomo", 3)])
    InventoryStore(ledger, None).save([met("hotjar", 4)])
    assert InventoryStore(ledger, "shop.example").read() == [met("youtube", 1), met("vimeo", 2), met("matomo", 3)]
    assert InventoryStore(ledger, None).read() == [met("hotjar", 4)]
    ledger.close()


def test_processes_exchange_what_they_have_met(store_url: str) -> None:
    here, there = Inventory(Policy(version="1")), Inventory(Policy(version="1"))
    ledger = Ledger(store_url)
    threads = [SharingThread(ledger, [SharedInventory(ledger, None, found)]) for found in (here, there)]
    here.meet(["youtube"])
    there.meet(["vimeo"])
    for thread in (*threads, threads[0]):
        thread.exchange()
    assert here.undeclared == there.undeclared == ("vimeo", "youtube")
    ledger.close()


def test_nothing_is_lost_while_the_log_cannot_be_written(tmp_path: Path) -> None:
    found = Inventory(Policy(version="1"))
    found.meet(["youtube"])
    ledger = Ledger(f"sqlite:///{tmp_path}/missing/consent.db")
    thread = SharingThread(ledger, [SharedInventory(ledger, None, found)])
    with pytest.raises(LedgerError):
        thread.exchange()
    (tmp_path / "missing").mkdir()
    thread.exchange()
    assert [event.name for event in InventoryStore(ledger, None).read()] == ["youtube"]
    ledger.close()


class Damaged:
    """What cannot be read from the log, for a reason that nobody has thought of."""

    def learn(self) -> None:
        raise RecursionError

    exchange = learn


def test_what_is_damaged_keeps_nothing_else_from_being_shared(store_url: str, caplog: pytest.LogCaptureFixture) -> None:
    here, there = Inventory(Policy(version="1")), Inventory(Policy(version="1"))
    ledger = Ledger(store_url)
    here.meet(["youtube"])
    with pytest.raises(RecursionError):
        SharingThread(ledger, [Damaged(), SharedInventory(ledger, None, here)]).exchange()
    thread = SharingThread(ledger, [Damaged(), SharedInventory(ledger, None, there)])
    thread.start(at_once=True)
    assert there.undeclared == ("youtube",)
    assert "RecursionError" in caplog.text
    thread.stop()
    ledger.close()


@pytest.mark.anyio
async def test_a_process_that_starts_names_what_others_have_met(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/consent.db"
    headers = {"accept": "text/html", "sec-fetch-dest": "document"}

    async def shown(app: ConsentMiddleware) -> str:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.example", headers=headers) as browser:
            return (await browser.get("/")).text

    first = ConsentMiddleware(PAGE, Policy(version="1"), secret="x" * 40, ledger=url)
    assert "YouTube" in await shown(first)
    first.close()
    without = ConsentMiddleware(EMPTY, Policy(version="1"), secret="x" * 40, ledger=f"sqlite:///{tmp_path}/other.db")
    assert "YouTube" not in await shown(without)
    without.close()
    second = ConsentMiddleware(EMPTY, Policy(version="1"), secret="x" * 40, ledger=url)
    await anyio.to_thread.run_sync(second._background.start)  # as a server does with the lifespan
    assert "YouTube" in await shown(second)
    second.close()
