"""What the answer to a WebSocket handshake does to cookies (RFC 6455, section 4.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Message, Send

    from cookie_consent.exchange import Exchange

__all__ = ["Handshake"]

_ANSWERS = frozenset({"websocket.accept", "websocket.http.response.start"})
"""The messages that carry headers: acceptance, and refusal by an HTTP response of the application's own."""


class Handshake:
    """Stands in for ``send`` during one WebSocket connection."""

    def __init__(self, exchange: Exchange, send: Send) -> None:
        self._exchange = exchange
        self._forward = send

    async def send(self, message: Message) -> None:
        """Treat one message of the application's (ASGI, WebSocket and its extension for denial responses)."""
        if message["type"] in _ANSWERS:
            message = {**message, "headers": self._exchange.gate_cookies(message.get("headers", ()))}
            self._exchange.report()
        await self._forward(message)
