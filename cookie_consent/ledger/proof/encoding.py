"""Hashes and salts as text: base64 (RFC 4648, section 4)."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode

from cookie_consent.ledger.proof.merkle import HASH_SIZE

__all__ = ["decode_hash", "encode_bytes"]


def encode_bytes(value: bytes) -> str:
    """Return the bytes in base64."""
    return b64encode(value).decode("ascii")


def decode_hash(value: object) -> bytes | None:
    """Decode 32 bytes of base64; None for anything else."""
    try:
        raw = b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == HASH_SIZE else None
