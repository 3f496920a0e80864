"""Records for the tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg

from cookie_consent import ConsentRecord, Ledger
from cookie_consent.ledger import Notice, new_record_id
from cookie_consent.ledger.stores.postgres.store import PostgresStore
from cookie_consent.ledger.stores.sqlite import SqliteStore

START = datetime(2026, 11, 24, 8, 0, 0, 123456, tzinfo=UTC)
NOTICE = Notice(hash="a" * 64, language="en", policy_version="1", text="We ask.\nMay we? \u2028 \x85 ä")


def make(number: int = 0, **values: object) -> ConsentRecord:
    """Return the choice of a new visitor, ``number`` minutes after the start."""
    at = START + timedelta(minutes=number)
    fields = {
        "id": new_record_id(at),
        "subject": str(uuid4()),
        "at": at,
        "action": "given",
        "granted": ("analytics",),
        "refused": ("advertising",),
        "channel": "banner",
        "policy_version": "1",
    }
    return ConsentRecord(**{**fields, **values})  # type: ignore[arg-type]


def sqlite_store(ledger: Ledger) -> SqliteStore:
    """Return the store of a ledger in a file."""
    assert isinstance(ledger._store, SqliteStore)
    return ledger._store


def postgres_store(ledger: Ledger) -> PostgresStore:
    """Return the store of a ledger in PostgreSQL."""
    assert isinstance(ledger._store, PostgresStore)
    return ledger._store


def ask(url: str, query: str) -> list[tuple[Any, ...]]:
    """Return what a query finds in PostgreSQL."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()
