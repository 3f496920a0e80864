"""Hosts that nobody has declared: each is a service by the name of the host, in the category ``unclassified``."""

from __future__ import annotations

import re
from functools import lru_cache

from cookie_consent.policy.model import UNCLASSIFIED, Service

__all__ = ["is_host", "undeclared_host"]

_LONGEST = 253
"""RFC 1035, section 2.3.4."""
_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+")


def is_host(service_id: str) -> bool:
    """Return whether an id of a service is a host. Declared ids have no dot, so hosts without one are not taken."""
    return len(service_id) <= _LONGEST and _HOST.fullmatch(service_id) is not None


@lru_cache(maxsize=256)
def undeclared_host(host: str) -> Service:
    """Return an undeclared host as a service, so that notices can name it and visitors can answer for it alone."""
    return Service.model_construct(id=host, name=host, category=UNCLASSIFIED, hosts=(host,))
