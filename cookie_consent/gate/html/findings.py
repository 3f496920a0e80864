"""What was found on one page: the hosts that it loads from, and what is held back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cookie_consent.policy.classifier import Verdict

__all__ = ["Host", "PageFindings"]

Host = tuple[str, str | None]
"""A host, and the service that it belongs to if that is known."""

_MAXIMUM_HOSTS = 100
"""So many hosts of a page are reported."""
_LONGEST_ELEMENT = 32


class PageFindings:
    """Gathers, while a page is rewritten, what is reported of it and what its visitor is asked about."""

    def __init__(self) -> None:
        self.hosts: dict[Host, str] = {}
        """The hosts that are unknown or were held back, and the element in which each was found first."""
        self.held = 0
        """How many tags were held back."""
        self.asks_for_unknown = False
        """Whether something undeclared was held back."""
        self.latest_refused: list[Verdict] = []
        """Why the tag or text that was judged last was held back."""
        self.latest_hosts: list[Host] = []
        """The hosts that were found in it."""
        self._waiting: dict[tuple[str, str], Verdict] = {}
        self._unplaced: list[Host] = []

    @property
    def waiting(self) -> list[tuple[str, str]]:
        """The category and the service (``-`` for none) of what was held back so far."""
        return list(self._waiting)

    @property
    def refused(self) -> list[Verdict]:
        """Why tags were held back: one verdict for each category and service that something waits for."""
        return list(self._waiting.values())

    def begin(self) -> None:
        """Begin with the next tag or text."""
        if self.latest_refused or self.latest_hosts:
            self.latest_refused, self.latest_hosts = [], []

    def add_host(self, host: str, service: str | None) -> None:
        """Take note of a host whose element is not known yet."""
        key = (host, service)
        self.latest_hosts.append(key)
        if key not in self.hosts and len(self.hosts) < _MAXIMUM_HOSTS:
            self.hosts[key] = ""
            self._unplaced.append(key)

    def add_hosts_of(self, inner: PageFindings) -> None:
        """Take note of the hosts of a document that stands in this one."""
        self.latest_hosts += inner.hosts
        for key, element in inner.hosts.items():
            if len(self.hosts) < _MAXIMUM_HOSTS:
                self.hosts.setdefault(key, element)

    def take_hosts(self) -> dict[Host, str]:
        """Return the hosts that were found since the last call; one without an element stood in a header."""
        hosts, self.hosts = self.hosts, {}
        self._unplaced.clear()
        return hosts

    def add_waiting(self, waits: Iterable[tuple[tuple[str, str], Verdict]]) -> None:
        """Take note of categories and services that something waits for, and why."""
        self._waiting.update(waits)

    def add_held(self, name: bytes, refused: Sequence[Verdict], waits: dict[tuple[str, str], Verdict]) -> None:
        """Take note of a tag called ``name`` that is held back."""
        self.held += 1
        self.latest_refused += refused
        if self._unplaced:
            self.hosts.update(dict.fromkeys(self._unplaced, name.decode("ascii", "replace")[:_LONGEST_ELEMENT]))
            self._unplaced.clear()
        self._waiting.update(waits)
