"""Find the choice behind a record that Global Privacy Control (GPC) has caused."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cookie_consent.ledger import ConsentRecord

__all__ = ["choice_behind"]

_MOST = 8
"""GPC records per choice: one, unless several processes saw GPC at the same moment."""


def choice_behind(find: Callable[[str], ConsentRecord | None], record: ConsentRecord) -> ConsentRecord | None:
    """Return the choice made by hand that GPC has limited in ``record``, or ``record`` if it is made by hand.

    What was allowed for a visit is none that GPC limits later. Return None if the choice is no longer in the log.
    ``find`` returns the record of an id; its errors pass.
    """
    found: ConsentRecord | None = record
    for _ in range(_MOST):
        if found is None or (found.action != "signal" and (found is record or found.channel != "visit")):
            return found
        found = find(found.previous) if found.previous is not None else None
    return None
