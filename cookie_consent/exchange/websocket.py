"""Gate the cookies of a WebSocket handshake (RFC 6455, section 4.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.exchange.exchange import Exchange

if TYPE_CHECKING:
    from starlette.types import Message, Scope, Send

    from cookie_consent.exchange.shared import Site

__all__ = ["handshake"]

_WITH_HEADERS = frozenset({"websocket.accept", "websocket.http.response.start"})
"""The messages with response headers: acceptance, and denial by an HTTP response."""


def handshake(site: Site, scope: Scope, send: Send) -> tuple[Scope, Send]:
    """Return the scope and the ``send`` to call the application with, for one WebSocket connection.

    See ASGI, WebSocket and the extension "WebSocket Denial Response".
    """
    exchange = Exchange(site, scope, site.request_filter.consent(scope))

    async def outer(message: Message) -> None:
        if message["type"] in _WITH_HEADERS:
            message = {**message, "headers": exchange.gate_cookies(message.get("headers", ()))}
            exchange.report()
        await send(message)

    return exchange.inner_scope(), outer
