"""Wait for what happens in another thread or process, however busy the machine is."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    import subprocess
    import threading
    from collections.abc import Callable

__all__ = ["HANG", "ended", "listens", "until", "until_async"]

HANG = 300.0
"""Seconds after which a test is taken to hang. It ends such a test; it never decides one."""
_BETWEEN = 0.02


def until(
    condition: Callable[[], object], *, of: subprocess.Popen[str] | subprocess.Popen[bytes] | None = None
) -> None:
    """Wait until the condition holds. Fails at once if the process that should bring it about has ended."""
    end = time.monotonic() + HANG
    while not condition():
        if of is not None and of.poll() is not None:
            assert condition(), f"the process ended with {of.returncode}"
            return
        assert time.monotonic() < end, "it hangs"
        time.sleep(_BETWEEN)


async def until_async(condition: Callable[[], object]) -> None:
    """Wait until the condition holds, while the other tasks go on."""
    with anyio.fail_after(HANG):
        while not condition():  # noqa: ASYNC110 - the condition is another thread's
            await anyio.sleep(_BETWEEN)


def listens(port: int) -> bool:
    """Say whether a server on loopback takes connections."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ended(thread: threading.Thread) -> bool:
    """Wait for the thread to end; say whether it has."""
    thread.join(HANG)
    return not thread.is_alive()
