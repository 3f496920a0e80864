"""A forward proxy that is a browser's only way out, and a server for the site under test.

The proxy passes requests for ``SITE`` and its subdomains on to the test's own server, over TLS too, and answers every
other host itself, with stubs of what the real ones do. It logs each contact, a mere connection too, so that a
preconnect counts.
"""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import trustme
import uvicorn

from tests.waiting import HANG, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import ASGIApp

SITE = "site.test"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-certificate-errors",
    "--proxy-bypass-list=<-loopback>",
)
"""What Chromium is started with, beside ``--proxy-server``."""
GTAG = b"""
document.cookie = "_ga=GA1.1.1; max-age=63072000; path=/";
document.cookie = "_ga_TEST=GS1; max-age=63072000; path=/";
navigator.sendBeacon("https://www.google-analytics.com/g/collect?v=2");
"""
FBEVENTS = b"""
document.cookie = "_fbp=fb.1.1; max-age=7776000; path=/";
new Image().src = "https://www.facebook.com/tr?id=1&ev=PageView&noscript=0";
"""
FONT_CSS = b"@font-face { font-family: Roboto; src: url(https://fonts.gstatic.com/s/roboto.woff2) }"
BROWSERS_OWN = {
    "accounts.google.com",
    "content-autofill.googleapis.com",
    "redirector.gvt1.com",
    "update.googleapis.com",
}
"""What Chromium asks for itself, whatever the page: the kinds of form fields, signing in, updates."""
STUBS = {
    "www.googletagmanager.com": ("text/javascript", GTAG),
    "connect.facebook.net": ("text/javascript", FBEVENTS),
    "fonts.googleapis.com": ("text/css", FONT_CSS),
    "www.youtube.com": ("text/html", b"<!doctype html><title>Player</title>"),
}
HANDSHAKE = b"\x16"
"""The first byte of TLS (RFC 8446, 5.1). A browser that begins with it does not know that it speaks to a proxy."""


@dataclass
class Proxy:
    """The log of what the browser contacted beside the site, and where the site is."""

    port: int = 0
    upstream: int = 0
    contacts: list[str] = field(default_factory=list)
    """Hosts connected to, and ``host/path`` of each request."""
    own: list[str] = field(default_factory=list)
    """``host path`` of each request for the site, without query."""
    requests: int = 0
    """How many connections there were so far, those for the site too."""
    idle: set[socket.socket] = field(default_factory=set)
    """Connections to other hosts over which nothing was asked yet."""
    answers: Callable[[str, str], tuple[str, bytes]] | None = None
    """Gives media type and body for a host and a path that are not the site's, instead of ``stubbed``."""

    def hang_up(self) -> None:
        """End the connections that the browser holds ready, so that it has to connect again."""
        for connection in tuple(self.idle):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def hosts(self) -> set[str]:
        return {contact.partition("/")[0] for contact in self.contacts} - BROWSERS_OWN


class Handler(socketserver.BaseRequestHandler):
    request: socket.socket

    def __init__(self, proxy: Proxy, context: ssl.SSLContext, *connection: Any) -> None:
        self.proxy, self.context = proxy, context
        super().__init__(*connection)

    def handle(self) -> None:
        self.request.settimeout(HANG)
        with contextlib.suppress(OSError, ssl.SSLError, ValueError):
            if self.request.recv(1, socket.MSG_PEEK) == HANDSHAKE:
                self.proxy.requests += 1
                self.secure()
            elif head := read_head(self.request):
                self.serve(head)

    def serve(self, head: bytes) -> None:
        self.proxy.requests += 1
        method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        if method == "CONNECT":
            host = target.rpartition(":")[0]
            if not is_site(host):
                self.proxy.contacts.append(host)
            self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            self.secure(host)
            return
        parts = urlsplit(target)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        self.respond(self.request, head, parts.hostname or "", path, "http")

    def secure(self, host: str = "") -> None:
        """Speak TLS as ``host``, or without one as the host that the browser's handshake names."""
        with self.context.wrap_socket(self.request, server_side=True) as secured:
            if not host:
                host = getattr(secured, "named", "")
                self.proxy.contacts.append(host)
            if inner := read_first(self.proxy, secured, host):
                self.respond(secured, inner, host, inner.split(b" ", 2)[1].decode("latin-1"), "https")

    def respond(self, connection: socket.socket, head: bytes, host: str, path: str, scheme: str) -> None:
        if is_site(host):
            self.proxy.own.append(f"{host} {path.partition('?')[0]}")
            forward(self.proxy, connection, head, path, scheme)
        else:
            answer(self.proxy, connection, host, path.partition("?")[0])


