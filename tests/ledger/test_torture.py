"""A real server is killed, or its store taken away, while 32 clients post: no acknowledged choice is lost."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import socket
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from cookie_consent import Ledger
from cookie_consent.ledger.proof.note import new_key
from tests.waiting import until, until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

CLIENTS = 32
KEY, PUBLIC = new_key("site.test")
SERVER = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from cookie_consent import ConsentMiddleware, Ledger, Policy
from cookie_consent.policy import CookieRule, LimitOptions
OWN = (CookieRule(name="own", category="analytics"),)
ANY = LimitOptions(choices_per_address=0, choices=0)  # all clients have one address
app = Starlette(routes=[Route("/", lambda request: HTMLResponse("<title>Hello</title>"))])
app.add_middleware(ConsentMiddleware, policy=Policy(version="1", limits=ANY, cookies=OWN), secret="x" * 40,
                   ledger=Ledger(sys.argv[1], key=sys.argv[3], seal_every=0.05))
uvicorn.run(app, fd=int(sys.argv[2]), log_level="critical", access_log=False)
"""
CHOICE = b'{"granted": ["analytics"]}'
POST = (
    b"POST /_consent/choices HTTP/1.1\r\nHost: site.test\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(CHOICE), CHOICE)
)
GET = b"GET / HTTP/1.1\r\nHost: site.test\r\nAccept: text/html\r\n\r\n"


class Load:
    """Clients that post choices of ever new visitors and look at pages, and what they were told."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.acknowledged: list[str] = []
        self.failures: list[bytes] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._client(number)) for number in range(CLIENTS)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _client(self, number: int) -> None:
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    while True:
                        status, body = await _ask(reader, writer, POST)
                        if status == 200:
                            self.acknowledged.append(json.loads(body)["id"])
                        else:
                            self.failures.append(body)
                        if number == 0:
                            status, body = await _ask(reader, writer, GET)
                            if status != 200:
                                self.failures.append(body)
                finally:
                    writer.close()
            await asyncio.sleep(0.02)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    body = b""
    if b"content-length:" in head.lower():
        body = await reader.readexactly(int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
    else:
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size + 2)
        await reader.readexactly(2)
    return int(head[9:12]), body


@contextmanager
def serving(url: str, listener: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server on the listening socket, so that its port stays ours between two of them."""
    file = listener.fileno()
    server = subprocess.Popen([sys.executable, "-c", SERVER, url, str(file), KEY], pass_fds=[file])
    try:
        yield server
    finally:
        server.kill()
        server.wait()


def listen() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener


async def answers(load: Load, more: int) -> None:
    """Wait until so many choices more are acknowledged."""
    goal = len(load.acknowledged) + more
    await until_async(lambda: len(load.acknowledged) >= goal)


def spools(folder: Path) -> list[Path]:
    return list(folder.glob("*.spool"))


def verify(url: str) -> int:
    """Verify the log as it was left, and what it was sealed to be; return how many records are sealed."""
    ledger = Ledger(url)
    ledger.open()
    if ledger.checkpoint() is None:  # killed before the first time
        return 0
    found = ledger.verify(trusted=[PUBLIC])
    ledger.close()
    assert (found.faults, found.checkpoints > 0) == ([], True)
    return found.records


def check(url: str, acknowledged: list[str]) -> None:
    """Carry over what was left, as the next server does, and compare; all of it can be sealed and verified."""
    ledger = Ledger(url, key=KEY)
    ledger.start()
    until(lambda: not ledger.waiting())
    ledger.close()
    found = Counter(record.subject for record in ledger.records())
    ledger.close()
    assert [subject for subject in acknowledged if subject not in found] == []
    assert [subject for subject, count in found.items() if count != 1] == []
    ledger.seal()
    ledger.close()
    assert verify(url) == len(found)


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.torture)])
def test_no_acknowledged_choice_is_lost_when_the_server_is_killed(ledger_url: str, tmp_path: Path, kills: int) -> None:
    chance = random.Random(kills)  # noqa: S311 - nothing secret

    left: list[Path] = []
    sealed: list[int] = []

    async def run() -> list[str]:
        with listen() as listener:
            load = Load(listener.getsockname()[1])
            async with load.running():
                for number in range(kills):
                    with serving(ledger_url, listener) as server:
                        await answers(load, 50)
                        other = sqlite3.connect(tmp_path / "consent.db", isolation_level=None, timeout=30)
                        if number % 2:  # now the choices go to the spool
                            other.execute("BEGIN IMMEDIATE")
                            await answers(load, 50)
                        await asyncio.sleep(chance.uniform(0, 0.3))
                        server.send_signal(signal.SIGKILL)
                        server.wait()
                        left.extend(spools(tmp_path))
                        other.close()
                        sealed.append(verify(ledger_url))
            assert load.failures == []
            return load.acknowledged

    acknowledged = asyncio.run(run())
    assert len(acknowledged) >= 50 * kills
    assert len(left) >= kills // 2  # some ended with choices in the spool
    assert sealed[-1] > sealed[0]
    check(ledger_url, acknowledged)


@pytest.mark.parametrize("seconds", [pytest.param(60, marks=pytest.mark.torture)])
def test_a_store_that_is_away_fails_no_page_and_loses_no_choice(
    ledger_url: str, tmp_path: Path, seconds: float
) -> None:
    async def run() -> list[str]:
        with listen() as listener:
            load = Load(listener.getsockname()[1])
            with serving(ledger_url, listener) as server:
                async with load.running():
                    await answers(load, 50)
                    other = sqlite3.connect(tmp_path / "consent.db", isolation_level=None, timeout=30)
                    other.execute("BEGIN IMMEDIATE")
                    before = len(load.acknowledged)
                    await asyncio.sleep(seconds)
                    assert len(load.acknowledged) - before > 20 * seconds
                    other.execute("ROLLBACK")
                    other.close()
                    await answers(load, 50)
                server.terminate()
                assert server.wait(30) in {0, -signal.SIGTERM}
            assert load.failures == []
            return load.acknowledged

    acknowledged = asyncio.run(run())
    assert spools(tmp_path) == []  # carried over while it ran, or when it ended
    check(ledger_url, acknowledged)
