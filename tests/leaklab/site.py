"""The corpus as a site: an ASGI application, plain or dressed for a script-based consent manager."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs

from tests.leaklab.corpus import PAGES
from tests.leaklab.page import File

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from tests.leaklab.page import Page

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
BLANK = "<!doctype html><html><head><title>blank</title></head><body>a</body></html>"


class Dress(Protocol):
    """What a tool asks a site to write into its pages."""

    @property
    def head(self) -> str:
        """Return what stands first in the head of each page."""

    @property
    def files(self) -> Mapping[str, tuple[str, bytes]]:
        """Return the tool's own files by their path: content type and content."""

    def annotate(self, html: str) -> str:
        """Write each tag that is marked with ``@leak`` as the tool's documentation says."""


@dataclass(frozen=True)
class Plain:
    """No tool at all."""

    head: str = ""

    @property
    def files(self) -> Mapping[str, tuple[str, bytes]]:
        return {}

    def annotate(self, html: str) -> str:
        return html.replace(" @leak", "")


def corpus_site(dress: Dress) -> ASGIApp:
    """Serve the page NAME at ``/NAME/`` or where it is below that, and its files; ``?port=`` gives ``PORT``."""
    pages = {page.name: page for page in PAGES}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        del receive
        path: str = scope["path"]
        own = dress.files.get(path)
        if own is not None:
            await answer(send, 200, own[1], (("content-type", own[0]),))
            return
        _, name, *rest = path.split("/", 2)
        page = pages.get(name)
        file = found(page, rest[0] if rest else "", dress) if page is not None else None
        if page is not None and file is not None:
            port = parse_qs(scope["query_string"].decode("latin-1")).get("port", [""])[0]
            text = page.fill(dress.annotate(file.body), port=port).encode()
            headers = [("content-type", file.content_type)]
            for key, value in file.headers:
                if key == "x-delay":
                    await asyncio.sleep(float(value))
                else:
                    headers.append((key, page.fill(value, port=port)))
            await answer(send, file.status, text, tuple(headers))
        elif path in {"/own.png", "/favicon.ico"}:
            await answer(send, 200, PIXEL, (("content-type", "image/png"),))
        elif path == "/blank":
            await answer(send, 200, BLANK.encode(), (("content-type", "text/html"),))
        else:
            await answer(send, 404, b"", (("content-type", "text/plain"),))

    return app


def found(page: Page, name: str, dress: Dress) -> File | None:
    if name != page.below:
        return page.files.get(name)
    document = page.document or (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{page.name}</title>{page.head}</head>"
        f"<body>{page.body}</body></html>"
    )
    return File(
        body=document.replace("<head>", f"<head>{dress.head}", 1), content_type=page.content_type, headers=page.headers
    )


async def answer(send: Send, status: int, body: bytes, headers: tuple[tuple[str, str], ...]) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    raw.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
