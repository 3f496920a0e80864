"""``export register`` writes the entry of Article 30 from what the policy says, and names what it does not say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from cookie_consent.cli.main import app
from cookie_consent.cli.register import register_entry
from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger import Ledger
from cookie_consent.ledger.inventory import InventoryStore
from cookie_consent.policy import Inventory, load_policy, parse_policy

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """
version = "7"
site = "shop.example"
retention = "3y"
[controller]
name = "Shop [Ltd]"
contact = "privacy@shop.example"
address = "Street 1\\nTown"
data_protection_officer = "Jo"
[categories.session]
legal_basis = "contract"
[services.chat]
name = "Chat"
company = "Acme"
category = "preferences"
hosts = ["chat.example"]
country = "IE"
transfers = ["US"]
safeguard = "standard-clauses"
retention = "14mo"
cookies = [{ name = "acme_*", max_age = "30d" }, { name = "acme_once", max_age = "1h" }]
storage = ["acme-state"]
[services.ads]
name = "Ads"
category = "advertising"
hosts = ["ads.example"]
transfers = ["US"]
[[cookies]]
name = "basket"
category = "session"
"""


def run(folder: Path, *arguments: str) -> str:
    (folder / "consent.toml").write_text(POLICY, "utf-8")
    result = CliRunner().invoke(app, ["export", "register", "--policy", str(folder / "consent.toml"), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_entry_says_what_article_30_asks_for(tmp_path: Path) -> None:
    entry = json.loads(run(tmp_path, "--format", "json"))
    assert entry["controller"]["name"] == "Shop [Ltd]"
    activities = {activity["name"]: activity for activity in entry["activities"]}
    record = activities["Record of choices"]
    assert record["retention"][0] == "records: 3 years"
    assert activities["Strictly necessary"]["legal_basis"] == "contract (Article 6(1)(b))"
    assert "basket (cookie, until the browser closes)" in activities["Strictly necessary"]["data"]
    personal = activities["Personalisation"]
    assert personal["legal_basis"] == "consent (Article 6(1)(a))"
    assert {"acme_* (cookie, 30 days)", "acme_once (cookie, 1 hour)", "acme-state (browser storage)"} <= {
        *personal["data"]
    }
    assert personal["retention"] == ["Chat: 14 months"]
    assert personal["recipients"] == [
        {
            "service": "Chat",
            "company": "Acme",
            "country": "IE",
            "third_countries": ["US"],
            "safeguard": "standard contractual clauses (Article 46)",
            "privacy_url": None,
        }
    ]
    assert entry["security"]
    assert entry["missing"] == [
        "services.ads.company", "services.ads.country", "services.ads.retention", "services.ads.safeguard",
    ]  # fmt: skip


def test_it_is_markdown_in_which_no_text_is_markup(tmp_path: Path) -> None:
    text = run(tmp_path)
    assert text.startswith("# Record of processing activities")
    assert "- Name: Shop \\[Ltd\\]\n" in text
    assert "- Address: Street 1, Town\n" in text
    assert "Chat; Acme; IE; transfers to US; standard contractual clauses" in text
    assert "Ads; transfers to US; no safeguard declared" in text
    assert "- `services.ads.company`" in text
    assert run(tmp_path, "-o", str(tmp_path / "register.md")) == ""
    assert (tmp_path / "register.md").read_text("utf-8") == text


def test_without_a_controller_there_is_no_entry() -> None:
    with pytest.raises(ConfigurationError, match=r"add \[controller\]"):
        register_entry(parse_policy({"version": "1"}, source="test"))


def test_recipients_are_also_those_that_pages_were_found_to_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "consent.toml").write_text('version = "1"\ncontroller = { name = "Shop" }\n', "utf-8")
    monkeypatch.chdir(tmp_path)
    alone = CliRunner().invoke(app, ["export", "register", "--format", "json"])
    assert alone.exit_code == 0
    assert "without what pages were found to use" in alone.stderr
    assert [each["name"] for each in json.loads(alone.stdout)["activities"] if each["recipients"]] == []
    ledger = Ledger(f"sqlite:///{tmp_path}/consent.db")
    ledger.open()
    found = Inventory(load_policy(tmp_path / "consent.toml"))
    found.meet(["youtube"])
    InventoryStore(ledger, None).save(found.take_news())
    done = CliRunner().invoke(app, ["export", "register", "--format", "json"])
    entry = json.loads(done.stdout)
    named = {each["name"]: [to["service"] for to in each["recipients"]] for each in entry["activities"]}
    assert ["YouTube"] in named.values()
    assert "services.youtube.retention" in entry["missing"]
