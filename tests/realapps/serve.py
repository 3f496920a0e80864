"""``python tests/realapps/serve.py ROW``: serve an application over TLS, bare or behind the middleware.

Runs in the application's environment and in an empty folder, so that the middleware is as one line makes it: the
built-in policy and a ledger in the folder.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path
from types import ModuleType

import uvicorn

from cookie_consent import ConsentMiddleware

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
    options = parser.parse_args()
    os.chdir(options.folder)
    app = load(options.row).app(options.folder)
    config = uvicorn.Config(
        ConsentMiddleware(app) if options.wrapped else app,
        log_level="warning",
        ssl_certfile=options.certificate,
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run([socket.socket(fileno=options.socket)])


if __name__ == "__main__":
    main()
