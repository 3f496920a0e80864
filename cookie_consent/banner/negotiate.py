"""Choose the language for a request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["find_language", "negotiate"]

_MAX_LENGTH = 1000
_MAX_RANGES = 32
_RANGE = re.compile(r"(\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,8})(?:[ \t]*;[ \t]*[qQ]=([01](?:\.\d{0,3})?))?")


def negotiate(header: str, offered: Sequence[str]) -> str:
    """Return the tag in ``offered`` that ``Accept-Language: header`` prefers, or the first one if none matches.

    RFC 9110, section 12.5.4, with the lookup of RFC 4647, section 3.4 (``de-AT`` finds ``de``) and then the basic
    filtering of its section 3.3.1 (``pt`` finds ``pt-BR``). Malformed ranges are ignored. Only the first 1,000
    characters and 32 ranges are read, to bound the time.
    """
    wanted, excluded = _ranges(header)
    refused = {tag for tag in offered if any(_covers(name, tag) for name in excluded)}
    for name in wanted:
        found = _lookup(name, [tag for tag in offered if tag not in refused])
        if found is not None:
            return found
    return offered[0]


def find_language(tag: str, offered: Sequence[str]) -> str | None:
    """Return the tag in ``offered`` for the language of a page, as ``negotiate`` finds it, or None."""
    match = _RANGE.fullmatch(tag.strip()) if len(tag) <= _MAX_LENGTH else None
    return _lookup(match[1].lower(), offered) if match is not None and match[1] != "*" else None


def _ranges(header: str) -> tuple[list[str], list[str]]:
    weighted: list[tuple[float, int, str]] = []
    excluded: list[str] = []
    for index, member in enumerate(header[:_MAX_LENGTH].split(",", _MAX_RANGES)[:_MAX_RANGES]):
        match = _RANGE.fullmatch(member.strip(" \t"))
        if match is None:
            continue
        weight = min(float(match[2] or 1), 1.0)
        if weight:
            weighted.append((-weight, index, match[1].lower()))
        elif match[1] != "*":
            # "*;q=0" asks for an error rather than another language. A page is more useful, so it is ignored.
            excluded.append(match[1].lower())
    return [name for _, _, name in sorted(weighted)], excluded


def _lookup(name: str, offered: Sequence[str]) -> str | None:
    if name == "*":
        return offered[0] if offered else None
    by_tag = {tag.lower(): tag for tag in reversed(offered)}
    shorter = name
    while shorter:
        if shorter in by_tag:
            return by_tag[shorter]
        shorter = shorter.rpartition("-")[0]
    return next((tag for tag in offered if _covers(name, tag)), None)


def _covers(name: str, tag: str) -> bool:
    return tag.lower() == name or tag.lower().startswith(f"{name}-")
