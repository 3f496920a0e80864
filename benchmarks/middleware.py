"""What the middleware costs on uvicorn: requests per second with it, beside the same application without it.

    python benchmarks/middleware.py

A page of 100 KB with 25 third-party tags: made beforehand, rendered from a template for each request, and rendered
with something new in it each time, so that nothing can be kept of it; and a small JSON answer. Servers and client are
processes of their own; rounds are taken in turn, and the median of the ratios counts. Beside it stands the ratio of the
processor time that one request takes of the server, which other load on the machine changes less (Linux only).
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import statistics
import tempfile
import threading
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from cookie_consent import ConsentMiddleware, Policy

if TYPE_CHECKING:
    from starlette.requests import Request

ROUNDS = 9
SECONDS = 1.5
CONNECTIONS = 4
TEMPLATE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title></head><body>\n'
    "{% for row in rows %}"
    '<div class="story"><h2>Title {{ row }}</h2><p>Some words, '
    '<a href="/a?b={{ row }}">a link</a> and more.</p></div>\n'
    '{% if row % 40 == 0 %}<img src="https://i.ytimg.com/vi/{{ row }}.jpg" alt="A picture">{% endif %}'
    "{% endfor %}</body></html>"
)
"""25 tags among 1,000 rows of about 100 bytes."""


def application() -> Starlette:
    """Return the site."""
    template = jinja2.Environment(autoescape=True).from_string(TEMPLATE)
    made = template.render(title="News", rows=range(1000)).encode()

    async def page(_: Request) -> Response:
        return HTMLResponse(made)

    async def rendered(_: Request) -> Response:
        return HTMLResponse(template.render(title="News", rows=range(1000)))

    numbers = count()

    async def changing(_: Request) -> Response:
        return HTMLResponse(template.render(title=f"News {next(numbers)}", rows=range(1000)))

    async def data(_: Request) -> Response:
        return JSONResponse({"a": 1})

    return Starlette(
        routes=[Route("/page", page), Route("/rendered", rendered), Route("/changing", changing), Route("/data", data)]
    )


def serve(port: int, *, gated: bool) -> None:
    """Run one server."""
    app = application()
    if gated:
        ledger = f"sqlite:///{tempfile.mkdtemp()}/log.db"
        app.add_middleware(ConsentMiddleware, policy=Policy(version="1"), secret="x" * 40, ledger=ledger)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


def load(port: int, path: str) -> float:
    """Ask for ``path`` over a few connections for some seconds; return the requests per second."""
    counts: list[int] = []
    until = time.perf_counter() + SECONDS

    def ask() -> None:
        request = f"GET {path} HTTP/1.1\r\nHost: site.test\r\nAccept: text/html\r\nSec-Fetch-Dest: document\r\n\r\n"
        count = 0
        with socket.create_connection(("127.0.0.1", port)) as connection:
            while time.perf_counter() < until:
                connection.sendall(request.encode())
                receive(connection)
                count += 1
        counts.append(count)

    threads = [threading.Thread(target=ask) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS


def receive(connection: socket.socket) -> None:
    """Read one answer, of known length or in chunks."""
    data = connection.recv(262_144)
    while b"\r\n\r\n" not in data:
        data += connection.recv(262_144)
    head, _, body = data.partition(b"\r\n\r\n")
    marker = head.lower().find(b"content-length:")
    if marker >= 0:
        left = int(head[marker + 15 :].split(b"\r\n", 1)[0]) - len(body)
        while left > 0:
            left -= len(connection.recv(262_144))
        return
    tail = body[-5:]
    while tail != b"0\r\n\r\n":
        tail = (tail + connection.recv(262_144))[-5:]


def processor_time(pid: int | None) -> float:
    """Return the seconds that the process has used, or not a number where that cannot be read."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Print one line for each kind of answer."""
    context = multiprocessing.get_context("spawn")
    ports = {gated: free_port() for gated in (False, True)}
    servers = {
        gated: context.Process(target=serve, args=(port,), kwargs={"gated": gated}) for gated, port in ports.items()
    }
    for server in servers.values():
        server.start()
    for port in ports.values():
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
    try:
        for path, least in (("/page", 0.7), ("/rendered", 0.7), ("/changing", 0.7), ("/data", 0.97)):
            rates: dict[bool, list[float]] = {False: [], True: []}
            costs = {False: 0.0, True: 0.0}
            for turn in range(ROUNDS):
                for gated in (False, True) if turn % 2 == 0 else (True, False):
                    before = processor_time(servers[gated].pid)
                    rates[gated].append(load(ports[gated], path))
                    costs[gated] += processor_time(servers[gated].pid) - before
            ratio = statistics.median(with_it / bare for bare, with_it in zip(rates[False], rates[True], strict=True))
            bare, with_it = (statistics.median(rates[gated]) for gated in (False, True))
            each = {gated: costs[gated] / (sum(rates[gated]) * SECONDS) for gated in (False, True)}
            print(
                f"{path:<10} bare {bare:7.0f}/s   gated {with_it:7.0f}/s   ratio {ratio:.2f} (goal {least})   "
                f"of processor time {each[False] / each[True]:.2f}",
                flush=True,
            )
    finally:
        for server in servers.values():
            server.terminate()
            server.join()


if __name__ == "__main__":
    main()
