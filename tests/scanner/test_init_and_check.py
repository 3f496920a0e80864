"""From an empty folder: ``init`` on a site, and ``check --against`` with the policy that it wrote."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cookie_consent.cli import scan, scanned
from cookie_consent.policy import load_policy
from cookie_consent.scanner.browser.network import Network
from cookie_consent.scanner.browser.options import BrowseOptions
from tests.running import run
from tests.waiting import HANG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.server
ROOT = Path(__file__).parents[2]
SERVE = """
import socket, sys
from pathlib import Path
import uvicorn
from tests.realapps.row import load
app = load(sys.argv[1]).app(Path(sys.argv[2]))
if sys.argv[4:]:
    from cookie_consent import ConsentMiddleware
    app = ConsentMiddleware(app, sys.argv[4], secret="x" * 40, ledger=f"sqlite:///{sys.argv[2]}/consent.db")
config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)
uvicorn.Server(config).run([socket.socket(fileno=int(sys.argv[3]))])
"""
SIGN_IN = """
async def setup(page):
    await page.goto("{url}/admin/login/")
    await page.fill("[name=username]", "ann")
    await page.fill("[name=password]", "a password of ann")
    await page.press("[name=password]", "Enter")
    await page.wait_for_url("**/admin/")
"""
MODES = [(), pytest.param(("--browser",), marks=pytest.mark.browser)]


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the browser reach nothing beyond this machine: what pages load from elsewhere is asked for in vain."""

    async def addresses(host: str, _: int) -> list[str]:
        if host in {"127.0.0.1", "localhost"}:
            return ["127.0.0.1"]
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    async def aliases(_: str) -> tuple[str, ...]:
        return ()

    network = Network(addresses=addresses, aliases=aliases)
    options = partial(BrowseOptions, network=network, stay_seconds=0, quiet_seconds=0.5)
    for command in (scan, scanned):
        monkeypatch.setattr(command, "BrowseOptions", options)


