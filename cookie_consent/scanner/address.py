"""Addresses as browsers ask for them."""

from __future__ import annotations

import ipaddress
import re

from cookie_consent.errors import ConfigurationError
from cookie_consent.gate.html.urls import target

__all__ = ["address_of", "is_address", "is_asked_host", "site_host"]

_ADDRESS = re.compile(r"[\x00-\x20]*(?:https?|wss?):[/\\]", re.IGNORECASE)
_FORBIDDEN = re.compile(r"[\x00-\x20#/:<>?@\[\\\]^|%\x7f]")  # "forbidden domain code points"
_SHOWN = 200


def is_address(text: str) -> bool:
    """Return whether a text begins as an http(s) or WebSocket address."""
    return _ADDRESS.match(text) is not None


def address_of(text: str) -> tuple[str, str]:
    """Return the host of an address, lower-case without port, and its path with the query.

    Raises ``ConfigurationError`` for a host that browsers refuse (URL standard, section 3.5).
    """
    host, path = target(text, "") or ("", "/")
    if not is_asked_host(host):
        raise ConfigurationError(
            f"{text[:_SHOWN]!r} is not a URL that a browser accepts; write it like https://shop.example/path"
        )
    return host, path.partition("#")[0]


def is_asked_host(host: str) -> bool:
    """Return whether browsers ask such a host, which is lower-case without port."""
    if host.startswith("[") and host.endswith("]"):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            return False
        return True
    return bool(host) and _FORBIDDEN.search(host) is None


def site_host(text: str) -> str:
    """Return the host of a site, which is given as a host, with or without port, or as an address.

    Raises ``ConfigurationError`` if it is neither.
    """
    host = target(text if is_address(text) else f"https://{text}", "")
    if host is None or not is_asked_host(host[0]) or "*" in host[0]:
        raise ConfigurationError(f"{text[:_SHOWN]!r} is not the host of a site; write it like shop.example")
    return host[0]
