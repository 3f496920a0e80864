"""What is reported: a host, a cookie or a storage key that a gate met. Nothing of it is about a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from cookie_consent.policy import UNCLASSIFIED

if TYPE_CHECKING:
    from datetime import date

    from cookie_consent.policy.classifier import Classifier

__all__ = ["Finding", "Kind", "Observation"]

Kind = Literal["host", "cookie", "storage"]


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What was met, without where and when; findings are counted by this.

    ``directive`` says how: a CSP directive, an HTML element, ``header``, ``set-cookie``, ``cookie`` or ``script``.
    ``service`` is what the registry takes it for, or empty. ``reason`` is ``undeclared``, ``refused`` (declared, but
    not agreed to) or a fault of a cookie: see ``CookieEvent``.
    """

    kind: Kind
    name: str
    directive: str
    service: str = ""
    reason: str = "undeclared"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An observation with the pages it was made on (a few), how often, and the first and the last day (UTC)."""

    observation: Observation
    paths: tuple[str, ...] = field(default=())
    count: int
    first: date
    last: date

    def is_open(self, classifier: Classifier) -> bool:
        """Say whether the site has still something to do about it under the policy of ``classifier``."""
        seen = self.observation
        if seen.reason != "undeclared":
            return seen.reason != "refused"
        if seen.service:
            return classifier.policy.service(seen.service) is None
        verdict = classifier.host(seen.name) if seen.kind == "host" else classifier.cookie(seen.name)
        return verdict.category == UNCLASSIFIED or (
            verdict.service is not None and classifier.policy.service(verdict.service) is None
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the values that JSON can carry."""
        return {
            **vars(self.observation),
            "paths": list(self.paths),
            "count": self.count,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
        }
