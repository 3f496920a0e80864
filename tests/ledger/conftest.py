from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres_server import PostgresServer


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign with no key but those that a test gives."""
    monkeypatch.delenv("CONSENT_LEDGER_KEY", raising=False)


@pytest.fixture
def own_server(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """Give a server that a test may stop."""
    server = type(postgres)(postgres.programs)
    try:
        server.start()
        yield server
    finally:
        server.remove()
