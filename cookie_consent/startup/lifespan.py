"""The ASGI lifespan protocol, for applications with and without support for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Lifespan"]


class Lifespan:
    """Passes the events on, and answers those that the application ignores.

    Django and many small applications raise or return at once. Servers then send no shutdown event, so this class goes
    on in their place. ``before_end`` is awaited before the server is told that shutdown is complete.
    """

    def __init__(self, receive: Receive, send: Send, *, before_end: Callable[[], Awaitable[object]]) -> None:
        self._receive = receive
        self._send = send
        self._before_end = before_end
        self._seen: set[str] = set()
        self._has_ended = False

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        """Run the lifespan. An exception is ignored if the application raised it before it received any event."""
        try:
            try:
                await app(scope, self._next, self._answer)
            except Exception:
                if self._seen:
                    raise
            if not self._seen & {"lifespan.startup.failed", "lifespan.shutdown"}:
                await self._complete()
        finally:
            await self._end()

    async def _complete(self) -> None:
        """Receive and answer the events that the application left."""
        if "lifespan.startup" not in self._seen:
            await self._next()
        if "lifespan.startup.complete" not in self._seen:
            await self._answer({"type": "lifespan.startup.complete"})
        await self._next()
        await self._answer({"type": "lifespan.shutdown.complete"})

    async def _next(self) -> Message:
        message = await self._receive()
        self._seen.add(message["type"])
        return message

    async def _answer(self, message: Message) -> None:
        self._seen.add(message["type"])
        if message["type"].startswith("lifespan.shutdown."):
            await self._end()
        await self._send(message)

    async def _end(self) -> None:
        if not self._has_ended:
            self._has_ended = True
            await self._before_end()
