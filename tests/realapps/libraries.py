"""Where the JavaScript libraries are that applications serve themselves; ``package.json`` lists them."""

from pathlib import Path

__all__ = ["LIBRARIES"]

LIBRARIES = Path(__file__).parents[2] / ".venv" / "realapps" / "node_modules"
