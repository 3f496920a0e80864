"""The address of a site as somebody has typed it: perhaps without a scheme, perhaps with a name and a password."""

from __future__ import annotations

import ipaddress
import re
from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from cookie_consent.errors import ConfigurationError
from cookie_consent.scanner.links import Address, parsed

__all__ = ["Given", "given"]

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:/", re.IGNORECASE)
_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An address without its credentials, which must not be printed or saved."""

    address: Address
    user: str = ""
    password: str = ""
    is_assumed: bool = False
    """Whether nobody wrote the scheme."""

    @property
    def basic(self) -> str:
        """The value of ``Authorization`` (RFC 7617), or empty."""
        if not self.user and not self.password:
            return ""
        return "Basic " + b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")

    def opened(self, address: str) -> str:
        """Return an address with the credentials, if it is of the origin that they were given for."""
        found = parsed(address)
        if not self.basic or found is None or found.origin != self.address.origin:
            return address
        return address.replace("://", f"://{quote(self.user, safe='')}:{quote(self.password, safe='')}@", 1)

    def __repr__(self) -> str:
        """Return it without the credentials."""
        return f"Given({str(self.address)!r})"


def given(text: str) -> Given:
    """Return the address that somebody typed. Raises ``ConfigurationError`` if it is none.

    Without a scheme it is https, but http for loopback hosts and for those with a port of their own: there, servers of
    developers listen. Credentials for another machine are never sent without encryption unless ``http:`` is written.
    """
    text = text.strip()
    is_assumed = _SCHEME.match(text) is None
    address = parsed(f"https://{text}" if is_assumed else text)
    if address is None or (is_assumed and text[:1] in {"", "/", "."}):
        shown = text.rpartition("@")[2][:_SHOWN]  # what stands before may be part of a password
        raise ConfigurationError(f"{shown!r} is not the address of a site; write it like https://shop.example")
    found = urlsplit(f"//{text}" if is_assumed else text.replace("\\", "/"))
    is_loopback, has_credentials = _is_loopback(address.host), "@" in found.netloc
    if is_assumed and (is_loopback or (address.port != 443 and not has_credentials)):
        address = parsed(f"http://{text}") or address
    return Given(
        address=address,
        user=unquote(found.username or ""),
        password=unquote(found.password or ""),
        is_assumed=is_assumed,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
