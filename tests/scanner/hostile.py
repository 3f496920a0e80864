"""A site on this machine that answers, byte for byte, as a test wants."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

from cookie_consent.mirror.network import Network, is_public

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

Answer: TypeAlias = "bytes | AsyncIterator[bytes] | None"
"""All bytes of the response; None to say nothing at all."""


class HostileSite:
    """Answers by a function of the path and query. Names of hosts lead to it through ``network``."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self._answer = answer
        self.heads: list[str] = []
        """The heads of the requests."""
        self.port = 0
        self.addresses: dict[str, list[str]] = {}
        """The addresses of hosts; those that are not here are those of this site."""
        self.writers: set[asyncio.StreamWriter] = set()
        self.most_at_once = self._now = 0
        self.network = Network(resolve=self._resolve, is_public=lambda at: at == "127.0.0.1" or is_public(at))

    @property
    def paths(self) -> list[str]:
        return [head.split(" ")[1] for head in self.heads]

    def url(self, path: str = "/", host: str = "shop.example") -> str:
        return f"http://{host}:{self.port}{path}"

    async def _resolve(self, host: str) -> list[str]:
        return self.addresses.get(host, ["127.0.0.1"])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._now += 1
        self.writers.add(writer)
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.heads.append(head)
            answer = self._answer(head.split(" ")[1])
            if answer is None:
                await reader.read()  # until the scan gives up
            elif isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                async for piece in answer:
                    writer.write(piece)
                    await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # a task that is cancelled has the server's callback complain
        finally:
            self._now -= 1
            self.writers.discard(writer)
            writer.transport.abort()


@asynccontextmanager
async def hostile_site(answer: Callable[[str], Answer]) -> AsyncIterator[HostileSite]:
    site = HostileSite(answer)
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
        for writer in list(site.writers):
            writer.transport.abort()
        await server.wait_closed()


def response(body: bytes | str = b"", *headers: str, status: int = 200, kind: str = "text/html") -> bytes:
    """Return the bytes of a response."""
    body = body.encode() if isinstance(body, str) else body
    lines = [
        f"HTTP/1.1 {status} x",
        f"content-type: {kind}",
        f"content-length: {len(body)}",
        "connection: close",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def page(*links: str, title: str = "", extra: str = "") -> bytes:
    """Return a page with links."""
    return response(f"<title>{title}</title>{extra}" + "".join(f'<a href="{link}">x</a>' for link in links))


def missing() -> bytes:
    return response(status=404)
