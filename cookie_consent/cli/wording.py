"""Words that several commands print."""

from __future__ import annotations

__all__ = ["counted"]


def counted(count: int, noun: str) -> str:
    """Return the count with the noun, as "1 record" and "2 records"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
