"""``policy diff`` says what changes for visitors, and what the middleware does about it today."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from cookie_consent.cli.main import app
from cookie_consent.consent.cookie import StoredChoice
from cookie_consent.consent.decide import decide
from cookie_consent.errors import PolicyError
from cookie_consent.policy import load_policy

if TYPE_CHECKING:
    from pathlib import Path

OLD = 'version = "1"\n[services.youtube]\n'
MORE = "[services.hotjar]\n"


def files(folder: Path, *texts: str) -> list[str]:
    paths = [folder / f"{index}.toml" for index in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, "utf-8")
    return [str(path) for path in paths]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["policy", "diff", *arguments])
    return result.exit_code, result.output


def test_no_change_is_status_0(tmp_path: Path) -> None:
    status, output = run(*files(tmp_path, OLD, OLD))
    assert (status, output) == (0, "today: `version` is still '1', so the middleware asks nobody again\n")


def test_what_is_not_covered_is_named_first(tmp_path: Path) -> None:
    status, output = run(*files(tmp_path, OLD, OLD + MORE))
    assert status == 1
    head, line, quiet, *_, today = output.splitlines()
    assert head == "not covered by an earlier consent, so visitors have to be asked:"
    assert line == "  services.hotjar: new service, in analytics"
    assert quiet == "asks nobody:"
    assert "asks nobody again" in today
    assert today.endswith("because of: services.hotjar")


@pytest.mark.parametrize("more", ["", MORE])
def test_a_changed_version_asks_everybody_today(tmp_path: Path, more: str) -> None:
    old, new = files(tmp_path, OLD, OLD.replace('"1"', '"2"') + more)
    status, output = run(old, new)
    assert status == 1
    assert "asks every visitor again" in output
    assert ("although nothing above needs it" in output) is (not more)


@pytest.mark.parametrize("label", ["1", "2"])
@pytest.mark.parametrize("more", ["", MORE])
def test_the_json_says_what_the_middleware_does(tmp_path: Path, label: str, more: str) -> None:
    old, new = files(tmp_path, OLD, OLD.replace('"1"', f'"{label}"') + more)
    told = json.loads(run(old, new, "--format", "json")[1])
    stored = StoredChoice(
        subject=None,
        record=None,
        policy_version=load_policy(old).version,
        decided_at=datetime(2026, 11, 1, tzinfo=UTC),
        granted=frozenset({"analytics"}),
        services={},
        gpc=False,
    )
    assert told["asked_today"] is not decide(load_policy(new), stored).decided
    assert any(change["asks"] for change in told["changes"]) is bool(more)


def test_a_hyphen_is_the_built_in_policy(tmp_path: Path) -> None:
    assert run("-", "-")[0] == 0
    status, output = run("-", *files(tmp_path, OLD))
    assert status == 1
    assert "version: label: default → 1" in output


def test_wrong_usage_is_status_2(tmp_path: Path) -> None:
    assert run("-")[0] == 2
    with pytest.raises(PolicyError):  # which the command reports, with status 2
        CliRunner().invoke(app, ["policy", "diff", "-", str(tmp_path / "none.toml")], catch_exceptions=False)
