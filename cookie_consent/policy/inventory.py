"""``Inventory``: the services and undeclared hosts that a site's notices name now."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from cookie_consent.policy.fingerprints import edition_digest
from cookie_consent.policy.model import UNCLASSIFIED
from cookie_consent.policy.undeclared import is_host

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from cookie_consent.policy.policy import Policy

__all__ = ["Inventory", "InventoryEvent", "InventoryKind"]

_MOST = 100
"""How many services that the policy does not declare are named at most."""
_MOST_HOSTS = 50
"""How many undeclared hosts are named at most."""
_MOST_LIBRARIES = 100
"""How many public libraries are listed at most."""
_LONGEST_LIBRARY = 200
_MOST_TEXT = 1000
"""How many characters they may have together, since forms and cookies carry them."""
_MOST_SEEN = 1000
"""How many undeclared hosts that one path alone has loaded are remembered."""
_REST = 86_400_000_000
"""How long an answered notice stays as it is, in microseconds."""
_SECOND = 1_000_000

InventoryKind = Literal["service", "category", "host", "library", "answered", "accepted"]
"""What a site was found to use, and what became of its notice: visitors have ``answered`` it, or its owner has
``accepted`` what waits to be named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InventoryEvent:
    """Something that was met, or that decides when it is named. From the same events every process names the same."""

    kind: InventoryKind
    name: str
    """The id of a service or category, a host, or a library. For the rest it tells one event from another. Of an answer
    it begins with the digest of what the notice named; releases before that wrote digits alone."""
    at: int
    """Microseconds since 1970 (UTC)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _State:
    """What follows from the events until now."""

    undeclared: tuple[str, ...] = ()
    offered: frozenset[str]
    categories: frozenset[str]
    names: str
    is_open: bool = True
    """Whether nobody has answered this notice yet, so that what is met is named at once."""
    waiting: tuple[InventoryEvent, ...] = ()
    answered_at: int = 0
    """When visitors first answered this notice, or the one before."""


class Inventory:
    """What the policy declares, and what the site's own pages were found to load beside.

    That is, if the policy says so, known services; and where visitors are asked about them undeclared hosts, and the
    category of undeclared cookies. A host is named only after two paths have loaded it: what one visitor has posted on
    one page adds none. What is met is named at once, as long as nobody has answered. After that the notice changes once
    a day at most, so that visitors are not asked again and again. What is not named is held. ``clock`` gives seconds
    since 1970. Safe to use from several threads.
    """

    def __init__(self, policy: Policy, *, clock: Callable[[], float] = time.time) -> None:
        self.policy = policy
        self._clock = clock
        self._lock = threading.Lock()
        self._events: dict[tuple[InventoryKind, str], InventoryEvent] = {}
        self._news: list[InventoryEvent] = []
        self._last = 0
        """When the newest event was, here or elsewhere."""
        self._seen: dict[str, str] = {}
        self._digest = lru_cache(maxsize=64)(self._digest_of)
        self._state = self._concluded()

    @property
    def undeclared(self) -> tuple[str, ...]:
        """The sorted ids of the services that are named and not declared. Undeclared hosts are among them."""
        return self._state.undeclared

    @property
    def offered(self) -> frozenset[str]:
        """The ids of all services that notices name and visitors can refuse."""
        return self._state.offered

    @property
    def categories(self) -> frozenset[str]:
        """The ids of the optional categories that notices offer."""
        return self._state.categories

    @property
    def names(self) -> str:
        """What notices name, as ``Policy.names`` writes it."""
        return self._state.names

    @property
    def libraries(self) -> tuple[str, ...]:
        """The sorted public libraries that the site serves itself, as its pages were found to name them."""
        return tuple(sorted(name for kind, name in tuple(self._events) if kind == "library"))

    @property
    def waiting(self) -> tuple[InventoryEvent, ...]:
        """What was found and is not named yet."""
        return self._state.waiting

    @property
    def history(self) -> tuple[str, ...]:
        """What notices have named under this policy since the first event, each once, as ``Policy.names`` writes it."""
        found = [event for event in self.events if self._counts(event.kind, event.name)]
        return tuple(dict.fromkeys((*(self._naming(found[:at]).names for at in range(len(found) + 1)), self.names)))

    @property
    def due(self) -> float | None:
        """When what waits will be named, in seconds since 1970; None if nothing waits."""
        return (self._state.answered_at + _REST) / _SECOND if self._state.waiting else None

    @property
    def events(self) -> tuple[InventoryEvent, ...]:
        """All events, in their order."""
        return tuple(sorted(self._events.values(), key=lambda event: event.at))

    def meet(
        self, services: Iterable[str], *, categories: Iterable[str] = (), hosts: Iterable[str] = (), path: str = ""
    ) -> None:
        """Note what the site's own answer to a request for ``path`` was found to load or set a cookie of.

        ``services`` are known ones, ``hosts`` undeclared ones, ``categories`` those of the cookies that it sets.
        """
        with self._lock:
            known = len(self._events)
            for service in services:
                is_new = ("service", service) not in self._events and self._counts("service", service)
                if is_new and sum(kind == "service" for kind, _ in self._events) < _MOST:
                    self._add("service", service)
            for category in categories:
                if ("category", category) not in self._events and self._counts("category", category):
                    self._add("category", category)
            self._meet_hosts(hosts, path)
            if len(self._events) != known or (self._state.waiting and self._now() - self._state.answered_at >= _REST):
                self._state = self._concluded()

    def meet_libraries(self, names: Iterable[str]) -> None:
        """Note which public libraries a page names. No notice does, since nothing of them reaches their hosts."""
        with self._lock:
            new = [name for name in dict.fromkeys(names) if ("library", name) not in self._events]
            fit = [name for name in new if len(name) <= _LONGEST_LIBRARY]
            if not fit:  # as on all but a few pages
                return
            known = sum(kind == "library" for kind, _ in self._events)
            for name in fit[: max(0, _MOST_LIBRARIES - known)]:
                self._add("library", name)

    def answered(self, names: str) -> None:
        """Note that a visitor has answered a notice with these names."""
        with self._lock:
            digest = edition_digest(names)
            if self._state.is_open and names == self.names and not self._is_noted(digest):
                self._add("answered", f"{digest}.{self._now()}")
                self._state = self._concluded()

    def accept(self) -> None:
        """Name now what waits."""
        with self._lock:
            self._add("accepted", str(self._now()))
            self._state = self._concluded()

    def take_news(self) -> list[InventoryEvent]:
        """Return the events of this process that nobody has taken, so that others can ``learn`` them."""
        with self._lock:
            news, self._news = self._news, []
            return news

    def give_back(self, news: Iterable[InventoryEvent]) -> None:
        """Take back events that could not be handed on."""
        with self._lock:
            self._news[:0] = news

    def learn(self, events: Iterable[InventoryEvent]) -> None:
        """Add what other processes have met. Of equal events the given one counts."""
        with self._lock:
            for event in events:
                self._events[event.kind, event.name] = event
                self._last = max(self._last, event.at)
            self._state = self._concluded()

    def _now(self) -> int:
        return int(self._clock() * _SECOND)

    def _add(self, kind: InventoryKind, name: str) -> None:
        # The clock of another host may be ahead. What is new here still comes after what it was found beside.
        self._last = max(self._now(), self._last + 1)
        self._events[kind, name] = event = InventoryEvent(kind=kind, name=name, at=self._last)
        self._news.append(event)

    def _is_noted(self, digest: str) -> bool:
        """Return whether an answer to these names was noted so recently that another would not change anything."""
        earliest = max(self._now(), self._last) - _REST
        return any(
            kind == "answered" and name.startswith(f"{digest}.") and event.at > earliest
            for (kind, name), event in self._events.items()
        )

    def _counts(self, kind: InventoryKind, name: str) -> bool:
        """Return whether this policy's notices can name something."""
        names = self.policy.names
        if kind == "service":
            return self.policy.has_inventory and names.has(name) and not is_host(name) and name not in names.declared
        if kind == "category" and name == UNCLASSIFIED:
            return self.policy.unknown_cookies == "ask" and name in self.policy.optional_ids
        if kind == "category":
            return self.policy.has_inventory and name in self.policy.optional_ids
        return kind == "host" and self.policy.unknown_hosts == "ask" and is_host(name) and names.has(name)

    def _meet_hosts(self, hosts: Iterable[str], path: str) -> None:
        # Different spellings of a path often lead to one page.
        page = "/".join(filter(None, path.lower().split("/")))
        for host in hosts:
            if ("host", host) in self._events or not self._counts("host", host):
                continue
            if self._seen.setdefault(host, page) == page:
                if len(self._seen) > _MOST_SEEN:
                    del self._seen[next(iter(self._seen))]
            elif _fits(host, [name for kind, name in self._events if kind == "host"]):
                del self._seen[host]
                self._add("host", host)

    def _concluded(self) -> _State:
        """Return what follows from the events, by their times alone."""
        named: list[InventoryEvent] = []
        waiting: list[InventoryEvent] = []
        is_open, answered_at = True, 0
        for event in self.events:
            is_over = event.at - answered_at >= _REST
            if waiting and is_over:
                named, waiting, is_open = [*named, *waiting], [], True
            if event.kind == "answered":
                # An answer to what a policy of before named closes nothing: nobody has answered this notice.
                if self._is_answer_to(event, named):
                    is_open, answered_at = (False, event.at) if is_open else (False, answered_at)
            elif event.kind == "accepted":
                named, waiting = [*named, *waiting], []
            elif self._counts(event.kind, event.name):
                is_open = is_open or is_over
                (named if is_open else waiting).append(event)
        if waiting and self._now() - answered_at >= _REST:
            named, waiting, is_open = [*named, *waiting], [], True
        return self._naming(named, is_open=is_open, waiting=tuple(waiting), answered_at=answered_at)

    def _is_answer_to(self, event: InventoryEvent, named: Iterable[InventoryEvent]) -> bool:
        digest, dot, _ = event.name.partition(".")
        return not dot or digest == self._digest(tuple(named))

    def _digest_of(self, named: tuple[InventoryEvent, ...]) -> str:
        return edition_digest(self._naming(named).names)

    def _naming(self, named: Iterable[InventoryEvent], **state: Any) -> _State:
        services: list[str] = []
        hosts: list[str] = []
        needed: set[str] = set()
        for event in named:
            if event.kind == "category":
                needed.add(event.name)
            elif event.kind == "service" and len(services) < _MOST:
                services.append(event.name)
            elif event.kind == "host" and _fits(event.name, hosts):
                hosts.append(event.name)
        names = self.policy.names
        offered = names.declared.union(services, hosts)
        return _State(
            undeclared=tuple(sorted((*services, *hosts))),
            offered=offered,
            categories=names.offered(offered) | needed,
            names=names.of(offered, categories=needed),
            **state,
        )


def _fits(host: str, hosts: Collection[str]) -> bool:
    """Return whether a host can be named beside these."""
    return len(hosts) < _MOST_HOSTS and sum(map(len, hosts)) + len(host) <= _MOST_TEXT
