"""The proxy on loopback that is the browser's only way out.

It looks names up itself and connects to the very address that it has checked, so that a name which changes its
address between two look-ups (DNS rebinding) leads nowhere. Tunnels for TLS are passed through unread.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import secrets
from base64 import b64encode
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType
    from typing import Self

    from cookie_consent.scanner.browser.network import Network

    _Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

__all__ = ["FIRST", "USER", "Egress", "RefusedError", "Way"]

USER = "scan"
FIRST = "http://cookie-consent-scan.invalid/"
"""What a browser asks for first, to be asked for the password. It is answered here, as is the icon of that page."""
_FIRST_HOST = urlsplit(FIRST).hostname
_ASKED = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
    b'Proxy-Authenticate: Basic realm="scan"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
)
_WELCOME = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

_HEAD = 65_536
"""The longest head of a request, in bytes."""
_CHUNK = 65_536
_CONNECT_SECONDS = 15.0
_HEAD_SECONDS = 30.0
_CONNECTIONS = 512
"""Open at once. A page that wants more has to wait."""
_WEB_PORTS = frozenset({80, 443})
_DROPPED = (b"proxy-", b"connection:", b"keep-alive:")


class RefusedError(Exception):
    """The browser may not connect there."""


class Way(NamedTuple):
    """How to use the proxy."""

    port: int
    password: str
    """Of the user ``USER``: other programs on this machine could use the proxy without it."""


class Egress:
    """The proxy. It runs from ``async with`` on, and serves who has the password of its ``way``.

    Private addresses are refused unless ``private`` is true. The one exception is the site itself: its host at its own
    port and at the ports of the web.
    """

    def __init__(
        self,
        network: Network,
        *,
        site: str,
        private: bool = False,
        on_contact: Callable[[str, int], None] | None = None,
        on_refused: Callable[[str, int, str], None] | None = None,
        on_failed: Callable[[str, int, str], None] | None = None,
    ) -> None:
        parts = urlsplit(site)
        self._network = network
        self._site = (parts.hostname or "").rstrip(".")
        self._site_ports = _WEB_PORTS | {parts.port or (443 if parts.scheme == "https" else 80)}
        self._private = private
        self._pinned: list[str] = []
        self._on_contact = on_contact or (lambda _host, _port: None)
        self._on_refused = on_refused or (lambda _host, _port, _why: None)
        self._on_failed = on_failed or (lambda _host, _port, _why: None)
        self._tasks: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(_CONNECTIONS)
        self._server: asyncio.Server | None = None
        self.way = Way(0, secrets.token_urlsafe(32))
        self._token = b"Basic " + b64encode(f"{USER}:{self.way.password}".encode())

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0, limit=_HEAD)
        self.way = self.way._replace(port=self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._server:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with self._free:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
                    async with asyncio.timeout(_HEAD_SECONDS):
                        head = await reader.readuntil(b"\r\n\r\n")
                    await self._answer(head, reader, writer)
        finally:
            await _closed(writer)

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._may_pass(head):
            writer.write(_ASKED)
            await writer.drain()
            return
        # Where there is no connection the browser's own is closed without an answer, as one would look like the host's.
        try:
            host, port, first = _parsed(head)
        except ValueError:
            return
        if host == _FIRST_HOST:
            if first:
                writer.write(_WELCOME)
                await writer.drain()
            return
        try:
            away_reader, away_writer = await self.open(host, port)
        except RefusedError as error:
            self._on_refused(host, port, str(error))
            return
        except (OSError, TimeoutError, UnicodeError) as error:  # the last for names that are none
            self._on_failed(host, port, str(error) or f"{host} does not answer")
            return
        try:
            if first:
                await _passed_on(head, first, (reader, writer), (away_reader, away_writer))
            else:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await writer.drain()
                await _together(_copied(reader, away_writer), _copied(away_reader, writer))
        finally:
            await _closed(away_writer)

    def _may_pass(self, head: bytes) -> bool:
        given = [line.partition(b":")[2].strip() for line in head.split(b"\r\n") if _is_password(line)]
        return len(given) == 1 and hmac.compare_digest(given[0], self._token)

    async def open(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the host. Raises ``RefusedError`` if that is not allowed, and ``OSError`` if it fails."""
        self._on_contact(host, port)
        async with asyncio.timeout(_CONNECT_SECONDS):
            is_own = host == self._site and port in self._site_ports
            found = [host] if _is_address(host) else await self._looked_up(host, port, is_own=is_own)
            error = OSError(f"{host} has no address")
            for address in found:
                if not (is_own or self._private or self._network.is_public(address)):
                    where = "it" if address == host else f"{host} is at {address}, which"
                    raise RefusedError(f"{where} is not public")
            for address in found:
                try:
                    return await self._network.connect(address, port)
                except OSError as failed:
                    error = failed
        raise error

    async def _looked_up(self, host: str, port: int, *, is_own: bool) -> list[str]:
        """Return the host's addresses. The site's own stay those of the first time, wherever its name leads later."""
        if is_own and self._pinned:
            return self._pinned
        found = await self._network.addresses(host, port)
        if is_own:
            self._pinned = self._pinned or found
            return self._pinned
        return found


def _is_password(line: bytes) -> bool:
    return line.lower().startswith(b"proxy-authorization:")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _parsed(head: bytes) -> tuple[str, int, bytes]:
    """Return host and port, and what to send there first: nothing for a tunnel. Raises ``ValueError``."""
    line, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    method, target, version = line.decode("latin-1").split(" ")
    if method == "CONNECT":
        parts = urlsplit(f"//{target}")
        return _host(parts.hostname), parts.port or 443, b""
    parts = urlsplit(target)
    # Chromium asks for ws: addresses through a tunnel, so that nothing but http comes in this form.
    if parts.scheme != "http":
        raise ValueError(parts.scheme)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    kept = [each for each in lines if not each.lower().startswith(_DROPPED)]
    # Each connection carries one request: the next may be for another host.
    first = [f"{method} {path} {version}".encode("latin-1"), *kept, b"Connection: close", b"", b""]
    return _host(parts.hostname), parts.port or 80, b"\r\n".join(first)


def _host(name: str | None) -> str:
    if not name:
        raise ValueError("no host")
    return name.rstrip(".")


async def _passed_on(head: bytes, first: bytes, browser: _Streams, away: _Streams) -> None:
    """Pass on one request and its answer, which is marked as the connection's last."""
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and value.strip().isdigit():
            length = int(value[:20])
    away[1].write(first)
    await away[1].drain()
    # A browser that reused the connection would speak to this host of another one. So nothing else is passed on.
    await _together(_copied_body(browser[0], away[1], length), _answered(away[0], browser[1]))


async def _answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    is_last = False
    while not is_last:
        head = await reader.readuntil(b"\r\n\r\n")
        line, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        is_last = line.split(b" ")[1:2] < [b"100"] or line.split(b" ")[1:2] >= [b"200"]
        kept = [each for each in lines if not each.lower().startswith(_DROPPED)]
        writer.write(b"\r\n".join([line, *kept, b"Connection: close", b"", b""]))
    await _copied(reader, writer)


async def _copied_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, length: int) -> None:
    """Copy the request's body, and end when the browser closes the connection."""
    while data := await reader.read(_CHUNK):
        if length > 0:
            writer.write(data[:length])
            await writer.drain()
            length -= len(data)


async def _together(*ways: Coroutine[None, None, None]) -> None:
    """Run both until one of them ends."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()


async def _closed(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, TimeoutError):
        writer.close()
        async with asyncio.timeout(1):
            await writer.wait_closed()
