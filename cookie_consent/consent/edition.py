"""The signed form in which a notice carries what it names, so that any process of the site can take an answer to it."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

from itsdangerous import BadData

from cookie_consent.consent.signing import serializer, signed
from cookie_consent.policy import check_names

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EditionSigner"]


class EditionSigner:
    """Signs what notices name, for their forms, with the first of the keys; all of them verify."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._serializer = serializer(keys, "edition")
        self.sign = lru_cache(maxsize=64)(partial(signed, self._serializer))
        """Return the signed form of what a notice names, as ``Policy.names`` writes it."""

    def read(self, edition: str) -> str | None:
        """Return what the notice named, or None if it was not signed with one of the keys."""
        try:
            names = self._serializer.loads(edition)
            check_names(names)
        except (BadData, ValueError, TypeError):
            return None
        return names if isinstance(names, str) else None
