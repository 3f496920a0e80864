"""Waiting in a task for another thread, under asyncio and trio.

This uses their own primitives, because anyio's events and timeouts take a third of the time of writing a choice.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Protocol

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Waiter", "make_waiter"]


class Waiter(Protocol):
    """Lets one task wait until another thread wakes it. Create it in the task that will wait."""

    loop: object
    call: Callable[..., object]
    """Schedules a call in ``loop`` from any thread. Raises ``RuntimeError`` if the loop has ended."""

    def wake(self) -> None:
        """Wake the task. Must be called in ``loop``."""

    async def wait(self, seconds: float) -> bool:
        """Wait to be woken, at most ``seconds``; return whether it happened."""


def make_waiter() -> Waiter:
    """Return a waiter for the running task."""
    trio = sys.modules.get("trio")
    if trio is not None:  # before asyncio, because trio's guest mode runs inside an asyncio loop
        try:
            return _TrioWaiter(trio.lowlevel.current_trio_token())
        except (RuntimeError, AttributeError):
            pass  # it does not run here, or another thread is importing it at this moment
    return _AsyncioWaiter(asyncio.get_running_loop())


class _AsyncioWaiter:
    __slots__ = ("_future", "call", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop: object = loop
        self.call: Callable[..., object] = loop.call_soon_threadsafe
        self._future: asyncio.Future[bool] = loop.create_future()

    def wake(self) -> None:
        self._settle(woken=True)

    async def wait(self, seconds: float) -> bool:
        timer = self._future.get_loop().call_later(seconds, self._expire)
        try:
            return await self._future
        finally:
            timer.cancel()

    def _expire(self) -> None:
        self._settle(woken=False)

    def _settle(self, *, woken: bool) -> None:
        if not self._future.done():
            self._future.set_result(woken)


class _TrioWaiter:
    __slots__ = ("_event", "call", "loop")

    def __init__(self, token: Any) -> None:
        self.loop: object = token
        self.call: Callable[..., object] = token.run_sync_soon
        self._event = anyio.Event()

    def wake(self) -> None:
        self._event.set()

    async def wait(self, seconds: float) -> bool:
        with anyio.move_on_after(seconds):
            await self._event.wait()
        return self._event.is_set()
