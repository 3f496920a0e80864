"""What the writer asks of a store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cookie_consent.ledger.record import ConsentRecord, Notice

__all__ = ["Entry", "Store"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A record on its way to the store, with the notice that it names, unless the store has that already."""

    record: ConsentRecord
    notice: Notice | None = None


class Store(Protocol):
    """Where records stay. One thread at a time calls these methods."""

    def append(self, entries: Sequence[Entry], *, patience: float) -> None:
        """Append all of them or none, durable on return; a record whose id is there already is left as it is.

        Waits for no lock and no connection longer than ``patience`` seconds. Raises ``RecordRefusedError`` if one of
        the records can never be written, and ``LedgerError`` if the store is away, in which case the same records
        may be given once more.
        """

    def forget(self) -> None:
        """Let go of every connection without a word to the other side: this process is a fork of their owner's."""

    def close(self) -> None:
        """Close the connections. The next use opens them again."""
