"""The services and cookies that are known without being declared, read from the data files in ``registry/``."""

from __future__ import annotations

import logging
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from cookie_consent.policy.registry.compiled import COMPILED, compiled, digest_line
from cookie_consent.policy.registry.known import Registry

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

__all__ = ["Registry", "registry", "sources"]

logger = logging.getLogger("cookie_consent")


@cache
def registry() -> Registry:
    """Return every known service by id. Read once per process; the mapping cannot be changed."""
    return Registry(_content(files("cookie_consent.policy.registry")))


def sources(folder: Traversable) -> dict[str, bytes]:
    """Return the data files by name."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name.endswith(".toml")}


def _content(folder: Traversable) -> bytes:
    """Return the compiled form of the data files: the one that is stored, unless they have changed since."""
    found = sources(folder)
    try:
        content = folder.joinpath(COMPILED).read_bytes()
    except FileNotFoundError:
        content = b""
    if content.startswith(digest_line(found)):
        return content
    logger.warning("the registry of known services is compiled at each start, as its files have changed: make assets")
    return compiled(found)
