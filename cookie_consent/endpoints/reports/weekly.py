"""``WeeklySummary``: a line in the log, once a week, on what was reported and is not declared."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cookie_consent.endpoints.reports.watch import watched
from cookie_consent.ledger.inventory import Notes
from cookie_consent.ledger.periodic import PeriodicThread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cookie_consent.endpoints.reports.reports import Reports
    from cookie_consent.ledger import Ledger
    from cookie_consent.policy import Inventory

__all__ = ["WeeklySummary"]

logger = logging.getLogger("cookie_consent")

_EVERY = 900.0
"""Seconds between two looks at the calendar."""
_WEEK = timedelta(days=7)
_MOST_NAMED = 5


class WeeklySummary:
    """Tells once a week what reports have shown, in the one process of a log that sees the new week first.

    The week before the first start is not told. ``sites`` are reports and inventories, the policy in force first.
    """

    def __init__(
        self,
        ledger: Ledger,
        sites: Sequence[tuple[Reports, Inventory]],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ledger = ledger
        self._sites = sites
        self._clock = clock
        self._thread: PeriodicThread | None = None

    def start(self) -> None:
        """Start looking at the calendar, in the background."""
        if self._sites and self._ledger.is_readable and (self._thread is None or not self._thread.is_alive):
            self._thread = PeriodicThread(lambda _: self.tell(), what="summed up", every=_EVERY, finishes=False)

    def stop(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._thread.stop()
            self._thread = None

    def tell(self) -> None:
        """Log the summary, if a new week has begun and no process has told it. Raises ``LedgerError``."""
        now = self._clock()
        year, week, _ = now.isocalendar()
        self._ledger.open()
        notes = Notes(self._ledger, "week")
        site = self._in_force(now)[0].classifier.policy.site
        mark = f" {site}" if site is not None else ""  # several sites can share a log
        known = {name for name in notes.read() if name.partition(" ")[2] == (site or "")}
        name = f"{year}-W{week:02}{mark}"
        if name in known:
            return
        if known:  # before it is noted, so that a process that ends meanwhile leaves it to another
            self._log(now)
        notes.add(name, now)

    def _log(self, now: datetime) -> None:
        reports, inventory = self._in_force(now)
        reports.flush()
        since = (now - _WEEK).date()
        names = {event.name for event in inventory.events}
        found = watched(reports.store.read(since=since), reports.classifier, names)
        if not found:
            logger.info("the week since %s: nothing was reported that the policy does not declare", since)
            return
        new = [one for one in found if one.first >= since]
        named = dict.fromkeys(f"{one.kind} {one.name}" for one in (*new, *found))
        shown = ", ".join([*named][:_MOST_NAMED])
        logger.warning(
            "the week since %s: %s reported that the policy does not declare, %d for the first time (%s); "
            "cookie-consent inventory shows the lines for the policy",
            since,
            "1 thing was" if len(found) == 1 else f"{len(found)} things were",
            len(new),
            shown,
        )

    def _in_force(self, now: datetime) -> tuple[Reports, Inventory]:
        first = self._sites[0]
        version = first[0].classifier.policy.at(now).version
        return next((site for site in self._sites if site[0].classifier.policy.version == version), first)
