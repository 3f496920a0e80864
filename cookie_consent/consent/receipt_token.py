"""The receipt of a choice that leaves no id behind: offered once, by a signed text that holds for an hour."""

from __future__ import annotations

import time
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["ReceiptOffer"]

_HOLDS = 3600
_LONGEST = 256


class ReceiptOffer:
    """Makes and reads the signed text. Trust what ``subject`` returns: it was signed with one of the keys."""

    def __init__(self, keys: Sequence[str], *, clock: Callable[[], float] = time.time) -> None:
        self._serializer = URLSafeSerializer(
            list(reversed(keys)),  # itsdangerous signs with the last
            salt="cookie-consent.receipt",
            signer_kwargs={"key_derivation": "hmac", "digest_method": sha256},
        )
        self._clock = clock

    def make(self, subject: str) -> str:
        """Return the text by which the records of ``subject`` can be asked for."""
        signed = self._serializer.dumps([subject, int(self._clock())])
        return signed if isinstance(signed, str) else signed.decode("ascii")

    def subject(self, text: str) -> str | None:
        """Return whose records are asked for; None for a text that was not made here, or too long ago."""
        if len(text) > _LONGEST:
            return None
        try:
            subject, made_at = self._serializer.loads(text)
            age = self._clock() - made_at
            return str(UUID(subject)) if age + 1 >= 0 and age < _HOLDS else None
        except (BadData, ValueError, TypeError, AttributeError):
            return None
