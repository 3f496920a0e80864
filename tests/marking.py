"""Marks for tests that need more than this process, and a check that none goes without.

``make check`` leaves out what is marked ``browser`` or ``server``. A test gets its mark here, from the fixtures that it
uses, or by hand. One without a mark fails as soon as it starts a process or uses a socket.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["pytest_collection_modifyitems", "pytest_configure", "pytest_runtest_protocol"]

MARKS = ("browser", "server")
BY_FIXTURE = {
    "chromium_path": "browser",
    "cluster": "server",
    "postgres": "server",
    "upstream": "server",
    "wheel": "server",
}
BY_FILE = {
    "tests/leaklab/": "browser",
    "tests/browser/": "browser",
    "tests/engines/": "browser",
    "tests/cli/test_output.py": "server",
    "tests/examples/": "server",
    "tests/ledger/test_torture": "server",
    "tests/ledger/stores/test_drain.py": "server",
    "tests/ledger/stores/test_jetstream.py": "server",
    "tests/ledger/writing/test_spool.py::test_two_adopters": "server",
    "tests/ledger/writing/test_writer.py::test_forks_and_ends": "server",
    "tests/ledger/writing/test_writer.py::test_two_processes": "server",
}
"""By the beginning of a test's id."""
OUTSIDE = frozenset(
    f"{module}.{name}"
    for module, names in {
        "os": ("exec", "fork", "posix_spawn", "system"),
        "socket": ("bind", "connect", "getaddrinfo", "gethostbyname"),
        "subprocess": ("Popen",),
    }.items()
    for name in names
)
"""What leaves this process, by the names of Python's audit events (PEP 578)."""
LONGEST = ("tests/leaklab/", "tests/browser/", "tests/ledger/", "tests/demo/", "tests/test_wheel.py", "tests/examples/")
"""The files that start first, so that no worker still has a long one when the other has nothing left."""

_running: list[pytest.Item] = []


def pytest_configure() -> None:
    sys.addaudithook(_audit)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture, mark in BY_FIXTURE.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(mark)
        for start, mark in BY_FILE.items():
            if item.nodeid.startswith(start):
                item.add_marker(mark)
    items.sort(key=_turn)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    _running.append(item)
    try:
        return (yield)
    finally:
        _running.pop()


def _turn(item: pytest.Item) -> int:
    return next((turn for turn, start in enumerate(LONGEST) if item.nodeid.startswith(start)), len(LONGEST))


def _audit(event: str, _: tuple[Any, ...]) -> None:
    # Hooks cannot be removed, and every event comes here: most must leave at once.
    if event in OUTSIDE and _running and not any(_running[-1].get_closest_marker(mark) for mark in MARKS):
        pytest.fail(f"{event}: mark the test as one of {MARKS}, see tests/marking.py")
