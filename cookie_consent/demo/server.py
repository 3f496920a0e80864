"""Serve both origins of the demo in one process."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from cookie_consent.demo.shop import make_shop
from cookie_consent.demo.third_parties import make_third_parties
from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

__all__ = ["run"]

GUIDE = """\
The shop:           http://localhost:{shop}
Its third parties:  http://127.0.0.1:{third} (what each has received from you, live)

Refuse, and the list stays empty. Accept analytics in the settings, and one service appears.
Withdraw under "Privacy settings", and it stops, and its cookies are gone.

The choices:        cookie-consent log export --format csv --ledger {ledger}
Stop the demo with Ctrl-C.
"""


class _Server(uvicorn.Server):
    """A server that leaves signals to ``run``, which stops both servers."""

    def install_signal_handlers(self) -> None:
        """Do nothing."""

    def capture_signals(self) -> ExitStack:  # type: ignore[override]
        """Do nothing."""
        return ExitStack()


def run(
    *,
    port: int = 8000,
    third_party_port: int = 8001,
    host: str = "127.0.0.1",
    ledger: str | None = None,
    echo: Callable[[str], None] | None = None,
) -> None:
    """Serve the shop and the third parties until the process is told to stop. Port 0 picks a free port.

    Without ``ledger`` the choices go to a file that is deleted at the end. Raises ``ConfigurationError`` if a port is
    in use, and ``LedgerError`` if the log cannot be written.
    """
    with ExitStack() as stack:
        shop_socket = stack.enter_context(_bind(host, port, "--port"))
        third_socket = stack.enter_context(_bind(host, third_party_port, "--third-party-port"))
        if ledger is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cookie-consent-demo-"))
            ledger = f"sqlite:///{Path(folder) / 'consent.db'}"
        say = echo if echo is not None else _print
        Ledger(ledger).open()
        ports = {"shop": shop_socket.getsockname()[1], "third": third_socket.getsockname()[1]}
        shop = make_shop(third_parties=f"http://{host}:{ports['third']}", ledger=ledger)
        servers = [(_server(shop), shop_socket), (_server(make_third_parties()), third_socket)]
        asyncio.run(_serve(servers, lambda: say(GUIDE.format(**ports, ledger=ledger))))


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - for a terminal; flushed for a pipe


def _bind(host: str, port: int, option: str) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen()
    except OSError as error:
        bound.close()
        cause = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise ConfigurationError(f"port {port} {cause}; choose another with {option}, or {option} 0 for any") from None
    return bound


def _server(app: ASGIApp) -> _Server:
    return _Server(uvicorn.Config(app, log_level="warning", ws="none", timeout_graceful_shutdown=2))


async def _serve(servers: list[tuple[_Server, socket.socket]], ready: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for server, _ in servers:
            server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    tasks = [asyncio.create_task(server.serve([bound])) for server, bound in servers]
    # uvicorn has no event to wait for.
    while not all(server.started for server, _ in servers) and not any(task.done() for task in tasks):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    ready()
    await asyncio.gather(*tasks)
