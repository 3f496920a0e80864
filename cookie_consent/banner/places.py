"""What the banner's script must know of services that draw into the page: their places, and whether forms need them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cookie_consent.policy import UNCLASSIFIED, registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cookie_consent.policy import Policy, Service

__all__ = ["LATE_PLACEHOLDER", "PLACES_PLACEHOLDER", "address_of", "banner_script", "late_banner_script"]

PLACES_PLACEHOLDER = b"__PLACES__"
"""Occurs once in the code of the banner's late part, where the services with places are inserted."""
LATE_PLACEHOLDER = b"__LATE__"
"""Occurs once in the banner's code, where it says what the late part is called, and for which services it is needed."""


def banner_script(source: bytes, policy: Policy, *, late: str) -> bytes:
    """Return the banner's code ``source``, which loads the file ``late`` for services of ``late_banner_script``."""
    ids = " ".join(service_id for service_id, *_ in _services(policy))
    return source.replace(LATE_PLACEHOLDER, json.dumps([late, ids], separators=(",", ":")).encode("ascii"), 1)


def late_banner_script(source: bytes, policy: Policy) -> bytes:
    """Return the late part's code with the services of ``policy`` and of the registry that have places.

    Their ids come from the first part, which has them in the same order.
    """
    services = json.dumps([service for _, *service in _services(policy)], separators=(",", ":"))
    return source.replace(PLACES_PLACEHOLDER, services.encode("ascii"), 1)


def address_of(service: Service) -> str:
    """Return an address of the service to show visitors. Without hosts of its own it is the service's name."""
    host = next((host for host in service.hosts if not host.startswith("/")), "")
    return f"//{host.partition('/')[0].removeprefix('*.')}" if host else service.name


def _services(policy: Policy) -> Iterator[tuple[str, str, str, str, int]]:
    """Yield id, category, name, selectors, and whether forms need it. Declared services precede the registry's."""
    offered = {category.id for category in policy.categories}
    for service_id, own, name, places, forms in _with_places(policy):
        category = own if own in offered else UNCLASSIFIED
        if category not in policy.required_ids:
            yield service_id, category, name, places, forms


def _with_places(policy: Policy) -> Iterator[tuple[str, str, str, str, int]]:
    for service in policy.services:
        if service.places or service.forms:
            yield service.id, service.category, service.name, ",".join(service.places), int(service.forms)
    declared = {service.id for service in policy.services}
    tables = registry().tables
    for number, name, places, forms in tables["places"]:
        service_id, category, *_ = tables["services"][number]
        if service_id not in declared:
            yield service_id, category, name, places, forms
