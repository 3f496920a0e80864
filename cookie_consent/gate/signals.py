"""What the guard tells the vendors of the services in force, in the form in which it reads that."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from cookie_consent.policy import UNCLASSIFIED, registry
from cookie_consent.policy.signals import google_signals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cookie_consent.policy import Policy, Service
    from cookie_consent.policy.signals import Signal

__all__ = ["NamedSignals", "signal_rows"]

_Owner: TypeAlias = "tuple[str, str]"
"""A service and its category; without a service, the category."""


class NamedSignals:
    """What the vendors of services that notices name beside the declared ones are told."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._cached = lru_cache(maxsize=16)(self._of)

    def of(self, undeclared: tuple[str, ...]) -> str:
        """Return, as JSON, all that a page tells where notices name ``undeclared`` too; empty if that adds nothing."""
        return self._cached(undeclared) if undeclared else ""

    def _of(self, undeclared: tuple[str, ...]) -> str:
        known = registry()
        services = [known[service_id] for service_id in undeclared if service_id in known]
        if not any(service.signals or service.google_consent_mode for service in services):
            return ""
        return json.dumps(signal_rows(self._policy, [*self._policy.services, *services]), separators=(",", ":"))


def signal_rows(policy: Policy, services: Iterable[Service]) -> list[list[Any]]:
    """Return what the vendors of ``services`` are told, a row for each call: see ``static/guard/signals.js``.

    The states that it says are lists of owners: each of them has to be allowed, and none is allowed without any.
    """
    states = _States(policy, services)
    rows = [
        states.row(signal, own, own)
        for service in states.services
        for own in [[states.owner(service)]]
        for signal in service.signals
    ]
    readers = [service for service in states.services if service.google_consent_mode]
    google = policy.signals.google
    if not (readers if google.told is None else google.told):
        return rows
    told = [states.owner(service) for service in readers]
    # A tag manager may be allowed where the service that it loads is refused by its name.
    deciding = [states.owner(service) for service in readers if service.google_consent_mode != "container"]
    deciding += [owner for owner in told if owner[1] not in {category for _, category in deciding}]
    signals = google_signals(google, asked=frozenset(category for _, category in deciding))
    return [*(states.row(signal, told, deciding) for signal in signals), *rows]


class _States:
    def __init__(self, policy: Policy, services: Iterable[Service]) -> None:
        self._offered = {category.id for category in policy.categories}
        self.services: Sequence[Service] = tuple(services)

    def owner(self, service: Service) -> _Owner:
        return service.id, service.category if service.category in self._offered else UNCLASSIFIED

    def row(self, signal: Signal, readers: list[_Owner], deciding: list[_Owner]) -> list[Any]:
        """Return what the guard is told of a signal that ``readers`` take, of whose states ``deciding`` decide.

        Defaults at the end are omitted.
        """
        values: Any = signal.values
        if isinstance(values, str):
            values = self._owners(values, deciding)
        elif values is not None:
            values = {key: self._owners(state, deciding) for key, state in values.items()}
        kind = "call" if signal.call else "set" if signal.set else signal.form
        path = (signal.call or signal.push or signal.set or "").split(".")
        rest = signal.words, int(signal.late), signal.after, int(signal.differs)
        row = [signal.on, kind, path, signal.args, readers, values, *rest]
        while row[-1] in (0, "", None, ("granted", "denied")):
            row.pop()
        return row

    def _owners(self, state: str, readers: list[_Owner]) -> list[_Owner]:
        """Return what has to be allowed for a state: of a category, those of its services that the vendor serves.

        A service that is not in force is named by no notice, so nobody was asked on its behalf.
        """
        if not state:
            return readers
        if state in self._offered:
            return [owner for owner in readers if owner[1] == state] or [("", state)]
        return [self.owner(service) for service in self.services if service.id == state]
