"""The store of a log that is written here and read elsewhere: every question is answered by where to ask."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from cookie_consent.errors import LedgerError
from cookie_consent.ledger.schema import SCHEMA_VERSION
from cookie_consent.ledger.store import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Select

    from cookie_consent.ledger.store import Entry, LeafRow

__all__ = ["SqlElsewhere"]


class SqlElsewhere:
    """A ``Store`` that has nothing. All methods that use it raise ``LedgerError``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.spool_path = Path()
        self.opened_as = SCHEMA_VERSION

    def append(self, entries: Sequence[Entry], *, patience: float = PATIENCE) -> NoReturn:  # noqa: ARG002
        """Raise ``LedgerError``."""
        self._refuse()

    def open(self, *, create: bool = True) -> NoReturn:  # noqa: ARG002
        """Raise ``LedgerError``."""
        self._refuse()

    def migrate(self) -> NoReturn:
        """Raise ``LedgerError``."""
        self._refuse()

    def rows(self, connection: Connection, query: Select[Any]) -> NoReturn:  # noqa: ARG002
        """Raise ``LedgerError``."""
        self._refuse()

    def settled(self, connection: Connection, after: int, limit: int) -> NoReturn:  # noqa: ARG002
        """Raise ``LedgerError``."""
        self._refuse()

    def last_until(self, connection: Connection, order: int) -> NoReturn:  # noqa: ARG002
        """Raise ``LedgerError``."""
        self._refuse()

    def writing(self) -> NoReturn:
        """Raise ``LedgerError``."""
        self._refuse()

    def patiently(self, seconds: float) -> NoReturn:  # noqa: ARG002
        """Raise ``LedgerError``; see ``Store``."""
        self._refuse()

    def reading(self) -> NoReturn:
        """Raise ``LedgerError``."""
        self._refuse()

    def unsealed(self, connection: Connection, limit: int) -> NoReturn:  # noqa: ARG002
        """Raise ``LedgerError``."""
        self._refuse()

    def walk(self, connection: Connection, after: int) -> NoReturn:  # noqa: ARG002
        """Raise ``LedgerError``."""
        self._refuse()

    def orders(self, connection: Connection, ids: Sequence[str]) -> NoReturn:  # noqa: ARG002
        """Raise ``LedgerError``."""
        self._refuse()

    def leaves(self, connection: Connection, first: int, end: int) -> NoReturn:  # noqa: ARG002
        """Raise ``LedgerError``."""
        self._refuse()

    def save_leaves(self, connection: Connection, new: list[LeafRow]) -> NoReturn:  # noqa: ARG002
        """Raise ``LedgerError``."""
        self._refuse()

    def scrub(self) -> NoReturn:
        """Raise ``LedgerError``."""
        self._refuse()

    def forget(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def _refuse(self) -> NoReturn:
        raise LedgerError(
            f"the log {self.name} is written here and read in the SQL log that it is drained to: name that one with "
            "--ledger, or, for a server, with CONSENT_LEDGER_READS",
            url=self.name,
        )
