"""A scan that is stopped while it runs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.waiting import until_async

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["stopped"]


async def stopped(
    arguments: list[str], how: signal.Signals, *, when: Callable[[], object], folder: Path
) -> tuple[int, str, str]:
    """Run ``cookie-consent scan`` in a folder, and stop it ``when`` that holds; return its status and what it wrote."""
    command = [sys.executable, "-m", "cookie_consent", "scan", *arguments]
    with subprocess.Popen(  # noqa: ASYNC220 - it runs beside the site
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder
    ) as process:
        await until_async(lambda: when() or process.poll() is not None)
        process.send_signal(how)
        await until_async(lambda: process.poll() is not None)
        assert process.stdout is not None
        assert process.stderr is not None
        return process.returncode, process.stdout.read(), process.stderr.read()
