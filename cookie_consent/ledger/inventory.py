"""What a site's pages were found to use, in a table of the log that every process adds to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

from sqlalchemy import select

from cookie_consent.consent.answered import AnsweredEditions
from cookie_consent.ledger.revisions import past_policies
from cookie_consent.ledger.schema import inventory, micros, moment
from cookie_consent.ledger.upsert import inserter
from cookie_consent.policy import InventoryEvent
from cookie_consent.policy.inventory import InventoryKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

    from cookie_consent.ledger.ledger import Ledger
    from cookie_consent.policy import Inventory, Policy

__all__ = ["InventoryStore", "Notes", "SharedInventory", "answered_editions", "inventory_events", "inventory_rows"]


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
            return inventory_events(connection, self._site)


def inventory_events(connection: Connection, site: str | None) -> list[InventoryEvent]:
    """Return all events of a site, the first one first."""
    query = select(inventory.c.kind, inventory.c.name, inventory.c.at).where(inventory.c.site == (site or ""))
    rows = connection.execute(query.order_by(inventory.c.at)).all()
    kinds = get_args(InventoryKind)
    return [InventoryEvent(kind=kind, name=name, at=int(at)) for kind, name, at in rows if kind in kinds]


def inventory_rows(found: Inventory) -> Iterator[dict[str, Any]]:
    """Yield what an inventory has, for people and for JSON: the kind, the name, since when, and if notices name it."""
    waiting, named = set(found.waiting), {*found.undeclared, *found.categories}
    due = datetime.fromtimestamp(found.due, UTC).isoformat() if found.due is not None else None
    for event in found.events:
        if event in waiting or (event.kind in {"service", "host", "category"} and event.name in named):
            yield {
                "kind": event.kind,
                "name": event.name,
                "since": moment(event.at).isoformat(),
                "named": event not in waiting,
                "named_from": due if event in waiting else None,
            }


class Notes:
    """What any process of a log has noted, once for all of them, such as that a week has been summed up.

    ``kind`` tells notes from others, and from an inventory's events, beside which they are kept. All methods raise
    ``LedgerError`` if the database cannot be used.
    """

    def __init__(self, ledger: Ledger, kind: str) -> None:
        self._ledger = ledger
        self._kind = kind

    def read(self) -> set[str]:
        """Return all notes."""
        with self._ledger.reading() as connection:
            return set(connection.execute(select(inventory.c.name).where(inventory.c.kind == self._kind)).scalars())

    def add(self, name: str, at: datetime) -> bool:
        """Add a note, and return whether nobody has done so before. Safe to use from several processes."""
        row = {"site": "", "kind": self._kind, "name": name, "at": micros(at)}
        with self._ledger.writing() as connection:
            return connection.execute(inserter(connection)(inventory).on_conflict_do_nothing(), row).rowcount == 1


def answered_editions(ledger: Ledger, policy: Policy) -> AnsweredEditions:
    """Return what the notices of a site have named, by what the log has of its inventory and its earlier policies.

    Raises ``LedgerError``.
    """
    with ledger.reading() as connection:
        past = past_policies(connection, policy.site)
    return AnsweredEditions(policy, InventoryStore(ledger, policy.site).read(), past=past)


class SharedInventory:
    """One process's share of a site's inventory. Without a log, each process names what it has met itself."""

    def __init__(self, ledger: Ledger, site: str | None, inventory: Inventory) -> None:
        self._store = InventoryStore(ledger, site)
        self._inventory = inventory

    def learn(self) -> None:
        """Learn what the log has."""
        self._inventory.learn(self._store.read())

    def exchange(self) -> None:
        """Save what is new here, and learn what is new in the log."""
        news = self._inventory.take_news()
        try:
            self._store.save(news)
        except BaseException:
            self._inventory.give_back(news)
            raise
        self.learn()
