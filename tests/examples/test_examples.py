"""Each example is run as a user runs it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from cookie_consent import Ledger
from tests.waiting import HANG, listens, until

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parents[2] / "examples"
HTML = {"accept": "text/html"}


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
    process = subprocess.Popen([sys.executable, EXAMPLES / name], cwd=folder, env=env, stderr=subprocess.DEVNULL)
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
        ("static_site.py", 'href="https://fonts.googleapis.com/', "preferences"),
        ("static_site.py", 'src="https://counter.example/', "analytics"),
    ],
)
def test_an_example_holds_back_until_the_choice(
    tmp_path: Path, secret: str, name: str, third_party: str, category: str | None
) -> None:
    with running(name, tmp_path, secret) as client:
        page = client.get("/", headers=HTML).text
        assert f"data-consent-{third_party}" in page
        assert f" {third_party}" not in page
        assert 'id="cookie-consent"' in page
        every = ["login", "preferences", "analytics", "advertising", "social", "unclassified"]
        granted = [category] if category is not None else every
        client.post("/_consent/choices", json={"granted": granted}).raise_for_status()
        page = client.get("/", headers=HTML).text
        assert f" {third_party}" in page
        assert f"data-consent-{third_party}" not in page
    (record,) = Ledger(f"sqlite:///{tmp_path}/consent.db").records()
    assert record.granted == tuple(sorted(granted))


def test_an_example_uses_the_choice(tmp_path: Path, secret: str) -> None:
    with running("fastapi_app.py", tmp_path, secret) as client:
        assert client.get("/recommendations").json() == ["rye bread"]
        client.post("/_consent/choices", json={"granted": ["preferences"]})
        assert len(client.get("/recommendations").json()) == 2
