"""The store in this process's memory, for development and tests."""

from __future__ import annotations

import os
import secrets
import sqlite3
import tempfile
import weakref
from pathlib import Path
from typing import NoReturn

from sqlalchemy import make_url

from cookie_consent.errors import ConfigurationError, LedgerError
from cookie_consent.ledger.stores.sqlite import SqliteStore

__all__ = ["MemoryStore"]

_NEEDED = (3, 36)
_forgotten: list[sqlite3.Connection] = []


class MemoryStore(SqliteStore):
    """A ``Store`` that ends with the process, or when nothing uses it any more. A fork begins with an empty one.

    Its connections share one database by SQLite's ``memdb`` (https://sqlite.org/src/file/src/memdb.c). Other than in a
    file, a reader that has not come to its end keeps writers waiting.
    """

    def __init__(self) -> None:
        if sqlite3.sqlite_version_info < _NEEDED:
            raise ConfigurationError("a log in memory needs SQLite 3.36 or newer; write sqlite:///PATH")
        super().__init__(make_url("sqlite://"))
        self._begin()

    def __reduce__(self) -> NoReturn:
        raise LedgerError("a log in memory cannot be read by other processes; use one process", url=self.name)

    def _begin(self) -> None:
        """Make an empty database, which lasts as long as one connection to it is open."""
        name = f"consent-{os.getpid()}-{secrets.token_hex(8)}"
        # Should the database be locked for long, choices wait in a file, as always.
        self.spool_path = Path(tempfile.gettempdir()) / name
        self.url = make_url(f"sqlite:///file:/{name}?vfs=memdb&uri=true")
        self._anchor = sqlite3.connect(f"file:/{name}?vfs=memdb", uri=True, check_same_thread=False)
        self._finalizer = weakref.finalize(self, self._anchor.close)

    def forget(self) -> None:
        """Start over in a fork."""
        super().forget()
        self._finalizer.detach()
        _forgotten.append(self._anchor)  # collected, it would be closed
        self._begin()

    def _is_there(self) -> bool:
        return True

    def _error(self, what: str, cause: str) -> LedgerError:
        return LedgerError(f"the log in memory {what}: {cause}", url=self.name)
