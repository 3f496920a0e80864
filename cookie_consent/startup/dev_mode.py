"""Development mode: it needs no secret, and therefore serves nobody but browsers on the same machine."""

from __future__ import annotations

import ipaddress
import logging
import os
import re
from typing import TYPE_CHECKING

from cookie_consent.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Scope

__all__ = ["DevDoor", "is_dev_mode"]

logger = logging.getLogger("cookie_consent")

_ON = frozenset({"1", "true", "yes", "on"})
_OFF = frozenset({"", "0", "false", "no", "off"})
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::[0-9]*)?", re.IGNORECASE)
_FORWARDED = re.compile(r'(?:for|host)\s*=\s*"?([^";,\s]+)', re.IGNORECASE)  # RFC 7239, section 4
_NAMING = frozenset(b"x-forwarded-for x-forwarded-host x-real-ip x-client-ip true-client-ip cf-connecting-ip".split())
"""Headers in which proxies name the client, or the host that it asked for."""
_LONGEST_SHOWN = 100


def is_dev_mode(dev: bool | None) -> bool:  # noqa: FBT001 - the middleware's own argument
    """Say whether it is on; None reads ``CONSENT_DEV``. Raises ``ConfigurationError`` for another value of that."""
    if dev is not None:
        if not isinstance(dev, bool):
            raise ConfigurationError(f"dev is {dev!r}: pass True or False")
        return dev
    value = os.environ.get("CONSENT_DEV", "").strip().lower()
    if value not in _ON | _OFF:
        raise ConfigurationError(f"CONSENT_DEV is {value[:_LONGEST_SHOWN]!r}: write 1, or leave it out")
    return value in _ON


class DevDoor:
    """Lets requests in that come from this machine and name it.

    The client's address keeps other machines out. The name keeps out pages of other sites, which can have their own
    name lead to 127.0.0.1 (DNS rebinding). What a proxy says of the client counts too. A proxy on this machine that
    says nothing, and asks as ``127.0.0.1``, cannot be told from a browser. A server that gives no client, as behind a
    unix socket, is refused: mostly a proxy stands before those.
    """

    def __init__(self) -> None:
        self._told: set[str] = set()

    def admits(self, scope: Scope) -> bool:
        """Say whether the request is served. The first refusal of each kind is logged."""
        refusal = next(_refusals(scope), None)
        if refusal is None:
            return True
        kind, value = refusal
        if kind not in self._told:
            self._told.add(kind)
            logger.warning(
                "development mode has refused a request, since %s: %r; open http://localhost, or set CONSENT_SECRET "
                "and leave development mode",
                kind,
                value[:_LONGEST_SHOWN],
            )
        return False


def _refusals(scope: Scope) -> Iterator[tuple[str, str]]:
    """Yield what speaks against a request: what it is, and the value."""
    client = scope.get("client")
    address = str(client[0]) if client else ""
    if not _is_loopback_address(address.partition("%")[0]):
        yield "its client is not on this machine", address
    elif client and client[1] == 0:  # no connection has port 0: uvicorn has taken the address from X-Forwarded-For
        yield "its client's address comes from a header", address
    if scope.get("http_version") == "1.0":  # which no browser speaks, and nginx does by default
        yield "a proxy has it from elsewhere", "HTTP/1.0"
    headers = [(name.lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1 or not _is_loopback(hosts[0]):
        yield "its Host is not this machine's", ", ".join(hosts)
    for name, value in headers:
        if name in _NAMING:
            named = [part.strip() for part in value.split(",")]
        elif name == b"forwarded":
            named = _FORWARDED.findall(value) or [value]
        elif name == b"via":
            named = [value]
        else:
            continue
        if not all(map(_is_loopback, named)):
            yield "a proxy has it from elsewhere", value


def _is_loopback(authority: str) -> bool:
    """Say whether a host, with or without a port, is this machine (RFC 6761, section 6.3)."""
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        return "%" not in authority and _is_loopback_address(authority)  # an IPv6 address without brackets
    host = found[1].lower().removesuffix(".")
    return host == "localhost" or host.endswith(".localhost") or _is_loopback_address(host.strip("[]"))


def _is_loopback_address(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)
