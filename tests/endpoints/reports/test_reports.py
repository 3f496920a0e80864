from __future__ import annotations

import gc
import json
import threading
import tomllib
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent import Ledger, Policy
from cookie_consent.endpoints.reports import Finding, Observation, Reports, policy_lines
from cookie_consent.endpoints.reports import store as store_module
from cookie_consent.endpoints.reports.reports import _at_exit
from cookie_consent.endpoints.reports.store import ReportStore
from cookie_consent.endpoints.reports.table import FindingTable
from cookie_consent.errors import LedgerError
from cookie_consent.gate import OWN
from cookie_consent.policy import parse_policy
from cookie_consent.policy.classifier import Classifier
from tests.running import run
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 11, 24)
TRACKER = Observation(kind="host", name="tracker.example", directive="img-src")


def finding(observation: Observation = TRACKER, **changed: Any) -> Finding:
    return replace(Finding(observation=observation, paths=("/a",), count=1, first=DAY, last=DAY), **changed)


def test_the_table_adds_up_and_is_bounded() -> None:
    table = FindingTable(size=3)
    for at in range(10):
        table.add(TRACKER, f"/{at}", DAY + timedelta(days=at))
    (found,) = table.drain()
    assert (found.count, len(found.paths), found.first, found.last) == (10, 5, DAY, DAY + timedelta(days=9))
    for at in range(10):
        table.add(replace(TRACKER, name=f"{at}.example"), "/", DAY)
        table.add(TRACKER, "/", DAY)
    assert len(table) == 3
    assert TRACKER in {entry.observation for entry in table.drain()}  # what is met often stays
    assert table.evicted == 8


def test_the_store_adds_up_over_processes(store_url: str) -> None:
    for at in range(8):
        store = ReportStore(Ledger(store_url))
        store.save([finding(paths=(f"/{at}",), count=2, first=DAY + timedelta(days=at), last=DAY + timedelta(days=at))])
    (found,) = store.read()
    assert (found.count, found.paths) == (16, ("/0", "/1", "/2", "/3", "/4"))
    assert (found.first, found.last) == (DAY, DAY + timedelta(days=7))
    assert store.read(since=DAY + timedelta(days=8)) == []
    assert store.clear() == 1
    assert store.read() == []


