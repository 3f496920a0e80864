"""A stand-in for the hosts of all libraries, on this machine, which behaves as badly as a test wants."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from concurrent.futures import Future
from functools import cache
from typing import TYPE_CHECKING, Any

import trustme

from cookie_consent.mirror.libraries import Libraries
from cookie_consent.mirror.mirror import Mirror
from cookie_consent.mirror.network import Network, is_public
from cookie_consent.mirror.store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cookie_consent.mirror.store import Store

__all__ = ["Upstream"]

SCRIPT = {"content-type": "application/javascript; charset=utf-8"}
LATE = b"late()"


@cache
def certificates() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return what the server shows, for all hosts but one, and what trusts it."""
    authority = trustme.CA()
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    names = sorted(Libraries().hosts - {"cdnjs.cloudflare.com"})
    authority.issue_cert(*names).configure_cert(shown)
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    return shown, trusted


class Upstream:
    """Answers by path. ``files`` hold status, headers and body; a body may be a list of pieces, or never end."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[int, dict[str, str], Any]] = {}
        self.asked: list[str] = []
        """The heads of the requests."""
        self.has_been_asked = threading.Event()
        self.go_on = threading.Event()
        """What waits for it sends its body when it is set."""
        self.addresses: dict[str, list[str]] = {}
        """The addresses of hosts; those that are not here are on this machine."""
        self._server_tls, tls = certificates()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.network = Network(
            resolve=self._resolve,
            is_public=lambda address: address == "127.0.0.1" or is_public(address),
            port=self._socket.getsockname()[1],
            tls=tls,
        )
        self._ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        self._loop, self._stopped = self._ready.result()

    def put(self, path: str, body: Any, status: int = 200, **headers: str) -> None:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self.files[path] = (status, {**SCRIPT, **given}, body)

    def mirror(
        self,
        *added: str,
        libraries: Libraries | None = None,
        store: Store | None = None,
        named: Callable[[Iterable[str]], object] = lambda _: None,
    ) -> Mirror:
        listed = libraries if libraries is not None else Libraries(added)
        return Mirror(listed, store=store if store is not None else MemoryStore(), network=self.network, named=named)

    def paths(self) -> list[str]:
        return [head.split(" ")[1] for head in self.asked]

    def close(self) -> None:
        self.go_on.set()
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    async def _resolve(self, host: str) -> list[str]:
        found = self.addresses.get(host, ["127.0.0.1"])
        if not found:
            raise OSError("no such host")
        return found

    async def _run(self) -> None:
        stopped = asyncio.Event()
        server = await asyncio.start_server(self._serve, sock=self._socket, ssl=self._server_tls)
        self._ready.set_result((asyncio.get_running_loop(), stopped))
        await stopped.wait()
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.asked.append(head)
            self.has_been_asked.set()
            status, headers, body = self.files.get(head.split(" ")[1], (404, {}, b""))
            if body == "endless":
                headers = {**headers, "transfer-encoding": "chunked"}
            elif body != "cut off":
                headers = {"content-length": str(len(LATE if body == "waits" else body)), **headers}
            lines = [f"HTTP/1.1 {status} x", *(f"{name}: {value}" for name, value in headers.items())]
            writer.write("\r\n".join([*lines, "connection: close", "", ""]).encode("latin-1"))
            if body == "endless":
                while not writer.transport.is_closing():  # which drain() does not always say over TLS
                    writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                    await writer.drain()
                    await asyncio.sleep(0)
            if body == "waits":
                await writer.drain()
                await asyncio.to_thread(self.go_on.wait)
                body = LATE
            writer.write(b"half()" if body == "cut off" else body)
            await writer.drain()
            writer.close()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # a task that is cancelled has the server's callback complain
        finally:
            writer.transport.abort()
