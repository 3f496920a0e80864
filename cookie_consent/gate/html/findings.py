"""What is found on one page: the hosts that it loads from, and what is held back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cookie_consent.policy.classifier import Verdict

__all__ = ["OWN", "Host", "PageFindings"]

Host = tuple[str, str | None]
"""A host and its service: None if that is unknown, ``OWN`` for a host of the site."""
OWN = ""
"""In the place of the service: the host is first party by its domain alone, without being declared."""

_MAXIMUM_HOSTS = 100
"""How many hosts of a page are reported."""
_LONGEST_ELEMENT = 32
_MAXIMUM_LEADS = 4
"""How many held refreshes a page tells of."""


class PageFindings:
    """Collects what is reported about a page and what its visitor is asked about, while the page is rewritten."""

    def __init__(self) -> None:
        self.hosts: dict[Host, str] = {}
        """The hosts that are unknown, held back, or ``OWN``, with the element in which each was first found."""
        self.held = 0
        """How many tags were held back."""
        self.asks_for_unknown = False
        """Whether something undeclared was held back."""
        self.latest_refused: list[Verdict] = []
        """Why the latest tag or text was held back."""
        self.latest_hosts: list[Host] = []
        """The hosts found in it."""
        self.leads: dict[str, str] = {}
        """The addresses to which held refreshes would have led, each with its host."""
        self._waiting: dict[tuple[str, str], Verdict] = {}
        self._element = ""

    @property
    def waiting(self) -> list[tuple[str, str]]:
        """The category and the service (``-`` for none) of everything held back so far."""
        return list(self._waiting)

    @property
    def refused(self) -> list[Verdict]:
        """One verdict for each category and service that something waits for."""
        return list(self._waiting.values())

    def begin(self, name: bytes) -> None:
        """Start the next tag, or text, of an element called ``name``."""
        self._element = name.decode("ascii", "replace")[:_LONGEST_ELEMENT]
        if self.latest_refused or self.latest_hosts:
            self.latest_refused, self.latest_hosts = [], []

    def add_host(self, host: str, service: str | None) -> None:
        """Add a host that was found in the current element, or in a header."""
        key = (host, service)
        self.latest_hosts.append(key)
        if len(self.hosts) < _MAXIMUM_HOSTS:
            self.hosts.setdefault(key, self._element)

    def add_hosts_of(self, inner: PageFindings) -> None:
        """Add the hosts of a document inside this one."""
        self.latest_hosts += inner.hosts
        for key, element in inner.hosts.items():
            if len(self.hosts) < _MAXIMUM_HOSTS:
                self.hosts.setdefault(key, element)

    def take_hosts(self) -> dict[Host, str]:
        """Return the hosts found since the last call; those from headers have an empty element."""
        hosts, self.hosts = self.hosts, {}
        return hosts

    def add_waiting(self, waits: Iterable[tuple[tuple[str, str], Verdict]]) -> None:
        """Add the categories and services that something waits for, and why."""
        self._waiting.update(waits)

    def add_lead(self, address: str, host: str) -> None:
        """Add an address to which a refresh would have led."""
        if len(self.leads) < _MAXIMUM_LEADS:
            self.leads[address] = host

    def add_held(self, refused: Sequence[Verdict], waits: dict[tuple[str, str], Verdict]) -> None:
        """Add a tag that is held back."""
        self.held += 1
        self.latest_refused += refused
        self._waiting.update(waits)
