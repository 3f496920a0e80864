"""Patterns of paths, by which a policy leaves parts of a site out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Scope

__all__ = ["PathPatterns", "below_root", "checked_pattern", "route_path"]

_ANY = "*"
_LONGEST = 1000
_LONGEST_PATH = 4096
"""Longer paths match nothing: two ``*`` take time by the square of the length."""
_ODD = re.compile(r"(?:^|/)\.{1,2}(?:;[^/]*)?(?:/|$)|\\")
"""Steps up or nowhere, and what some servers take for a slash: nobody knows which page they lead to in the end."""


def checked_pattern(pattern: str) -> str:
    """Return the pattern. Raises ``ValueError`` for what no path could match, or only odd ones."""
    if not pattern.startswith("/") or not pattern.isprintable() or len(pattern) > _LONGEST:
        raise ValueError("must be a path such as '/admin/*'; '*' stands for any characters")
    if pattern.count(_ANY) > 2:
        raise ValueError("must have '*' at most twice")
    if "?" in pattern or "#" in pattern:
        raise ValueError("must be a path alone, without a query or fragment")
    if "%" in pattern:
        raise ValueError("must be written as it reads, without percent signs: '/über uns/*'")
    if _ODD.search(pattern):
        raise ValueError("must have no backslash, and no '.' or '..' between slashes")
    return pattern


class PathPatterns:
    """Tells which paths, decoded as applications see them, match one of the patterns.

    ``*`` stands for any characters, slashes too. ``/admin/*`` matches ``/admin`` as well. A path with ``..`` in it, or
    a backslash, matches nothing, since it may be that of another page for the application.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._pattern = re.compile("|".join(map(_expression, patterns)), re.DOTALL)
        self._is_empty = not self._pattern.pattern

    def __bool__(self) -> bool:
        """Whether there is a pattern at all."""
        return not self._is_empty

    def match(self, path: str) -> bool:
        """Say whether a path matches."""
        if self._is_empty or len(path) > _LONGEST_PATH or self._pattern.fullmatch(path) is None:
            return False
        # Some servers decode twice.
        return _ODD.search(path) is None and ("%" not in path or _ODD.search(unquote(path)) is None)


def _expression(pattern: str) -> str:
    stem, end = (pattern[:-2], "(?:/.*)?") if pattern.endswith("/*") else (pattern, "")
    return ".*".join(map(re.escape, stem.split(_ANY))) + end


def route_path(scope: Scope) -> str:
    """Return the path as the application's router sees it: decoded, and without the root path."""
    return below_root(scope["path"], scope)


def below_root(path: str, scope: Scope) -> str:
    """Return ``path`` without the root path that the application is mounted under (ASGI)."""
    root_path = str(scope.get("root_path") or "")
    if root_path and (path == root_path or path.startswith(root_path + "/")):
        return path[len(root_path) :]
    return path
