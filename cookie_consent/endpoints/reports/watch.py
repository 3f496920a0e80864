"""What visitors' browsers and the gates have reported, beside the inventory, with lines that would declare it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cookie_consent.endpoints.reports.advice import declaration

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import date

    from cookie_consent.endpoints.reports.finding import Finding, Kind
    from cookie_consent.policy.classifier import Classifier

__all__ = ["Watched", "watched"]

_MOST_PATHS = 5


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Something that was reported and that neither the policy nor the inventory has."""

    kind: Kind
    name: str
    service: str
    """The service by the registry, or empty."""
    count: int
    first: date
    last: date
    paths: tuple[str, ...]
    lines: str
    """TOML for the policy file that declares it."""

    def as_dict(self) -> dict[str, Any]:
        """Return the values, ready for JSON."""
        days = {"first": self.first.isoformat(), "last": self.last.isoformat()}
        return {**vars(self), **days, "paths": list(self.paths)}


def watched(findings: Iterable[Finding], classifier: Classifier, inventory: Collection[str] = ()) -> list[Watched]:
    """Return what was reported and is undeclared, each thing once, the most frequent first.

    ``inventory`` are the names that it has: what it holds is left out. Anybody can post a report, so nothing of this is
    ever added to the inventory.
    """
    groups: dict[tuple[Kind, str, str], list[Finding]] = {}
    for finding in findings:
        seen = finding.observation
        is_known = seen.service in inventory or seen.name in inventory
        if seen.reason == "undeclared" and finding.is_open(classifier) and not is_known:
            groups.setdefault((seen.kind, seen.name, seen.service), []).append(finding)
    found = [
        Watched(
            kind=kind,
            name=name,
            service=service,
            count=sum(finding.count for finding in group),
            first=min(finding.first for finding in group),
            last=max(finding.last for finding in group),
            paths=tuple(dict.fromkeys(path for finding in group for path in finding.paths))[:_MOST_PATHS],
            lines=declaration(kind, name, service or None, classifier.policy),
        )
        for (kind, name, service), group in groups.items()
    ]
    return sorted(found, key=lambda one: (-one.count, one.kind, one.name))
