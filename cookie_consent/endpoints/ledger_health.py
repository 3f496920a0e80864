"""Log that the ledger fails: once, not with every request."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cookie_consent.errors import LedgerError

__all__ = ["LedgerHealth"]

logger = logging.getLogger("cookie_consent")


class LedgerHealth:
    """Logs the first failure, and the next one only after the log has worked again."""

    def __init__(self) -> None:
        self._has_failed = False

    def has_failed(self, error: LedgerError) -> None:
        """Note that the log could not be used."""
        if not self._has_failed:
            self._has_failed = True
            logger.error("choices cannot be saved until this is put right: %s", error)

    def has_worked(self) -> None:
        """Note that a record was saved."""
        self._has_failed = False
