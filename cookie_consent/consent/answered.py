"""``AnsweredEditions``: which services the notice named that a record is an answer to."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from cookie_consent.policy import Inventory, home_of
from cookie_consent.policy.fingerprints import edition_digest
from cookie_consent.policy.names import Coverage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cookie_consent.policy import InventoryEvent, PastPolicy, Policy, Service

__all__ = ["AnsweredEditions"]

_MOST_PAST = 4
"""How many policies of one version are tried."""


class AnsweredEditions:
    """Finds what a notice named by the digest that records have of it.

    That can be found as long as the policy has the same services in the same categories, or a policy of ``past`` had
    them: of others the digest tells nothing. ``past`` has the oldest first, ``events`` are those of the site's
    inventory. Safe to share between threads.
    """

    def __init__(
        self, policy: Policy, events: Iterable[InventoryEvent] = (), *, past: Sequence[PastPolicy] = ()
    ) -> None:
        self._policy = policy
        self._events = tuple(events)
        self._past = past
        self._of_version = lru_cache(maxsize=None)(self._earlier)
        inventory = Inventory(policy)
        inventory.learn(self._events)
        self._history = inventory.history
        self._names = lru_cache(maxsize=1024)(self._find)
        self._known = {edition_digest(names): names for names in self._history}

    def coverage(
        self, edition: str, version: str, *, granted: Iterable[str] = (), singles: Iterable[str] = ()
    ) -> Coverage | None:
        """Return the services that visitors could refuse and a notice named, and what it offered; None if unknown.

        Records of releases that wrote no ``edition`` are taken for answers to what the policy declares, if it has their
        ``version``. ``granted`` are the categories of the record, and ``singles`` the services that it names.
        """
        policy = self._policy
        if not edition:
            is_known = version == policy.version
            every = policy.optional_ids
            return Coverage(asked=every, categories=every, services=policy.names.declared) if is_known else None
        names = self._names(edition, frozenset(granted), frozenset(singles))
        return policy.names.read(names) if names is not None else None

    def covered(
        self,
        edition: str,
        version: str,
        *,
        granted: Iterable[str],
        granted_services: Iterable[str] = (),
        refused_services: Iterable[str] = (),
    ) -> tuple[Service, ...] | None:
        """Return the services that a record allows by their categories; None if it is unknown what was named.

        They are as the policy has them, or the latest one of the past that tells.
        """
        granted, refused = frozenset(granted), frozenset(refused_services)
        granted_services = frozenset(granted_services)
        coverage = self.coverage(edition, version, granted=granted, singles=refused.union(granted_services))
        if coverage is None:
            found = (
                editions.covered(
                    edition,
                    version,
                    granted=granted,
                    granted_services=granted_services,
                    refused_services=refused,
                )
                for editions in self._of_version(version)
            )
            return next((services for services in found if services is not None), None)
        named = map(self._policy.known_service, sorted(coverage.services - refused))
        return tuple(
            service for service in named if service is not None and home_of(self._policy, service.category) in granted
        )

    def service(self, service_id: str, version: str) -> Service | None:
        """Return a service that a record of that version names, as the policy has it, or as the past ones had it."""
        found = (editions.service(service_id, version) for editions in self._of_version(version))
        return self._policy.known_service(service_id) or next((known for known in found if known is not None), None)

    def _earlier(self, version: str) -> tuple[AnsweredEditions, ...]:
        """Return the editions of the past policies of that version, the latest first. Each takes a while to build."""
        found = [past.policy for past in reversed(self._past) if past.version == version]
        policies = [policy for policy in found if policy is not None]
        return tuple(AnsweredEditions(policy, self._events) for policy in policies[:_MOST_PAST])

    def _find(self, edition: str, granted: frozenset[str], singles: frozenset[str]) -> str | None:
        if edition in self._known:
            return self._known[edition]
        names = self._policy.names
        for services in (*([service] for service in singles), singles):  # placeholders name one, and then another
            alone = names.added("", services)
            if edition_digest(alone) == edition:
                return alone
        for shown in self._history:  # settings name, too, what the visitor has answered
            coverage = names.read(shown)
            if coverage is not None:
                found = names.of(coverage.services | singles, categories=coverage.asked | granted)
                for each in (found, names.added(shown, singles)):  # what was answered one by one adds no category
                    if edition_digest(each) == edition:
                        return each
        return None
