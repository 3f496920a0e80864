"""``Catalogue``: services with tables to look up what they have, so that nobody must go through all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cookie_consent.policy import host_table, name_table, signatures

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cookie_consent.policy.model import Service

__all__ = ["Catalogue", "DeclaredServices", "Kind", "tables"]

Kind: TypeAlias = Literal["cookies", "storage", "hosts", "inline", "own"]
_KINDS: tuple[Kind, ...] = ("cookies", "storage", "hosts", "inline", "own")


class Catalogue(ABC):
    """Services by number, and ``tables`` of what they have.

    The cookies of all services are numbered through, and so are the things of each other kind.
    """

    tables: dict[str, Any]
    """See ``tables``."""

    @abstractmethod
    def service_at(self, number: int) -> Service:
        """Return the service of that number."""

    def owner(self, kind: Kind, number: int) -> tuple[int, int]:
        """Return the number of the service that has something, and its place among what the service has."""
        starts: list[int] = self.tables["starts"][kind]
        service = bisect_right(starts, number) - 1
        return service, number - starts[service]


class DeclaredServices(Catalogue):
    """Services that exist already."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._services = services
        self.tables = tables(services)

    def service_at(self, number: int) -> Service:
        """Return the service of that number."""
        return self._services[number]


def tables(services: Sequence[Service]) -> dict[str, Any]:
    """Return the tables for services. They can be written as JSON."""
    rules = list(enumerate(rule for service in services for rule in service.cookies))
    hosts = list(enumerate(host for service in services for host in service.hosts))
    return {
        "starts": {kind: [0, *accumulate(len(getattr(service, kind)) for service in services)] for kind in _KINDS},
        "cookies": name_table.arranged((rule.name, number) for number, rule in rules if rule.domain is None),
        "bound": name_table.arranged((rule.name, number) for number, rule in rules if rule.domain is not None),
        "storage": name_table.arranged(_numbered(rule.name for service in services for rule in service.storage)),
        "hosts": host_table.arranged((host, number) for number, host in hosts if not host.startswith("/")),
        "paths": [(host, number) for number, host in hosts if host.startswith("/")],
        "inline": signatures.arranged(_numbered(mark for service in services for mark in service.inline)),
        "own": [(rule.path, rule.query, rule.element, rule.attributes) for service in services for rule in service.own],
    }


def _numbered(values: Iterable[str]) -> Iterable[tuple[str, int]]:
    return ((value, number) for number, value in enumerate(values))
