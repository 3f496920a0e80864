"""From what a browser's signal has left of a choice to the choice itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cookie_consent.ledger import ConsentRecord, Ledger

__all__ = ["choice_behind"]

_MOST = 8
"""Records of one choice's signals: one, but for processes that met it at the same moment."""


def choice_behind(ledger: Ledger, record: ConsentRecord) -> ConsentRecord | None:
    """Return the choice made by hand of which ``record`` holds what a signal has left; itself if it is one.

    None where that is not in the log any more. Raises ``LedgerError``.
    """
    found: ConsentRecord | None = record
    for _ in range(_MOST):
        if found is None or found.action != "signal":
            return found
        found = ledger.record(found.previous) if found.previous is not None else None
    return None
