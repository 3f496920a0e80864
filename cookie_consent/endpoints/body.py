"""Read the body of a request, up to a limit."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from cookie_consent.errors import ChoiceError

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["read_body"]


async def read_body(request: Request, maximum: int) -> bytes:
    """Return the body. Raises ``ChoiceError`` if it exceeds ``maximum`` bytes (413) or the client disconnects (400)."""
    too_large = ChoiceError(f"a request may have at most {maximum // 1024} KiB", status=413, code="too-large")
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > maximum:
        raise too_large
    body = bytearray()
    try:
        async with aclosing(request.stream()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > maximum:
                    raise too_large
    except ClientDisconnect:
        raise ChoiceError("the request is incomplete", status=400, code="unreadable") from None
    return bytes(body)
