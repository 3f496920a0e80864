"""``export register`` writes the entry of Article 30 from what the policy says, and names what it does not say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from cookie_consent.cli.main import app
from cookie_consent.cli.register import register_entry
from cookie_consent.errors import ConfigurationError
from cookie_consent.policy import parse_policy

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
    return result.output


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
