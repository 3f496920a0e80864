"""``Registry``: the known services by id, each validated when somebody asks for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from cookie_consent.policy.catalogue import Catalogue
from cookie_consent.policy.model import Service

__all__ = ["Registry"]


class Registry(Catalogue, Mapping[str, Service]):
    """Every known service by id, and tables to look things up in without them. It cannot be changed.

    ``content`` is what ``compiled`` returns.
    """

    def __init__(self, content: bytes) -> None:
        _, tables, self._guard, *self._lines = content.split(b"\n")
        self.tables = json.loads(tables)
        self.ids: tuple[str, ...] = tuple(row[0] for row in self.tables["services"])
        """The ids in the order of the data files. A service's number is its place here."""
        self.numbers = {service_id: number for number, service_id in enumerate(self.ids)}
        self._services: dict[str, Service] = {}

    def __getitem__(self, service_id: str) -> Service:
        service = self._services.get(service_id)
        if service is None:
            entry = json.loads(self._lines[self.numbers[service_id]])
            service = self._services[service_id] = Service.model_validate({"id": service_id, **entry})
        return service

    def __contains__(self, service_id: object) -> bool:
        return service_id in self.numbers

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def service_at(self, number: int) -> Service:
        """Return the service of that number."""
        return self[self.ids[number]]

    def in_category(self, category: str) -> tuple[str, ...]:
        """Return the ids of the services of a category."""
        return tuple(row[0] for row in self.tables["services"] if row[1] == category)

    @cached_property
    def contacted(self) -> frozenset[str]:
        """The ids of the services that have hosts, which most of the necessary ones have not. None is validated."""
        # In a text of JSON the quotes would be escaped.
        return frozenset(service for service, line in zip(self.ids, self._lines, strict=False) if b'"hosts":' in line)

    def names(self) -> Iterator[tuple[str, str, str]]:
        """Yield the patterns for cookies and storage keys, each with its category and the id of its service.

        No service is validated for it, which would take a second for a thousand of them.
        """
        for service_id, line in zip(self.ids, self._lines, strict=False):  # after the last there is an empty line
            entry = json.loads(line)
            category = entry["category"]
            for rule in entry.get("cookies", ()):
                yield rule["name"], rule.get("category") or category, service_id
            for key in entry.get("storage", ()):
                yield key if isinstance(key, str) else key["name"], category, service_id

    @cached_property
    def purposes(self) -> frozenset[str]:
        """What the services are for, in the registry's words."""
        return frozenset(row[2] for row in self.tables["services"] if isinstance(row[2], str))

    @cached_property
    def guard_digest(self) -> bytes:
        """Tells the rules for the guard from those of other registries."""
        return hashlib.sha256(self._guard).digest()

    @property
    def guard(self) -> dict[str, Any]:
        """The rules for the guard: see ``compiled``. Parsed each time, since they are seldom needed."""
        rules: dict[str, Any] = json.loads(self._guard)
        return rules
