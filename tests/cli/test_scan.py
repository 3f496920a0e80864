"""``cookie-consent scan``."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cookie_consent.cli.scanned import is_address
from cookie_consent.scanner.as_dict import as_dict, from_dict
from tests.running import run
from tests.scanner.made import cookie
from tests.scanner.made import scan as made_scan
from tests.waiting import HANG

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.server
PAGE = b"<title>Shop</title><script src=https://www.googletagmanager.com/gtag/js></script><a href=/a>a</a>"


@contextmanager
def site(page: bytes = PAGE, cookie: str = "cart=1", status: int = 200) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_page = not self.path.endswith((".txt", ".xml"))
            self.send_response(status if is_page else 404)
            self.send_header("content-type", "text/html")
            if is_page:
                self.send_header("set-cookie", cookie)
            self.end_headers()
            self.wfile.write(page if is_page else b"")

        def log_message(self, *_: object) -> None: ...

    with served(Handler) as url:
        yield url


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def policy(folder: Path, *lines: str) -> str:
    path = folder / "consent.toml"
    path.write_text("\n".join(['version = "1"', *lines, '[[cookies]]\nname = "cart"\ncategory = "session"\n']), "utf-8")
    return str(path)


def test_the_table_marks_what_is_not_declared(tmp_path: Path) -> None:
    with site() as url:
        found = run("scan", url, "--delay", "0", "--policy", policy(tmp_path), folder=tmp_path)
        assert found.returncode == 1, found.stderr
        assert "! www.googletagmanager.com\n" in found.stdout
        assert "  cart\n" in found.stdout
        assert found.stdout.startswith(f"{url}: 2 pages read in ")
        declared = policy(tmp_path, "[services.google-analytics]", "[services.google-tag-manager]")
        found = run("scan", url, "--delay", "0", "--policy", declared, folder=tmp_path)
        assert (found.returncode, found.stdout.splitlines()[-1]) == (0, "all is declared")


def test_json_is_a_scan_and_har_a_log_and_both_can_go_to_a_file(tmp_path: Path) -> None:
    with site() as url:
        found = run("scan", url, "--delay", "0", "--format", "json", "-o", "scan.json", folder=tmp_path)
        assert (found.returncode, found.stdout) == (1, "")
        scan = from_dict(json.loads((tmp_path / "scan.json").read_text("utf-8")))
        assert {request.host for request in scan.requests} == {"127.0.0.1", "www.googletagmanager.com"}
        found = run("scan", url, "--delay", "0", "--format", "har", folder=tmp_path)
        assert json.loads(found.stdout)["log"]["version"] == "1.2"


def test_options_reach_the_scan(tmp_path: Path) -> None:
    with site() as url:
        found = run("scan", url, "--delay", "0", "--pages", "1", "--format", "json", folder=tmp_path)
        assert len(json.loads(found.stdout)["pages"]) == 1
        found = run("scan", url, "--delay", "0", "--exclude", "/a", "--seed", "/b", "--format", "json", folder=tmp_path)
        assert {page["address"] for page in json.loads(found.stdout)["pages"]} == {url, f"{url}b"}


def test_a_host_without_a_scheme_is_scanned_and_the_scheme_is_told(tmp_path: Path) -> None:
    with site() as url:
        host = url.removeprefix("http://")
        found = run("scan", host, "--delay", "0", "--pages", "1", "--format", "json", folder=tmp_path)
        assert f"no scheme was given: {url} is scanned" in found.stderr
        assert json.loads(found.stdout)["site"] == url
        for command in (("init", f"me:s3cr3t@{host}"), ("check", "--against", host, "--no-links")):
            found = run(*command, folder=tmp_path)
            assert f"no scheme was given: {url} is scanned" in found.stderr
            assert "s3cr3t" not in found.stderr + found.stdout


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("https://shop.example", True),
        ("shop.example", True),
        ("me:secret@shop.example/a", True),
        ("localhost:8000", True),
        ("[::1]:8000", True),
        ("scan.json", False),
        ("before.har", False),
        ("./shop.example", False),
        ("folder/scan", False),
        ("scan", False),
        ("there.example", False),  # a file
        ("shop.com", True),
        ("www.shop.co.uk", True),
        ("github.io", True),  # a public suffix itself
        ("bücher.de", True),
        ("SHOP.TEST", True),
        ("192.0.2.1", True),
        ("[::1]", True),
        ("localhost", True),
        ("shop.corp/", True),
        ("shop.corp:8000", True),
        ("me:secret@shop.corp", True),
        ("scan.txt", False),  # no file, but no host either
        ("consent.toml", False),
        ("before.har.gz", False),
        ("scan.json.bak", False),
        ("me@scan.txt", False),
        ("a" * 300 + ".txt", False),
        ("a" * 300 + "/b.txt", False),
        (f"{'a' * 300}.txt/", True),  # longer than a file's name may be
        ("a.txt:99999", False),  # no port
    ],
)
def test_a_host_is_told_from_a_file(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, expected: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.example").touch()
    assert is_address(source) is expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["ftp://shop.example"],
            "'ftp://shop.example' is not the address of a site; write it like https://shop.example",
        ),
        (["http://127.0.0.1:1/"], "could not be read: 127.0.0.1:1 cannot be reached: Connection refused"),
        (["http://a.test/", "--pages", "0"], "--pages is 0; it must be 1 or more"),
        (["http://a.test/", "--delay", "-1"], "--delay is -1.0; it must be 0 or more"),
        (["http://a.test/", "--seconds", "nan"], "--seconds is nan; it must be a finite number, more than 0"),
        (["http://a.test/", "--seconds", "inf"], "--seconds is inf; it must be a finite number, more than 0"),
        (
            ["http://a.test/", "--browser", "--seconds", "inf"],
            "--seconds is inf; it must be a finite number, 1 or more",
        ),
        (["http://a.test/", "--browser", "--stay-seconds", "nan"], "--stay-seconds is nan; it must be a finite number"),
        (["http://a.test/", "--concurrency", "1000"], "--concurrency is 1000; it must be 64 or less"),
        (["http://a.test/", "--include", "shop"], "'shop' is no pattern of a path; begin it with a slash"),
        (["http://a.test/", "--user-agent", "ü"], "--user-agent must consist of printable ASCII characters"),
        (["http://a.test/", "-o", "."], "is a folder"),
        (["http://a.test/", "--browser", "--depth", "3"], "--depth says nothing with --browser: leave it out"),
        (["http://a.test/", "--browser", "--no-robots"], "--no-robots says nothing with --browser: leave it out"),
        (["http://a.test/", "--clicks", "3"], "--clicks needs --browser"),
        (["http://a.test/", "--phase", "accepted"], "--phase needs --browser"),
        (["http://a.test/", "--browser", "--page-seconds", "0"], "--page-seconds is 0.0; it must be 1 or more"),
        (["http://a.test/", "--compare", "before.json"], "--compare needs --format html"),
        (["http://a.test/", "--compare", "before.json", "--format", "html"], "before.json cannot be read"),
    ],
)
def test_wrong_usage_and_sites_that_cannot_be_read_are_errors(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    found = run("scan", *arguments, folder=tmp_path)
    assert found.returncode == 2
    assert message in found.stderr


def test_without_protego_a_scan_is_an_error_that_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cookie_consent.scanner.crawl", "cookie_consent.scanner.robots"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "protego", None)
    found = run("scan", "http://127.0.0.1:1/", folder=tmp_path)
    assert found.returncode == 2
    assert "pip install 'cookie-consent[standard]'" in found.stderr


def test_findings_are_written_for_services_and_people(tmp_path: Path) -> None:
    with site() as url:
        declared = policy(tmp_path)
        for name, told in (("sarif", '"undeclared-host"'), ("junit", "<testsuites"), ("html", "<!doctype html>")):
            found = run("scan", url, "--delay", "0", "--policy", declared, "--format", name, folder=tmp_path)
            assert found.returncode == 1, found.stderr
            assert told in found.stdout.lower() if name == "html" else told in found.stdout
            assert "www.googletagmanager.com" in found.stdout


def test_a_scan_from_before_stands_beside_that_with_the_middleware(tmp_path: Path) -> None:
    with site(b"<title>Shop</title>", "_ga=1") as url:
        run("scan", url, "--delay", "0", "--format", "json", "-o", "before.json", folder=tmp_path)
    with site() as url:
        compared = ("--compare", "before.json", "--format", "html")
        found = run("scan", url, "--delay", "0", "--policy", policy(tmp_path), *compared, folder=tmp_path)
        assert "before an answer, without the middleware" in found.stdout
        assert "before an answer, with it" in found.stdout
        scan = json.loads((tmp_path / "before.json").read_text("utf-8"))
        (tmp_path / "before.json").write_text(json.dumps({**scan, "mode": "browser"}), "utf-8")
        found = run("scan", url, "--delay", "0", *compared, folder=tmp_path)
        assert found.returncode == 2
        assert "before.json was scanned by browser, and this is by http: scan both in the same way" in found.stderr


def test_where_a_form_leads_needs_no_declaration(tmp_path: Path) -> None:
    page = b"<script src=https://www.googletagmanager.com/gtag/js></script><form action=https://pay.test/></form>"
    with site(page) as url:
        declared = policy(tmp_path, "[services.google-analytics]", "[services.google-tag-manager]")
        found = run("scan", url, "--delay", "0", "--policy", declared, folder=tmp_path)
        assert (found.returncode, found.stderr) == (0, "")
        assert "  pay.test\n" in found.stdout
        found = run("check", declared, "--against", url, "--no-links", folder=tmp_path)
        assert "host pay.test is not declared" not in found.stdout


@pytest.mark.browser
@pytest.mark.parametrize("command", [("scan",), ("check", "--no-links", "--against")], ids=["scan", "check"])
def test_pictures_are_in_the_report_alone(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "consent.toml").write_text('version = "1"', "utf-8")
    folder = tmp_path / "reports"
    with site(b"<title>Page</title>") as url:
        done = run(
            *command, url, "--browser", "--pages", "1", "--format", "html", "-o", "reports/r.html", folder=tmp_path
        )
        assert done.returncode == 2
        assert "reports cannot be written: No such file or directory" in done.stderr
        folder.mkdir()
        run(*command, url, "--browser", "--pages", "1", "--format", "html", "-o", "reports/r.html", folder=tmp_path)
    assert [file.name for file in folder.iterdir()] == ["r.html"]
    assert "data:image/png;base64," in (folder / "r.html").read_text("utf-8")


@contextmanager
def endless() -> Iterator[str]:
    """Serve pages each of which leads to two others."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_page = not self.path.endswith((".txt", ".xml", ".ico"))
            self.send_response(200 if is_page else 404)
            self.send_header("content-type", "text/html")
            self.end_headers()
            links = "".join(f"<a href={self.path.rstrip('/')}/{name}>{name}</a>" for name in "ab")
            self.wfile.write(f"<title>Page</title><script>document.cookie = 'cart=1'</script>{links}".encode())

        def log_message(self, *_: object) -> None: ...

    with served(Handler) as url:
        yield url


