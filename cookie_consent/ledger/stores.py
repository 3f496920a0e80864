"""Which store a URL names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger.sqlite import SqliteStore

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from cookie_consent.ledger.store import Store

__all__ = ["DEFAULT_URL", "make_store"]

DEFAULT_URL = "sqlite:///consent.db"
_POSTGRESQL = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
_EXAMPLES = f"{DEFAULT_URL} or postgresql://USER:PASSWORD@HOST/DATABASE"


def make_store(url: str) -> Store:
    """Return the store at ``sqlite:///PATH`` or ``postgresql://USER:PASSWORD@HOST/DATABASE``, without touching it.

    Raises ``ConfigurationError`` for a URL that is none, names another engine, or needs a package that is missing.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # of which the text may hold a password
        shown = "" if "@" in url else f" {url!r}"
        fix = "; in user and password write @ : / as %40 %3A %2F" if "@" in url else ""
        raise ConfigurationError(f"the ledger{shown} is not a URL; write one such as {_EXAMPLES}{fix}") from None
    if parsed.drivername == "sqlite" and parsed.database and parsed.database != ":memory:":
        return SqliteStore(parsed)
    if parsed.drivername in _POSTGRESQL:
        return _postgres(parsed)
    shown = parsed.set(query={}).render_as_string()
    raise ConfigurationError(f"the ledger {shown!r} is not supported; write sqlite:///PATH, as in {_EXAMPLES}")


def _postgres(url: URL) -> Store:
    try:
        from cookie_consent.ledger.postgres import PostgresStore
    except ImportError as error:  # the driver, or the library that it needs
        raise ConfigurationError(
            f"the ledger's driver is missing ({error}): pip install 'cookie-consent[postgresql]'"
        ) from None
    return PostgresStore(url)
