"""A test without a mark stays in its process, so that ``make check`` needs neither servers nor a network."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.marking import _turn

if TYPE_CHECKING:
    from collections.abc import Callable


def bind() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))


def connect() -> None:
    with socket.socket() as client:
        client.connect(("127.0.0.1", 9))


@pytest.mark.parametrize(
    "leave",
    [
        lambda: subprocess.run([sys.executable, "-c", ""], check=True),
        lambda: os.system("true"),  # noqa: S605
        os.fork,
        bind,
        connect,
        lambda: socket.getaddrinfo("example.com", 80),
    ],
)
def test_without_a_mark_nothing_leaves_the_process(leave: Callable[[], object]) -> None:
    with pytest.raises(pytest.fail.Exception, match="mark the test"):
        leave()


@pytest.mark.server
def test_with_a_mark_it_may() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)
    bind()


def test_long_files_start_first(request: pytest.FixtureRequest) -> None:
    turns = [_turn(item) for item in request.session.items]
    assert turns == sorted(turns)
