"""Signed texts that browsers and forms carry."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from itsdangerous import URLSafeSerializer

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["serializer", "signed"]


def serializer(keys: Sequence[str], purpose: str) -> URLSafeSerializer:
    """Return what signs for one purpose: with the first of the keys, while all of them verify."""
    return URLSafeSerializer(
        list(reversed(keys)),  # itsdangerous signs with the last
        salt=f"cookie-consent.{purpose}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": sha256},
    )


def signed(by: URLSafeSerializer, value: Any) -> str:
    """Return a value in its signed form."""
    text = by.dumps(value)
    return text if isinstance(text, str) else text.decode("ascii")
