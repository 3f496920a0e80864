"""A stand-in for the hosts of all libraries, on this machine: the mirror's only way out."""

from __future__ import annotations

import contextlib
import ssl
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from cookie_consent.mirror.libraries import Libraries
from tests.browser.harness import Server
from tests.realapps.libraries import library

if TYPE_CHECKING:
    from collections.abc import Iterator

    import trustme

__all__ = ["upstream"]


class Handler(BaseHTTPRequestHandler):
    """Answers for the host that is asked with the file of an installed package, or with 404."""

    def do_GET(self) -> None:
        found = library(self.headers.get("Host", ""), self.path.partition("?")[0])
        kind, body = found or ("text/plain", b"")
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: what is missing the browser's console tells."""


@contextlib.contextmanager
def upstream(authority: trustme.CA) -> Iterator[int]:
    """Serve the libraries by https, with certificates of the authority; give the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*sorted(Libraries().hosts)).configure_cert(context)
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
