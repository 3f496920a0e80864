"""Acknowledging many messages of a stream at once, with the servers' confirmation."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nats.aio.client import Client
    from nats.aio.msg import Msg

__all__ = ["Acknowledger"]


class Acknowledger:
    """Acknowledges messages over one connection without waiting for each in turn."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._batch = 0
        self._waiting: set[str] = set()
        self._changed = asyncio.Event()

    async def start(self) -> None:
        """Subscribe to the servers' confirmations."""
        await self._client.subscribe(f"{self._inbox}.*", cb=self._settle)

    async def acknowledge(self, messages: Iterable[Msg], *, stall: float) -> int:
        """Acknowledge messages; return how many are unconfirmed once nothing arrives for ``stall`` seconds.

        Those will be delivered again.
        """
        self._batch += 1
        self._waiting = set()
        for number, message in enumerate(messages):
            token = f"{self._batch}-{number}"
            self._waiting.add(token)
            await self._client.publish(message.reply, b"", reply=f"{self._inbox}.{token}")
        while self._waiting:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), stall)
            except TimeoutError:
                break
        return len(self._waiting)

    async def _settle(self, answer: Msg) -> None:
        self._waiting.discard(answer.subject.rpartition(".")[2])
        self._changed.set()
