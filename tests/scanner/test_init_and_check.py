"""From an empty folder: ``init`` on the demo shop, and ``check --against`` with the policy that it wrote."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent.policy import load_policy
from tests.running import run
from tests.waiting import HANG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.server


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


def answered(text: str) -> str:
    """Return the policy once each open question is answered."""
    lines = re.sub(r"^# (?=\[|name = |category = |hosts = |domain = )", "", text, flags=re.MULTILINE)
    return lines.replace('"unclassified"', '"preferences"')


@pytest.mark.parametrize(
    "options", [(), pytest.param(("--browser",), marks=pytest.mark.browser)], ids=["http", "browser"]
)
def test_a_policy_from_the_demo_shop_passes(shop: str, tmp_path: Path, options: tuple[str, ...]) -> None:
    pages: Any = ("--pages", "8", "--private")
    made = run("init", shop, *options, *pages, folder=tmp_path)
    assert (made.returncode, made.stdout) == (0, ""), made.stderr
    file = tmp_path / "consent.toml"
    assert run("check", folder=tmp_path).returncode == 0
    file.write_text(answered(file.read_text("utf-8")), "utf-8")
    assert load_policy(file).services or load_policy(file).cookies
    done = run("check", "--against", shop, "--no-links", *options, *pages, folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "0 findings" in done.stdout
    # It is no check that cannot fail: the site sets what an empty policy does not declare.
    file.write_text('version = "1"\n', "utf-8")
    done = run("check", "--against", shop, "--no-links", *options, *pages, folder=tmp_path)
    assert done.returncode == 1
