"""Reading the body of a request, up to a limit."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from cookie_consent.errors import ChoiceError

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["read_body"]


async def read_body(request: Request, maximum: int) -> bytes:
    """Return the body. Raises ``ChoiceError`` (413) for more than ``maximum`` bytes, and where the client goes away."""
    too_large = ChoiceError(f"a request has at most {maximum // 1024} KiB", status=413, code="too-large")
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
        raise ChoiceError("the request broke off", status=400, code="unreadable") from None
    return bytes(body)
