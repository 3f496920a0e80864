"""The digest by which records refer to the exact text that a visitor was shown."""

from __future__ import annotations

from hashlib import sha256

__all__ = ["notice_hash"]


def notice_hash(language: str, text: str) -> str:
    """Return the SHA-256 of language, line feed and text in UTF-8, as hex."""
    return sha256(f"{language}\n{text}".encode("utf-8", "replace")).hexdigest()
