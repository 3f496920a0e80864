"""What is reported: a host, cookie or storage key that a gate has observed. It contains nothing personal."""

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
    """What was observed, regardless of where and when. Equal observations are counted together.

    ``directive`` says how: a CSP directive, an HTML element, ``header``, ``set-cookie``, ``cookie`` or ``script``.
    ``service`` is the service by the registry, or empty. ``reason`` is ``undeclared``, ``refused`` (declared, but not
    agreed to), ``own`` (a host that is first party by its domain, without being declared) or what is wrong with a
    cookie: see ``CookieEvent``.
    """

    kind: Kind
    name: str
    directive: str
    service: str = ""
    reason: str = "undeclared"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An observation with a few of its pages, its count, and its first and last day (UTC)."""

    observation: Observation
    paths: tuple[str, ...] = field(default=())
    count: int
    first: date
    last: date

    def is_open(self, classifier: Classifier) -> bool:
        """Return whether the site still has to act on it, under the policy of ``classifier``."""
        seen = self.observation
        if seen.reason != "undeclared":
            return seen.reason not in {"refused", "own"}
        if seen.service:
            return classifier.policy.service(seen.service) is None
        if seen.kind == "host" and classifier.is_first_party(seen.name, ""):
            return False
        verdict = classifier.host(seen.name) if seen.kind == "host" else classifier.cookie(seen.name)
        return verdict.category == UNCLASSIFIED or (
            verdict.service is not None and classifier.policy.service(verdict.service) is None
        )

    def is_own(self, classifier: Classifier) -> bool:
        """Return whether it is a host that the policy of ``classifier`` makes first party by its domain alone."""
        seen = self.observation
        return seen.reason == "own" and not classifier.is_declared_own(seen.name, "")

    def as_dict(self) -> dict[str, Any]:
        """Return the values, ready for JSON."""
        return {
            **vars(self.observation),
            "paths": list(self.paths),
            "count": self.count,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
        }
