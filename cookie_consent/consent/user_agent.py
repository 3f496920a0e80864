"""Which family a browser belongs to: all that is kept of ``User-Agent``."""

from __future__ import annotations

__all__ = ["family_of"]

_FAMILIES = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_LOOKED_AT = 512


def family_of(user_agent: str) -> str:
    """Return the browser's family; empty for one that is not known."""
    return next((name for mark, name in _FAMILIES if mark in user_agent[:_LOOKED_AT]), "")