def is_site(host: str) -> bool:
    return host == SITE or host.endswith(f".{SITE}")


def forward(proxy: Proxy, connection: socket.socket, head: bytes, path: str, scheme: str) -> None:
    """Pass one request of the browser on to the site's server, and its answer back."""
    line, *lines = head.split(b"\r\n")
    dropped = (b"proxy-", b"connection:", b"x-forwarded-")
    kept = [line for line in lines if line and not line.lower().startswith(dropped)]
    own = [b"Connection: close", f"X-Forwarded-Proto: {scheme}".encode(), b"", b""]
    with socket.create_connection(("127.0.0.1", proxy.upstream), timeout=HANG) as upstream:
        request = line.split(b" ", 1)[0] + f" {path or '/'} HTTP/1.1".encode("latin-1")
        upstream.sendall(b"\r\n".join([request, *kept, *own]))
        length = next((int(line.split(b":")[1]) for line in kept if line.lower().startswith(b"content-length")), 0)
        while length > 0:
            body = connection.recv(min(length, 65_536))
            upstream.sendall(body)
            length -= len(body) or length
        while data := upstream.recv(65_536):
            connection.sendall(data)


def read_head(connection: socket.socket) -> bytes:
    """Read up to the end of the headers, byte by byte so that the body stays in the socket."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n") and len(head) < 65_536:
        byte = connection.recv(1)
        if not byte:
            return b""
        head += byte
    return bytes(head)


def read_first(proxy: Proxy, connection: ssl.SSLSocket, host: str) -> bytes:
    """Read the headers of the first request. Until they come, a connection to another host is idle."""
    if not is_site(host):
        proxy.idle.add(connection)
    try:
        return read_head(connection)
    finally:
        proxy.idle.discard(connection)


def answer(proxy: Proxy, connection: socket.socket, host: str, path: str) -> None:
    proxy.contacts.append(f"{host}{path}")
    kind, body = (proxy.answers or stubbed)(host, path)
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nCache-Control: no-store\r\n"
        "Access-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n"
    )
    connection.sendall(head.encode() + body)


def stubbed(host: str, path: str) -> tuple[str, bytes]:
    """Answer as the real service does, or by the name of what is asked for."""
    return STUBS.get(host) or stub(host, path)


def stub(host: str, path: str) -> tuple[str, bytes]:
    """Answer as any server would by the name of what is asked for. A script says in ``order`` that it has run."""
    suffix = path.rpartition("/")[2].rpartition(".")[2]
    if suffix == "js":
        return "text/javascript", f"(self.order ??= []).push({json.dumps(host + path)});\n".encode()
    return {"css": "text/css", "html": "text/html", "svg": "image/svg+xml"}.get(suffix, "text/plain"), b""


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    # A browser opens 32 connections at once. Those beyond the five that are the default wait for their next try, and
    # on a busy machine are reset in the end: then a script or a hint of the page under test is simply missing.
    request_queue_size = 256
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: Any) -> None:
        """Browsers break connections off; that is no fault."""


class Secured(ssl.SSLSocket):
    """A connection that knows the host that the browser has asked for (RFC 6066, 3)."""

    named = ""

    @staticmethod
    def name(connection: ssl.SSLSocket | ssl.SSLObject, host: str | None, _: ssl.SSLContext) -> None:
        if isinstance(connection, Secured):
            connection.named = host or ""


def certified() -> ssl.SSLContext:
    """Return what the proxy ends TLS with, for whatever host: the browser is told not to look."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslsocket_class = Secured
    context.sni_callback = Secured.name
    trustme.CA().issue_cert("third-party.test").configure_cert(context)
    return context


@contextlib.contextmanager
def forward_proxy(
    context: ssl.SSLContext | None = None, answers: Callable[[str, str], tuple[str, bytes]] | None = None
) -> Iterator[Proxy]:
    proxy = Proxy(answers=answers)
    with Server(("127.0.0.1", 0), partial(Handler, proxy, context or certified())) as server:
        proxy.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield proxy
        server.shutdown()


@contextlib.contextmanager
def serving(app: ASGIApp) -> Iterator[int]:
    """Serve ``app`` on loopback; give the port."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started or not thread.is_alive())
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(HANG)
