from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Run these on one event loop: what they test does nothing with it."""
    return "asyncio"
