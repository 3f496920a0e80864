"""Parse Content-Security-Policy headers (CSP Level 3, section 2.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["parse_policies", "parse_policy"]

_SPACE = "\t\n\f\r "
_SPACES = re.compile(f"[{_SPACE}]+")


def parse_policies(headers: Iterable[str]) -> list[Mapping[str, tuple[str, ...]]]:
    """Return the policies in the values of one or more headers. Each value may hold several, separated by commas."""
    parsed = (parse_policy(part) for header in headers for part in header.split(","))
    return [policy for policy in parsed if policy]


def parse_policy(serialized: str) -> Mapping[str, tuple[str, ...]]:
    """Return the directives by lower-case name. The first one of each name counts.

    As in browsers, directives that are not ASCII are ignored.
    """
    directives: dict[str, tuple[str, ...]] = {}
    for text in serialized.split(";"):
        token = text.strip(_SPACE)
        if token and token.isascii():
            name, *values = _SPACES.split(token)
            directives.setdefault(name.lower(), tuple(values))
    return directives
