"""Ask an ASGI application without a server, so that what a server may send can be chosen freely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message

    from cookie_consent import ConsentMiddleware

HTML = {"accept": "text/html"}


class Reply:
    """What the application has sent."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.error: Exception | None = None

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in self.messages[0]["headers"]
        ]

    def header(self, name: str) -> str | None:
        """Return the values of all lines as one list; None if there is no such header."""
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None

    def listed(self, name: str) -> set[str]:
        """Return the members of a list, in lower case."""
        return {part.strip().lower() for part in (self.header(name) or "").split(",") if part.strip()}

    @property
    def text(self) -> str:
        bodies = [message.get("body", b"") for message in self.messages if message["type"] == "http.response.body"]
        return b"".join(bodies).decode()


async def ask(
    app: ASGIApp,
    path: str = "/",
    headers: dict[str, str] | None = None,
    *,
    method: str = "GET",
    pairs: Any = None,
    **scope: Any,
) -> Reply:
    """Return what the application sends for one request; with what it raises. ``pairs`` stand for ``headers``."""
    reply = Reply()
    bodies = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if not bodies:
            await anyio.sleep_forever()  # the client waits for its answer
        return bodies.pop()

    async def send(message: Message) -> None:
        reply.messages.append(message)

    asked = {"host": "shop.example", **(HTML if headers is None else headers)}
    given = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "scheme": "http",
        "server": ("shop.example", 80),
        "client": ("192.0.2.1", 5000),
        "headers": pairs or [(name.encode(), value.encode("latin-1")) for name, value in asked.items()],
        **scope,
    }
    try:
        await app(given, receive, send)
    except Exception as error:  # noqa: BLE001 - the test looks at it
        reply.error = error
    return reply


async def cookie_of(app: ConsentMiddleware, *granted: str) -> str:
    """Return the ``Cookie`` header of a visitor who has agreed to these categories, or to these undeclared hosts."""
    fields = (f"service.{name}=1" if "." in name else f"granted={name}" for name in granted)
    body = "&".join(["choice=1", *fields]).encode()
    reply = Reply()
    bodies = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return bodies.pop() if bodies else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        reply.messages.append(message)

    headers = [(b"host", b"shop.example"), (b"content-type", b"application/x-www-form-urlencoded")]
    scope = {"type": "http", "method": "POST", "path": f"{app.prefix}/choices", "headers": headers, "scheme": "http"}
    await app({**scope, "query_string": b"", "root_path": "", "server": ("shop.example", 80)}, receive, send)
    cookies = [value for name, value in reply.headers if name == "set-cookie"]
    return cookies[0].partition(";")[0]
