"""What is found on one page: the hosts that it loads from, and what is held back."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cookie_consent.policy.classifier import Verdict
    from cookie_consent.rewriter import StartTag

__all__ = ["INLINE", "OWN", "HeldPart", "Host", "Observer", "PageFindings", "Trace"]

Host = tuple[str, str | None]
"""A host and its service: None if that is unknown, ``OWN`` for a host of the site."""
OWN = ""
"""In the place of the service: the host is first party by its domain alone, without being declared."""
INLINE = ""
"""In the place of the host: an inline script, or another text, with the signature of the service."""

_MAXIMUM_HOSTS = 100
"""How many hosts of a page are reported."""
_LONGEST_ELEMENT = 32
_MAXIMUM_LEADS = 4
"""How many held refreshes a page tells of."""
_MAXIMUM_TRACED = 500
"""How many different parts of a page are traced."""
_LONGEST_ADDRESS = 300
_QUERY = re.compile("[?#]")


class HeldPart(NamedTuple):
    """Something that was held back on a page, in detail."""

    place: str
    """The name of the element, or ``NAME header``."""
    address: str
    """``HOST/PATH`` without the query; empty for text such as that of an inline script."""
    verdict: Verdict


class Observer(Protocol):
    """Is told what a page would make a browser contact, whether or not it is held."""

    def address(self, written: str, host: str, path: str, tag: StartTag | None) -> None:
        """Note an address as it is written, and the host and path that it leads to.

        ``tag`` is the tag that has it; None for one in a text or a header.
        """

    def script(self, text: str, verdicts: Sequence[Verdict]) -> None:
        """Note the text of an inline script, and the services whose signatures it carries."""


class Trace:
    """Everything that is held back on one page and in its headers, for the owner of the site to see."""

    def __init__(self) -> None:
        self.parts: Counter[HeldPart] = Counter()
        """What was held, and how often: at most 500 different parts."""
        self.left_out = 0
        """How many more were not traced."""
        self.own: Counter[str] = Counter()
        """The hosts that are first party by their domain alone, and how often they were met."""
        self.ahead: Counter[HeldPart] = Counter()
        """What was let through before the visitor has chosen, as its service is in advanced mode."""
        self._addresses: list[tuple[str, Verdict]] = []

    def begin(self) -> None:
        """Forget the addresses of the tag or text before."""
        self._addresses.clear()

    def add_address(self, host: str, path: str, verdict: Verdict) -> None:
        """Add a refused address of the tag, text or header that is being judged."""
        self._addresses.append(((host + _QUERY.split(path, 1)[0])[:_LONGEST_ADDRESS], verdict))

    def add_own(self, host: str) -> None:
        """Add a host that is first party by its domain alone."""
        if host in self.own or len(self.own) < _MAXIMUM_HOSTS:
            self.own[host] += 1

    def add_ahead(self, place: str, address: str, verdict: Verdict) -> None:
        """Add what is let through before the visitor has chosen."""
        part = HeldPart(place, _QUERY.split(address, 1)[0][:_LONGEST_ADDRESS], verdict)
        if part in self.ahead or len(self.ahead) < _MAXIMUM_HOSTS:
            self.ahead[part] += 1

    def add_held(self, place: str, refused: Iterable[Verdict]) -> None:
        """Add what was held at a place, and why."""
        for verdict in dict.fromkeys(refused):
            found = dict.fromkeys(address for address, why in self._addresses if why == verdict)
            for address in found or ("",):
                self._count(HeldPart(place, address, verdict))

    def _count(self, part: HeldPart) -> None:
        if part in self.parts or len(self.parts) < _MAXIMUM_TRACED:
            self.parts[part] += 1
        else:
            self.left_out += 1


class PageFindings:
    """Collects what is reported about a page and what its visitor is asked about, while the page is rewritten."""

    def __init__(self) -> None:
        self.hosts: dict[Host, str] = {}
        """The hosts that are undeclared, held back, or ``OWN``, with the element in which each was first found."""
        self.held = 0
        """How many tags were held back."""
        self.latest_refused: list[Verdict] = []
        """Why the latest tag or text was held back."""
        self.latest_hosts: list[Host] = []
        """The hosts found in it."""
        self.leads: dict[str, str] = {}
        """The addresses to which held refreshes would have led, each with its host."""
        self.trace: Trace | None = None
        """Collects what was held in detail; None where nobody asks for it."""
        self.observer: Observer | None = None
        """Is told of all that is judged; None where nobody asks for it."""
        self.header = ""
        """The response header that is being judged, as the place of what is held in it."""
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
        if self.trace is not None:
            self.trace.begin()

    def add_host(self, host: str, service: str | None) -> None:
        """Add a host that was found in the current element, or in a header."""
        key = (host, service)
        self.latest_hosts.append(key)
        if service == OWN and self.trace is not None:
            self.trace.add_own(host)
        if len(self.hosts) < _MAXIMUM_HOSTS:
            self.hosts.setdefault(key, self._element)

    def add_ahead(self, address: str, verdict: Verdict) -> None:
        """Add an address, empty for an inline script, that is let through before the visitor has chosen."""
        if self.trace is not None:
            self.trace.add_ahead(self._element, address, verdict)

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

    def add_header(self, wait: tuple[str, str], verdict: Verdict) -> None:
        """Add an address in a response header that is held, what it waits for, and why."""
        self._waiting[wait] = verdict
        if self.trace is not None:
            self.trace.add_held(self.header, [verdict])
            self.trace.begin()

    def add_lead(self, address: str, host: str) -> None:
        """Add an address to which a refresh would have led."""
        if len(self.leads) < _MAXIMUM_LEADS:
            self.leads[address] = host

    def add_held(self, refused: Sequence[Verdict], waits: dict[tuple[str, str], Verdict]) -> None:
        """Add a tag that is held back."""
        self.held += 1
        self.latest_refused += refused
        if self.trace is not None:
            self.trace.add_held(self._element, refused)
        self._waiting.update(waits)
