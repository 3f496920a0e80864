"""Digests by which records refer to the exact text that a visitor was shown, and to what it named."""

from __future__ import annotations

from hashlib import sha256

__all__ = ["edition_digest", "notice_hash"]


def notice_hash(language: str, text: str) -> str:
    """Return the SHA-256 of language, line feed and text in UTF-8, as hex."""
    return sha256(f"{language}\n{text}".encode("utf-8", "replace")).hexdigest()


def edition_digest(names: str) -> str:
    """Return the first 16 hex digits of the SHA-256 of what a notice named, as ``Policy.names`` writes it."""
    return sha256(names.encode("utf-8", "replace")).hexdigest()[:16]
