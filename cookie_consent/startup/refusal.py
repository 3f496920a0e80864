"""Answers everything in the place of the application where that must not be served."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

__all__ = ["refuse_request", "refuse_startup"]

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><h1>{title}</h1><p>{text}</p></body></html>
"""
_DENIAL = "websocket.http.response"
_INTERNAL_ERROR = 1011  # RFC 6455, section 7.4.1, for servers that cannot send a page


async def refuse_request(scope: Scope, receive: Receive, send: Send, *, status: int, title: str, text: str) -> None:
    """Answer an HTTP request or a WebSocket handshake by one plain page, which nobody may store.

    The page is in English, without templates and locale files: those may be what is wrong. It has no detail that is
    not in ``text``, since strangers see it.
    """
    kind = "http.response"
    if scope["type"] == "websocket":
        await receive()  # the handshake, which is to be taken before it is answered
        kind = _DENIAL
        if _DENIAL not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": _INTERNAL_ERROR})  # by which servers answer 403
            return
    body = _PAGE.format(title=escape(title), text=escape(text)).encode("utf-8")
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    start: Message = {"type": f"{kind}.start", "status": status, "headers": headers}
    await send(start)
    await send({"type": f"{kind}.body", "body": b"" if scope.get("method") == "HEAD" else body})


async def refuse_startup(receive: Receive, send: Send, message: str) -> None:
    """Tell the server by the lifespan (ASGI, Lifespan Protocol) that it cannot start, so that it ends with a message.

    Raising would not do: servers take it for an application without a lifespan, and go on.
    """
    await receive()
    await send({"type": "lifespan.startup.failed", "message": message})
