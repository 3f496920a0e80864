"""Text from anywhere as a TOML string."""

from __future__ import annotations

__all__ = ["quoted"]


def quoted(text: str) -> str:
    """Return a TOML basic string, in ASCII. No text ends it early or begins another line."""
    kept = "".join(c if " " <= c <= "~" and c not in '"\\' else f"\\u{min(ord(c), 0xFFFD):04X}" for c in text)
    return f'"{kept}"'
