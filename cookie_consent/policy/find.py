"""Where the policy is looked for when nobody names its file."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

__all__ = ["find_policy", "next_file"]

_FILE = Path("consent.toml")
_NEXT = "consent.next.toml"
_PROJECT = Path("pyproject.toml")
_TABLE = "cookie_consent"
_LONGEST_FILE = 16 * 1024 * 1024


def find_policy() -> Path | None:
    """Return the path of the policy file, or None where there is none and the built-in policy holds.

    It is the one that ``CONSENT_POLICY`` names, else ``consent.toml`` in the working folder, else the working folder's
    ``pyproject.toml`` if that has the table ``[tool.cookie_consent]``. Where there is none of them but a
    ``consent.next.toml``, that has no predecessor and is the policy. A file that is returned may still be wrong.
    """
    named = os.environ.get("CONSENT_POLICY")
    if named:
        return Path(named)
    # A link that leads nowhere, or a folder that a container has made of a missing file, was meant to be the policy.
    if os.path.lexists(_FILE):
        return _FILE
    if _has_table(_PROJECT):
        return _PROJECT
    return Path(_NEXT) if os.path.lexists(_NEXT) else None


def next_file(path: Path) -> Path | None:
    """Return where the policy that follows the one at ``path`` may stand; None if ``path`` is such a file itself.

    It is ``consent.next.toml`` beside ``consent.toml`` and ``pyproject.toml``, and ``NAME.next.toml`` beside another.
    """
    if path.stem.endswith(".next"):
        return None
    return path.with_name(_NEXT if path.name == _PROJECT.name else f"{path.stem}.next{path.suffix}")


def _has_table(path: Path) -> bool:
    """Say whether a file is the policy; one that is not TOML counts if it names the table, so that it is told of."""
    try:
        with path.open("rb") as stream:
            content = stream.read(_LONGEST_FILE).decode("utf-8", "replace")
    except OSError:
        return False
    if _TABLE not in content:  # most projects' files are not parsed at all
        return False
    try:
        tool = tomllib.loads(content.replace("\r\n", "\n")).get("tool")
    except (ValueError, RecursionError):
        return re.search(rf"\[\s*tool\s*\.\s*[\"']?{_TABLE}", content) is not None
    return isinstance(tool, dict) and _TABLE in tool
