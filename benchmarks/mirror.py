"""What it costs the server that the libraries of a page are led to the mirror.

    python benchmarks/mirror.py

Serves two pages through the middleware, in turn and in one process: one names libraries by their addresses on public
hosts, the other has them on the site itself. Both come as they are, so that the page cache has them, and with
something else written in each answer, as where a page greets its visitor. No file is fetched. The goal is a page that
takes at most 1.03 times as long.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from cookie_consent import ConsentMiddleware, Ledger
from cookie_consent.testing import make_policy

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

ROUNDS = 30
PAGES = 200
"""Answers per measurement."""
GOAL = 1.03
TAGS = (
    ("link rel=stylesheet href", "https://cdn.jsdelivr.net/npm/bootstrap@5.3.3/dist/css/bootstrap.min.css"),
    ("link rel=stylesheet href", "https://cdnjs.cloudflare.com/ajax/libs/font-awesome/6.5.1/css/all.min.css"),
    ("link rel=stylesheet href", "https://fonts.googleapis.com/css2?family=Inter"),
    ("script src", "https://code.jquery.com/jquery-3.7.1.min.js"),
    ("script src", "https://cdn.jsdelivr.net/npm/bootstrap@5.3.3/dist/js/bootstrap.bundle.min.js"),
    ("script src", "https://unpkg.com/htmx.org@1.9.12"),
    ("script defer src", "https://cdn.jsdelivr.net/npm/alpinejs@3.13.1/dist/cdn.min.js"),
    ("script defer src", "https://cdn.jsdelivr.net/npm/chart.js@4.4.0/dist/chart.umd.js"),
)
MARK = b"<!-- number -->"


def page(*, own: bool) -> bytes:
    """Return a page of about 40 KB."""
    tags = []
    for number, (begin, address) in enumerate(TAGS):
        end = "</script>" if begin.startswith("script") else ""
        tags.append(f'<{begin}="{f"/static/{number}.js" if own else address}">{end}')
    rows = [
        f'<article class="card"><h2>Title {row}</h2><p>Some words, <a href="/a?b={row}">a link</a>.</p>'
        f'<img src="/static/{row}.jpg" alt="A picture"></article>\n'
        for row in range(300)
    ]
    body = "".join(rows)
    return f"<!doctype html><html><head><title>Shop</title>{''.join(tags)}</head><body>{MARK.decode()}{body}".encode()


def site(content: bytes) -> ConsentMiddleware:
    """Return an application that sends the page; with a query, that is written into it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - as ASGI calls it
        body = content.replace(MARK, scope["query_string"]) if scope["query_string"] else content
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return ConsentMiddleware(app, make_policy(), "k" * 40, Ledger("sqlite://", memory=True))


async def seconds(app: ConsentMiddleware, numbers: range, *, differs: bool) -> float:
    """Return the processor time for one answer each."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"shop.example"), (b"accept", b"text/html"), (b"sec-fetch-dest", b"document")]
    start = time.process_time()
    for number in numbers:
        query = b"<b>%d</b>" % number if differs else b""
        scope = {
            "type": "http", "method": "GET", "scheme": "https", "path": "/", "raw_path": b"/", "root_path": "",
            "query_string": query, "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        sent.clear()
        await app(scope, receive, send)
    return time.process_time() - start


async def main() -> None:
    """Print a line for each way of serving."""
    sites = {own: site(page(own=own)) for own in (True, False)}
    for differs, name in ((False, "from the page cache"), (True, "with something else each time")):
        best = dict.fromkeys(sites, float("inf"))
        for turn in range(ROUNDS):
            for own in sorted(sites, reverse=bool(turn % 2)):
                numbers = range(turn * PAGES, (turn + 1) * PAGES)
                best[own] = min(best[own], await seconds(sites[own], numbers, differs=differs))
        ratio = best[False] / best[True]
        said = "within" if ratio <= GOAL else "beyond"
        print(f"{name:30} {best[False] / PAGES * 1e6:6.1f} µs, {ratio:.3f} times as long, {said} the goal of {GOAL}")
    for made in sites.values():
        made.close()


if __name__ == "__main__":
    asyncio.run(main())
