"""The browser's family: all that is stored of ``User-Agent``."""

from __future__ import annotations

__all__ = ["family_of"]

_FAMILIES = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_LONGEST = 512


def family_of(user_agent: str) -> str:
    """Return the browser's family, or an empty string if it is unknown."""
    # The order matters: most browsers also claim to be others.
    return next((name for mark, name in _FAMILIES if mark in user_agent[:_LONGEST]), "")
