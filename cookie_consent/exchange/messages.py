"""Reading the messages of an ASGI response, whose headers may be any iterable and in any case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.exchange.content_type import joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.datastructures import MutableHeaders
    from starlette.types import Message

__all__ = [
    "body_of",
    "content_encoding_of",
    "has_nosniff",
    "headers_by_name",
    "is_download",
    "with_header_list",
    "with_own_headers",
]


def with_header_list(message: Message) -> tuple[Message, list[tuple[bytes, bytes]]]:
    """Return the start with its headers in a list, and these; any iterable may come, which may be read only once.

    (ASGI, HTTP "Response Start".)
    """
    headers = message.get("headers", ())
    if not isinstance(headers, list):
        headers = list(headers)
        message = {**message, "headers": headers}
    return message, headers


def body_of(message: Message) -> bytes:
    """Return the body as bytes; servers take any buffer, and applications send them."""
    body = message.get("body", b"")
    return body if isinstance(body, bytes) else bytes(body)


def with_own_headers(message: Message) -> Message:
    """Return the start with a list of headers to change, with names in lower case as ASGI has them.

    The application may share its own list between answers.
    """
    return {**message, "headers": [(name.lower(), value) for name, value in message.get("headers", ())]}


def headers_by_name(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the headers by their names in lower case: of several the last, but all lines of the type."""
    names = {name.lower(): value for name, value in headers}
    if len(names) < len(headers) and b"content-type" in names:
        names[b"content-type"] = joined([value for name, value in headers if name.lower() == b"content-type"])
    return names


def has_nosniff(message: Message) -> bool:
    """Say whether all lines of ``X-Content-Type-Options`` keep browsers from looking at the content."""
    name = b"x-content-type-options"
    values = {value.strip().lower() for key, value in message.get("headers", ()) if key.lower() == name}
    return values == {b"nosniff"}


def content_encoding_of(headers: MutableHeaders) -> str:
    """Return the codings of all lines; several are one list."""
    return ", ".join(headers.getlist("content-encoding"))


def is_download(headers: dict[bytes, bytes]) -> bool:
    """Say whether the browser saves the response as a file and shows nothing of it (RFC 6266, section 4.2)."""
    disposition = headers.get(b"content-disposition")
    return disposition is not None and disposition.strip().lower().startswith(b"attachment")
