"""``Inventory``: the services that a site's notices name now."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cookie_consent.policy.policy import Policy

__all__ = ["Inventory"]

_MOST = 100
"""How many services that the policy does not declare are named at most."""
_REST = 86_400.0
"""How long an answered notice stays as it is, in seconds."""


class Inventory:
    """What the policy declares, and, if it says so, the known services that the site's own pages were found to load.

    A service that is met is named at once, as long as nobody has answered. After that the notice changes once a day at
    most, so that visitors are not asked again and again. What is not named is held. Safe to use from several threads.
    """

    def __init__(self, policy: Policy, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._clock = clock
        self._lock = threading.Lock()
        self._is_on = policy.inventory if policy.inventory is not None else not policy.services
        self._met: set[str] = set()
        self._answered_at: float | None = None
        self.waits = False
        """Whether something that was met is not named yet."""
        self._set(())

    def _set(self, undeclared: Iterable[str]) -> None:
        self.undeclared = tuple(sorted(undeclared))
        """The ids of the services that are named and not declared."""
        self.offered = self._policy.names.declared | frozenset(self.undeclared)
        """The ids of all services that notices name and visitors can refuse."""
        self.names = self._policy.names.of(self.offered)
        """What notices name, as ``Policy.names`` writes it."""

    def meet(self, services: Iterable[str]) -> None:
        """Note known services that the site's own answer was found to load or set a cookie of."""
        if not self._is_on:
            return
        with self._lock:
            names = self._policy.names
            for service in services:
                is_known = names.has(service) and service not in names.declared
                if is_known and service not in self._met and len(self._met) < _MOST:
                    self._met.add(service)
            self.waits = not self._met.issubset(self.offered)
            if not self.waits:
                return
            now = self._clock()
            if self._answered_at is None or now - self._answered_at >= _REST:
                self._answered_at = None
                self._set(self._met)
                self.waits = False

    def answered(self, names: str) -> None:
        """Note that a visitor has answered a notice with these names."""
        with self._lock:
            if self._answered_at is None and names == self.names:
                self._answered_at = self._clock()
