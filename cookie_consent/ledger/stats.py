"""Counts over the log."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cookie_consent.ledger.record import ConsentRecord

__all__ = ["LedgerStats", "StatsBuilder"]


@dataclass(frozen=True, kw_only=True)
class LedgerStats:
    """How often what was chosen. Each mapping goes from a value to a number of records."""

    total: int
    subjects: int
    actions: Mapping[str, int]
    channels: Mapping[str, int]
    policy_versions: Mapping[str, int]
    granted: Mapping[str, int]
    refused: Mapping[str, int]
    days: Mapping[str, int]

    def acceptance(self) -> dict[str, float]:
        """Return, for each category, the share of the records that offered it in which it was granted (0 to 1)."""
        names = sorted({*self.granted, *self.refused})
        return {
            name: self.granted.get(name, 0) / (self.granted.get(name, 0) + self.refused.get(name, 0)) for name in names
        }


class StatsBuilder:
    """Adds records up."""

    def __init__(self) -> None:
        self._total = 0
        self._subjects: set[str] = set()
        self._counters: dict[str, Counter[str]] = {
            name: Counter() for name in ("actions", "channels", "policy_versions", "granted", "refused", "days")
        }

    def add(self, record: ConsentRecord) -> None:
        """Count one record."""
        self._total += 1
        self._subjects.add(record.subject)
        counters = self._counters
        counters["actions"][record.action] += 1
        counters["channels"][record.channel] += 1
        counters["policy_versions"][record.policy_version] += 1
        counters["granted"].update(record.granted)
        counters["refused"].update(record.refused)
        counters["days"][record.at.date().isoformat()] += 1

    def result(self) -> LedgerStats:
        """Return the counts so far."""
        counted = {name: dict(sorted(counter.items())) for name, counter in self._counters.items()}
        return LedgerStats(total=self._total, subjects=len(self._subjects), **counted)