@pytest.fixture
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("shop")
    command = [sys.executable, "-m", "cookie_consent", "demo", "--port", "0", "--third-party-port", "0"]
    command += ["--ledger", f"sqlite:///{folder}/demo.db"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        text = "".join(process.stdout.readline() for _ in range(2))
        yield re.findall(r"http://[a-z0-9.]+:\d+", text)[0]
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(HANG) == 0
        process.stdout.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of an application, the same each time it is started: a database takes a while to make."""
    return cache(tmp_path_factory.mktemp)


@contextmanager
def served(name: str, folder: Path, *policy: Path) -> Iterator[str]:
    """Serve a real application on loopback in a process of its own: bare, or behind the middleware with a policy."""
    listening = socket.create_server(("127.0.0.1", 0))
    number = listening.fileno()
    command = [sys.executable, "-c", SERVE, name, str(folder), str(number), *map(str, policy)]
    process = subprocess.Popen(command, cwd=ROOT, pass_fds=[number], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    listening.close()
    try:
        httpx.get(url, timeout=HANG)  # it is taken up once the application is there
        yield url
    finally:
        process.terminate()
        _, told = process.communicate(timeout=HANG)
        assert process.returncode in {0, -signal.SIGTERM}, told.decode()


def answered(text: str) -> str:
    """Return the policy once each open question is answered."""
    lines = re.sub(r"^# (?=\[|name = |category = |hosts = |domain = )", "", text, flags=re.MULTILINE)
    return lines.replace('"unclassified"', '"preferences"')


def passes(url: str, folder: Path, *options: str) -> None:
    """Have a policy written for a site, answer its questions, and check the site against it."""
    made = run("init", url, *options, folder=folder)
    assert (made.returncode, made.stdout) == (0, ""), made.stderr
    file = folder / "consent.toml"
    assert run("check", folder=folder).returncode == 0
    file.write_text(answered(file.read_text("utf-8")), "utf-8")
    done = run("check", "--against", url, "--no-links", *options, folder=folder)
    assert done.returncode == 0, done.stdout
    assert "0 findings" in done.stdout


@pytest.mark.parametrize("options", MODES, ids=["http", "browser"])
def test_a_policy_from_the_demo_shop_passes(shop: str, tmp_path: Path, options: tuple[str, ...]) -> None:
    pages: Any = ("--pages", "2" if options else "8", "--private")
    passes(shop, tmp_path, *options, *pages)
    file = tmp_path / "consent.toml"
    assert load_policy(file).services or load_policy(file).cookies
    # It is no check that cannot fail: the site sets what an empty policy does not declare.
    file.write_text('version = "1"\n', "utf-8")
    done = run("check", "--against", shop, "--no-links", *options, *pages, folder=tmp_path)
    assert done.returncode == 1


@pytest.mark.parametrize("options", MODES, ids=["http", "browser"])
@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("datasette", set()),
        ("mkdocs_material", {"google-fonts"}),
        ("wagtail", set()),
        (
            "shop",
            {"google-analytics", "google-tag-manager", "facebook-pixel", "hotjar", "intercom"},
        ),
    ],
    ids=["datasette", "mkdocs", "wagtail", "shop"],
)
def test_a_policy_from_a_real_application_passes_and_holds(
    name: str, declared: set[str], home: Callable[[str], Path], tmp_path: Path, options: tuple[str, ...]
) -> None:
    folder = tmp_path
    more = (*options, "--pages", "2" if options else "8")
    with served(name, home(name)) as url:
        passes(url, folder, *more)
    # With the middleware and that policy, nothing but the site is contacted before a choice.
    with served(name, home(name), folder / "consent.toml") as url:
        done = run("check", "--against", url, "--no-links", "--require-gate", *more, folder=folder)
        assert done.returncode == 0, done.stdout
    assert declared <= {service.id for service in load_policy(folder / "consent.toml").services}


def scanned_inside(url: str, folder: Path) -> Path:
    """Scan the pages of Wagtail that only its editors see, and return the saved scan."""
    (folder / "sign_in.py").write_text(SIGN_IN.format(url=url), "utf-8")
    saved = folder / "scan.json"
    options = ("--browser", "--setup", str(folder / "sign_in.py"), "--format", "json", "--output", str(saved))
    pages = [f"{url}/admin/{path}" for path in ("", "pages/2/edit/")]
    seeds = [option for page in pages for option in ("--seed", page)]
    done = run("scan", url, *options, *seeds, folder=folder)
    assert done.returncode in {0, 1}, done.stderr
    read = {page["address"]: page["landed"] for page in json.loads(saved.read_text("utf-8"))["pages"]}
    assert all(read[page] == page for page in pages), read  # nothing led back to the form for signing in
    return saved


@pytest.mark.browser
def test_init_and_check_sign_in_themselves(home: Callable[[str], Path], tmp_path: Path) -> None:
    with served("wagtail", home("wagtail")) as url:
        (tmp_path / "sign_in.py").write_text(SIGN_IN.format(url=url), "utf-8")
        passes(f"{url}/admin/", tmp_path, "--browser", "--setup", "sign_in.py", "--pages", "1")
    # Gravatar's pictures are on no page that can be seen without signing in.
    assert {service.id for service in load_policy(tmp_path / "consent.toml").services} == {"django", "gravatar"}


@pytest.mark.browser
def test_a_policy_from_pages_behind_a_sign_in_passes_and_holds(home: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path
    with served("wagtail", home("wagtail")) as url:
        passes(str(scanned_inside(url, folder)), folder)
    policy = folder / "consent.toml"
    # Django sets the cookies, and the editors' pictures come from Gravatar.
    assert {service.id for service in load_policy(policy).services} == {"django", "gravatar"}
    with served("wagtail", home("wagtail"), policy) as url:
        saved = scanned_inside(url, folder)
        done = run("check", "--against", str(saved), "--no-links", "--require-gate", folder=folder)
        assert done.returncode == 0, done.stdout
