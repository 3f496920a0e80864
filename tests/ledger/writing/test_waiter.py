"""The waiters' choice of a library."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType
from typing import TYPE_CHECKING

from cookie_consent.ledger.writing.waiter import make_waiter

if TYPE_CHECKING:
    import pytest


def test_a_waiter_can_be_made_while_another_thread_imports_trio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trio", ModuleType("trio"))

    async def run() -> bool:
        waiter = make_waiter()
        waiter.wake()
        return await waiter.wait(1)

    assert asyncio.run(run())
