"""Print the lowest declared version of each dependency as constraints for pip: ``python -m tests.lowest``."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def lowest(requirement: str) -> str:
    """Return ``name==1.2`` for ``name[extra]>=1.2``; markers stay, as constraints may not have extras.

    Raises ``ValueError`` where no lowest version is declared.
    """
    parsed = Requirement(requirement)
    floors = [one.version for one in parsed.specifier if one.operator in {">=", "==", "~="}]
    if len(floors) != 1:
        raise ValueError(f"{requirement}: declare one lowest version, as in {parsed.name}>=1.2")
    return f"{parsed.name}=={floors[0]}" + (f"; {parsed.marker}" if parsed.marker else "")


def main() -> int:
    """Print a line for each dependency of the package and of its extras."""
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    # An extra may name the package itself, with other extras.
    names = {line for group in groups for line in group if Requirement(line).name != project["name"]}
    sys.stdout.writelines(f"{lowest(line)}\n" for line in sorted(names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
