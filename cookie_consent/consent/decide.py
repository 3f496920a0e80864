"""From what a request carries to the consent that holds for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.consent.model import Consent

if TYPE_CHECKING:
    from cookie_consent.consent.cookie import StoredChoice
    from cookie_consent.policy import Policy

__all__ = ["decide"]


def decide(policy: Policy, stored: StoredChoice | None, *, gpc: bool = False) -> Consent:
    """Return the consent for a request with the cookie's choice ``stored`` and the signal ``gpc``.

    Without a choice, or with one made under another policy version, only the required categories are granted; the
    subject id, if there is one, is kept so that the next record can name the one before. With Global Privacy Control
    (``Sec-GPC: 1``) a choice that was made without the signal no longer covers sale or sharing; one made in sight of it
    does.
    """
    required = policy.required_ids
    if stored is None:
        return Consent(policy=policy, granted=required, gpc=gpc)
    if stored.policy_version != policy.version:
        return Consent(policy=policy, granted=required, gpc=gpc, id=stored.subject, record=stored.record)
    offered = frozenset(category.id for category in policy.categories)
    granted = stored.granted & offered | required
    services = dict(stored.services)
    agreed = len(granted), len(services)
    if gpc and not stored.gpc:
        shared = {category.id for category in policy.categories if category.sale_or_sharing}
        granted -= shared
        services = {name: on for name, on in services.items() if not (on and _category(policy, name) in shared)}
    return Consent(
        policy=policy,
        granted=granted,
        services=services,
        decided=True,
        id=stored.subject,
        record=stored.record,
        decided_at=stored.decided_at,
        gpc=gpc,
        overruled=(len(granted), len(services)) != agreed,
        made_with_gpc=stored.gpc,
    )


def _category(policy: Policy, service_id: str) -> str | None:
    service = policy.known_service(service_id)
    return service.category if service is not None else None
