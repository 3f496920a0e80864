from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.mirror.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    yield server
    server.close()
