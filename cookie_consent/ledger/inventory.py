"""``InventoryStore``: what a site's pages were found to use, in a table of the log that every process adds to."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, get_args

from sqlalchemy import select

from cookie_consent.errors import LedgerError
from cookie_consent.ledger.periodic import PeriodicThread
from cookie_consent.ledger.schema import inventory
from cookie_consent.ledger.upsert import inserter
from cookie_consent.policy import InventoryEvent
from cookie_consent.policy.inventory import InventoryKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cookie_consent.ledger.ledger import Ledger
    from cookie_consent.policy import Inventory

__all__ = ["InventoryStore", "InventoryThread"]

_EVERY = 20.0
"""Seconds between two exchanges. What one process has met reaches another within two of them."""


class InventoryStore:
    """Saves and reads the events of a site's inventory. Rows are only added.

    ``site`` tells sites apart that share a log. Safe to use from several threads and processes. All methods raise
    ``LedgerError`` if the database cannot be used.
    """

    def __init__(self, ledger: Ledger, site: str | None) -> None:
        self._ledger = ledger
        self._site = site or ""

    def save(self, new: Iterable[InventoryEvent]) -> None:
        """Add events. One that another process has saved before stays as it is."""
        rows = [{"site": self._site, "kind": event.kind, "name": event.name, "at": event.at} for event in new]
        if rows:
            with self._ledger.writing() as connection:
                connection.execute(inserter(connection)(inventory).on_conflict_do_nothing(), rows)

    def read(self) -> list[InventoryEvent]:
        """Return all events of the site, the first one first."""
        with self._ledger.reading() as connection:
            query = select(inventory.c.kind, inventory.c.name, inventory.c.at).where(inventory.c.site == self._site)
            rows = connection.execute(query.order_by(inventory.c.at)).all()
        kinds = get_args(InventoryKind)
        return [InventoryEvent(kind=kind, name=name, at=int(at)) for kind, name, at in rows if kind in kinds]


class InventoryThread:
    """Exchanges what a process has met with the log, in the background: no request waits for it.

    Without a log that can be read, each process names what it has met itself.
    """

    def __init__(self, ledger: Ledger, inventories: Sequence[tuple[str | None, Inventory]]) -> None:
        self._ledger = ledger
        self._pairs = [(InventoryStore(ledger, site), inventory) for site, inventory in inventories]
        self._thread: PeriodicThread | None = None

    def start(self, *, at_once: bool) -> None:
        """Start. With ``at_once``, learn what the log has before this returns, as far as it can be read."""
        if not self._ledger.is_readable or (self._thread is not None and self._thread.is_alive):
            return
        if at_once:
            with suppress(LedgerError):  # the thread will say so
                for store, found in self._pairs:
                    found.learn(store.read())
        self._thread = PeriodicThread(
            lambda _: self.exchange(), what="read for the inventory", every=_EVERY, finishes=True
        )

    def exchange(self) -> None:
        """Save what is new here, and learn what is new in the log. Raises ``LedgerError``."""
        self._ledger.open()  # not every server runs the lifespan, so this may be the first to open it
        for store, found in self._pairs:
            news = found.take_news()
            try:
                store.save(news)
            except BaseException:
                found.give_back(news)
                raise
            found.learn(store.read())

    def stop(self) -> None:
        """Save what is new, and end the thread."""
        if self._thread is not None:
            self._thread.stop()
            self._thread = None
