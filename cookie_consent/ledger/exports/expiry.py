"""``Expiry``: when each choice of an export ends if nothing replaces it. No row of the log says so: nobody sees it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cookie_consent.consent.record import VISIT_LIFETIME
from cookie_consent.ledger.exports.by_record import COLUMNS
from cookie_consent.ledger.exports.columns import Memo
from cookie_consent.ledger.schema import micros, moment

if TYPE_CHECKING:
    from cookie_consent.ledger.exports.rows import Page
    from cookie_consent.policy import Policy

__all__ = ["EXPIRES", "Expiry"]

EXPIRES = "expires"
"""The name of the column."""
_DAY = 86_400_000_000
_AT, _ACTION, _CHANNEL = (COLUMNS.index(name) for name in ("at", "action", "channel"))


class Expiry:
    """Adds the time, in microseconds since 1970, to the rows of records.

    It follows from the lifetime that the policy gives the consent cookie, in calendar months where it counts in these.
    What is allowed for a visit ends after a day at the latest. A signal limits an earlier choice, and ends with it.
    """

    def __init__(self, policy: Policy) -> None:
        lifetime = policy.cookie.max_age
        self._ends = Memo(lambda day: micros(lifetime.end(moment(day * _DAY))))
        self._visit = VISIT_LIFETIME // timedelta(microseconds=1)

    def added(self, rows: Page) -> Page:
        """Return the rows with one more value. Raises ``TypeError`` or ``OverflowError`` for a damaged row."""
        return [(*row, self._end(row)) for row in rows]

    def _end(self, row: tuple[Any, ...]) -> int | None:
        if row[_ACTION] == "signal":
            return None
        at = row[_AT]
        if row[_CHANNEL] == "visit":
            return int(at + self._visit)
        day, time = divmod(at, _DAY)
        return int(self._ends[day] + time)
