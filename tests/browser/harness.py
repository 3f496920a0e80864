"""A forward proxy that is a browser's only way out, and a server for the site under test.

The proxy passes requests for ``SITE`` on to the test's own server and answers every other host itself, with stubs of
what the real ones do. It logs each contact, a mere connection too, so that a preconnect counts.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import trustme
import uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp

SITE = "site.test"
TIMEOUT = 20
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
BROWSERS_OWN = {"content-autofill.googleapis.com"}
"""What Chromium asks for itself, whatever the page: here the kinds of the form fields that it sees."""
STUBS = {
    "www.googletagmanager.com": ("text/javascript", GTAG),
    "connect.facebook.net": ("text/javascript", FBEVENTS),
    "fonts.googleapis.com": ("text/css", FONT_CSS),
    "www.youtube.com": ("text/html", b"<!doctype html><title>Player</title>"),
}


@dataclass
class Proxy:
    """The log of what the browser contacted beside the site, and where the site is."""

    port: int = 0
    upstream: int = 0
    contacts: list[str] = field(default_factory=list)
    """Hosts connected to, and ``host/path`` of each request."""

    def hosts(self) -> set[str]:
        return {contact.partition("/")[0] for contact in self.contacts} - BROWSERS_OWN


def make_handler(proxy: Proxy, context: ssl.SSLContext) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        request: socket.socket

        def handle(self) -> None:
            self.request.settimeout(TIMEOUT)
            with contextlib.suppress(OSError, ssl.SSLError, ValueError):
                head = read_head(self.request)
                if head:
                    self.serve(head)

        def serve(self, head: bytes) -> None:
            method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
            if method == "CONNECT":
                host = target.rpartition(":")[0]
                proxy.contacts.append(host)
                self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                with context.wrap_socket(self.request, server_side=True) as secured:
                    inner = read_head(secured)
                    if inner:
                        answer(proxy, secured, host, inner.split(b" ", 2)[1].decode("latin-1"))
                return
            parts = urlsplit(target)
            if parts.hostname == SITE:
                self.forward(head, method, parts.path + (f"?{parts.query}" if parts.query else ""))
            else:
                answer(proxy, self.request, parts.hostname or "", parts.path)

        def forward(self, head: bytes, method: str, path: str) -> None:
            lines = head.split(b"\r\n")
            kept = [line for line in lines[1:] if line and not line.lower().startswith((b"proxy-", b"connection:"))]
            with socket.create_connection(("127.0.0.1", proxy.upstream), timeout=TIMEOUT) as upstream:
                request = [f"{method} {path or '/'} HTTP/1.1".encode("latin-1"), *kept, b"Connection: close", b"", b""]
                upstream.sendall(b"\r\n".join(request))
                length = next(
                    (int(line.split(b":")[1]) for line in kept if line.lower().startswith(b"content-length")), 0
                )
                while length > 0:
                    body = self.request.recv(min(length, 65_536))
                    upstream.sendall(body)
                    length -= len(body) or length
                while data := upstream.recv(65_536):
                    self.request.sendall(data)

    return Handler


def read_head(connection: socket.socket) -> bytes:
    """Read up to the end of the headers, byte by byte so that the body stays in the socket."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n") and len(head) < 65_536:
        byte = connection.recv(1)
        if not byte:
            return b""
        head += byte
    return bytes(head)


def answer(proxy: Proxy, connection: socket.socket, host: str, path: str) -> None:
    proxy.contacts.append(f"{host}{path}")
    kind, body = STUBS.get(host, ("text/plain", b""))
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nCache-Control: no-store\r\n"
        "Access-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n"
    )
    connection.sendall(head.encode() + body)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: Any) -> None:
        """Browsers break connections off; that is no fault."""


@contextlib.contextmanager
def forward_proxy() -> Iterator[Proxy]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("third-party.test").configure_cert(context)
    proxy = Proxy()
    with Server(("127.0.0.1", 0), make_handler(proxy, context)) as server:
        proxy.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield proxy
        server.shutdown()


@contextlib.contextmanager
def serving(app: ASGIApp) -> Iterator[int]:
    """Serve ``app`` on loopback; give the port."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + TIMEOUT
    while not server.started and time.monotonic() < deadline and thread.is_alive():
        time.sleep(0.02)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(TIMEOUT)
