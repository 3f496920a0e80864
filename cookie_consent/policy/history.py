"""``History``: the policies that were in force one after the other, as far as the log knows them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cookie_consent.policy.changes import changes
from cookie_consent.policy.model import AS_KEPT
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
    "opt_out_url", "cookies", "storage", "consent_mode",
}  # fmt: skip
"""What ``changes`` compares, visitors read, and notices name. How it is enforced is left out."""


_DAY = 86_400.0
_MOST_TURNS = 2
_MOST_COMPARED = 20
"""How many of the log's last policies are compared with the present one beyond what is written alike."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PastPolicy:
    """A policy, and from when on it was in force."""

    kept: dict[str, Any]
    """What ``kept_of`` has made of it."""
    since: datetime

    @property
    def policy(self) -> Policy | None:
        """The policy, read each time; None where this release cannot read it any more."""
        try:
            return Policy.model_validate(self.kept, context=AS_KEPT)
        except (ValueError, RecursionError):
            return None

    @property
    def version(self) -> str:
        """The label that people read."""
        found = self.kept.get("version")
        return found if isinstance(found, str) else ""


class History:
    """The policies of a site up to ``policy``, which is in force from ``since`` until before ``until``.

    Without a log it is that policy alone. Both times have a zone; ``until`` is in seconds since 1970.
    """

    def __init__(self, policy: Policy, *, since: datetime, until: float = math.inf) -> None:
        self.policy = policy
        self.own = PastPolicy(kept=kept_of(policy), since=since)
        self._until = until
        self._learnt: tuple[PastPolicy, ...] = ()
        self._compared: dict[PastPolicy, bool] = {}
        """Whether visitors can notice no difference from the present policy, of those in the log."""
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
        return bool(self._learnt) and self._is_own(self._learnt[-1])

    def is_repeated(self, now: float) -> bool:
        """Return whether the log has the policy twice already, and need not have it again.

        That is, within a day before ``now``, in seconds since 1970, or while it took turns with one other. So it tells
        that a policy was taken back, but does not grow while hosts enforce different ones.
        """
        other: PastPolicy | None = None
        in_turns, places = True, []
        for past in reversed(self._learnt):
            if self._is_own(past, closely=False):
                places.append((past.since.timestamp(), in_turns))
            elif other is None:
                other = past
            else:
                in_turns = in_turns and past.kept == other.kept
        return sum(is_turn or now - since < _DAY for since, is_turn in places) >= _MOST_TURNS

    def learn(self, found: Sequence[PastPolicy]) -> None:
        """Take all that the log has, in its order."""
        # Hosts may still serve the old policy while others serve the new one. Each tells how its own came about.
        earliest = len(found) - _MOST_COMPARED
        places = reversed(range(len(found)))
        own = next((at for at in places if self._is_own(found[at], closely=at >= earliest)), None)
        past = found[: own + 1] if own is not None else [*found, self.own]
        self._learnt, self._past = tuple(found), tuple(past)
        self.state += 1

    def at(self, moment: datetime) -> int:
        """Return the place in ``past`` of the policy in force at a moment; of the oldest where none is known."""
        found = [at for at, past in enumerate(self._past) if past.since <= moment]
        return found[-1] if found else 0

    def _is_own(self, past: PastPolicy, *, closely: bool = True) -> bool:
        """Return whether visitors can notice no difference between a policy of the log and the present one."""
        if past.kept == self.own.kept:
            return True
        if past not in self._compared and closely:  # once, as this takes some milliseconds
            policy = past.policy
            self._compared[past] = policy is not None and not changes(policy, self.policy)
        return self._compared.get(past, False)


def kept_of(policy: Policy) -> dict[str, Any]:
    """Return what the log keeps of a policy, as JSON values: what visitors are told."""
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
