"""What the answer to a WebSocket handshake does to cookies (RFC 6455, section 4.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.exchange.exchange import Exchange

if TYPE_CHECKING:
    from starlette.types import Message, Scope, Send

    from cookie_consent.exchange.shared import Site

__all__ = ["handshake"]

_ANSWERS = frozenset({"websocket.accept", "websocket.http.response.start"})
"""The messages that carry headers: acceptance, and refusal by an HTTP response of the application's own."""


def handshake(site: Site, scope: Scope, send: Send) -> tuple[Scope, Send]:
    """Return the scope that the application sees and what stands in for ``send``, for one WebSocket connection.

    (ASGI, WebSocket and its extension for denial responses.)
    """
    exchange = Exchange(site, scope, site.request_filter.consent(scope))

    async def outer(message: Message) -> None:
        if message["type"] in _ANSWERS:
            message = {**message, "headers": exchange.gate_cookies(message.get("headers", ()))}
            exchange.report()
        await send(message)

    return exchange.inner_scope(), outer
