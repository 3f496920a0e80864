from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ledger.nats_cluster import MAX_PAYLOAD, Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres_server import PostgresServer


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign with no key but those that a test gives."""
    monkeypatch.delenv("CONSENT_LEDGER_KEY", raising=False)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def own_server(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """Give a server that a test may stop."""
    server = type(postgres)(postgres.programs)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run three servers, which the tests share and leave alone."""
    with Cluster(tmp_path_factory.mktemp("cluster"), more=f"max_payload: {MAX_PAYLOAD}\n") as servers:
        yield servers


@pytest.fixture
def stream(request: pytest.FixtureRequest) -> str:
    """Return a name that no other test has."""
    return f"T{abs(hash(request.node.nodeid)) % 10**12}"
