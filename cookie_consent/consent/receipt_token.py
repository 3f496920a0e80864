"""Tokens for the receipt of a refusal, whose cookie holds no id. A token is valid for an hour."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from uuid import UUID

from itsdangerous import BadData

from cookie_consent.consent.signing import serializer, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["ReceiptOffer"]

_VALID_FOR = 3600
_LONGEST = 256


class ReceiptOffer:
    """Makes and reads tokens. What ``subject`` returns can be trusted: it was signed with one of the keys."""

    def __init__(self, keys: Sequence[str], *, clock: Callable[[], float] = time.time) -> None:
        self._serializer = serializer(keys, "receipt")
        self._clock = clock

    def make(self, subject: str) -> str:
        """Return a token that gives access to the records of ``subject``."""
        return signed(self._serializer, [subject, int(self._clock())])

    def subject(self, text: str) -> str | None:
        """Return the subject of a token, or None if it is forged or too old."""
        if len(text) > _LONGEST:
            return None
        try:
            subject, made_at = self._serializer.loads(text)
            age = self._clock() - made_at
            # The time is in whole seconds, so a token may seem to be made up to a second from now.
            return str(UUID(subject)) if age + 1 >= 0 and age < _VALID_FOR else None
        except (BadData, ValueError, TypeError, AttributeError):
            return None
