"""Paths that lead back to the same site."""

from __future__ import annotations

__all__ = ["LONGEST_PATH", "is_local_path", "local_path"]

LONGEST_PATH = 1024


def is_local_path(path: str) -> bool:
    r"""Return whether ``path``, with its query, leads to a page of this site and is safe in a header.

    Browsers drop tabs and line feeds from addresses and read ``\\`` as ``/`` (URL standard, section 4.4).
    """
    return (
        path.startswith("/")
        and not path.startswith("//")
        and len(path) <= 2 * LONGEST_PATH
        and path.isprintable()
        and "\\" not in path
        and " " not in path
    )


def local_path(path: str) -> str:
    """Return ``path`` if it leads to a page of this site, otherwise ``/``."""
    return path if is_local_path(path) else "/"
