"""Which store a URL names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger.sqlite import SqliteStore

if TYPE_CHECKING:
    from cookie_consent.ledger.store import Store

__all__ = ["DEFAULT_URL", "make_store"]

DEFAULT_URL = "sqlite:///consent.db"


def make_store(url: str) -> Store:
    """Return the store at ``sqlite:///PATH``, without touching it.

    Raises ``ConfigurationError`` for a URL that is none or names another engine.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigurationError(f"the ledger {url!r} is not a URL; write one such as {DEFAULT_URL}") from None
    if parsed.drivername == "sqlite" and parsed.database and parsed.database != ":memory:":
        return SqliteStore(parsed)
    raise ConfigurationError(
        f"the ledger {parsed.render_as_string()!r} is not supported; write sqlite:///PATH, as in {DEFAULT_URL}"
    )
