"""Compare names as people read them."""

from __future__ import annotations

import unicodedata

__all__ = ["spelt"]


def spelt(name: str) -> str:
    """Return a name without what differs between two spellings of it: case, spaces and punctuation."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in folded if character.isalnum()) or folded
