"""The findings of a process until they are saved."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

from cookie_consent.endpoints.reports.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from cookie_consent.endpoints.reports.finding import Observation

__all__ = ["MAXIMUM_PATHS", "FindingTable"]

MAXIMUM_PATHS = 5
"""The most pages that are stored with a finding."""


class FindingTable:
    """Counts observations: at most ``size`` different ones, after which the least recent ones are evicted."""

    def __init__(self, size: int = 500) -> None:
        self._size = size
        self._findings: OrderedDict[Observation, Finding] = OrderedDict()
        self.evicted = 0
        """How many findings were evicted."""

    def __len__(self) -> int:
        return len(self._findings)

    def add(self, observation: Observation, path: str, day: date) -> None:
        """Count one observation on a page."""
        self.merge(Finding(observation=observation, paths=(path,), count=1, first=day, last=day))

    def merge(self, new: Finding) -> None:
        """Add a finding, with its count."""
        old = self._findings.pop(new.observation, None)
        if old is not None:
            paths = old.paths
            if not set(new.paths) <= set(paths):
                paths = tuple(dict.fromkeys([*paths, *new.paths]))[:MAXIMUM_PATHS]
            first, last = min(old.first, new.first), max(old.last, new.last)
            new = replace(old, paths=paths, count=old.count + new.count, first=first, last=last)
        self._findings[new.observation] = new
        if len(self._findings) > self._size:
            self._findings.popitem(last=False)
            self.evicted += 1

    def drain(self) -> list[Finding]:
        """Return all findings, and empty the table."""
        found = list(self._findings.values())
        self._findings.clear()
        return found

    def restore(self, findings: Iterable[Finding]) -> None:
        """Put findings back that could not be saved."""
        for finding in findings:
            self.merge(finding)
