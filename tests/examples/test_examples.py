"""Each example is run as a user runs it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from cookie_consent import Ledger
from tests.waiting import HANG, listens, until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FRAMEWORKS = ROOT / ".venv" / "frameworks" / "bin" / "python"
"""See the Makefile. It has the frameworks that this environment has not."""
HTML = {"accept": "text/html"}
COUNTED = [
    "blacksheep_app.py",
    "django_app.py",
    "falcon_app.py",
    "fasthtml_app.py",
    "flask_app.py",
    "litestar_app.py",
    "quart_app.py",
    "sanic_app.py",
]
"""They show by their own code, or a template, whether the visit is counted."""


def interpreter(name: str) -> str:
    """Return the Python that has the example's framework. A test that needs another is skipped, but not in CI."""
    framework = name.partition("_")[0]
    if framework == "static" or find_spec(framework) is not None:
        return sys.executable
    if not FRAMEWORKS.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{FRAMEWORKS} is missing: make .venv/frameworks/made")
        pytest.skip("the environment .venv/frameworks is missing")
    return str(FRAMEWORKS)


@contextmanager
def running(name: str, folder: Path, secret: str) -> Iterator[httpx.Client]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {
        **os.environ,
        "PORT": str(port),
        "CONSENT_SECRET": secret,
        "CONSENT_LEDGER": f"sqlite:///{folder}/consent.db",
    }
    process = subprocess.Popen([interpreter(name), EXAMPLES / name], cwd=folder, env=env, stderr=subprocess.DEVNULL)
    try:
        until(lambda: listens(port), of=process)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=HANG) as client:
            yield client
    finally:
        process.terminate()
        process.wait(HANG)


@pytest.mark.parametrize(
    ("name", "third_party", "category"),
    [
        ("starlette_app.py", 'src="https://www.googletagmanager.com/gtag/js', "analytics"),
        ("starlette_app.py", 'src="https://www.youtube.com/embed/', "social"),
        ("fastapi_app.py", 'src="https://connect.facebook.net/', None),
        *((name, 'src="https://www.googletagmanager.com/gtag/js', "analytics") for name in COUNTED),
        ("static_site.py", 'src="https://counter.example/', "analytics"),
    ],
)
def test_an_example_holds_back_until_the_choice(
    tmp_path: Path, secret: str, name: str, third_party: str, category: str | None
) -> None:
    with running(name, tmp_path, secret) as client:
        page = client.get("/", headers=HTML).text
        assert "Your visit is not counted" in page or name not in COUNTED
        assert f"data-consent-{third_party}" in page
        assert f" {third_party}" not in page
        assert 'id="consent-root"' in page
        every = ["login", "preferences", "analytics", "advertising", "social", "unclassified"]
        granted = [category] if category is not None else every
        client.post("/_consent/choices", json={"granted": granted}).raise_for_status()
        page = client.get("/", headers=HTML).text
        assert f" {third_party}" in page
        assert f"data-consent-{third_party}" not in page
        assert "Your visit is counted" in page or name not in COUNTED
        assert client.get("/missing", headers=HTML).status_code == 404
        assert client.get("/_consent/preferences", headers=HTML).status_code == 200
    (record,) = Ledger(f"sqlite:///{tmp_path}/consent.db").records()
    offered = {"preferences", "social"} if category is None else {category}  # what is declared or met
    assert set(record.granted) == offered


@pytest.mark.server
def test_the_fonts_of_an_example_come_from_itself(tmp_path: Path, secret: str) -> None:
    with running("static_site.py", tmp_path, secret) as client:
        page = client.get("/", headers=HTML).text
    assert 'href="/_consent/mirror/fonts.googleapis.com/css2?family=Inter"' in page
    assert "https://fonts.googleapis.com" not in page


def test_every_example_is_tried() -> None:
    tried = {*COUNTED, "starlette_app.py", "fastapi_app.py", "static_site.py"}
    assert {path.name for path in EXAMPLES.glob("*.py")} == tried


def test_litestar_refuses_its_own_list_of_middlewares() -> None:
    code = """
from cookie_consent import ConsentMiddleware
from litestar import Litestar
Litestar(middleware=[ConsentMiddleware])
"""
    done = subprocess.run([interpreter("litestar"), "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "in a middleware=[…] of Litestar" in done.stderr.splitlines()[-1]


def test_an_example_uses_the_choice(tmp_path: Path, secret: str) -> None:
    with running("fastapi_app.py", tmp_path, secret) as client:
        assert client.get("/recommendations").json() == ["rye bread"]
        client.post("/_consent/choices", json={"granted": ["preferences"]})
        assert len(client.get("/recommendations").json()) == 2
