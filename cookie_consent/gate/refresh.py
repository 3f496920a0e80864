"""Where a ``Refresh`` header or ``<meta http-equiv=refresh>`` leads (HTML standard, section 4.2.5.3)."""

from __future__ import annotations

import re

__all__ = ["refresh_address"]

_REFRESH = re.compile(r"\s*[0-9.]*\s*[;,\s]\s*(?:url\s*=\s*)?[\"']?([^\"']*)", re.IGNORECASE)


def refresh_address(value: str) -> str:
    """Return the address in ``5; url=/next``; empty where the page only loads itself again."""
    match = _REFRESH.match(value)
    return match[1].strip() if match is not None else ""
