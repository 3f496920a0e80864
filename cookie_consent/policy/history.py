"""``History``: the policies that were in force one after the other, as far as the log knows them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cookie_consent.policy.changes import changes
from cookie_consent.policy.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cookie_consent.policy.model import Model

__all__ = ["History", "PastPolicy", "kept_of"]

_POLICY = {
    "version", "effective", "ask_again_since", "site", "controller", "retention", "cookies", "inventory",
    "unknown_hosts", "unknown_cookies",
}  # fmt: skip
_SERVICE = {
    "id", "name", "category", "company", "country", "transfers", "safeguard", "retention", "purpose", "privacy_url",
    "opt_out_url", "cookies", "storage",
}  # fmt: skip
"""What ``changes`` compares, visitors read, and notices name. How it is enforced is left out."""


@dataclass(frozen=True, kw_only=True)
class PastPolicy:
    """A policy, and from when on it was in force."""

    kept: dict[str, Any]
    """What ``kept_of`` has made of it."""
    since: datetime

    @cached_property
    def policy(self) -> Policy | None:
        """The policy; None where this release cannot read it any more."""
        try:
            return Policy.model_validate(self.kept)
        except ValueError:
            return None

    @property
    def version(self) -> str:
        """The label that people read."""
        return str(self.kept.get("version", ""))

    def is_followed_by(self, other: PastPolicy) -> bool:
        """Return whether visitors can notice that the other is another policy."""
        if other.kept == self.kept:
            return False
        return self.policy is None or other.policy is None or bool(changes(self.policy, other.policy))


class History:
    """The policies of a site up to ``policy``, which is in force from ``since`` until before ``until``.

    Without a log it is that policy alone. Both times have a zone; ``until`` is in seconds since 1970.
    """

    def __init__(self, policy: Policy, *, since: datetime, until: float = math.inf) -> None:
        self.policy = policy
        self.own = PastPolicy(kept=kept_of(policy), since=since)
        self._until = until
        self._learnt: tuple[PastPolicy, ...] = ()
        self._past: tuple[PastPolicy, ...] = (self.own,)
        self.state = 0
        """Changes with ``past``."""

    @property
    def past(self) -> tuple[PastPolicy, ...]:
        """The policies, the oldest first. The last one is that in force."""
        return self._past

    def is_current(self, now: float) -> bool:
        """Return whether the policy is in force at a time, in seconds since 1970."""
        return self.own.since.timestamp() <= now < self._until

    def is_last(self) -> bool:
        """Return whether the log's last policy is this one, for visitors."""
        learnt = self._learnt
        return bool(learnt) and not learnt[-1].is_followed_by(self.own)

    def learn(self, found: Sequence[PastPolicy]) -> None:
        """Take all that the log has, in its order."""
        # Hosts may still serve the old policy while others serve the new one. Each tells how its own came about.
        own = [at for at, past in enumerate(found) if not past.is_followed_by(self.own)]
        past = found[: own[-1] + 1] if own else [*found, self.own]
        self._learnt, self._past = tuple(found), tuple(past)
        self.state += 1

    def at(self, moment: datetime) -> int:
        """Return the place in ``past`` of the policy in force at a moment; of the oldest where none is known."""
        found = [at for at, past in enumerate(self._past) if past.since <= moment]
        return found[-1] if found else 0


def kept_of(policy: Policy) -> dict[str, Any]:
    """Return what is kept of a policy, as JSON values: what visitors are told."""
    kept = {name: value for name, value in _written(policy).items() if name in _POLICY}
    services = [
        {name: value for name, value in _written(service).items() if name in _SERVICE} for service in policy.services
    ]
    return {
        **kept,
        # In full, since the built-in ones of a later release may be others.
        "categories": [_written(category) for category in policy.categories],
        "services": services,
        "cookie": {"name": policy.cookie.name, "max_age": str(policy.cookie.max_age)},
    }


def _written(model: Model) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude_defaults=True)
