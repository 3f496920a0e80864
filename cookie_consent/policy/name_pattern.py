"""Patterns for the names of cookies and storage keys: ``_ga``, ``_ga_*``, ``SESS{hex:32}``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NamePattern", "checked_name_pattern", "name_rank", "without_runs"]

_ALPHABETS = {
    "hex": "[0-9A-Fa-f]",
    "digit": "[0-9]",
    "alnum": "[0-9A-Za-z]",
    "upper": "[A-Z]",
    "lower": "[a-z]",
    "base64url": "[0-9A-Za-z_-]",
}
_UUID = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_UUID_LENGTH = 36
_PARTS = re.compile(r"(\*|\{[^{}]*\})")
_RUN = re.compile(r"\{(uuid|hex|digit|alnum|upper|lower|base64url)(?::([0-9]{1,3})(?:-([0-9]{1,3}))?)?\}")
_LONGEST = 128
"""The longest run that a pattern can name."""
_TELLING = 16
"""A pattern without any literal character needs a run of so many characters, or it would match too much."""


@dataclass(frozen=True)
class _Run:
    """A run of characters of one alphabet. ``most`` is None for one without an end."""

    expression: str
    least: int
    most: int | None


@dataclass(frozen=True)
class NamePattern:
    """A valid pattern. ``*`` stands for any characters, ``{hex:16-32}`` for a run of an alphabet."""

    text: str

    @cached_property
    def prefix(self) -> str:
        """The literal characters at its beginning."""
        return _PARTS.split(self.text, maxsplit=1)[0]

    @cached_property
    def suffix(self) -> str:
        """The literal characters at its end."""
        return _PARTS.split(self.text)[-1]

    @property
    def is_prefix(self) -> bool:
        """Whether it is a prefix and ``*``, as most patterns are."""
        return self.text == f"{self.prefix}*"

    @cached_property
    def rank(self) -> tuple[int, int, int, int]:
        """Its place among patterns that match the same name: the lowest counts. See ``name_rank``."""
        return name_rank(self.text)

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        parts = (
            re.escape(part) if isinstance(part, str) else part.expression if part is not None else ".*"
            for part in _parsed(self.text)
        )
        return re.compile("".join(parts), re.DOTALL)

    def matches(self, name: str) -> bool:
        """Return whether it matches the name, all of it. Case counts."""
        return self._expression.fullmatch(name) is not None


def name_rank(pattern: str) -> tuple[int, int, int, int]:
    """Return the place of a valid pattern among those that match the same name: the lowest counts.

    One with more literal characters comes first; then one with fewer ``*``, and one whose runs vary less.
    """
    literal = stars = endless = varying = 0
    for part in _parsed(pattern):
        if isinstance(part, str):
            literal += len(part)
        elif part is None:
            stars += 1
        elif part.most is None:
            endless += 1
        else:
            varying += part.most > part.least
    return -literal, stars, endless, varying


def checked_name_pattern(pattern: str) -> str:
    """Return the pattern. Raises ``ValueError``, which says why, if it is not one."""
    parts = list(_parsed(pattern))
    endless = sum(part is None or (isinstance(part, _Run) and part.most is None) for part in parts)
    if pattern.count("*") > 2:
        raise ValueError("must contain '*' at most twice")
    if endless > 2:
        raise ValueError("must contain '*' and runs without a length, such as '{hex}', at most twice")
    runs = [part for part in parts if isinstance(part, _Run)]
    if not any(isinstance(part, str) for part in parts) and not any(run.least >= _TELLING for run in runs):
        raise ValueError(
            f"must be more than '*', which would match every name: add characters, or a run of at least {_TELLING}"
            if runs
            else "must be more than '*', which would match every name"
        )
    return pattern


def without_runs(pattern: str) -> str:
    """Return a valid pattern with ``*`` for each of its runs, as people read it: ``SESS*`` for ``SESS{hex:32}``."""
    return re.sub(r"\*+", "*", _PARTS.sub("*", pattern))


def _parsed(pattern: str) -> Iterator[str | _Run | None]:
    """Yield literal texts, runs, and None for each ``*``. Raises ``ValueError`` for braces without a run."""
    for at, part in enumerate(_PARTS.split(pattern)):
        if at % 2:
            yield None if part == "*" else _run(part)
        elif "{" in part or "}" in part:
            raise ValueError("must have '{' and '}' around a run only, such as '{hex:32}'; '*' stands for a brace")
        elif part:
            yield part


def _run(text: str) -> _Run:
    found = _RUN.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text} is not a run: write '{{hex:32}}', '{{hex:16-32}}' or '{{hex}}', with one of "
            f"{', '.join(_ALPHABETS)}; or '{{uuid}}'"
        )
    alphabet, first, last = found.groups()
    if alphabet == "uuid":
        if first is not None:
            raise ValueError(f"{text} is not a run: a uuid has no other length, so write '{{uuid}}'")
        return _Run(_UUID, _UUID_LENGTH, _UUID_LENGTH)
    if first is None:
        return _Run(f"{_ALPHABETS[alphabet]}+", 1, None)
    least, most = int(first), int(last or first)
    if not 1 <= least <= most <= _LONGEST:
        raise ValueError(f"{text} is not a run: its length is 1 to {_LONGEST}, the shorter one first")
    return _Run(f"{_ALPHABETS[alphabet]}{{{least},{most}}}", least, most)
