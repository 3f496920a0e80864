"""A policy and the one that takes its place."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from pydantic import ValidationError

from cookie_consent import PolicyError
from cookie_consent.policy import Policy, find_policy, load_policy, parse_policy, policy_schema

if TYPE_CHECKING:
    from pathlib import Path

NOW = 'version = "1"\nfirst_party = ["a.example"]\n'
LATER = 'version = "2"\neffective = 2026-12-01\n'
START = datetime(2026, 12, 1, tzinfo=UTC)


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name.replace('_', '.')}.toml").write_text(text, "utf-8")


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("consent.toml", {"consent": NOW, "consent_next": LATER}),
        ("consent.toml", {"consent": f"{NOW}[next]\n{LATER}[next.services.youtube]\n"}),
        ("shop.toml", {"shop": NOW, "shop_next": LATER, "consent_next": "not read"}),
        ("pyproject.toml", {"pyproject": f"[tool.cookie_consent]\n{NOW}", "consent_next": LATER}),
        ("pyproject.toml", {"pyproject": f"[tool.cookie_consent]\n{NOW}[tool.cookie_consent.next]\n{LATER}"}),
    ],
)
def test_the_next_policy_is_found(tmp_path: Path, name: str, files: dict[str, str]) -> None:
    write(tmp_path, **files)
    policy = load_policy(tmp_path / name)
    assert policy.version == "1"
    assert policy.at(START - timedelta(microseconds=1)) is policy
    following = policy.at(START)
    assert (following.version, following.effective) == ("2", date(2026, 12, 1))
    assert following.first_party == ()  # a whole policy, to which nothing of the present one is added
    assert following.at(START + timedelta(days=9999)) is following


@pytest.mark.parametrize(
    ("files", "source", "told"),
    [
        ({"consent": f"{NOW}[next]\n{LATER}", "consent_next": LATER}, "consent.toml", "next: is there although"),
        ({"consent": NOW, "consent_next": 'version = "2"'}, "consent.next.toml", "effective: is missing"),
        ({"consent": NOW, "consent_next": LATER.replace('"2"', '"1"')}, "consent.next.toml", "version: is that of the"),
        ({"consent": f"effective = 2026-12-01\n{NOW}", "consent_next": LATER}, "consent.next.toml", "is not later"),
        ({"consent": NOW, "consent_next": f"{LATER}[next]\n{LATER}"}, "consent.next.toml", "next: cannot be followed"),
        ({"consent": NOW, "consent_next": "version = "}, "consent.next.toml", "file: is not TOML"),
        ({"consent": NOW, "consent_next": f'{LATER}sight = "x"'}, "consent.next.toml", "sight: is not a key"),
        ({"consent": f'sight = "x"\n{NOW}', "consent_next": "x = 1"}, "consent.toml", "consent.next.toml: x: is not"),
        ({"consent": f'{NOW}[next]\n{LATER}sight = "x"'}, "consent.toml", "next.sight: is not a key"),
        ({"consent": f"next = 3\n{NOW}"}, "consent.toml", "next: must be a table"),
        # both have their say
        ({"consent": f"next = 3\nsight = 1\n{NOW}"}, "consent.toml", "sight: is not a key"),
    ],
)
def test_what_is_wrong_is_told_with_its_file(tmp_path: Path, files: dict[str, str], source: str, told: str) -> None:
    write(tmp_path, **files)
    with pytest.raises(PolicyError) as caught:
        load_policy(tmp_path / "consent.toml")
    assert caught.value.source == str(tmp_path / source)
    assert told in str(caught.value)


def test_a_next_policy_without_a_predecessor_is_the_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONSENT_POLICY", raising=False)
    write(tmp_path, consent_next=LATER)
    found = find_policy()
    assert found is not None
    assert found.name == "consent.next.toml"
    assert (load_policy().version, load_policy().next) == ("2", None)
    write(tmp_path, consent=NOW)
    assert load_policy().version == "1"


@pytest.mark.parametrize(
    "values", [{"version": "2"}, {"version": "1", "effective": date(2026, 12, 1)}, {"version": "2", "next": {}}]
)
def test_policies_made_in_code_follow_the_same_rules(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate({"version": "1", "next": values})


def test_the_schema_describes_the_next_policy_as_a_policy() -> None:
    schema = policy_schema()
    jsonschema.validate({"version": "1", "next": {"version": "2", "effective": "2026-12-01"}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"version": "1", "next": {"version": "2", "sight": 1}}, schema)


def test_a_present_policy_of_a_test_may_have_a_next_one() -> None:
    policy = parse_policy({"version": "1", "next": {"version": "2", "effective": date(2026, 12, 1)}}, source="test")
    assert policy.at(START).version == "2"
