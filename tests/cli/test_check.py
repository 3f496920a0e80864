"""What ``cookie-consent check`` says of a policy in which nothing is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from cookie_consent.cli.main import app
from cookie_consent.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

SERVICES = """
[services.matomo]
name = "Matomo"
category = "analytics"
own = [{ path = "*/matomo.php", query = ["idsite"] }, { path = "/m.js", element = "script", attributes = ["data-id"] }]
[services.counter]
name = "Counter"
category = "analytics"
hosts = ["/stats/", "stats.shop.example", "*.shop.example/pixel/", "counter.example"]
[services.youtube]
"""
BY_DOMAIN = "first party by their domain: "


def check(folder: Path, policy: str, *options: str) -> str:
    file = folder / "consent.toml"
    file.write_text(f'version = "1"\n{policy}', "utf-8")
    done = CliRunner().invoke(app, ["check", str(file), *options])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (
            'site = "www.shop.example"\nfirst_party = ["cdn.example.net"]',
            ["first party, declared: www.shop.example cdn.example.net", f"{BY_DOMAIN}all hosts of shop.example"],
        ),
        (
            'site = "shop.example"\nfirst_party_site = false',
            ["first party, declared: shop.example", f"{BY_DOMAIN}none (first_party_site is false)"],
        ),
        ('site = "127.0.0.1"', [f"{BY_DOMAIN}none, as 127.0.0.1 has no registrable domain"]),
        ('site = "me.github.io"', [f"{BY_DOMAIN}all hosts of me.github.io"]),
        ("", [f"{BY_DOMAIN}all hosts of a page's own, as site is not set"]),
    ],
)
def test_it_says_which_hosts_are_the_sites(tmp_path: Path, policy: str, expected: list[str]) -> None:
    lines = check(tmp_path, policy).splitlines()[1:]
    assert all(any(line.startswith(text) for line in lines) for text in expected), lines
    assert "held as a service's" not in "\n".join(lines)


def test_it_says_what_on_them_belongs_to_a_service(tmp_path: Path) -> None:
    text = check(tmp_path, f'site = "shop.example"{SERVICES}')
    lines = text.splitlines()
    begin = lines.index("on these hosts, but held as a service's:")
    assert lines[begin : begin + 6] == [
        "on these hosts, but held as a service's:",
        "  */matomo.php?idsite: matomo (analytics)",
        "  /m.js by script[data-id]: matomo (analytics)",
        "  /stats/: counter (analytics)",
        "  stats.shop.example: counter (analytics)",
        "  *.shop.example/pixel/: counter (analytics)",
    ]


def test_hosts_of_the_domain_are_services_alone_where_it_does_not_count(tmp_path: Path) -> None:
    text = check(tmp_path, f'site = "shop.example"\nfirst_party_site = false{SERVICES}')
    assert "/stats/: counter" in text
    assert "stats.shop.example" not in text


def test_programs_read_the_same(tmp_path: Path) -> None:
    document = json.loads(check(tmp_path, f'site = "www.shop.example"{SERVICES}', "--format", "json"))
    own = document["own"]
    assert (own["hosts"], own["domain"]) == (["www.shop.example"], "shop.example")
    assert own["services"][2] == {"service": "counter", "category": "analytics", "address": "/stats/"}


NEXT = 'version = "2"\neffective = 2099-12-01\n[services.bluesky]\n'


def test_it_checks_the_policy_that_is_announced(tmp_path: Path) -> None:
    (tmp_path / "consent.next.toml").write_text(NEXT, "utf-8")
    line = "announced: version 2, in force from 2099-12-01; 2 changes, 2 of them not covered by an earlier consent"
    assert line in check(tmp_path, "")
    told = json.loads(check(tmp_path, "", "--format", "json"))
    assert told["next"]["effective"] == "2099-12-01"
    assert "services.bluesky" in [change["subject"] for change in told["next"]["changes"]]
    (tmp_path / "consent.next.toml").write_text(f"{NEXT}sight = 1", "utf-8")
    done = CliRunner().invoke(app, ["check", str(tmp_path / "consent.toml"), "--format", "json"])
    assert done.exit_code == 2
    assert json.loads(done.stdout)["source"].endswith("consent.next.toml")
    (tmp_path / "consent.next.toml").write_text(f'{NEXT}[banner]\nlanguages = ["xx"]', "utf-8")
    done = CliRunner().invoke(app, ["check", str(tmp_path / "consent.toml"), "--format", "json"])
    assert [problem["key"] for problem in json.loads(done.stdout)["problems"]] == ["next.banner"]


@pytest.mark.parametrize(
    ("present", "following", "version", "warning"),
    [
        ("effective = 2099-12-01", None, "1", "so it applies now"),
        ("effective = 2020-12-01", None, "1", ""),
        ("", NEXT.replace("2099", "2020"), "2", "rename consent.next.toml to consent.toml"),
        ("", NEXT, "1", ""),
    ],
)
def test_it_warns_of_dates_that_do_nothing(
    tmp_path: Path, present: str, following: str | None, version: str, warning: str
) -> None:
    if following is not None:
        (tmp_path / "consent.next.toml").write_text(following, "utf-8")
    lines = check(tmp_path, present).splitlines()
    assert f"version {version}," in lines[0]
    warnings = [line for line in lines if line.startswith("warning: ")]
    assert len(warnings) == bool(warning)
    assert all(warning in line for line in warnings)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--setup", "in.py"], "--setup needs a site"),
        (["--setup", "in.py", "--against", "http://localhost:1"], "--setup needs --browser"),
        (["--setup", "in.py", "--browser", "--against", "scan.json"], "--setup says nothing for a scan in a file"),
        (["--policy", "other.toml"], "two policy files"),
    ],
)
def test_options_that_do_not_fit(tmp_path: Path, arguments: list[str], told: str) -> None:
    file = tmp_path / "consent.toml"
    file.write_text('version = "1"\n', "utf-8")
    done = CliRunner().invoke(app, ["check", str(file), *arguments])
    assert isinstance(done.exception, ConfigurationError)
    assert told in str(done.exception)


def test_the_policy_may_be_named_by_an_option(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text('version = "7"\n', "utf-8")
    done = CliRunner().invoke(app, ["check", "--policy", str(file)])
    assert done.exit_code == 0
    assert "other.toml" in done.stdout
