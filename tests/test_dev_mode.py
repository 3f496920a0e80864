"""Development mode needs no secret, and serves nobody but browsers on this machine."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent import ConfigurationError, ConsentMiddleware, Ledger, Policy
from tests.asking import HTML, ask, cookie_of
from tests.conftest import SECRET
from tests.test_servers import HELD, answering, lifespan

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

LOCAL = ("127.0.0.1", 5000)
REFUSED = "This site is in development mode"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own, with nothing set."""
    for name in ("CONSENT_SECRET", "CONSENT_DEV", "CONSENT_LEDGER", "CONSENT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def site(**options: Any) -> ConsentMiddleware:
    return ConsentMiddleware(answering(), Policy(version="1"), **{"ledger": "sqlite://", "dev": True, **options})


def headers(host: str, **more: str) -> dict[str, str]:
    return {**HTML, "host": host, **{name.replace("_", "-"): value for name, value in more.items()}}


async def test_it_needs_no_secret_and_no_file(folder: Path) -> None:
    assert (await ask(site(), headers=headers("localhost:8000"), client=LOCAL)).status == 200
    assert os.listdir(folder) == ["cache"]  # noqa: PTH208 - a blocking call like any other, in a test
    with pytest.raises(ConfigurationError, match="no secret is set"):
        site(dev=None, ledger="sqlite:///consent.db").check()


@pytest.mark.parametrize("value", ["1", "true", "YES ", "on"])
def test_the_variable_switches_it_on(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_DEV", value)
    site(dev=None).check()
    with pytest.raises(ConfigurationError, match="not supported"):
        site(dev=False).check()  # what is given comes first


@pytest.mark.parametrize("value", ["", "0", "false", "no", "off"])
def test_the_variable_leaves_it_off(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_DEV", value)
    with pytest.raises(ConfigurationError, match="not supported"):
        site(dev=None).check()


def test_an_argument_that_is_no_truth_value_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="pass True or False"):
        site(dev="0").check()


def test_another_value_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_DEV", "production")
    with pytest.raises(ConfigurationError, match="CONSENT_DEV is 'production': write 1"):
        site(dev=None).check()


@pytest.mark.parametrize(
    ("client", "host", "more"),
    [
        (LOCAL, "localhost", {}),
        (LOCAL, "LOCALHOST:8000", {}),
        (LOCAL, "shop.localhost:8000", {}),
        (LOCAL, "localhost.", {}),
        (LOCAL, "127.0.0.1:8000", {}),
        (("127.8.9.1", 1), "127.0.0.2", {}),
        (("::1", 1), "[::1]:8000", {}),
        (("::ffff:127.0.0.1", 1), "localhost", {}),
        (LOCAL, "localhost", {"x_forwarded_for": "127.0.0.1, ::1", "x_forwarded_host": "localhost:5173"}),  # Vite
        (LOCAL, "localhost", {"forwarded": 'for="[::1]:5000";host=localhost;proto=http'}),
    ],
)
async def test_this_machine_is_served(client: Any, host: str, more: dict[str, str]) -> None:
    reply = await ask(site(), headers=headers(host, **more), client=client)
    assert (reply.status, HELD in reply.text) == (200, True)


@pytest.mark.parametrize(
    ("client", "host", "more"),
    [
        (("192.0.2.1", 1), "localhost", {}),  # from elsewhere, saying that it is not
        (("127.0.0.1", 0), "localhost", {"x_forwarded_for": "127.0.0.1"}),  # uvicorn took it from the header
        (LOCAL, "localhost", {"via": "1.1 proxy"}),
        (LOCAL, "localhost", {"cf_connecting_ip": "192.0.2.1"}),
        (LOCAL, "localhost", {"forwarded": "by=192.0.2.1"}),
        (LOCAL, "127.0.0.1%shop.example", {}),
        (("172.17.0.1", 1), "localhost", {}),  # a container's host
        (("::ffff:192.0.2.1", 1), "localhost", {}),
        (("2001:db8::1", 1), "localhost", {}),
        (("testclient", 50000), "localhost", {}),
        (("", 0), "localhost", {}),
        (None, "localhost", {}),  # a unix socket
        (LOCAL, "shop.example", {}),  # DNS rebinding
        (LOCAL, "localhost.shop.example", {}),
        (LOCAL, "127.0.0.1.shop.example", {}),
        (LOCAL, "notlocalhost", {}),
        (LOCAL, "0.0.0.0:8000", {}),
        (LOCAL, "192.168.1.5", {}),
        (LOCAL, "[::1].shop.example", {}),
        (LOCAL, "localhost@shop.example", {}),
        (LOCAL, "", {}),
        (LOCAL, "localhost", {"x_forwarded_for": "192.0.2.1"}),  # a proxy on this machine
        (LOCAL, "localhost", {"x_forwarded_for": "127.0.0.1, 192.0.2.1"}),
        (LOCAL, "localhost", {"x_real_ip": "2001:db8::1"}),
        (LOCAL, "127.0.0.1:8000", {"x_forwarded_host": "shop.example"}),
        (LOCAL, "localhost", {"forwarded": "for=192.0.2.1;host=localhost"}),
        (LOCAL, "localhost", {"forwarded": 'for=127.0.0.1, for="[2001:db8::1]"'}),
    ],
)
@pytest.mark.parametrize("path", ["/", "/_consent/state"])
async def test_nobody_else_is_served(
    client: Any, host: str, more: dict[str, str], path: str, caplog: pytest.LogCaptureFixture
) -> None:
    gated = site()
    for _ in range(2):
        reply = await ask(gated, path, headers=headers(host, **more), client=client)
        assert (reply.status, REFUSED in reply.text) == (403, True)
    assert caplog.text.count("development mode has refused a request") == 1
    websocket = await ask(gated, path, headers=headers(host, **more), client=client, type="websocket")
    assert [message["type"] for message in websocket.messages] == ["websocket.close"]


async def test_two_hosts_or_none_are_refused() -> None:
    pairs = [(b"host", b"localhost"), (b"host", b"shop.example")]
    assert (await ask(site(), pairs=pairs, client=LOCAL)).status == 403
    assert (await ask(site(), pairs=[(b"accept", b"text/html")], client=LOCAL)).status == 403


@pytest.mark.parametrize("secret", ["s" * 40, None])
async def test_a_secret_that_is_given_signs(
    folder: Path, secret: str | None, monkeypatch: pytest.MonkeyPatch, ledger_url: str
) -> None:
    """So that a choice holds with development mode and without."""
    if secret is None:
        monkeypatch.setenv("CONSENT_SECRET", SECRET)
    strict = site(dev=False, secret=secret, ledger=ledger_url)
    cookie = await cookie_of(strict, "x.test")
    reply = await ask(site(secret=secret), headers=headers("localhost", cookie=cookie), client=LOCAL)
    assert HELD not in reply.text
    assert not (folder / "cache").exists()


async def test_workers_have_one_secret(ledger_url: str) -> None:
    first = site(ledger=ledger_url)
    first._door = None
    cookie = await cookie_of(first, "x.test")
    reply = await ask(site(ledger=ledger_url), headers=headers("localhost", cookie=cookie), client=LOCAL)
    assert HELD not in reply.text


async def test_the_start_says_that_it_is_on(caplog: pytest.LogCaptureFixture) -> None:
    await lifespan(site(), ["startup", "shutdown"])
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert told == ["development mode is on: only browsers on this machine are served, under a name such as localhost"]


async def test_a_log_in_memory_may_be_given_by_itself(ledger_url: str) -> None:
    ledger = Ledger("sqlite://", memory=True)
    gated = site(dev=False, secret="s" * 40, ledger=ledger)
    gated.check()
    assert site(ledger=ledger_url)._parts.site.dev
    assert not gated._parts.site.dev
