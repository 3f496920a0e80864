"""``python tests/realapps/serve.py ROW``: serve an application over TLS, bare or behind the middleware.

Runs in the application's environment and in a folder with nothing but the row's policy, so that the middleware is as
one line makes it: with the policy that it finds there, and a ledger beside it. Only the mirror's way out is another
one: it leads to a stand-in for the hosts of libraries.
"""

from __future__ import annotations

import argparse
import os
import socket
import ssl
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from unittest import mock

import uvicorn

from cookie_consent import ConsentMiddleware
from cookie_consent.mirror import mirror
from cookie_consent.mirror.network import Network

# Some distributions install a package "tests", which would be found before ours, a namespace package.
tests = sys.modules["tests"] = ModuleType("tests")
tests.__path__ = [str(Path(__file__).parents[1])]

from tests.realapps.row import load  # noqa: E402 - after the lines above


def main() -> None:
    parser = argparse.ArgumentParser(prog="serve.py")
    parser.add_argument("row")
    parser.add_argument("--folder", type=Path, required=True, help="where the application and the ledger keep things")
    parser.add_argument("--socket", type=int, required=True, help="the file descriptor of a socket that listens")
    parser.add_argument("--certificate", required=True, help="a file with key and certificate")
    parser.add_argument("--wrapped", action="store_true", help="behind the middleware")
    parser.add_argument("--upstream", type=int, required=True, help="the port of what stands in for libraries' hosts")
    parser.add_argument("--authority", required=True, help="a file with the certificate to trust there")
    options = parser.parse_args()
    os.chdir(options.folder)
    row = load(options.row)
    Path("consent.toml").write_text(f'version = "1"\n{row.policy}', "utf-8")
    app = row.app(options.folder)
    tls = ssl.create_default_context(cafile=options.authority)
    network = partial(Network, resolve=on_this_machine, is_public=lambda _: True, port=options.upstream, tls=tls)
    with mock.patch.object(mirror, "Network", network):
        served = ConsentMiddleware(app) if options.wrapped else app
    config = uvicorn.Config(
        served,
        log_level="warning",
        ssl_certfile=options.certificate,
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run([socket.socket(fileno=options.socket)])


async def on_this_machine(_: str) -> list[str]:
    """Resolve every host to loopback."""
    return ["127.0.0.1"]


if __name__ == "__main__":
    main()
