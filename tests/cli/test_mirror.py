"""The commands for the mirror's files."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from cookie_consent.cli.main import app
from cookie_consent.errors import ConfigurationError
from cookie_consent.mirror.mirror import Mirror
from cookie_consent.mirror.network import Network
from cookie_consent.mirror.store import Entry, FolderStore

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS = "https://unpkg.com/vue@3.4.1/a.js"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderStore:
    monkeypatch.setenv("CONSENT_MIRROR", str(tmp_path))
    made = FolderStore(tmp_path)
    digest = hashlib.sha256(b"a()").hexdigest()
    made.put(
        Entry(
            upstream=ADDRESS, media_type="text/javascript", digest=digest, fetched_at=1, fresh_until=None, body=b"a()"
        )
    )
    return made


def test_the_stored_files_are_listed_and_deleted(store: FolderStore) -> None:
    runner = CliRunner()
    assert ADDRESS in runner.invoke(app, ["mirror", "list"]).output
    (row,) = json.loads(runner.invoke(app, ["mirror", "list", "--format", "json"]).output)
    assert (row["address"], row["size"], row["fetched_at"]) == (ADDRESS, 3, "1970-01-01T00:00:01+00:00")
    assert runner.invoke(app, ["mirror", "clear"]).output == "deleted 1 file\n"
    assert store.get(ADDRESS) is None
    assert runner.invoke(app, ["mirror", "list"]).output == "no files are stored\n"
    assert runner.invoke(app, ["mirror", "list", "--format", "json"]).output == "[]\n"


def test_a_file_that_is_there_is_not_fetched_and_one_that_cannot_be_had_is_told(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(host: str) -> list[str]:
        raise OSError(f"no {host}")

    monkeypatch.setattr(
        "cookie_consent.cli.mirror.Mirror",
        lambda libraries: Mirror(libraries, store=store, network=Network(resolve=resolve)),
    )
    found = CliRunner().invoke(app, ["mirror", "fetch", ADDRESS, ADDRESS.replace("a.js", "b.js")])
    assert found.exit_code == 1
    assert f"stored  {ADDRESS}\nmissing {ADDRESS.replace('a.js', 'b.js')}\n" in found.output


@pytest.mark.parametrize("address", ["https://evil.example/a.js", "https://unpkg.com/evil@1.0.0/a.js", "../x", ""])
def test_what_is_not_listed_is_not_fetched(store: FolderStore, address: str) -> None:
    found = CliRunner().invoke(app, ["mirror", "fetch", address])
    assert isinstance(found.exception, ConfigurationError)
    assert len(list(store.entries())) == 1
