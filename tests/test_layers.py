"""A file imports from its own folder and from smaller layers only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "cookie_consent"
LAYERS = {
    "errors": 0,
    "forks": 0,
    "logs": 0,
    "version": 0,
    "policy": 0,
    "rewriter": 0,
    "consent": 1,
    "gate": 2,
    "ledger": 2,
    "banner": 2,
    "contrib": 2,
    "endpoints": 3,
    "admin": 3,
    "exchange": 3,
    "mirror": 3,
    "startup": 3,
    "middleware": 4,
    "site": 4,
    "demo": 5,
    "scanner": 5,
    "testing": 5,
    "cli": 5,
    "__main__": 5,
}
SAME_LAYER = {
    ("admin", "endpoints"),
    ("mirror", "endpoints"),
    ("exchange", "endpoints"),
    ("startup", "endpoints"),
    ("startup", "mirror"),
    ("middleware", "site"),
    ("cli", "demo"),
    ("cli", "scanner"),
    ("__main__", "cli"),
}
"""What rooms of one floor import of each other; any file may import ``errors``."""


def part(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names = [node.module or ""]
        found |= {name.split(".")[1] for name in names if name.startswith("cookie_consent.")}
    return found


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_from_smaller_layers_only(path: Path) -> None:
    own = part(path)
    for other in imports(path) - {own, "errors"}:
        allowed = LAYERS[other] < LAYERS[own] or (own, other) in SAME_LAYER
        assert allowed, f"{own} (layer {LAYERS[own]}) imports {other} (layer {LAYERS[other]})"


def test_the_rewriter_knows_nothing_else() -> None:
    for path in (PACKAGE / "rewriter").glob("*.py"):
        assert imports(path) <= {"rewriter"}


LEDGER = {
    "proof": set[str](),
    "writing": set[str](),
    "stats": {"exports", "proof"},
    "exports": {"proof"},
    "stores": {"exports", "proof", "writing"},
}
"""What each folder of the log imports of the others; any may import what stands above all of them."""


def test_the_folders_of_the_log_know_what_they_build_upon_only() -> None:
    ledger = PACKAGE / "ledger"
    assert {path.name for path in ledger.iterdir() if path.is_dir() and path.name != "__pycache__"} == LEDGER.keys()
    for folder, allowed in LEDGER.items():
        for path in (ledger / folder).rglob("*.py"):
            nodes = ast.walk(ast.parse(path.read_text("utf-8")))
            modules = [(node.module or "").split(".") for node in nodes if isinstance(node, ast.ImportFrom)]
            names = {module[2] for module in modules if module[:2] == ["cookie_consent", "ledger"] and module[2:]}
            assert LEDGER.keys() & names <= allowed | {folder}, path
