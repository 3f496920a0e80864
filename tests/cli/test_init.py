"""``init``: a first policy. The scans are made by hand."""

from __future__ import annotations

import stat
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent import Ledger
from cookie_consent.cli import init as init_module
from cookie_consent.endpoints.reports import Finding, Observation
from cookie_consent.endpoints.reports.store import ReportStore
from cookie_consent.ledger.inventory import InventoryStore
from cookie_consent.policy import InventoryEvent, load_policy
from tests.running import run
from tests.scanner.made import SITE, cookie, key, request, scan

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

GA = "https://www.google-analytics.com/analytics.js"


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def made(*options: str, things: Any = ()) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(init_module, "scan_of", lambda *_: scan(*things))
        return run("init", *options, folder=tmp_path)

    return made


def test_it_writes_a_policy_that_check_accepts(init: Any, tmp_path: Path) -> None:
    done = init(SITE, "--company", "Shop Ltd", "--region", "de", things=(request(GA), cookie("odd")))
    assert (done.returncode, done.stdout) == (0, "")
    assert "1 open question:\n  the cookie odd\nanswer them in consent.toml" in done.stderr
    assert f"then: cookie-consent check consent.toml --against {SITE}" in done.stderr
    policy = load_policy(tmp_path / "consent.toml")
    assert policy.service("google-analytics") is not None
    assert policy.controller is not None
    assert policy.controller.country == "DE"
    assert run("check", folder=tmp_path).returncode == 0
    assert stat.S_IMODE((tmp_path / "consent.toml").stat().st_mode) & 0o600 == 0o600


def test_what_an_unknown_thing_looks_like_stands_in_its_question(init: Any, tmp_path: Path) -> None:
    init(
        SITE,
        things=(
            cookie("shop_csrf"),
            cookie("x_theme", domain="cdn.example"),
            key("x_lang"),
            request("https://a.example/"),
        ),
    )
    text = (tmp_path / "consent.toml").read_text("utf-8")
    assert "##   looks like a CSRF token: declare it as session if the site's own server sets it\n# [[cookies]]" in text
    assert "##   looks like a language or region" in text
    load_policy(tmp_path / "consent.toml")


def test_without_an_address_it_scans_nothing(init: Any, tmp_path: Path) -> None:
    done = init("--privacy-url", "/privacy", "--language", "de", "--language", "en")
    assert done.returncode == 0
    policy = load_policy(tmp_path / "consent.toml")
    assert (policy.banner.privacy_url, policy.banner.languages) == ("/privacy", ("de", "en"))
    assert policy.services == ()


def test_a_file_is_replaced_only_on_demand(init: Any, tmp_path: Path) -> None:
    file = tmp_path / "consent.toml"
    file.write_text("mine", "utf-8")
    done = init(SITE)
    assert done.returncode == 2
    assert "consent.toml exists; add --force to replace it" in done.stderr
    assert file.read_text("utf-8") == "mine"
    assert init(SITE, "--force").returncode == 0
    assert "mine" not in file.read_text("utf-8")
    assert init(SITE, "-o", "other.toml").returncode == 0
    assert (tmp_path / "other.toml").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--company", "x", "--region", "Germany"], "controller.country"),
        (["--region", "Germany"], "controller.country"),
        (["--privacy-url", "no address"], "banner.privacy_url"),
        (["--language", "xx"], "xx"),
    ],
)
def test_a_wrong_answer_is_told_before_the_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], told: str
) -> None:
    def never(*_: Any) -> Any:
        pytest.fail("it scanned")

    monkeypatch.setattr(init_module, "scan_of", never)
    done = run("init", SITE, *options, folder=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_on_a_terminal_it_asks_for_what_no_option_gives(
    init: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = []

    def answer(question: str, **_: Any) -> str:
        questions.append(question)
        return {"contact": "a@x.example", "privacy": "/privacy", "languages": "de, en", "country": " de "}.get(
            next(word for word in ("contact", "reach", "privacy", "languages", "country") if word in question), "me"
        )

    monkeypatch.setattr(init_module, "_is_terminal", lambda: True)
    monkeypatch.setattr("typer.prompt", answer)
    assert init("--company", "Given").returncode == 0
    assert len(questions) == 4
    policy = load_policy(tmp_path / "consent.toml")
    assert policy.controller is not None
    assert (policy.controller.name, policy.controller.contact, policy.controller.country) == ("Given", "me", "DE")
    assert policy.banner.languages == ("de", "en")
    assert init("--force", "--yes").returncode == 0
    assert len(questions) == 4


def test_it_never_asks_elsewhere(init: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.prompt", lambda *_, **__: pytest.fail("it asked"))
    assert init(SITE).returncode == 0


def test_reports_and_inventory_of_a_log(init: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/consent.db"
    ledger = Ledger(url)
    ledger.open()
    day = date(2026, 11, 24)
    seen = Observation(kind="host", name="www.googletagmanager.com", directive="script", service="google-tag-manager")
    ReportStore(ledger).save([Finding(observation=seen, paths=("/",), count=1, first=day, last=day)])
    InventoryStore(ledger, "shop.example").save([InventoryEvent(kind="service", name="hotjar", at=1)])
    ledger.close()
    assert init(SITE, "--ledger", url).returncode == 0
    policy = load_policy(tmp_path / "consent.toml")
    assert {service.id for service in policy.services} == {"google-tag-manager", "hotjar"}
