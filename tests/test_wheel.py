"""The wheel, installed outside the checkout, does the job."""

from __future__ import annotations

import csv
import io
import os
import socket
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

import httpx
import pytest
from packaging.requirements import Requirement

from cookie_consent.endpoints.static_files import static_files
from tests.waiting import HANG, listens, until

ROOT = Path(__file__).parents[1]
APP = """\
import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from cookie_consent import ConsentMiddleware

page = "<!doctype html><title>Hello</title><body><script src='https://plausible.io/js/script.js'></script>"
app = Starlette(routes=[Route("/", lambda request: HTMLResponse(page))])
app.add_middleware(ConsentMiddleware)
uvicorn.run(app, port={port}, log_level="warning")
"""

WITHOUT_SERVER = """\
import logging
import anyio, httpx
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from cookie_consent import ConsentMiddleware

logging.getLogger("cookie_consent").setLevel("ERROR")  # not that a host is undeclared
page = "<!doctype html><title>Hello</title><body><script src='https://plausible.io/js/script.js'></script>"
app = ConsentMiddleware(Starlette(routes=[Route("/", lambda request: HTMLResponse(page))]))

async def visit():
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
        client.headers["accept"] = "text/html"
        print(" data-consent-src='https://plausible.io" in (await client.get("/")).text)
        choice = {"granted": "analytics", "return_to": "/"}
        print((await client.post("/_consent/choices", data=choice)).status_code)
        print(" src='https://plausible.io" in (await client.get("/")).text)

anyio.run(visit)
(record,) = app.ledger.records()
print(record.action, *record.granted)
app.ledger.close()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command: list[Any] = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, ROOT]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def plain(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs of an environment in which the wheel is installed without an extra."""
    return install(wheel, tmp_path_factory.mktemp("plain"), "")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs of an environment in which the wheel is installed with the extra ``standard``."""
    return install(wheel, tmp_path_factory.mktemp("standard"), "standard")


def install(wheel: Path, folder: Path, extra: str) -> Path:
    """Return the programs of an environment that holds the wheel and what it says that it needs, and nothing else."""
    venv.create(folder, symlinks=True)
    packages = next((folder / "lib").glob("python*/site-packages"))
    command: list[Any] = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install"]
    command += ["--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(command, check=True, capture_output=True)
    files = [path for name in needed_by(packages, extra) for path in distribution(name).files or ()]
    for top in sorted({path.parts[0] for path in files}):
        found = Path(str(distribution("pip").locate_file(top)))
        if found.exists() and not (packages / top).exists():  # not what lies beside, such as ../../../bin
            (packages / top).symlink_to(found)
    return folder / "bin"


def needed_by(packages: Path, extra: str) -> set[str]:
    """Return the names of all distributions that the installed wheel needs with the extra, itself left out."""
    (own,) = Distribution.discover(name="cookie-consent", path=[str(packages)])
    found: set[tuple[str, str]] = set()
    waiting = [(own, "", "cookie-consent"), (own, extra, "cookie-consent")]
    while waiting:
        one, given, name = waiting.pop()
        if (name, given) in found:
            continue
        found.add((name, given))
        for requirement in map(Requirement, one.requires or ()):
            if requirement.marker is None or requirement.marker.evaluate({"extra": given}):
                other = own if requirement.name == "cookie-consent" else distribution(requirement.name)
                waiting += [(other, more, requirement.name) for more in ("", *requirement.extras)]
    return {name for name, _ in found} - {"cookie-consent"}


def clean_environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CONSENT"))}
    return {**kept, **more}


def test_the_wheel_holds_what_it_needs_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "py.typed",
        "static/banner/banner.js",
        "static/banner.css",
        "static/guard/guard.js",
        "static/minified/guard.js",
        "banner/locales/en.toml",
        "policy/registry/analytics.toml",
        "policy/registry/compiled.jsonl",
    ):
        assert f"cookie_consent/{needed}" in names
    assert all(name.startswith(("cookie_consent/", "cookie_consent-")) for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_environment_holds_the_wheel_and_little_else(installed: Path, tmp_path: Path) -> None:
    code = "import cookie_consent, importlib.util as u; print(cookie_consent.__file__, u.find_spec('pytest'))"
    command: list[Any] = [installed / "python", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=clean_environment(), check=True, capture_output=True, text=True)
    file, other = done.stdout.split()
    assert Path(file).is_relative_to(installed.parent)
    assert other == "None"


def test_its_scripts_and_styles_are_minified_and_can_be_had_plain(installed: Path, tmp_path: Path) -> None:
    code = (
        "from cookie_consent.endpoints.static_files import static_files\n"
        "print(*(f'{name}={len(content)}' for name, content in static_files().items()))"
    )
    sizes = {}
    for form in ("", "plain"):
        command: list[Any] = [installed / "python", "-W", "error", "-c", code]
        env = clean_environment(CONSENT_ASSETS=form)
        done = subprocess.run(command, cwd=tmp_path, env=env, check=True, capture_output=True, text=True)
        assert not done.stderr
        sizes[form] = dict(pair.split("=") for pair in done.stdout.split())
    assert sizes[""] == {name: str(len(content)) for name, content in static_files("minified").items()}
    assert sizes["plain"] == {name: str(len(content)) for name, content in static_files("plain").items()}


def test_without_extras_the_middleware_runs(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "consent.toml").write_text('version = "1"')  # without one the log says so
    env = clean_environment(CONSENT_SECRET="k" * 40)
    command: list[Any] = [plain / "python", "-W", "error", "-c", WITHOUT_SERVER]
    done = subprocess.run(command, cwd=tmp_path, env=env, check=False, capture_output=True, text=True)
    assert not done.stderr
    assert done.stdout.splitlines() == ["True", "303", "True", "given analytics"]
    assert (tmp_path / "consent.db").is_file()


def test_without_extras_the_commands_say_what_to_install(plain: Path, tmp_path: Path) -> None:
    for arguments in ([plain / "cookie-consent", "--help"], [plain / "python", "-m", "cookie_consent", "check"]):
        command: list[Any] = arguments
        done = subprocess.run(
            command, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert "pip install 'cookie-consent[standard]'" in line


def test_without_extras_there_is_nothing_for_commands_and_servers(plain: Path) -> None:
    packages = next((plain.parent / "lib").glob("python*/site-packages"))
    standard = needed_by(packages, "standard")
    assert {"typer", "rich", "uvicorn", "brotli", "cryptography"} <= standard
    assert not needed_by(packages, "") & {"typer", "rich", "click", "uvicorn", "brotli", "cryptography"}


def test_the_commands_and_the_demo_run(installed: Path, tmp_path: Path) -> None:
    env = clean_environment()
    command: list[Any] = [installed / "cookie-consent", "--help"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert "demo" in done.stdout
    command = [installed / "cookie-consent", "demo", "--port", "0", "--third-party-port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            shop = next(word for line in process.stdout for word in line.split() if word.startswith("http://"))
            with httpx.Client(base_url=shop, trust_env=False, headers={"accept": "text/html"}, timeout=HANG) as client:
                assert "data-consent" in get(client, "/")
        finally:
            process.terminate()


def test_ten_lines_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = APP.format(port=port)
    assert len(app.splitlines()) <= 10
    (tmp_path / "app.py").write_text(app)
    env = clean_environment(CONSENT_SECRET="k" * 40)
    process = subprocess.Popen([installed / "python", "app.py"], cwd=tmp_path, env=env)
    try:
        until(lambda: listens(port), of=process)
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, headers={"accept": "text/html"}, timeout=HANG
        ) as client:
            page = get(client, "/")
            assert "data-consent-src='https://plausible.io/js/script.js'" in page
            stylesheet = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
            assert get(client, stylesheet)
            client.post("/_consent/choices", data={"granted": "analytics", "return_to": "/"})
            assert " src='https://plausible.io/js/script.js'" in get(client, "/")
    finally:
        process.terminate()
        process.wait(HANG)
    command: list[Any] = [installed / "cookie-consent", "log", "export", "--format", "csv"]
    export = subprocess.run(command, cwd=tmp_path, env=env, check=True, capture_output=True, text=True).stdout
    (row,) = csv.DictReader(io.StringIO(export))
    assert (row["action"], row["granted"], row["channel"]) == ("given", "analytics", "preferences")


def get(client: httpx.Client, path: str) -> str:
    return client.get(path).raise_for_status().text


def test_wrong_usage_is_told_in_one_message(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "consent.toml").write_text('versoin = "1"\n')
    command: list[Any] = [installed / "cookie-consent", "check"]
    done = subprocess.run(command, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "did you mean 'version'?" in done.stderr
    assert "Traceback" not in done.stderr
