from __future__ import annotations

import pytest

from tests.engines.engine import ENGINES


@pytest.fixture(params=list(ENGINES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)
