"""``AnsweredEditions``: which services the notice named that a record is an answer to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.policy import Inventory, home_of
from cookie_consent.policy.fingerprints import edition_digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.policy import InventoryEvent, Policy, Service

__all__ = ["AnsweredEditions"]


class AnsweredEditions:
    """Finds what a notice named by the digest that records have of it.

    That can be found as long as the policy has the same services in the same categories: of others the digest tells
    nothing. ``events`` are those of the site's inventory. Safe to share between threads.
    """

    def __init__(self, policy: Policy, events: Iterable[InventoryEvent] = ()) -> None:
        self._policy = policy
        inventory = Inventory(policy)
        inventory.learn(events)
        self._history = inventory.history
        self._known = {edition_digest(names): names for names in self._history}

    def services(
        self, edition: str, version: str, *, granted: Iterable[str] = (), singles: Iterable[str] = ()
    ) -> tuple[Service, ...] | None:
        """Return the services that visitors could refuse and a notice named, sorted by their ids; None if unknown.

        Records of releases that wrote no ``edition`` are taken for answers to what the policy declares, if it has their
        ``version``. ``granted`` are the categories of the record, and ``singles`` the services that it names.
        """
        if not edition:
            found = self._policy.names.declared if version == self._policy.version else None
        else:
            names = self._names(edition, frozenset(granted), frozenset(singles))
            coverage = self._policy.names.read(names) if names is not None else None
            found = coverage.services if coverage is not None else None
        if found is None:
            return None
        known = map(self._policy.known_service, sorted(found))
        return tuple(service for service in known if service is not None)

    def covered(
        self,
        edition: str,
        version: str,
        *,
        granted: Iterable[str],
        granted_services: Iterable[str] = (),
        refused_services: Iterable[str] = (),
    ) -> tuple[Service, ...] | None:
        """Return the services that a record allows by their categories; None if it is unknown what was named."""
        granted, refused = frozenset(granted), frozenset(refused_services)
        named = self.services(edition, version, granted=granted, singles=refused.union(granted_services))
        if named is None:
            return None
        return tuple(
            service
            for service in named
            if service.id not in refused and home_of(self._policy, service.category) in granted
        )

    def _names(self, edition: str, granted: frozenset[str], singles: frozenset[str]) -> str | None:
        if edition in self._known:
            return self._known[edition]
        names = self._policy.names
        for service in singles:  # placeholders name one
            alone = names.added("", [service])
            if edition_digest(alone) == edition:
                return alone
        for shown in self._history:  # settings name, too, what the visitor has answered
            coverage = names.read(shown)
            if coverage is not None:
                found = names.of(coverage.services | singles, categories=coverage.asked | granted)
                if edition_digest(found) == edition:
                    return found
        return None
