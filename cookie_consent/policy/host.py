"""Host names in the form in which they are compared."""

from __future__ import annotations

import re
from urllib.parse import unquote

import idna

__all__ = ["ascii_host", "host_of"]

_PORT = re.compile(r":[0-9]*$")


def ascii_host(host: str) -> str:
    """Return ``host`` in lower case and ASCII, as browsers ask for it (URL standard, section 3.5: domain to ASCII).

    That is Unicode TS 46, non-transitional, without the restrictions of IDNA 2008 that browsers do not apply.
    Raises ``UnicodeError`` where it has no such form.
    """
    if host.isascii():
        return host.lower()
    mapped = idna.uts46_remap(host, std3_rules=False, transitional=False)
    return ".".join(_ascii_label(label) for label in mapped.split("."))


def host_of(authority: str) -> str:
    """Return the host of ``host:port`` in the form in which hosts are compared."""
    host = _PORT.sub("", authority) if not authority.endswith("]") else authority
    if "%" in host:
        host = unquote(host)
    try:
        return ascii_host(host).removesuffix(".")
    except UnicodeError:  # browsers refuse such an address
        return host.lower()


def _ascii_label(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"