@pytest.mark.parametrize(
    "options", [("--alike", "1000"), pytest.param(("--browser",), marks=pytest.mark.browser)], ids=["http", "browser"]
)
def test_a_scan_that_is_interrupted_prints_what_was_found(tmp_path: Path, options: tuple[str, ...]) -> None:
    # The path of a socket of Chromium's must be short, and tmp_path is not.
    with endless() as url, tempfile.TemporaryDirectory() as profiles:
        command = [
            sys.executable,
            "-m",
            "cookie_consent",
            "scan",
            url,
            "--pages",
            "10000",
            "--format",
            "json",
            *options,
        ]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "TMPDIR": profiles},
            start_new_session=True,
        )
        assert process.stderr is not None
        try:
            told = process.stderr.readline()
            # In a browser it is told before each page, and the first one takes long on a busy machine.
            while re.match(r"visited 0 of \d+ pages", told):
                told = process.stderr.readline()
            assert re.match(r"visited \d+ of \d+ pages", told), told
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
            printed, told = process.communicate(timeout=HANG)
        finally:
            process.kill()
            process.wait()
        assert not list(Path(profiles).iterdir())
    assert process.returncode == 130, told
    assert "interrupted: this is what was found so far" in told
    scan = from_dict(json.loads(printed))
    assert scan.pages[0].title == "Page"
    assert scan.seconds > 0


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "NaN", "1e999"])
def test_a_saved_scan_with_what_is_no_number_of_json_is_refused(number: str, tmp_path: Path) -> None:
    policy(tmp_path)
    text = json.dumps(as_dict(made_scan(cookie("a", lifetime=5.0)))).replace("5.0", number)
    assert number in text
    (tmp_path / "scan.json").write_text(text, "utf-8")
    found = run("check", "--against", "scan.json", "--no-links", folder=tmp_path)
    assert found.returncode == 2
    assert "scan.json is not JSON" in found.stderr
