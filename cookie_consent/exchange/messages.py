"""Read the messages of an ASGI response, whose headers may be any iterable, with names in any case."""

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


def _together(lines: list[bytes]) -> bytes:
    """Join lines whose repetition says nothing."""
    return b", ".join(dict.fromkeys(lines))


_LISTS = {b"content-type": joined, b"content-disposition": _together}
"""How the lines of a name are joined. Of several types the last one counts, also where an earlier line has it too."""


def with_header_list(message: Message) -> tuple[Message, list[tuple[bytes, bytes]]]:
    """Return the start with its headers in a list, and that list.

    ASGI allows any iterable, even one that can be read only once (HTTP, "Response Start").
    """
    headers = message.get("headers", ())
    if not isinstance(headers, list):
        headers = list(headers)
        message = {**message, "headers": headers}
    return message, headers


def body_of(message: Message) -> bytes:
    """Return the body as bytes. Servers accept any buffer, so applications send them."""
    body = message.get("body", b"")
    return body if isinstance(body, bytes) else bytes(body)


def with_own_headers(message: Message) -> Message:
    """Return the start with a list of headers that may be changed, with names in lower case.

    The application may share its own list between responses.
    """
    return {**message, "headers": [(name.lower(), value) for name, value in message.get("headers", ())]}


def headers_by_name(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the last header of each name, by lower-case name.

    ``Content-Type`` has all lines, ``joined``, and ``Content-Disposition`` as a list, which is not valid.
    """
    names = {name.lower(): value for name, value in headers}
    if len(names) < len(headers):
        for name, join in _LISTS.items():
            if name in names:
                names[name] = join([value for key, value in headers if key.lower() == name])
    return names


def has_nosniff(message: Message) -> bool:
    """Return whether all lines of ``X-Content-Type-Options`` forbid browsers to sniff the content."""
    name = b"x-content-type-options"
    values = {value.strip().lower() for key, value in message.get("headers", ()) if key.lower() == name}
    return values == {b"nosniff"}


def content_encoding_of(headers: MutableHeaders) -> str:
    """Return ``Content-Encoding``, with several lines joined into one list."""
    return ", ".join(headers.getlist("content-encoding"))


def is_download(headers: dict[bytes, bytes]) -> bool:
    """Return whether every browser saves the response as a file without showing it (RFC 6266, section 4.2).

    Chromium shows one whose type is no token, such as ``attachment filename=a.html``.
    """
    disposition = headers.get(b"content-disposition")
    return disposition is not None and disposition.partition(b";")[0].strip(b" \t").lower() == b"attachment"
