"""``check --against``: whether a site keeps to its policy. The scans are made by hand."""

from __future__ import annotations

import json
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import anyio
import httpx
import pytest

from cookie_consent.cli import check as check_module
from cookie_consent.cli import scanned
from cookie_consent.mirror.network import Network
from cookie_consent.policy import load_policy
from cookie_consent.scanner.finding import Severity
from cookie_consent.scanner.given import given
from cookie_consent.scanner.model import Initiator, Limit, Mode, ScannedPage
from cookie_consent.scanner.policy_lines import line_of
from cookie_consent.scanner.privacy_links import dead_links, privacy_links
from tests.running import run
from tests.scanner.made import SITE, cookie, policy, request, scan

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from cookie_consent.scanner.model import Scan

PUBLIC, PRIVATE = "93.184.215.14", "10.0.0.1"
GA = "https://www.google-analytics.com/analytics.js"
CLEAN = 'version = "1"\n[services.google-analytics]\n'


@pytest.fixture
def against(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that checks a policy against a scan, without opening links."""

    def checked(seen: Scan, *options: str, text: str = CLEAN, links: bool = False) -> subprocess.CompletedProcess[str]:
        (tmp_path / "consent.toml").write_text(text, "utf-8")
        monkeypatch.setattr(check_module, "scan_of", lambda *_: seen)
        more = () if links else ("--no-links",)
        return run("check", "--against", SITE, *more, *options, folder=tmp_path, COLUMNS="100")

    return checked


def test_what_is_not_declared_fails(against: Any) -> None:
    done = against(scan(request(GA), cookie("odd")))
    assert done.returncode == 1
    assert "warning: The cookie odd is not declared" in done.stdout
    assert 'name = "odd"' in done.stdout
    assert "consent.toml against https://shop.example/: 1 finding, 1 note; 1 page read (browser)" in done.stdout


def test_a_site_that_keeps_to_its_policy_passes(against: Any) -> None:
    done = against(scan(request(GA), cookie("_ga")))
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 findings" in done.stdout


def test_json(against: Any) -> None:
    done = against(scan(cookie("odd")), "--format", "json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["problems"] == []
    assert found["against"]["fails"] is True
    assert [one["kind"] for one in found["against"]["findings"] if one["severity"] != "note"] == ["undeclared-cookie"]


UNSEEN = ["2 scripts of 2 hosts were not run.", "Service workers are seen in a browser only.", "[x](y) was not seen."]


def test_what_only_a_browser_sees_is_one_short_line(against: Any) -> None:
    text = f"{CLEAN}[services.hotjar]\n[services.intercom]\n"
    seen = scan(request(GA), mode=Mode.HTTP, unseen=UNSEEN)
    short = [line for line in against(seen, text=text).stdout.splitlines() if line.startswith(("not seen:", "  "))]
    told = " ".join(" ".join(short).split())
    assert told.endswith(
        "not seen: 2 of 3 declared services and what only a browser shows, such as the cookies of scripts; "
        "--browser looks for it, --verbose lists it"
    )
    whole = against(seen, "--verbose", text=text).stdout
    assert [line for line in whole.splitlines() if line.startswith("not seen:")] == [
        *(f"not seen: {sentence}" for sentence in UNSEEN),
        "not seen: 2 declared services: hotjar, intercom",
    ]
    # Where all that is declared was seen, nothing is said of it; what a browser could not see is told in full.
    assert "not seen: what only a browser shows" in against(seen).stdout
    assert f"not seen: {UNSEEN[1]}" in against(scan(request(GA), unseen=UNSEEN)).stdout
    assert "not seen" not in against(scan(request(GA), mode=Mode.HTTP)).stdout


def test_what_could_not_be_seen_is_whole_in_the_formats_for_programs(against: Any) -> None:
    seen = scan(request(GA), mode=Mode.HTTP, unseen=UNSEEN)
    text = f"{CLEAN}[services.hotjar]\n"
    found = json.loads(against(seen, "--format", "json", text=text).stdout)["against"]
    assert (found["unseen"], found["unseen_services"]) == (UNSEEN, ["hotjar"])
    sarif = json.loads(against(seen, "--format", "sarif", text=text).stdout)["runs"][0]["invocations"][0]
    notes = [each["message"]["text"] for each in sarif["toolExecutionNotifications"]]
    assert notes == [*UNSEEN[:2], r"\[x\](y) was not seen."]  # no link
    junit = ET.fromstring(against(seen, "--format", "junit", text=text).stdout)  # noqa: S314 - our own
    suite = junit.find("testsuite[@name='incomplete']/system-out")
    assert suite is not None
    assert (suite.text or "").splitlines() == UNSEEN


def test_documents_are_written_to_files(against: Any, tmp_path: Path) -> None:
    seen = scan(cookie("odd"))
    for name in ("sarif", "junit", "html", "json", "table"):
        file = tmp_path / f"out.{name}"
        done = against(seen, "--format", name, "--output", str(file))
        assert (done.returncode, done.stdout) == (1, "")
        assert "odd" in file.read_text("utf-8")
    places = [
        place["physicalLocation"]["artifactLocation"]["uri"]
        for result in json.loads((tmp_path / "out.sarif").read_text("utf-8"))["runs"][0]["results"]
        for place in result["locations"]
    ]
    assert set(places) == {"consent.toml"}
    assert ET.parse(tmp_path / "out.junit").getroot().attrib["failures"] == "1"  # noqa: S314 - our own


@pytest.mark.parametrize("output_format", ["table", "json", "sarif", "junit", "html"])
def test_hostile_names_reach_no_terminal(against: Any, tmp_path: Path, output_format: str) -> None:
    text = "\x1b[31m\x00\ud800\u202e\u2028<b>"
    things = [cookie(text, domain=text, initiators=[Initiator(by=text, address=text)]), cookie(text)]
    limits = [Limit(name=text, value=text, note=text)]
    seen = scan(*things, site=f"http://[{text}", limits=limits, unseen=[text])
    done = against(seen, "--format", output_format, links=True, text='version = "1"\nbanner.privacy_url = "/p"\n')
    assert done.returncode == 1
    assert done.stderr == ""
    assert not set(done.stdout) & {"\x1b", "\x00", "\u202e", "\ud800", "\u2028"}
    known = against(seen, "--baseline", "known.json", "--write-baseline")
    assert known.returncode == 0
    assert (tmp_path / "known.json").read_bytes().isascii()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--format", "sarif"], "--format sarif needs a site"),
        (["--baseline", "b.json"], "--baseline needs a site"),
        (["--verbose"], "--verbose needs a site"),
        (["--output", "x"], "--output needs a site"),
        (["--require-gate"], "--require-gate needs a site"),
        (["--against", SITE, "--write-baseline"], "--write-baseline needs a file"),
        (["--against", SITE, "--baseline", "none.json"], "none.json does not exist; make it with --write-baseline"),
    ],
)
def test_options_that_need_others(tmp_path: Path, options: list[str], told: str) -> None:
    (tmp_path / "consent.toml").write_text(CLEAN, "utf-8")
    done = run("check", *options, folder=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr


def test_a_site_that_lost_the_middleware_fails_with_require_gate(against: Any) -> None:
    assert against(scan()).returncode == 0
    done = against(scan(), "--require-gate")
    assert done.returncode == 1
    assert "error: The site did not show that it runs the middleware." in done.stdout
    assert against(scan(cookie("cookie_consent")), "--require-gate").returncode == 0


def test_a_scan_that_ended_early_fails(against: Any) -> None:
    done = against(scan(limits=[Limit(name="--seconds", value="300", note="the time was over")]))
    assert done.returncode == 1
    assert "The scan reached --seconds 300: the time was over." in done.stdout


def test_a_wrong_policy_is_told_before_the_site_is_scanned(against: Any) -> None:
    done = against(scan(cookie("odd")), text='version = "1"\nsit = "x"\n')
    assert done.returncode == 2
    assert "did you mean 'site'" in done.stderr


def test_a_baseline(against: Any, tmp_path: Path) -> None:
    options = ("--baseline", "known.json")
    seen = scan(cookie("odd"), cookie("older"))
    assert against(seen, *options, "--write-baseline").returncode == 0
    first = (tmp_path / "known.json").read_text("utf-8")
    assert [one["subject"] for one in json.loads(first)["findings"]] == ["cookie odd", "cookie older"]
    done = against(seen, *options)
    assert done.returncode == 0
    assert "It is in the baseline." in done.stdout
    new = against(scan(cookie("odd"), cookie("newer")), *options)
    assert new.returncode == 1
    assert "warning: The cookie newer" in new.stdout
    assert "note: The baseline has a finding that is gone: undeclared-cookie, cookie older." in new.stdout
    against(seen, *options, "--write-baseline")
    assert (tmp_path / "known.json").read_text("utf-8") == first


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format": 2, "findings": []}', "[" * 100_000, '{"format": 1, "findings": [3]}']
)
def test_a_wrong_baseline_is_told(against: Any, tmp_path: Path, text: str) -> None:
    (tmp_path / "known.json").write_text(text, "utf-8")
    done = against(scan(), "--baseline", "known.json")
    assert done.returncode == 2
    assert "known.json is no baseline; write it with --write-baseline" in done.stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "cannot be read"), (b"{", "is not JSON"), (b"\xff", "is not JSON"), (b"[" * 99_999, "is not JSON")],
)
def test_a_file_that_is_no_scan(tmp_path: Path, content: bytes | None, told: str) -> None:
    (tmp_path / "consent.toml").write_text(CLEAN, "utf-8")
    if content is not None:
        (tmp_path / "scan.json").write_bytes(content)
    done = run("check", "--against", "scan.json", folder=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr


@pytest.mark.parametrize("command", [["check", "--against"], ["init", "-o", "new.toml"]])
@pytest.mark.parametrize("pages", [[], [ScannedPage(address=SITE, error="no answer")]])
def test_a_site_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], pages: list[ScannedPage]
) -> None:
    (tmp_path / "consent.toml").write_text(CLEAN, "utf-8")
    monkeypatch.setattr(scanned, "crawled", lambda *_, **__: (scan(is_empty=True, pages=pages), True))
    done = run(*command, SITE, folder=tmp_path)
    assert done.returncode == 2
    assert f"{SITE} could not be read: {'no answer' if pages else 'the time was over'}" in done.stderr
    assert not (tmp_path / "new.toml").exists()


@pytest.mark.parametrize("command", [["check", "--against"], ["init", "-o", "new.toml"]])
def test_an_interrupted_scan_is_not_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    (tmp_path / "consent.toml").write_text(CLEAN, "utf-8")
    monkeypatch.setattr(scanned, "crawled", lambda *_, **__: (scan(), False))
    done = run(*command, SITE, folder=tmp_path)
    assert (done.returncode, done.stdout) == (130, "")
    assert not (tmp_path / "new.toml").exists()


@pytest.mark.parametrize("command", [["check", "--against"], ["init", "-o", "new.toml"], ["scan"]])
def test_without_playwright_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    (tmp_path / "consent.toml").write_text(CLEAN, "utf-8")
    monkeypatch.setitem(sys.modules, "playwright", None)
    monkeypatch.setitem(sys.modules, "playwright.async_api", None)
    done = run(*command, "http://127.0.0.1:1/", "--browser", folder=tmp_path)
    assert done.returncode == 2
    assert "a scan in a browser needs Playwright: run pip install 'cookie-consent[browser]'" in done.stderr


LINKS = """
[controller]
name = "Shop"
authority_url = "https://authority.example/complaints"
[banner]
privacy_url = "/privacy"
[services.own]
name = "Own"
category = "preferences"
hosts = ["x.example"]
privacy_url = "https://x.example/privacy"
opt_out_url = "mailto:a@x.example"
[services.own-2]
name = "Own 2"
category = "preferences"
hosts = ["y.example"]
privacy_url = "https://x.example/privacy"
"""


def test_the_privacy_links_of_a_policy() -> None:
    assert list(privacy_links(policy(LINKS), "https://shop.example/de/")) == [
        ("banner.privacy_url", "https://shop.example/privacy"),
        ("controller.authority_url", "https://authority.example/complaints"),
        ("services.own.privacy_url", "https://x.example/privacy"),
        ("services.own-2.privacy_url", "https://x.example/privacy"),
    ]


async def resolved(host: str) -> list[str]:
    return [PRIVATE if host.startswith("private") else PUBLIC]


async def opened(
    handle: Any, failure: OSError | None = None, failing: set[str] | None = None, *, text: str = LINKS, **options: Any
) -> Any:
    """Open the links of a policy. Hosts, or those that are ``failing``, cannot be resolved for a ``failure``."""

    async def resolve(host: str) -> list[str]:
        if failure is not None and (failing is None or host in failing):
            raise failure
        return await resolved(host)

    transport = httpx.MockTransport(handle)
    return await dead_links(policy(text), SITE, transport=transport, network=Network(resolve=resolve), **options)


def private_text(address: str) -> str:
    return f'[banner]\nprivacy_url = "{address}"'


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1/admin", "http://private.example/", "http://[::1]/", "/redirects"]
)
def test_links_reach_no_private_address_unless_they_may(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")  # would see every address
    asked = []

    def handle(seen: httpx.Request) -> httpx.Response:
        asked.append((seen.headers["host"], seen.url.host))
        if seen.url.path == "/redirects":
            return httpx.Response(302, headers={"location": "http://private.example/latest/meta-data"})
        return httpx.Response(200)

    (dead,) = anyio.run(partial(opened, handle, text=private_text(address)))
    assert (dead.severity, "is not public; --private allows it" in dead.message) == (Severity.NOTE, True)
    assert {at for _, at in asked} <= {PUBLIC}
    assert anyio.run(partial(opened, handle, text=private_text(address), private=True)) == []
    assert {at for _, at in asked} - {PUBLIC}


def test_links_of_the_typed_host_are_opened_wherever_it_is() -> None:
    seen = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.host, request.headers.get("authorization")))
        return httpx.Response(200)

    text = private_text("https://private.example/privacy")
    assert anyio.run(partial(opened, handle, text=text, typed=given("https://me:x@private.example/"))) == []
    assert seen == [(PRIVATE, "Basic bWU6eA==")]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"HEAD": 200}, None),
        ({"HEAD": 405, "GET": 200}, None),
        ({"HEAD": 404, "GET": 200}, None),  # servers that know no HEAD
        ({"HEAD": 404, "GET": 404}, Severity.ERROR),
        ({"HEAD": 410, "GET": 410}, Severity.ERROR),
        ({"HEAD": 403, "GET": 403}, Severity.NOTE),
        ({"HEAD": 429, "GET": 429}, Severity.NOTE),
        ({"HEAD": 503, "GET": 503}, Severity.NOTE),
        (httpx.ReadTimeout("slow"), Severity.NOTE),
        (httpx.ConnectError("refused"), Severity.NOTE),
        (socket.gaierror(socket.EAI_NONAME, "no such name"), Severity.NOTE),  # of all hosts: there is no network
        (socket.gaierror(socket.EAI_AGAIN, "no resolver"), Severity.NOTE),
        ({"HEAD": 302, "location": "https://x.example/loop"}, Severity.NOTE),
        ({"HEAD": 302, "location": "https://[/"}, Severity.NOTE),
    ],
)
def test_links_that_lead_nowhere(answer: Any, expected: Severity | None) -> None:
    asked = []

    def handle(seen: httpx.Request) -> httpx.Response:
        asked.append((seen.method, str(seen.url)))
        if isinstance(answer, Exception):
            raise answer
        headers = {"location": answer["location"]} if "location" in answer else {}
        return httpx.Response(answer.get(seen.method, answer["HEAD"]), headers=headers)

    dead = anyio.run(opened, handle, answer if isinstance(answer, socket.gaierror) else None)
    assert {one.severity for one in dead} == ({expected} if expected else set())
    assert len(dead) == (3 if expected else 0)  # two services with the same link are one
    assert len(asked) <= 3 * 2 * 6


def test_a_host_that_does_not_exist_is_an_error() -> None:
    unknown = socket.gaierror(socket.EAI_NONAME, "no such name")
    (dead,) = anyio.run(opened, lambda _: httpx.Response(200), unknown, {"x.example"})
    assert (dead.severity, dead.key) == (Severity.ERROR, "services.own.privacy_url")


def test_dead_links_fail_a_check(against: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dead(policy: Any, site: str, **_: Any) -> Any:
        transport = httpx.MockTransport(lambda _: httpx.Response(404))
        return await dead_links(policy, site, transport=transport, network=Network(resolve=resolved))

    monkeypatch.setattr("cookie_consent.scanner.privacy_links.dead_links", dead)
    done = against(scan(), text=f'version = "1"\n{LINKS}', links=True)
    assert done.returncode == 1
    assert "error: banner.privacy_url: https://shop.example/privacy cannot be opened: status 404." in done.stdout


def test_the_line_of_a_key(tmp_path: Path) -> None:
    text = (
        'version = "1"\nsite = "shop.example"\n[banner]\nprivacy_url = "/p"\n\n'
        '[services."own"]\nname = "x"\ncategory = "social"\n[[cookies]]\nname = "a"\ncategory = "session"\n'
        '[[cookies]]\nname = "b"\ncategory = "session"\n[services]\nhotjar = {}\n'
    )
    expected = {
        "": 1,
        "site": 2,
        "banner.privacy_url": 4,
        "banner.other": 3,
        "services.own": 6,
        "services.own.category": 8,
        "cookies.0": 9,
        "cookies.1": 12,
        "cookies.9": 1,
        "services.hotjar": 16,
        "services.none": 15,
    }
    assert {key: line_of(text, key) for key in expected} == expected
    assert line_of("\n\n[tool.cookie_consent.services.own]\n", "services.own") == 3
    (tmp_path / "consent.toml").write_text('version = "1"\n', "utf-8")
    assert load_policy(tmp_path / "consent.toml")
