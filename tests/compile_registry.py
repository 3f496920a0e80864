"""Write the compiled form of the registry of known services: ``python -m tests.compile_registry [--check]``."""

from __future__ import annotations

import argparse
import sys
from importlib.resources import files
from pathlib import Path

from cookie_consent.policy.registry import sources
from cookie_consent.policy.registry.compiled import COMPILED, compiled

__all__ = ["FOLDER", "main"]

FOLDER = Path(str(files("cookie_consent.policy.registry")))


def main() -> int:
    """Write the file, or with ``--check`` exit with status 1 if it is not what would be written."""
    parser = argparse.ArgumentParser(prog="python -m tests.compile_registry", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and say whether the file is up to date")
    content = compiled(sources(FOLDER))
    path = FOLDER / COMPILED
    if not parser.parse_args().check:
        path.write_bytes(content)
        return 0
    if path.is_file() and path.read_bytes() == content:
        return 0
    sys.stderr.write(f"{COMPILED} is not what the registry's files give: run make assets\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
