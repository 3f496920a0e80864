"""What the writer, and those who read, seal and amend the log, ask of a store."""

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
"""Seconds that one waits for another process's transaction, unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record on its way to the store, with the notice that it names, unless the store has that already."""

    record: ConsentRecord
    notice: Notice | None = None


LeafRow = tuple[int, str, Any, Any]
"""The columns of ``schema.leaves``: position, id, salt and commitment."""


class ChoiceSink(Protocol):
    """Where choices are written. The writer's thread alone calls ``append``; the others may be called by several."""

    name: str
    """How messages and errors name it: its URL without a password."""
    spool_path: Path
    """What the spool's files are named after, and lie beside unless they are given a folder; a bare name if there is
    no such place, so that they lie in the current folder."""

    def append(self, entries: Sequence[Entry], *, patience: float = PATIENCE) -> None:
        """Append all of them, durable on return; a record whose id is there already is left as it is.

        Waits for no lock and no connection longer than ``patience`` seconds. Raises ``RecordRefusedError`` if one of
        the records can never be written, having written none, and ``LedgerError`` if it is away, in which case the
        same records may be given once more.
        """

    def open(self, *, create: bool = True) -> None:
        """Connect and see to what has to be there; without ``create`` a log that is not is a ``LedgerError``.

        So is a log of an older schema in a store that several hosts use, where ``migrate`` has to be asked for.
        """

    def forget(self) -> None:
        """Drop every connection without closing it: this process is a fork of their owner."""

    def close(self) -> None:
        """Close the connections. The next use opens them again."""


class Store(ChoiceSink, Protocol):
    """Where records stay and are read. ``append`` is all or nothing.

    The tables are those of ``schema.py``. What is written with SQLAlchemy for one store holds for all of them; what
    differs stands here. A store can be pickled: in another process it opens connections of its own.
    """

    opened_as: int
    """The schema's version that the store had before this process brought it up to date; 0 if there was none."""

    def migrate(self) -> tuple[int, int]:
        """Bring the schema up to date; return the version that it had and the one that it has. ``LedgerError``."""

    def writing(self) -> AbstractContextManager[Connection]:
        """Give a connection in a transaction in which nobody else seals or amends, in other processes neither.

        Raises ``LedgerError``, for what goes wrong inside too.
        """

    def patiently(self, seconds: float) -> AbstractContextManager[None]:
        """Let this thread wait no longer than so many seconds at a time for the store, inside."""

    def reading(self) -> AbstractContextManager[Connection]:
        """Give a connection that sees one state of the log as long as it is used. Raises ``LedgerError``."""

    def rows(self, connection: Connection, query: Select[Any]) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of a query in pieces that are not empty, as plain tuples, in constant memory.

        Where the driver is not much faster than SQLAlchemy, ``exports.rows.core_rows`` does it. Raises ``LedgerError``.
        """

    def unsealed(self, connection: Connection, limit: int) -> list[WalkedRow]:
        """Return the next records that are no leaves yet, in the order in which they are to become leaves.

        That order is the store's own, and stays: no record may turn up later before one that was returned. Raises
        ``ProofError`` if the record that was sealed last is not there.
        """

    def walk(self, connection: Connection, after: int) -> Iterator[list[WalkedRow]]:
        """Yield the records whose order is above ``after`` in that same order, in pieces.

        Each is a plain tuple with its order, a number of 64 bits, at the end.
        """

    def orders(self, connection: Connection, ids: Sequence[str]) -> list[int]:
        """Return the orders of those of the records that are there."""

    def settled(self, connection: Connection, after: int, limit: int) -> list[WalkedRow]:
        """Return the next records whose order is above ``after``, in that order, as ``walk`` yields them.

        As with ``unsealed``, no record may turn up later before one that was returned.
        """

    def last_until(self, connection: Connection, order: int) -> str | None:
        """Return the id of the last record whose order is not above ``order``; None if there is none."""

    def leaves(self, connection: Connection, first: int, end: int) -> list[LeafRow]:
        """Return the leaves from position ``first`` up to ``end`` in their order, as plain tuples."""

    def save_leaves(self, connection: Connection, new: list[LeafRow]) -> None:
        """Insert leaves, within the transaction of ``writing``."""

    def scrub(self) -> None:
        """Take care that what was erased is not in the store's files any more, as far as the store can."""
