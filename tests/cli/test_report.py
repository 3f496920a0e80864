"""What ``cookie-consent report`` prints and writes."""

from __future__ import annotations

import json
import stat
import tomllib
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent import Ledger
from cookie_consent.endpoints.reports import Finding, Observation
from cookie_consent.endpoints.reports.store import ReportStore
from cookie_consent.policy import load_policy
from tests.running import run

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 11, 24)
LONG = "a" * 30 + "." + "b" * 20 + ".example"  # 59 characters
TRACKER = Observation(kind="host", name=f"x{LONG}", directive="img-src")
GTM = replace(TRACKER, name="www.googletagmanager.com", directive="script", service="google-tag-manager")
PIXEL = Observation(kind="inline", name="facebook-pixel", directive="script", service="facebook-pixel")
ODD = Observation(kind="cookie", name="odd", directive="set-cookie")
MISSED = Observation(kind="host", name=f"y{LONG}", directive="script-error", reason="script-error")


def save(folder: Path, *seen: Observation, count: int = 1, paths: tuple[str, ...] = ("/a",)) -> None:
    ledger = Ledger(f"sqlite:///{folder}/consent.db")
    ledger.open()
    ReportStore(ledger).save(Finding(observation=one, paths=paths, count=count, first=DAY, last=DAY) for one in seen)
    ledger.close()


@pytest.mark.parametrize("columns", [80, 40, 200])
def test_everything_fits_and_no_host_is_cut(tmp_path: Path, columns: int) -> None:
    own = replace(TRACKER, name=f"z{LONG}", reason="own")
    key = Observation(kind="storage", name="k" * 64, directive="script")
    paths = ("/" + "p" * 119, "/short", "/a/b/c/d/e")
    seen = [TRACKER, replace(TRACKER, directive="script"), GTM, PIXEL, ODD, MISSED, own, key]
    save(tmp_path, *seen, count=12, paths=paths)
    told = run("report", folder=tmp_path, COLUMNS=str(columns))
    assert told.returncode == 1
    for host in (f"x{LONG}", f"y{LONG}", f"z{LONG}", "www.googletagmanager.com", "k" * 64):
        assert host in told.stdout
    assert "…" not in told.stdout
    if columns == 80:
        assert [line for line in told.stdout.splitlines() if len(line) > 80] == []
        assert told.stdout.count(f"x{LONG}\n") == 1  # its two directives are shown together
        assert f"y{LONG}: held on" in told.stdout
        assert "held on 12 pages, scripts depend on it" in " ".join(told.stdout.split())
        assert "host in img-src, script; undeclared; 24 times, 2026-11-24" in told.stdout
        assert "inline snippet in script; undeclared: facebook-pixel" in told.stdout


def test_what_breaks_is_no_finding_of_its_own(tmp_path: Path) -> None:
    save(tmp_path, MISSED, count=3)
    told = run("report", folder=tmp_path)
    assert told.returncode == 0
    assert "held on 3 pages, scripts depend on it" in " ".join(told.stdout.split())
    printed = json.loads(run("report", "--format", "json", folder=tmp_path).stdout)
    assert [(entry["name"], entry["count"]) for entry in printed["breaks"]] == [(MISSED.name, 3)]
    (tmp_path / "consent.toml").write_text(f'version = "1"\nfirst_party = ["{MISSED.name}"]\n')
    assert "depend" not in run("report", folder=tmp_path).stdout


@pytest.mark.parametrize(("mode", "ids"), [("advanced", ["google-analytics"]), ("basic", [])])
def test_it_says_what_loads_before_consent(tmp_path: Path, mode: str, ids: list[str]) -> None:
    save(tmp_path)
    services = f'[services.google-analytics]\nconsent_mode = "{mode}"\n[services.facebook-pixel]\n'
    (tmp_path / "consent.toml").write_text(f'version = "1"\n{services}')
    lines = run("report", folder=tmp_path).stdout.splitlines()
    assert ("loaded before consent, in advanced mode: google-analytics" in lines) == bool(ids)
    assert json.loads(run("report", "--format", "json", folder=tmp_path).stdout)["advanced"] == ids