def test_the_store_is_bounded(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store_module.MAXIMUM_FINDINGS == 2000
    monkeypatch.setattr(store_module, "MAXIMUM_FINDINGS", 20)
    store = ReportStore(Ledger(store_url))
    store.save([finding(replace(TRACKER, name=f"{at}.example"), last=DAY + timedelta(days=at)) for at in range(25)])
    assert {entry.observation.name for entry in store.read()} == {f"{at}.example" for at in range(5, 25)}


def count(reports: Reports) -> int:
    return sum(entry.count for entry in reports.store.read())


def test_many_threads_lose_nothing(store_url: str) -> None:
    reports = Reports(Classifier(Policy(version="1")), Ledger(store_url), every=0.01)

    def work() -> None:
        for _ in range(200):
            reports.host("x.example", None, "img", "/")

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reports.flush()
    until(lambda: count(reports) >= 1000)  # the timer's thread may be writing what it took
    assert count(reports) == 1000


def test_a_store_that_fails_loses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    reports = Reports(Classifier(Policy(version="1")), Ledger(f"sqlite:///{tmp_path}/none/consent.db"), every=60)
    for _ in range(3):
        reports.host("x.example", None, "img", "/")
        reports.flush()
    assert caplog.text.count("cannot be saved") == 1
    (tmp_path / "none").mkdir()
    reports.flush()
    assert reports.store.read()[0].count == 3
    with pytest.raises(LedgerError):
        ReportStore(Ledger(f"sqlite:///{tmp_path}/other/consent.db")).read()


FOUND = [
    finding(
        Observation(kind="host", name="www.googletagmanager.com", directive="script", service="google-tag-manager")
    ),
    finding(Observation(kind="cookie", name="_ga", directive="set-cookie", service="google-analytics")),
    finding(TRACKER),
    finding(replace(TRACKER, name="www.tracker.example")),
    finding(replace(TRACKER, name="[::1]")),
    finding(replace(TRACKER, name="a" * 60 + ".example")),
    finding(replace(TRACKER, name="youtube.example")),
    finding(Observation(kind="cookie", name="odd_*", directive="set-cookie")),
    finding(Observation(kind="cookie", name='a"\\\n=b\u2028', directive="set-cookie")),
    finding(Observation(kind="cookie", name="*", directive="set-cookie")),
    finding(Observation(kind="storage", name='k"\n[x]', directive="script")),
    finding(Observation(kind="cookie", name="pan", directive="set-cookie", reason="card-number")),
]


@pytest.mark.parametrize("removed", [False, True])
def test_the_policy_lines_are_a_policy(removed: bool) -> None:  # noqa: FBT001
    start = 'version = "1"\n' + ("[categories.analytics]\nremove = true\n" if removed else "")
    policy = parse_policy(tomllib.loads(start), source="test")
    lines = policy_lines(FOUND, policy)
    declared = parse_policy(tomllib.loads(f"{start}\n{lines}\n"), source="test")
    assert {service.id for service in declared.services} == {"google-tag-manager", "google-analytics"}
    assert [rule.name for rule in declared.cookies] == ["odd_*"]
    templates = "\n".join(
        line[2:] for line in lines.splitlines() if line.startswith(("# [", "# name", "# categ", "# hosts"))
    )
    filled = parse_policy(tomllib.loads(f"{start}\n{lines}\n{templates}\n"), source="test")
    hosts = {host for service in filled.services for host in service.hosts}
    assert {"tracker.example", "www.tracker.example", "youtube.example"} <= hosts
    still_open = {entry.observation.name for entry in FOUND if entry.is_open(Classifier(declared))}
    assert {"_ga", "www.googletagmanager.com"}.isdisjoint(still_open)
    assert {"tracker.example", "odd_*", "pan"} <= still_open


@pytest.mark.parametrize("key", ["first_party = ['tracker.example']", "site = 'tracker.example'"])
def test_a_host_that_is_declared_as_the_site_s_own_is_no_longer_open(key: str) -> None:
    policy = parse_policy(tomllib.loads(f"version = '1'\nfirst_party_site = false\n{key}"), source="test")
    assert not finding(TRACKER).is_open(Classifier(policy))
    assert finding(replace(TRACKER, name="www.tracker.example")).is_open(Classifier(policy))


GTM = replace(TRACKER, name="www.googletagmanager.com", service="google-tag-manager")
GA = Observation(kind="cookie", name="_ga", directive="set-cookie", service="google-analytics")


@pytest.mark.parametrize(
    ("seen", "declared"),
    [
        (GTM, "[services.google-tag-manager]"),
        (GTM, "first_party = ['www.googletagmanager.com']"),
        (GTM, "site = 'www.googletagmanager.com'"),
        # hosts of the site's domain
        (replace(TRACKER, name="cdn.shop.example"), "site = 'shop.example'"),
        # the site gives it a service of its own
        (GTM, "[services.tags]\nname = 'Tags'\ncategory = 'analytics'\nhosts = ['*.googletagmanager.com']"),
        (GA, "[[cookies]]\nname = '_ga'\ncategory = 'analytics'"),
        (GA, "[services.own]\nname = 'Own'\ncategory = 'analytics'\nhosts = ['a.example']\ncookies = [{name = '_g*'}]"),
        # of an id, the report has a star only
        (
            Observation(kind="cookie", name="run*", directive="set-cookie"),
            "[[cookies]]\nname = 'run{hex:32}'\ncategory = 'analytics'",
        ),
        (
            Observation(kind="storage", name="acme-*", directive="script"),
            "[services.acme]\nname = 'Acme'\ncategory = 'analytics'\nhosts = ['a.example']\nstorage = ['acme-{hex}']",
        ),
        (
            Observation(kind="storage", name="acme-key", directive="script"),
            "[services.acme]\nname = 'Acme'\ncategory = 'analytics'\nhosts = ['a.example']\nstorage = ['acme-*']",
        ),
        (
            Observation(kind="inline", name="hotjar", directive="script", service="hotjar"),
            "[services.hotjar]",
        ),
    ],
)
def test_what_is_declared_since_is_no_longer_open(seen: Observation, declared: str) -> None:
    before = parse_policy({"version": "1"}, source="test")
    after = parse_policy(tomllib.loads(f"version = '1'\n{declared}"), source="test")
    assert finding(seen).is_open(Classifier(before))
    assert not finding(seen).is_open(Classifier(after))


@pytest.mark.parametrize(
    ("declared", "is_own"),
    [
        ("", True),
        ("first_party = ['matomo.shop.example']", False),
        ("first_party_site = false", False),
        # held by now, as a service
        ("[services.counter]\nname = 'Counter'\ncategory = 'analytics'\nhosts = ['matomo.shop.example']", False),
    ],
)
def test_own_hosts_are_listed_while_only_their_domain_makes_them_so(declared: str, is_own: bool) -> None:  # noqa: FBT001
    seen = Observation(kind="host", name="matomo.shop.example", directive="img", reason="own")
    classifier = Classifier(parse_policy(tomllib.loads(f"version = '1'\n{declared}"), source="test"))
    assert finding(seen).is_own(classifier) is is_own
    assert not finding(seen).is_open(classifier)


def test_hosts_whose_held_scripts_are_missed_are_counted(store_url: str) -> None:
    declared = (
        "[services.google-tag-manager]\n[services.login]\nname = 'L'\ncategory = 'session'\nhosts = ['l.example']"
    )
    policy = parse_policy(tomllib.loads(f"version = '1'\nfirst_party = ['static.example']\n{declared}"), source="test")
    Ledger(store_url).open()
    reports = Reports(Classifier(policy), Ledger(store_url), every=60)
    names = ["code.jquery.test", "www.googletagmanager.com", "static.example", "cdn.shop.example", "l.example", "a<b"]
    body = {"path": "/a?mail=anna", "held": [{"kind": "script-error", "name": name} for name in names]}
    for _ in range(12):
        reports.post(json.dumps(body).encode(), "application/json", "shop.example")
    reports.flush()
    found = reports.store.read()
    assert {(one.observation.name, one.observation.service, one.count, one.paths) for one in found} == {
        ("code.jquery.test", "", 12, ("/a",)),
        ("www.googletagmanager.com", "google-tag-manager", 12, ("/a",)),  # declared, and held all the same
    }
    for one in found:
        assert one.breaks(Classifier(policy))
        assert not one.is_open(Classifier(policy))
        assert not one.is_own(Classifier(policy))


@pytest.mark.parametrize(
    ("declared", "breaks"),
    [
        ("", True),
        ("unknown_hosts = 'block'", True),
        ("unknown_hosts = 'allow'", False),
        ("first_party = ['code.jquery.test']", False),
        ("site = 'jquery.test'", False),
        ("[services.jquery]\nname = 'jQuery'\ncategory = 'session'\nhosts = ['code.jquery.test']", False),
        ("[services.jquery]\nname = 'jQuery'\ncategory = 'preferences'\nhosts = ['code.jquery.test']", True),
    ],
)
def test_nothing_is_missed_that_is_not_held(declared: str, breaks: bool) -> None:  # noqa: FBT001
    seen = Observation(kind="host", name="code.jquery.test", directive="script-error", reason="script-error")
    classifier = Classifier(parse_policy(tomllib.loads(f"version = '1'\n{declared}"), source="test"))
    assert finding(seen).breaks(classifier) is breaks


def test_a_host_that_is_held_is_logged_once(ledger_url: str, caplog: pytest.LogCaptureFixture) -> None:
    reports = Reports(Classifier(Policy(version="1")), Ledger(ledger_url), every=60)
    for _ in range(3):
        reports.host("www.googletagmanager.com", "google-tag-manager", "script", "/")
        reports.host("tracker.example", None, "img", "/a")
        reports.host("own.example", OWN, "img", "/a")
        reports.host("bad\n[x]", None, "img", "/a")
    first, second = [record.getMessage() for record in caplog.records]
    assert "www.googletagmanager.com" in first
    assert parse_policy(tomllib.loads("version = '1'\n" + first.partition("\n")[2]), source="test").services
    assert parse_policy(tomllib.loads("version = '1'\n" + second.partition("\n")[2]), source="test").services
    assert 'first_party = ["tracker.example"]' in second
    assert {record.levelname for record in caplog.records} == {"WARNING"}
    for at in range(300):
        reports.host(f"{at}.example", None, "img", "/a")
    assert len(caplog.records) == 100


def test_hosts_that_are_not_held_are_not_logged(ledger_url: str, caplog: pytest.LogCaptureFixture) -> None:
    policy = Policy(version="1", unknown_hosts="allow")
    Reports(Classifier(policy), Ledger(ledger_url), every=60).host("tracker.example", None, "img", "/")
    assert caplog.records == []


@pytest.mark.parametrize("host", [{"name": "posted.example"}, {"name": "shop.example", "service": "matomo-cloud"}])
@pytest.mark.parametrize("dev", [False, True])
def test_nobody_can_fill_the_log_with_posted_hosts(
    ledger_url: str,
    caplog: pytest.LogCaptureFixture,
    dev: bool,  # noqa: FBT001
    host: dict[str, str],
) -> None:
    reports = Reports(Classifier(Policy(version="1")), Ledger(ledger_url), every=60, dev=dev)
    body = {"path": "/", "held": [{"kind": "host", **host}]}
    reports.post(json.dumps(body).encode(), "application/json", "shop.example")
    assert len(caplog.records) == int(dev)


def test_the_command(tmp_path: Path) -> None:
    assert run("report", folder=tmp_path).returncode == 2  # there is no log
    ledger = Ledger(f"sqlite:///{tmp_path}/consent.db")
    ledger.open()
    assert run("report", folder=tmp_path).returncode == 0  # a log without findings
    ReportStore(ledger).save(FOUND)
    told = run("report", folder=tmp_path)
    assert told.returncode == 1
    assert "[services.google-analytics]" in told.stdout
    printed = json.loads(run("report", "--format", "json", folder=tmp_path).stdout)
    assert len(printed["findings"]) == len(FOUND)
    (tmp_path / "consent.toml").write_text('version = "1"\n' + printed["policy"])
    checked = run("check", folder=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert "[services.google-analytics]" not in run("report", folder=tmp_path).stdout  # it is declared by now
    own = finding(Observation(kind="host", name="static.shop.example", directive="img", reason="own"))
    ReportStore(ledger).save([own])
    told = run("report", folder=tmp_path)
    assert "First party by their domain" in told.stdout
    assert "static.shop.example" not in told.stdout.partition("First party by their domain")[0]
    printed = json.loads(run("report", "--format", "json", folder=tmp_path).stdout)
    assert [entry["name"] for entry in printed["own"]] == ["static.shop.example"]
    (tmp_path / "own.toml").write_text('version = "1"\nfirst_party = ["static.shop.example"]\n')
    declared = run("report", "--format", "json", "--policy", "own.toml", folder=tmp_path)
    assert json.loads(declared.stdout)["own"] == []
    assert run("report", "--since", "yesterday", folder=tmp_path).returncode == 2
    assert run("report", "--format", "xml", folder=tmp_path).returncode == 2
    assert run("report", "--since", "2026-11-25", folder=tmp_path).returncode == 0
    assert run("report", "--clear", folder=tmp_path).returncode == 1
    assert run("report", folder=tmp_path).returncode == 0


def test_garbage_waits_for_no_lock_of_the_log(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    ledger.open()
    reports = Reports(Classifier(Policy(version="1")), ledger, every=3600)
    reports.host("tracker.example", None, "img-src", "/")
    garbage, done = [reports], threading.Event()
    del reports

    def collect() -> None:
        with ledger._store._lock:  # type: ignore[attr-defined] # as where an engine is being made
            garbage.clear()
            gc.collect()
        done.set()

    threading.Thread(target=collect, daemon=True).start()
    assert done.wait(30)
    _at_exit()
    assert [found.observation.name for found in ReportStore(ledger).read()] == ["tracker.example"]


def test_necessary_cookies_of_the_registry_are_no_finding(store_url: str) -> None:
    Ledger(store_url).open()
    reports = Reports(Classifier(Policy(version="1")), Ledger(store_url), every=60)
    names = ["sessionid", f"wordpress_logged_in_{'0' * 32}", "mine", "_ga"]
    body = {"path": "/", "held": [{"kind": "cookie", "name": name} for name in names]}
    reports.post(json.dumps(body).encode(), "application/json", "shop.example")
    reports.flush()
    assert {one.observation.name for one in reports.store.read()} == {"mine", "_ga"}
