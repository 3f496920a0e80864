"""Creating the store for a URL."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger.store import DEFAULT_URL
from cookie_consent.ledger.stores.jetstream.url import is_jetstream, parse_jetstream
from cookie_consent.ledger.stores.memory import MemoryStore
from cookie_consent.ledger.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import URL

    from cookie_consent.ledger.store import ChoiceSink, Store

__all__ = ["make_sink", "make_store"]

_POSTGRESQL = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
_EXAMPLES = f"{DEFAULT_URL} or postgresql://USER:PASSWORD@HOST/DATABASE"


def make_store(url: str, *, memory: bool = False) -> Store:
    """Return the store for ``sqlite:///PATH`` or ``postgresql://USER:PASSWORD@HOST/DATABASE``, without opening it.

    ``sqlite://`` is one in memory, where ``memory`` allows that.
    Raises ``ConfigurationError`` for a URL that is invalid or not supported, or needs a missing package.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # not shown, because it may hold a password
        shown = "" if "@" in url else f" {url!r}"
        fix = "; in the user name and password write @ : / as %40 %3A %2F" if "@" in url else ""
        raise ConfigurationError(f"the ledger{shown} is not a URL; write one such as {_EXAMPLES}{fix}") from None
    if parsed.drivername == "sqlite" and parsed.database and parsed.database != ":memory:":
        if not parsed.database.isprintable() and any(ord(character) < ord(" ") for character in parsed.database):
            raise ConfigurationError(f"the ledger's path {parsed.database!r} has a control character")
        _known_options(parsed, ())
        return SqliteStore(parsed)
    if parsed.drivername in _POSTGRESQL:
        return _postgres(parsed)
    shown = parsed.set(query={}).render_as_string()
    if parsed.drivername == "sqlite":
        _known_options(parsed, ())
        if memory:
            return MemoryStore()
        raise ConfigurationError(
            f"the ledger {shown!r} is not supported, as its choices are lost with the process; write sqlite:///PATH, "
            "or, to develop, pass dev=True"
        )
    raise ConfigurationError(f"the ledger {shown!r} is not supported; write sqlite:///PATH, as in {_EXAMPLES}")


def make_sink(url: str, reads: str | None = None, *, memory: bool = False) -> tuple[ChoiceSink, Store | None]:
    """Return where choices are written and the store that is read, without opening either.

    They are the same, except for ``nats://`` and ``tls://``, which are read at the URL ``reads`` of the SQL log into
    which they are drained, if given. Raises ``ConfigurationError``.
    """
    if not is_jetstream(url):
        store = make_store(url, memory=memory)
        return store, store
    parsed = parse_jetstream(url)
    try:
        from cookie_consent.ledger.stores.jetstream.sink import JetStreamSink
    except ImportError:
        raise ConfigurationError(
            "a ledger at nats:// needs the package nats-py: pip install 'cookie-consent[nats]'"
        ) from None
    return JetStreamSink(parsed), make_store(reads) if reads else None


def _known_options(url: URL, known: Iterable[str]) -> None:
    """Raise ``ConfigurationError`` for a query parameter that neither this package nor the driver knows."""
    names = sorted(known)
    for name in url.query:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            fix = f"did you mean {close[0]!r}?" if close else "remove it" if names else f"{url.drivername} has none"
            raise ConfigurationError(f"the ledger's URL has an unknown option {name[:40]!r}; {fix}")


def _postgres(url: URL) -> Store:
    try:
        from psycopg.pq import Conninfo

        from cookie_consent.ledger.stores.postgres.store import PostgresStore
    except ImportError as error:  # the driver, or libpq
        raise ConfigurationError(
            f"the ledger's driver is missing ({error}): pip install 'cookie-consent[postgresql]'"
        ) from None
    _known_options(url, (option.keyword.decode() for option in Conninfo.get_defaults()))
    return PostgresStore(url)
