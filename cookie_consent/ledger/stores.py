"""Which store a URL names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger.elsewhere import SqlElsewhere
from cookie_consent.ledger.jetstream_url import is_jetstream, parse_jetstream
from cookie_consent.ledger.sqlite import SqliteStore

if TYPE_CHECKING:
    from cookie_consent.ledger.store import ChoiceSink, Store

__all__ = ["DEFAULT_URL", "make_sink", "make_store"]

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


def make_sink(url: str, reads: str | None = None) -> tuple[ChoiceSink, Store]:
    """Return where choices are written to and what the log is read from, without touching either.

    They are one, but for ``nats://`` and ``tls://``: these are read at the URL ``reads`` of the SQL log that they are
    drained to, and without it not at all. Raises ``ConfigurationError``.
    """
    if not is_jetstream(url):
        store = make_store(url)
        return store, store
    parsed = parse_jetstream(url)
    try:
        from cookie_consent.ledger.jetstream import JetStreamSink
    except ImportError:
        raise ConfigurationError(
            "a ledger at nats:// needs the package nats-py: pip install 'cookie-consent[nats]'"
        ) from None
    return JetStreamSink(parsed), make_store(reads) if reads else SqlElsewhere(parsed.name)
