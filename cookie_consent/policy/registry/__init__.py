"""The services and cookies that are known without being declared, read from the data files in ``registry/``."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

from cookie_consent.policy.model import Service

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["registry"]


@cache
def registry() -> Mapping[str, Service]:
    """Return every known service by id. Read once per process; the mapping cannot be changed."""
    services: dict[str, Service] = {}
    folder = files("cookie_consent.policy.registry")
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml"):
            for service_id, entry in tomllib.loads(file.read_text("utf-8")).items():
                services[service_id] = Service.model_validate({"id": service_id, **entry})
    return MappingProxyType(services)
