"""``inventory`` shows what pages were found to use, and ``inventory accept`` names what waits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from cookie_consent.cli.main import app
from cookie_consent.ledger import Ledger
from cookie_consent.ledger.inventory import InventoryStore
from cookie_consent.policy import Inventory, load_policy

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InventoryStore:
    """Return the stored inventory of a site whose notice names one service, and another not yet."""
    (tmp_path / "consent.toml").write_text('version = "1"\nsite = "shop.example"\n', "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONSENT_LEDGER", f"sqlite:///{tmp_path}/consent.db")
    ledger = Ledger()
    ledger.open()
    store = InventoryStore(ledger, "shop.example")
    found = Inventory(load_policy(tmp_path / "consent.toml"))
    found.meet(["youtube"])
    found.answered(found.names)
    found.meet(["vimeo"], categories=["login"])
    store.save(found.take_news())
    return store


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["inventory", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_it_says_what_is_named_and_what_waits(site: InventoryStore) -> None:
    lines = run().splitlines()
    assert [(line.split()[1:3], "named from" in line) for line in lines] == [
        (["service", "youtube"], False),
        (["service", "vimeo"], True),
        (["category", "login"], True),
    ]
    rows = json.loads(run("--format", "json"))["inventory"]
    assert [row["named"] for row in rows] == [True, False, False]
    assert rows[1]["named_from"] > rows[1]["since"]
    assert site.read()[0].name == "youtube"


def test_what_waits_is_named_on_request(site: InventoryStore) -> None:
    assert run("accept") == "named from now on: service vimeo\nnamed from now on: category login\n"
    assert "named from" not in run()
    assert run("accept") == "nothing waits to be named\n"
    found = Inventory(load_policy())
    found.learn(site.read())
    assert found.undeclared == ("vimeo", "youtube")


def test_without_anything_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path}/consent.db"
    Ledger(url).open()
    assert run("--ledger", url) == "nothing was found beside what the policy declares\n"
    assert run("accept", "--ledger", url) == "nothing waits to be named\n"
