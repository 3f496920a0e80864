"""``check`` names what the cookie declaration lacks, as hints that change no exit status."""

from __future__ import annotations

import json
import tomllib
from itertools import count
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from cookie_consent.cli.main import app
from cookie_consent.cli.missing import missing
from cookie_consent.policy import Policy, parse_policy, registry
from cookie_consent.policy.fingerprints import fingerprint_of, unpacked

if TYPE_CHECKING:
    from pathlib import Path

BARE = """
version = "1"
[[cookies]]
name = "cart"
category = "session"
[[cookies]]
name = "theme"
category = "preferences"
[services.mastodon-social]
[services.live]
name = "Live"
category = "advertising"
hosts = ["live.example"]
cookies = [{ name = "a" }]
storage = ["key"]
"""
NAMED = """
version = "1"
[categories.preferences]
purpose = "Fits the shop to you"
[categories.analytics]
purpose = "Counts visits"
[categories.partners]
name = "Partners"
purpose = "Offers of our partners"
consequence = "You see none"
[services.google-analytics]
"""
COMPLETE = """
version = "1"
retention = "3y"
banner = { privacy_url = "/privacy" }
[controller]
name = "Shop"
address = "1 High Street"
contact = "privacy@shop.example"
authority = "Commissioner"
[[cookies]]
name = "cart"
category = "session"
purpose = "The cart"
exempt = "basket"
[services.django]
[services.live]
name = "Live"
category = "analytics"
company = "Live Inc."
country = "US"
safeguard = "standard-clauses"
retention = "1y"
purpose = "Counts"
privacy_url = "https://live.example/privacy"
hosts = ["live.example"]
cookies = [{ name = "a", purpose = "Counts" }]
"""


def keys(text: str) -> set[str]:
    return {entry["key"] for entry in missing(parse_policy(tomllib.loads(text), source="test"))}


def test_what_a_regulator_would_miss_is_named() -> None:
    assert keys(BARE) == {
        "banner.privacy_url",
        "controller",
        "cookies.0.exempt",
        "cookies.0.purpose",
        "cookies.1.max_age",
        "cookies.1.purpose",
        "retention",
        "services.live.company",
        "services.live.cookies.0.max_age",
        "services.live.cookies.0.purpose",
        "services.live.country",
        "services.live.privacy_url",
        "services.live.purpose",
        "services.live.retention",
        "services.live.storage.0.purpose",
        "services.mastodon-social.retention",
    }


def test_data_that_leaves_the_european_economic_area_needs_a_safeguard() -> None:
    assert "services.live.safeguard" in keys(COMPLETE.replace('safeguard = "standard-clauses"', ""))
    within = COMPLETE.replace('safeguard = "standard-clauses"', "").replace('"US"', '"NO"')
    assert "services.live.safeguard" not in keys(within)
    assert "services.live.safeguard" in keys(within.replace('"NO"', '"NO"\ntransfers = ["US"]'))


def test_hints_do_not_fail_a_check(tmp_path: Path) -> None:
    path = tmp_path / "consent.toml"
    path.write_text(BARE, encoding="utf-8")
    shown = CliRunner().invoke(app, ["check", str(path)])
    assert shown.exit_code == 0
    assert "hints for the cookie declaration:\n  controller: " in shown.stdout
    as_json = CliRunner().invoke(app, ["check", str(path), "--format", "json"])
    assert as_json.exit_code == 0
    assert {entry["key"] for entry in json.loads(as_json.stdout)["hints"]} == keys(BARE)
    path.write_text(COMPLETE, encoding="utf-8")
    # A sign-in that is agreed to has no limit, nor has the language.
    assert keys(COMPLETE) == {"services.django.cookies.0.max_age", "services.django.cookies.3.max_age"}
    assert CliRunner().invoke(app, ["check", str(path)]).exit_code == 0


def test_advanced_mode_is_said_to_need_consent_too() -> None:
    def hints(name: str, mode: str) -> list[str]:
        services = {name: {"consent_mode": mode}}
        found = missing(parse_policy({"version": "1", "services": services}, source="test"))
        return [entry["hint"] for entry in found if entry["key"] == f"services.{name}.consent_mode"]

    (hint,) = hints("google-ads", "advanced")
    assert "needs consent (ePrivacy Directive, Article 5(3), as EDPB Guidelines 2/2023 read it)" in hint
    assert hint.endswith("Cookies that its own hosts set, such as ADS_VISITOR_ID, AEC, ANID, …, cannot be held then")
    (hint,) = hints("piano", "advanced")
    assert "cannot be held" not in hint
    assert hints("google-ads", "basic") == []


def test_a_known_service_that_no_notice_can_name_is_named_here() -> None:
    plain = Policy(version="1")
    every = unpacked(plain.names.of(registry(), categories=plain.optional_ids))
    known = {found >> 4 for found in every - unpacked(plain.names.of([], categories=plain.optional_ids))}
    alike = next(
        name
        for name in (f"own-{number}" for number in count())
        if fingerprint_of("service", name, "analytics", "") >> 4 in known
    )
    services = {alike: {"name": "Own", "category": "analytics"}}
    policy = parse_policy({"version": "1", "services": services}, source="test")
    (held,) = policy.names.unnamable
    (hint,) = [entry["hint"] for entry in missing(policy) if entry["key"] == f"services.{held}"]
    assert f"If the site uses it, give services.{alike} another id" in hint
    other = parse_policy({"version": "1", "services": {f"{alike}1": services[alike]}}, source="test")
    assert f"services.{held}" not in {entry["key"] for entry in missing(other)}


def test_a_category_that_is_described_but_not_used_is_not_offered() -> None:
    policy = parse_policy(tomllib.loads(NAMED), source="test")
    assert policy.names.offered() == {"analytics", "partners"}
    hints = {entry["key"]: entry["hint"] for entry in missing(policy) if entry["key"].startswith("categories.")}
    assert hints.keys() == {"categories.preferences.purposes"}
    assert "no visitor is asked about it" in hints["categories.preferences.purposes"]
    used = NAMED.replace("[categories.analytics]", 'purposes = { fit = "Fits it to you" }\n[categories.analytics]')
    policy = parse_policy(tomllib.loads(used), source="test")
    assert policy.names.offered() == {"analytics", "partners", "preferences"}
    assert not [entry for entry in missing(policy) if entry["key"].startswith("categories.")]
