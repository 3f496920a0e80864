"""What the container runs is run here without one: its command, its health check, and a proxy's headers."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from cookie_consent import Ledger
from tests.waiting import HANG, listens, until

FOLDER = Path(__file__).parents[2] / "examples" / "container"
DOCKERFILE = (FOLDER / "Dockerfile").read_text("utf-8").replace("\\\n", "")
NGINX = (FOLDER / "nginx.conf").read_text("utf-8")


def argv(instruction: str, *, port: int) -> list[str]:
    (found,) = re.findall(rf"^{instruction}\b.*?(\[.*\])$", DOCKERFILE, re.MULTILINE)
    return [part.replace("8000", str(port)).replace("0.0.0.0", "127.0.0.1") for part in json.loads(found)]


def test_what_is_copied_is_there() -> None:
    for files in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.MULTILINE):
        for name in files.split():
            assert (FOLDER / name).exists(), name


def test_the_command_serves_behind_the_proxy_and_the_log_outlives_it(tmp_path: Path, secret: str) -> None:
    site, volume = tmp_path / "site", tmp_path / "volume"
    shutil.copytree(FOLDER, site)
    volume.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"sqlite:///{volume}/consent.db"
    env = {**os.environ, "CONSENT_SECRET": secret, "CONSENT_LEDGER": url, "FORWARDED_ALLOW_IPS": "*"}
    process = subprocess.Popen([sys.executable, "-m", *argv("CMD", port=port)], cwd=site, env=env)
    by_proxy = {
        "Host": "shop.example:8080",
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "https",
        "Origin": "https://shop.example:8080",
    }
    assert all(f"proxy_set_header {name} " in NGINX for name in by_proxy if name != "Origin")
    try:
        until(lambda: listens(port), of=process)
        python, *rest = argv("HEALTHCHECK", port=port)
        assert python == "python"
        subprocess.run([sys.executable, *rest], check=True, timeout=HANG)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=by_proxy, trust_env=False) as client:
            assert "data-consent-src" in client.get("/", headers={"accept": "text/html"}).text
            answer = client.post("/_consent/choices", json={"granted": ["analytics"]})
            assert answer.status_code == 200, answer.text
            assert answer.headers["set-cookie"].startswith("__Host-cookie_consent=")
    finally:
        process.terminate()
        assert process.wait(HANG) is not None
    (record,) = Ledger(url).records()
    assert record.granted == ("analytics",)
    assert {path.name.partition("-")[0] for path in volume.iterdir()} == {"consent.db"}
