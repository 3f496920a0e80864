"""``Inventory``: the services and undeclared hosts that a site's notices name now."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from cookie_consent.policy.undeclared import is_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cookie_consent.policy.policy import Policy

__all__ = ["Inventory"]

_MOST = 100
"""How many services that the policy does not declare are named at most."""
_MOST_HOSTS = 50
"""How many undeclared hosts are named at most."""
_MOST_TEXT = 1000
"""How many characters they may have together, since forms and cookies carry them."""
_MOST_SEEN = 1000
"""How many undeclared hosts that one path alone has loaded are remembered."""
_REST = 86_400.0
"""How long an answered notice stays as it is, in seconds."""


class Inventory:
    """What the policy declares, and what the site's own pages were found to load beside.

    That is, if the policy says so, known services; and undeclared hosts where visitors are asked about them. A host is
    named only after two paths have loaded it: what one visitor has posted on one page adds none. What is met is named
    at once, as long as nobody has answered. After that the notice changes once a day at most, so that visitors are not
    asked again and again. What is not named is held. Safe to use from several threads.
    """

    def __init__(self, policy: Policy, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._clock = clock
        self._lock = threading.Lock()
        self._is_on = policy.inventory if policy.inventory is not None else not policy.services
        self._met: set[str] = set()
        self._needed: set[str] = set()
        self._seen: dict[str, str] = {}
        self._hosts: list[str] = []
        self._answered_at: float | None = None
        self.waits = False
        """Whether something that was met is not named yet."""
        self._set(())

    def _set(self, undeclared: Iterable[str]) -> None:
        self.undeclared = tuple(sorted(undeclared))
        """The ids of the services that are named and not declared. Undeclared hosts are among them."""
        self.offered = self._policy.names.declared | frozenset(self.undeclared)
        """The ids of all services that notices name and visitors can refuse."""
        self.categories = self._policy.names.offered(self.offered) | self._needed
        """The ids of the optional categories that notices offer."""
        self.names = self._policy.names.of(self.offered, categories=self._needed)
        """What notices name, as ``Policy.names`` writes it."""

    def meet(
        self, services: Iterable[str], *, categories: Iterable[str] = (), hosts: Iterable[str] = (), path: str = ""
    ) -> None:
        """Note what the site's own answer to a request for ``path`` was found to load or set a cookie of.

        ``services`` are known ones, ``categories`` those of the known cookies that it sets, ``hosts`` undeclared ones.
        """
        with self._lock:
            if self._is_on:
                self._meet_services(services)
                self._needed |= self._policy.optional_ids.intersection(categories)
            if self._policy.unknown_hosts == "ask":
                self._meet_hosts(hosts, path)
            self.waits = not (self._needed <= self.categories and self.offered.issuperset((*self._met, *self._hosts)))
            if not self.waits:
                return
            now = self._clock()
            if self._answered_at is None or now - self._answered_at >= _REST:
                self._answered_at = None
                self._set((*self._met, *self._hosts))
                self.waits = False

    def _meet_services(self, services: Iterable[str]) -> None:
        names = self._policy.names
        for service in services:
            is_new = names.has(service) and not is_host(service) and service not in names.declared | self._met
            if is_new and len(self._met) < _MOST:
                self._met.add(service)

    def _meet_hosts(self, hosts: Iterable[str], path: str) -> None:
        # Different spellings of a path often lead to one page.
        page = "/".join(filter(None, path.lower().split("/")))
        for host in hosts:
            if host in self._hosts or not is_host(host):
                continue
            if self._seen.setdefault(host, page) == page:
                if len(self._seen) > _MOST_SEEN:
                    del self._seen[next(iter(self._seen))]
            elif len(self._hosts) < _MOST_HOSTS and sum(map(len, self._hosts)) + len(host) <= _MOST_TEXT:
                del self._seen[host]
                self._hosts.append(host)

    def answered(self, names: str) -> None:
        """Note that a visitor has answered a notice with these names."""
        with self._lock:
            if self._answered_at is None and names == self.names:
                self._answered_at = self._clock()
