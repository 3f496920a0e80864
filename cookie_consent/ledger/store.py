"""The protocols of a store: ``ChoiceSink`` for writing choices, ``Store`` for the whole log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import Connection, Select

    from cookie_consent.consent.record import ConsentRecord, Notice
    from cookie_consent.ledger.proof.canonical import WalkedRow

__all__ = ["DEFAULT_URL", "PATIENCE", "ChoiceSink", "Entry", "LeafRow", "Store"]

DEFAULT_URL = "sqlite:///consent.db"
PATIENCE = 10.0
"""Seconds to wait for another process's transaction by default."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record to be written, with its notice unless the store has that already."""

    record: ConsentRecord
    notice: Notice | None = None


LeafRow = tuple[int, str, Any, Any]
"""The columns of ``schema.leaves``: position, id, salt and commitment."""


class ChoiceSink(Protocol):
    """Where choices are written. Only the writer's thread calls ``append``; other methods need thread safety."""

    name: str
    """How messages and errors name it: its URL without a password."""
    spool_path: Path
    """The path after which spool files are named, and beside which they are put unless a folder is given."""

    def append(self, entries: Sequence[Entry], *, patience: float = PATIENCE) -> None:
        """Append all entries, durable on return. A record whose id exists is left unchanged.

        Waits at most ``patience`` seconds for a lock or connection. Raises ``RecordRefusedError``, writing nothing,
        if a record can never be written, and ``LedgerError`` if the call can be repeated later.
        """

    def open(self, *, create: bool = True) -> None:
        """Connect, and create what is missing. Without ``create``, a missing log is a ``LedgerError``.

        So is an older schema in a store that several hosts share, where ``migrate`` must be called explicitly.
        """

    def forget(self) -> None:
        """Abandon all connections after a fork, without sending anything: they belong to the parent process."""

    def close(self) -> None:
        """Close the connections. The next use reopens them."""


class Store(ChoiceSink, Protocol):
    """A database with the tables of ``schema.py``. Here is what cannot be the same SQLAlchemy code for all engines.

    ``append`` is all or nothing. A store can be pickled; in another process it opens connections of its own.
    """

    opened_as: int
    """The schema version before this process upgraded it; 0 if there was none."""

    def migrate(self) -> tuple[int, int]:
        """Upgrade the schema; return its old and new version. Raises ``LedgerError``."""

    def writing(self) -> AbstractContextManager[Connection]:
        """Yield a connection in a transaction that excludes all other sealing, erasing and pruning, in any process.

        Raises ``LedgerError``, also for database errors inside the block.
        """

    def patiently(self, seconds: float) -> AbstractContextManager[None]:
        """Limit each wait of this thread for the store, within the block."""

    def reading(self) -> AbstractContextManager[Connection]:
        """Yield a connection that reads one snapshot of the log. Raises ``LedgerError``."""

    def rows(self, connection: Connection, query: Select[Any]) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of a query as plain tuples, in non-empty pages and constant memory. Raises ``LedgerError``."""

    def unsealed(self, connection: Connection, limit: int) -> list[WalkedRow]:
        """Return the next unsealed records in the store's order, in which they will become leaves.

        No record may later appear before one that was returned. Raises ``ProofError`` if the last sealed record is
        missing.
        """

    def walk(self, connection: Connection, after: int) -> Iterator[list[WalkedRow]]:
        """Yield the records after the order number ``after``, in the store's order and in pages.

        Each record is a plain tuple that ends with its order number, an integer of 64 bits.
        """

    def orders(self, connection: Connection, ids: Sequence[str]) -> list[int]:
        """Return the order numbers of those of the records that exist."""

    def settled(self, connection: Connection, after: int, limit: int) -> list[WalkedRow]:
        """Return the next records after the order number ``after``, as ``walk`` yields them.

        As with ``unsealed``, no record may later appear before one that was returned.
        """

    def last_until(self, connection: Connection, order: int) -> str | None:
        """Return the id of the last record up to an order number, or None."""

    def leaves(self, connection: Connection, first: int, end: int) -> list[LeafRow]:
        """Return the leaves from position ``first`` to before ``end``, in order, as plain tuples."""

    def save_leaves(self, connection: Connection, new: list[LeafRow]) -> None:
        """Insert leaves, within the transaction of ``writing``."""

    def scrub(self) -> None:
        """Remove the traces of erased data from the store's files, as far as possible."""
