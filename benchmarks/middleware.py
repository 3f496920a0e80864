"""What the middleware costs on uvicorn: requests per second with it, beside the same application without it.

    python benchmarks/middleware.py

A page of 100 KB with 25 third-party tags: made beforehand, rendered from a template for each request, and rendered
with something new in it each time, so that nothing can be kept of it; and a small JSON answer, to a program and to the
script of a page, which sends more headers and a session cookie. Servers and client are
processes of their own; short rounds are taken in turn, and the median of the ratios counts. Two processes that do the
same differ by a hundredth, since their memory lies differently, so all are restarted a few times. Printed beside it is
the same ratio for a second server without the middleware, which tells what this measurement can tell apart, and the
ratio of the processor time that one request takes of the server, which other load on the machine changes less (Linux
only). With the JSON answer stand middlewares that come with Starlette, of which none has anything to do for it either.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import statistics
import tempfile
import threading
import time
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
import uvicorn
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from cookie_consent import ConsentMiddleware, Policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp

STARTS = 6
ROUNDS = 8
SECONDS = 0.3
CONNECTIONS = 4
SERVERS = ("bare", "gated", "control")
PEERS: dict[str, Callable[[ASGIApp], ASGIApp]] = {
    "cors": partial(CORSMiddleware, allow_origins=["http://other.test"]),
    "gzip": partial(GZipMiddleware),
    "session": partial(SessionMiddleware, secret_key="x" * 40),
}
PAGE = ("Accept: text/html", "Sec-Fetch-Dest: document")
PROGRAM = ("Accept: */*", "Accept-Encoding: gzip, deflate", "User-Agent: python-httpx/0.28.1")
SCRIPT = (
    "Accept: */*",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-GB,en;q=0.9",
    "Cookie: sessionid=6f1c8d0ab2f34c7e9a5d; csrftoken=Zk3vQ8s1",
    "Referer: http://site.test/",
    "Sec-Fetch-Dest: empty",
    "Sec-Fetch-Mode: cors",
    "Sec-Fetch-Site: same-origin",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
)
"""What asks, by the headers that it sends."""
KINDS = (
    ("page", "/page", PAGE, SERVERS, 0.7),
    ("rendered", "/rendered", PAGE, SERVERS, 0.7),
    ("changing", "/changing", PAGE, SERVERS, 0.7),
    ("data", "/data", PROGRAM, (*SERVERS, *PEERS), 0.97),
    ("fetched", "/data", SCRIPT, (*SERVERS, *PEERS), 0.97),
)
"""The name of each line, what is asked for, how, of which servers, and the least ratio that is to be reached."""
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


def serve(port: int, name: str) -> None:
    """Run one server."""
    app = application()
    if name == "gated":
        ledger = f"sqlite:///{tempfile.mkdtemp()}/log.db"
        app.add_middleware(ConsentMiddleware, policy=Policy(version="1"), secret="x" * 40, ledger=ledger)
    elif name in PEERS:
        app.add_middleware(PEERS[name])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


def load(port: int, path: str, headers: tuple[str, ...]) -> float:
    """Ask for ``path`` over a few connections for some seconds; return the requests per second."""
    counts: list[int] = []
    request = "\r\n".join((f"GET {path} HTTP/1.1", "Host: site.test", *headers, "", "")).encode()
    until = time.perf_counter() + SECONDS

    def ask() -> None:
        count = 0
        with socket.create_connection(("127.0.0.1", port)) as connection:
            while time.perf_counter() < until:
                connection.sendall(request)
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


class Figures:
    """What was measured of one kind of answer: for each server its rates, and the processor time of one request."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.rates: dict[str, list[float]] = {name: [] for name in names}
        self._costs = dict.fromkeys(names, 0.0)

    def add(self, name: str, rate: float, cost: float) -> None:
        """Add one round: requests per second, and the processor time in seconds that it took."""
        self.rates[name].append(rate)
        self._costs[name] += cost

    def ratio(self, name: str) -> float:
        """Return the median of the ratios to the bare server in rounds that were taken one after the other."""
        pairs = zip(self.rates[name], self.rates["bare"], strict=True)
        return statistics.median(rate / bare for rate, bare in pairs)

    def processor_ratio(self, name: str) -> float:
        """Return the ratio of the processor time of one request, of the bare server to that of this one."""
        each = {name: cost / sum(self.rates[name]) for name, cost in self._costs.items()}
        return each["bare"] / each[name]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measure(figures: dict[str, Figures]) -> None:
    """Start all servers, take some rounds of each kind and add what comes out, and end the servers."""
    context = multiprocessing.get_context("spawn")
    ports = {name: free_port() for name in (*SERVERS, *PEERS)}
    servers = {name: context.Process(target=serve, args=(port, name)) for name, port in ports.items()}
    for server in servers.values():
        server.start()
    for port in ports.values():
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
    try:
        for kind, path, headers, names, _ in KINDS:
            for turn in range(ROUNDS):
                first = turn % len(names)
                for name in names[first:] + names[:first]:
                    before = processor_time(servers[name].pid)
                    rate = load(ports[name], path, headers)
                    figures[kind].add(name, rate, processor_time(servers[name].pid) - before)
    finally:
        for server in servers.values():
            server.terminate()
            server.join()


def main() -> None:
    """Print a line for each server and kind of answer."""
    figures = {kind: Figures(names) for kind, _, _, names, _ in KINDS}
    for _ in range(STARTS):
        measure(figures)
    for kind, _, _, names, least in KINDS:
        found = figures[kind]
        print(f"{kind:<10} bare     {statistics.median(found.rates['bare']):7.0f}/s")
        for name in names[1:]:
            print(
                f"{'':<10} {name:<8} {statistics.median(found.rates[name]):7.0f}/s   ratio {found.ratio(name):.3f}"
                f"   of processor time {found.processor_ratio(name):.3f}" + f" (goal {least})" * (name == "gated")
            )


if __name__ == "__main__":
    main()
