"""Run the command in this process, which is much faster than to start one."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING
from unittest import mock

from cookie_consent.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``cookie-consent`` in the folder; return what it printed and how it ended."""
    # With a buffer below, as standard output has: exports write bytes. Standard error prints whatever it is given.
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", newline="")
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", newline="")
    code = 0
    with (
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, environment),
        mock.patch.object(sys, "argv", ["cookie-consent", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        finally:
            gc.enable()
    return subprocess.CompletedProcess(arguments, code, _printed(out), _printed(err))


def _printed(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read().replace("\r\n", "\n")
