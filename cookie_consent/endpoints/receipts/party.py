"""The parties to a consent: who is responsible, and who receives data under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cookie_consent.policy import home_of

if TYPE_CHECKING:
    from cookie_consent.ledger import ConsentRecord
    from cookie_consent.policy import Policy, Service

__all__ = ["party_of", "recipients_of", "services_of"]


def party_of(policy: Policy) -> dict[str, str] | None:
    """Return who is responsible, with what the policy says of them; None if it names nobody."""
    controller = policy.controller
    if controller is None:
        return None
    values = controller.model_dump(exclude_none=True)
    return {"type": "controller", **{name: str(value) for name, value in values.items() if value}}


def services_of(record: ConsentRecord, policy: Policy) -> list[Service]:
    """Return the services that a record allows, as the policy has them.

    What a category covered is known for records of the policy's own version only.
    """
    refused = set(record.refused_services)
    covered = [
        service
        for service in policy.services
        if policy.version == record.policy_version
        and service.id not in refused
        and home_of(policy, service.category) in record.granted
    ]
    single = [service for name in record.granted_services if (service := policy.known_service(name)) is not None]
    return list({service.id: service for service in (*covered, *single)}.values())


def recipients_of(record: ConsentRecord, policy: Policy) -> list[dict[str, Any]]:
    """Return who receives data under a record: name, type, country, other countries, and what protects it there."""
    return [
        {
            "service": service.id,
            "name": service.company or service.name,
            "type": "third party",
            "country": service.country,
            "transfers": list(service.transfers),
            "safeguard": service.safeguard,
            "privacy_url": service.privacy_url or None,
        }
        for service in services_of(record, policy)
    ]