HAND_MADE = """# My shop
version = '1'   # bumped by hand

first_party = ["cdn.shop.example"]
[services.hotjar] # ours
category = "analytics"

[gate]
# nothing here"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lines_are_written_into_the_policy(tmp_path: Path, newline: str) -> None:
    save(tmp_path, TRACKER, GTM, PIXEL, ODD)
    file = tmp_path / "shop.toml"
    start = HAND_MADE.replace("\n", newline)
    file.write_bytes(start.encode())
    file.chmod(0o640)
    told = run("report", "--write", "shop.toml", folder=tmp_path)
    assert told.returncode == 1  # the host and the cookie are still to be declared
    written = file.read_bytes().decode()
    assert written.startswith(start)  # all comments, in their places
    assert written.replace("\r\n", "").count("\r") == 0
    assert written.count("\n") == written.count(newline)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert "+[services.google-tag-manager]" in told.stdout
    assert "\n-" not in told.stdout.replace("\n--- shop.toml", "")
    policy = load_policy(file)
    assert [service.id for service in policy.services] == ["hotjar", "facebook-pixel", "google-tag-manager"]
    assert policy.cookies == ()  # declared as unclassified it would be held
    commented = [line[2:] for line in written.splitlines() if line.startswith(("# [", "# name", "# categ", "# hosts"))]
    filled = tomllib.loads("\n".join(["version = '1'", *commented]))
    assert filled["cookies"][0]["name"] == "odd"
    assert [table["hosts"] for table in filled["services"].values()] == [[TRACKER.name]]
    again = run("report", "--write", "shop.toml", folder=tmp_path)
    assert "there is nothing to add to shop.toml" in again.stdout
    assert file.read_bytes().decode() == written
    assert sorted(path.name for path in tmp_path.iterdir() if "toml" in path.name or "cookie" in path.name) == [
        "shop.toml"
    ]


@pytest.mark.parametrize("is_apart", [True, False])
def test_lines_are_written_beside_a_policy_that_is_announced(tmp_path: Path, is_apart: bool) -> None:  # noqa: FBT001
    save(tmp_path, GTM)
    following = 'version = "2"\neffective = 2099-12-01\n'
    file = tmp_path / "consent.toml"
    file.write_text('version = "1"\n' + ("" if is_apart else f"[next]\n{following}"))
    if is_apart:
        (tmp_path / "consent.next.toml").write_text(following)
    assert run("report", "--write", "consent.toml", folder=tmp_path).returncode == 0
    policy = load_policy(file)
    assert [service.id for service in policy.services] == ["google-tag-manager"]
    assert policy.next is not None
    assert (policy.next.version, policy.next.services) == ("2", ())


def test_a_policy_that_is_missing_is_made(tmp_path: Path) -> None:
    save(tmp_path, GTM)
    told = run("report", "--write", "consent.toml", "--format", "json", folder=tmp_path)
    assert told.returncode == 0
    policy = load_policy(tmp_path / "consent.toml")
    assert [service.id for service in policy.services] == ["google-tag-manager"]
    assert json.loads(told.stdout)["written"].startswith("--- /dev/null\n+++ consent.toml\n")
    assert run("report", folder=tmp_path).returncode == 0


def test_nothing_is_made_where_there_is_nothing_to_write(tmp_path: Path) -> None:
    save(tmp_path, MISSED)
    assert run("report", "--write", "consent.toml", folder=tmp_path).returncode == 0
    assert not (tmp_path / "consent.toml").exists()


@pytest.mark.parametrize("start", ["[project]\nname = 'x'\n[tool.cookie_consent]\nversion = '1'\n[tool.x]\n", None])
def test_the_table_of_a_project_is_written(tmp_path: Path, start: str | None) -> None:
    save(tmp_path, TRACKER, GTM, ODD)
    file = tmp_path / "pyproject.toml"
    if start is not None:
        file.write_text(start)
    assert run("report", "--write", "pyproject.toml", folder=tmp_path).returncode == 1
    assert [service.id for service in load_policy(file).services] == ["google-tag-manager"]
    assert "# [[tool.cookie_consent.cookies]]" in file.read_text()
    assert "# [tool.cookie_consent.services." in file.read_text()


@pytest.mark.parametrize(
    ("start", "told"),
    [
        ("version = '1'\nservices = { hotjar = {} }\n", "left as it is"),  # nothing can be added to an inline table
        ("version = '1'\ncolour = 'red'\n", "colour"),  # wrong already
        ("version = '1'\n[services\n", "is not TOML"),
        ("", "version"),
    ],
)
def test_a_policy_that_cannot_be_extended_stays_as_it_is(tmp_path: Path, start: str, told: str) -> None:
    save(tmp_path, GTM)
    (tmp_path / "consent.toml").write_text(start)
    answer = run("report", "--write", "consent.toml", folder=tmp_path)
    assert answer.returncode == 2
    assert told in answer.stderr
    assert (tmp_path / "consent.toml").read_text() == start


@pytest.mark.parametrize("arguments", [("--write", "."), ("--write", "/dev/null"), ("--write", "no/folder.toml")])
def test_what_is_no_policy_file_is_refused(tmp_path: Path, arguments: Any) -> None:
    save(tmp_path, GTM)
    assert run("report", *arguments, folder=tmp_path).returncode == 2


def test_one_policy_is_named(tmp_path: Path) -> None:
    save(tmp_path, GTM)
    assert run("report", "--write", "a.toml", "--policy", "b.toml", folder=tmp_path).returncode == 2
