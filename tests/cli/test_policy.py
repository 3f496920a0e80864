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

OLD = 'version = "1"\n[services.youtube]\n[services.google-analytics]\n'
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
    assert run(*files(tmp_path, OLD, OLD)) == (0, "nobody is asked again\n")


def test_what_is_not_covered_is_named_first(tmp_path: Path) -> None:
    status, output = run(*files(tmp_path, OLD, OLD + MORE))
    assert status == 1
    head, line, quiet, *_, asked = output.splitlines()
    assert head == "not covered by an earlier consent, so visitors have to be asked:"
    assert line == "  services.hotjar: new service, in analytics"
    assert quiet == "asks nobody:"
    assert asked == "whoever agreed to a category is asked about what is new in it; until then that is held"


def test_a_label_asks_nobody(tmp_path: Path) -> None:
    status, output = run(*files(tmp_path, OLD, OLD.replace('"1"', '"2"')))
    assert status == 1
    assert output.endswith("nobody is asked again\n")


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("ask_again_since = 2026-12-01", "whoever chose before 2026-12-01 is asked again about everything"),
        ("[controller]\nname = 'Shop'", "everybody is asked again about everything"),
        ("[[cookies]]\nname = 'a'\ncategory = 'login'", "everybody is asked again; until they answer"),
    ],
)
def test_it_says_who_is_asked(tmp_path: Path, line: str, asked: str) -> None:
    head, _, rest = OLD.partition("\n")
    _, output = run(*files(tmp_path, OLD, f"{head}\n{line}\n{rest}"))
    assert output.splitlines()[-1].startswith(asked)


def test_a_day_that_stays_or_comes_earlier_asks_nobody(tmp_path: Path) -> None:
    days = [f"ask_again_since = 2026-12-0{day}\n{OLD}" for day in (2, 1)]
    assert run(*files(tmp_path, days[0], days[0])) == (0, "nobody is asked again\n")
    status, output = run(*files(tmp_path, *days))
    assert (status, output.splitlines()[-1]) == (1, "nobody is asked again")


@pytest.mark.parametrize("more", ["", MORE, "[[cookies]]\nname = 'a'\ncategory = 'analytics'"])
def test_it_says_what_the_middleware_does(tmp_path: Path, more: str) -> None:
    old, new = files(tmp_path, OLD, OLD.replace('"1"', '"2"') + more)
    told = json.loads(run(old, new, "--format", "json")[1])
    before, after = load_policy(old), load_policy(new)
    stored = StoredChoice(
        subject="3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        record="3f2504e0-4f89-41d3-9a0c-0305e82c3302",
        policy_version=before.version,
        decided_at=datetime(2026, 11, 1, tzinfo=UTC),
        granted=before.names.offered(before.names.declared),
        services={},
        gpc=False,
        names=before.names.of(before.names.declared),
    )
    assert decide(after, stored).decided is (not more)
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


def test_classify_names_the_domains_that_a_cookie_is_known_for(tmp_path: Path) -> None:
    rules = '{ name = "acme_uid", domain = "tracker.example" }, { name = "acme_uid_*" }'
    service = f'[services.tracker]\nname = "Tracker"\ncategory = "advertising"\ncookies = [{rules}]\n'
    (path,) = files(tmp_path, f'version = "1"\n{service}')
    done = CliRunner().invoke(app, ["classify", "acme_uid", "--policy", path])
    assert done.exit_code == 1  # on the site itself nobody declares it
    assert "if set by tracker.example: tracker (advertising)" in done.output.splitlines()
    done = CliRunner().invoke(app, ["classify", "acme_uid", "--policy", path, "--format", "json"])
    assert json.loads(done.output)["elsewhere"] == [
        {"domain": "tracker.example", "category": "advertising", "service": "tracker"}
    ]
    done = CliRunner().invoke(app, ["classify", "acme_uid_1", "--policy", path])
    assert done.exit_code == 0
    assert "if set by" not in done.output
