"""The services that a policy declares, and all others of the registry, as far as answers remember them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cookie_consent.policy.registry import registry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cookie_consent.policy.lasting import LastingRule
    from cookie_consent.policy.model import Service
    from cookie_consent.policy.policy import Policy

__all__ = ["KnownService", "known_services", "purpose_id"]


@dataclass(frozen=True, slots=True)
class KnownService:
    """A service that is known: what counts of it."""

    id: str
    category: str
    purpose: str
    cookies: Sequence[LastingRule]
    apart: Sequence[tuple[str, LastingRule]]
    """Those that may need another category than the service, by name."""


@dataclass(frozen=True, slots=True)
class _Lasting:
    """What counts of a cookie's rule, as ``LastingRule``."""

    category: str | None
    party: str
    max_age: int | None
    persist: str | None


def known_services(policy: Policy) -> Iterator[KnownService]:
    """Yield the policy's services, and then the other ones of the registry."""
    for service in policy.services:
        named = [(rule.name, rule) for rule in service.cookies]
        yield KnownService(service.id, service.category, purpose_id(service), service.cookies, named)
    declared = {service.id for service in policy.services}
    tables = registry().tables
    rules = [_Lasting(*row) for row in tables["lasting"]]
    for service_id, category, purpose, kinds, apart in tables["services"]:
        if service_id not in declared:
            text = purpose if isinstance(purpose, str) else ""
            named = [(name, rules[kind]) for name, kind in apart]
            yield KnownService(service_id, category, text, [rules[kind] for kind in kinds], named)


def purpose_id(service: Service) -> str:
    """Return the purpose by which the registry knows the service. The site's own words for it change nothing.

    Empty for a service that it does not know: the site says in its own words what that is for.
    """
    if isinstance(service.purpose, str) and service.purpose in registry().purposes:
        return service.purpose
    known = registry().get(service.id)
    return known.purpose if known is not None and isinstance(known.purpose, str) else ""
