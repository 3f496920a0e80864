"""How the hosts of libraries are reached: only under public addresses, and only by TLS."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

__all__ = ["Network", "is_public"]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Say whether an IP address belongs to the internet rather than to this machine or its networks.

    An IPv6 address that carries an IPv4 address is public if both are (RFC 4291, 3056, 4380 and 6052).
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # such as one with a zone, which is local to a link
        return False
    if found in _NAT64:
        found = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    if not found.is_global or found.is_multicast or found.is_reserved or getattr(found, "is_site_local", False):
        return False
    carried = (
        (found.ipv4_mapped, found.sixtofour, *(found.teredo or ())) if isinstance(found, ipaddress.IPv6Address) else ()
    )
    return all(inner is None or is_public(str(inner)) for inner in carried)


async def _resolve(host: str) -> list[str]:
    found = await anyio.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, kw_only=True)
class Network:
    """The way out. The defaults are the only ones for a site; tests have a host of their own in the place of others."""

    resolve: Callable[[str], Awaitable[list[str]]] = field(default=_resolve)
    """Returns the IP addresses of a host. Raises ``OSError`` if there are none."""
    is_public: Callable[[str], bool] = field(default=is_public)
    port: int = 443
    tls: ssl.SSLContext | None = None
    """The certificates to trust; None for those that httpx trusts."""

    async def addresses(self, host: str) -> list[str]:
        """Return the addresses to connect to. Raises ``OSError`` if there are none, or if any is not public."""
        found = await self.resolve(host)
        private = [address for address in found if not self.is_public(address)]
        if private or not found:
            raise OSError(f"{host} has the address {private[0]}, which is not public" if private else f"no {host}")
        return found
