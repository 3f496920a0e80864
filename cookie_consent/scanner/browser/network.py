"""How a scan reaches hosts. The defaults are the only ones for a site; tests have hosts of their own in their place."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cookie_consent.mirror.network import is_public

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Network"]

_CHAIN = 8
"""Aliases of a host are followed so far."""
_LOOK_UP_SECONDS = 5.0
_HEAD = 262_144
"""The longest head of an answer, in bytes; Chromium reads no longer one."""


async def _addresses(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def _connect(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(address, port, limit=_HEAD)


async def _aliases(host: str) -> tuple[str, ...]:
    """Return the names that DNS leads the host's name to, the nearest first."""
    import dns.asyncresolver
    import dns.exception
    import dns.rdatatype

    found: list[str] = []
    try:
        answer = await dns.asyncresolver.resolve(
            host, "A", raise_on_no_answer=False, lifetime=_LOOK_UP_SECONDS, search=False
        )
    except (dns.exception.DNSException, OSError, UnicodeError):
        return ()
    # The records may be in any order (RFC 1034, section 4.3.2), so the chain is followed by name.
    names = {
        str(records.name).rstrip(".").lower(): str(records[0].target).rstrip(".").lower()
        for records in answer.response.answer
        if records.rdtype == dns.rdatatype.CNAME
    }
    while (host := names.get(host, "")) and host not in found and len(found) < _CHAIN:
        found.append(host)
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Network:
    """The way out."""

    addresses: Callable[[str, int], Awaitable[list[str]]] = field(default=_addresses)
    """Returns the IP addresses of a host. Raises ``OSError`` if there are none."""
    connect: Callable[[str, int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = field(
        default=_connect
    )
    """Connects to an IP address and port. Raises ``OSError`` if it cannot."""
    aliases: Callable[[str], Awaitable[tuple[str, ...]]] = field(default=_aliases)
    """Returns the names that a host's name is an alias of (``CNAME``), the nearest first."""
    is_public: Callable[[str], bool] = field(default=is_public)
