"""What is reported: a host, cookie, storage key or snippet that was observed. It contains nothing personal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from cookie_consent.policy.name_pattern import NamePattern, without_runs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from cookie_consent.policy import Policy
    from cookie_consent.policy.classifier import Classifier

__all__ = ["SCRIPT_ERROR", "Finding", "Kind", "Observation", "is_held_at_first"]

SCRIPT_ERROR = "script-error"
"""The directive and the reason of a host whose script was held on a page where a script of the site then failed."""

Kind = Literal["host", "cookie", "storage", "inline"]


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What was observed, regardless of where and when. Equal observations are counted together.

    ``directive`` says how: a CSP directive, an HTML element, ``header``, ``set-cookie``, ``cookie`` or ``script``.
    ``service`` is the service by the registry, or empty. For ``inline``, a script in the page with the signature of a
    service, ``name`` is the service too. ``reason`` is ``undeclared``, ``refused`` (declared, but not
    agreed to), ``own`` (a host that is first party by its domain, without being declared), ``SCRIPT_ERROR``, or what is
    wrong with a cookie: see ``CookieEvent``.
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
            return seen.reason not in {"refused", "own", SCRIPT_ERROR}
        return not (classifier.declares(seen.service) or self._is_declared(classifier))

    def _is_declared(self, classifier: Classifier) -> bool:
        """Return whether the policy declares the name by now, if only as another service's or as the site's own."""
        seen = self.observation
        if seen.kind == "inline":
            return False
        if seen.kind == "host":
            verdict = classifier.host(seen.name)
            if classifier.is_first_party(seen.name, ""):
                return seen.service in {"", verdict.service}  # of another service only a path is meant
            return verdict.known and classifier.declares(verdict.service)
        verdict = classifier.cookie(seen.name) if seen.kind == "cookie" else classifier.storage(seen.name)
        if verdict.known:
            return verdict.service is None or classifier.declares(verdict.service)
        # Of an id in the name only "*" is left, which no run of an alphabet matches.
        return "*" in seen.name and any(
            NamePattern(without_runs(name)).matches(seen.name)
            for name in _names_with_runs(classifier.policy, seen.kind)
        )

    def is_own(self, classifier: Classifier) -> bool:
        """Return whether it is a host that the policy of ``classifier`` makes first party by its domain alone."""
        seen = self.observation
        if seen.reason != "own" or classifier.is_declared_own(seen.name, ""):
            return False
        return classifier.policy.first_party_site and classifier.own_service(seen.name, "/", "") is None

    def breaks(self, classifier: Classifier) -> bool:
        """Return whether scripts of the site failed where scripts of this host are held, and they still are."""
        seen = self.observation
        return seen.reason == SCRIPT_ERROR and is_held_at_first(seen.name, seen.service, classifier)

    def as_dict(self) -> dict[str, Any]:
        """Return the values, ready for JSON."""
        return {
            **vars(self.observation),
            "paths": list(self.paths),
            "count": self.count,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
        }


def _names_with_runs(policy: Policy, kind: Kind) -> Iterator[str]:
    """Yield the names that the policy declares, for cookies or also for storage, with runs of an alphabet."""
    rules = [*policy.cookies, *(rule for service in policy.services for rule in service.cookies)]
    names = [rule.name for rule in rules]
    if kind == "storage":
        names += [rule.name for service in policy.services for rule in service.storage]
    return (name for name in names if "{" in name)


def is_held_at_first(host: str, service: str, classifier: Classifier) -> bool:
    """Return whether a host, of a ``service`` if that is known, is held from visitors who have not chosen."""
    policy = classifier.policy
    if classifier.is_first_party(host, ""):
        return False
    known = policy.service(service)
    verdict = classifier.host(host)
    if known is None and verdict.service is None and not service:
        return policy.unknown_hosts != "allow"
    category = policy.category(known.category if known is not None else verdict.category)
    return category is None or not category.required
