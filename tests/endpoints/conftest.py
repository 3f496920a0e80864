from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cookie_consent import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def anyio_backend() -> str:
    """Run these on one event loop: what they test does nothing with it."""
    return "asyncio"


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    """Return an open log, which is closed after the test."""
    opened = Ledger(ledger_url)
    opened.open()
    yield opened
    opened.close()
