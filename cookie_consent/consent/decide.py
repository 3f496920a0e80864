"""Derive the consent for a request from its cookie and Global Privacy Control."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cookie_consent.consent.model import Consent

if TYPE_CHECKING:
    from cookie_consent.consent.cookie import StoredChoice, StoredVisit
    from cookie_consent.policy import Policy

__all__ = ["decide"]


def decide(
    policy: Policy, stored: StoredChoice | None, visit: StoredVisit | None = None, *, gpc: bool = False
) -> Consent:
    """Return the consent for a request with the choice ``stored`` in its cookie, which may be an answer in part.

    Only required categories are granted without a choice, or with one made under another policy version. ``visit``
    allows some services for this visit. ``gpc`` (``Sec-GPC: 1``) refuses sale and sharing, unless the choice was made
    while the browser already sent it.
    """
    lasting = _lasting(policy, stored, gpc=gpc)
    if visit is None or visit.policy_version != policy.version:
        return lasting
    shared = policy.sold_ids if gpc and not visit.gpc else frozenset()
    names = frozenset(name for name in visit.services if _category(policy, name) not in {None, *shared})
    if not names:
        return lasting
    return replace(
        lasting,
        services={**lasting.services, **dict.fromkeys(names, True)},
        visit=names,
        covered={name: on for name, on in lasting.services.items() if name in names},
        id=lasting.id or visit.subject,
        record=max(lasting.record or "", visit.record),  # their ids sort by time
        decided_at=lasting.decided_at or visit.at,
    )


def _lasting(policy: Policy, stored: StoredChoice | None, *, gpc: bool) -> Consent:
    required = policy.required_ids
    if stored is None:
        return Consent(policy=policy, granted=required, gpc=gpc)
    if stored.policy_version != policy.version:
        # The ids are kept, so that the next record can name the one before.
        return Consent(policy=policy, granted=required, gpc=gpc, id=stored.subject, record=stored.record)
    offered = frozenset(category.id for category in policy.categories)
    granted = stored.granted & offered | required
    services = dict(stored.services)
    agreed = len(granted), len(services)
    if gpc and not stored.gpc:
        shared = policy.sold_ids
        granted -= shared
        services = {name: on for name, on in services.items() if not (on and _category(policy, name) in shared)}
    return Consent(
        policy=policy,
        granted=granted,
        services=services,
        decided=not stored.is_partial,
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
