"""A row of the table, and its verdict."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["Row", "by", "met", "unmet"]

Kind = Literal["met", "setting", "not met"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a row is met. ``how`` says by what, by which setting, or why not and where it belongs."""

    kind: Kind
    how: str


@dataclass(frozen=True)
class Row:
    """One thing that is asked. ``is_read`` is false where the source was not at hand: the row is our reading of it."""

    number: int
    source: str
    asks: str
    verdict: Verdict
    is_read: bool = True

    @property
    def prefix(self) -> str:
        """How the names of its tests begin: with its number and its first source."""
        first = self.source.partition(";")[0]
        return f"test_row_{self.number}_{re.sub(r'[^a-z0-9]+', '_', first.lower()).strip('_')}"


def met(how: str) -> Verdict:
    """Return the verdict that it is met without any setting."""
    return Verdict(kind="met", how=how)


def by(how: str) -> Verdict:
    """Return the verdict that it is met where the site sets something."""
    return Verdict(kind="setting", how=how)


def unmet(how: str) -> Verdict:
    """Return the verdict that it is not met."""
    return Verdict(kind="not met", how=how)
