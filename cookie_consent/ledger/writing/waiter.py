"""A task that waits for another thread, under asyncio and trio.

By their own means rather than anyio's, whose events and time limits cost a busy site a third of a choice's time.
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
    """Made in the task that will wait."""

    loop: object
    call: Callable[..., object]
    """Called from any thread with a function and its arguments, has ``loop`` call it; ``RuntimeError`` if it ended."""

    def wake(self) -> None:
        """End the waiting. To be called in ``loop``."""

    async def wait(self, seconds: float) -> bool:
        """Wait to be woken, for so long at most; say whether it happened."""


def make_waiter() -> Waiter:
    """Return a waiter for the running task."""
    trio = sys.modules.get("trio")
    if trio is not None:  # asked first, since a guest run of trio has asyncio's loop around it
        try:
            return _TrioWaiter(trio.lowlevel.current_trio_token())
        except RuntimeError:
            pass
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
