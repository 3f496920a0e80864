"""The parties to a consent: who is responsible, and who receives data under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cookie_consent.policy import home_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cookie_consent.consent.answered import AnsweredEditions
    from cookie_consent.ledger import ConsentRecord
    from cookie_consent.policy import Policy, Service

__all__ = ["party_of", "recipients_of", "services_of"]

_MOST = 32
"""How many records are followed to the one whose notice named what categories cover."""


def party_of(policy: Policy) -> dict[str, str] | None:
    """Return who is responsible, with what the policy says of them; None if it names nobody."""
    controller = policy.controller
    if controller is None:
        return None
    values = controller.model_dump(exclude_none=True)
    return {"type": "controller", **{name: str(value) for name, value in values.items() if value}}


def services_of(
    find: Callable[[str], ConsentRecord | None], record: ConsentRecord, policy: Policy, editions: AnsweredEditions
) -> list[Service]:
    """Return the services that a record allows: those that the answered notices named.

    What a category covered is unknown where the log no longer has the policy that told. ``find`` returns the record of
    an id; its errors pass.
    """
    covered: tuple[Service, ...] | None = ()
    allowed, refused = set(record.granted_services), set(record.refused_services)
    answer: ConsentRecord | None = record
    for _ in range(_MOST):
        if answer is None:
            break
        if not _is_part(answer):
            covered = editions.covered(
                answer.edition,
                answer.policy_version,
                granted=record.granted,
                granted_services=answer.granted_services,
                refused_services=refused.union(answer.refused_services),
            )
            break
        if answer.channel != "visit":  # what was new in a granted category needs no exception afterwards
            known = {name: editions.service(name, answer.policy_version) for name in answer.granted_services}
            allowed |= {
                name
                for name, service in known.items()
                if service is not None and home_of(policy, service.category) in record.granted and name not in refused
            }
        refused.update(answer.refused_services)
        answer = find(answer.previous) if answer.previous is not None else None
    singles = (editions.service(name, record.policy_version) for name in sorted(allowed))
    services = (*(covered or ()), *(service for service in singles if service is not None))
    return list({service.id: service for service in services}.values())


def _is_part(record: ConsentRecord) -> bool:
    """Return whether a record's categories were granted before: it answers single services, or is no answer."""
    return record.action == "signal" or record.channel == "visit" or record.control in {"placeholder", "service"}


def recipients_of(services: Iterable[Service]) -> list[dict[str, Any]]:
    """Return who receives data: name, type, country, other countries, and what protects it there."""
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
        for service in services
    ]
