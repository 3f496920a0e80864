"""A server on loopback that stands in for all hosts of a scan."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import trustme
import uvicorn

from cookie_consent.scanner.browser.network import Network
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from starlette.types import ASGIApp

    from tests.scanner.planted import Answer

__all__ = ["ARGUMENTS", "app_of", "standing_in"]

ARGUMENTS = ("--ignore-certificate-errors", "--disable-gpu")
PUBLIC = "192.0.2.1"
"""The address of all hosts but those whose names begin with ``private``."""
PRIVATE = "10.0.0.1"


def app_of(answers: Callable[[str, str], Answer]) -> ASGIApp:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").partition(":")[0]
        while (await receive()).get("more_body"):
            pass
        answer = answers(host, scope["path"])
        sent = [("content-type", answer.kind), ("access-control-allow-origin", "*"), *answer.headers]
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in sent]
        await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
        await send({"type": "http.response.body", "body": answer.body})

    return app


@contextlib.asynccontextmanager
async def standing_in(
    app: ASGIApp, folder: Path, aliases: dict[str, tuple[str, ...]] | None = None
) -> AsyncIterator[Network]:
    """Serve the app over HTTP and TLS; give a network in which all hosts lead to it."""
    certificate = folder / "server.pem"
    issued = trustme.CA().issue_cert("site.test")
    issued.private_key_and_cert_chain_pem.write_to_path(certificate)
    async with contextlib.AsyncExitStack() as stack:
        plain, secure = [
            await stack.enter_async_context(_served(app, **given)) for given in ({}, {"ssl_certfile": str(certificate)})
        ]

        async def addresses(host: str, _: int) -> list[str]:
            return [PRIVATE if host.startswith("private") else PUBLIC]

        async def connect(_: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            return await asyncio.open_connection("127.0.0.1", secure if port == 443 else plain, limit=262_144)

        async def ask(host: str) -> tuple[str, ...]:
            return (aliases or {}).get(host, ())

        yield Network(addresses=addresses, connect=connect, aliases=ask, is_public=lambda found: found != PRIVATE)


@contextlib.asynccontextmanager
async def _served(app: ASGIApp, **given: Any) -> AsyncIterator[int]:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", ws="none", lifespan="off", **given)
    server = uvicorn.Server(config)
    task = asyncio.ensure_future(server._serve())
    await until_async(lambda: server.started or task.done())
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        await task
