"""Derive the consent for a request from its cookie and Global Privacy Control."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cookie_consent.consent.model import Consent
from cookie_consent.policy import UNCLASSIFIED, home_of
from cookie_consent.policy.undeclared import is_host

if TYPE_CHECKING:
    from datetime import date

    from cookie_consent.consent.cookie import StoredChoice, StoredVisit
    from cookie_consent.policy import Policy

__all__ = ["asked_since", "asking", "decide"]


def decide(
    policy: Policy,
    stored: StoredChoice | None,
    visit: StoredVisit | None = None,
    *,
    gpc: bool = False,
    opted_out: bool = False,
    offered: frozenset[str] | None = None,
    categories: frozenset[str] | None = None,
) -> Consent:
    """Return the consent for a request with the choice ``stored`` in its cookie, which may be an answer in part.

    Only required categories are granted without a choice. A choice covers what its notice named. ``offered`` are the
    services that the site's notice names now; without it, those that the policy declares. ``categories`` are those that
    it offers; without it, those of the services. ``visit`` allows some services for this visit. ``gpc`` (``Sec-GPC:
    1``) refuses sale and sharing, unless the choice was made while the browser already sent it. ``opted_out`` is
    whether the visitor did so in the past twelve months.
    """
    offered = policy.names.declared if offered is None else offered
    categories = policy.names.offered(offered) if categories is None else categories
    lasting = replace(_lasting(policy, stored, offered, categories, gpc=gpc), offered=categories)
    if gpc or opted_out:
        lasting = replace(lasting, opted_out=lasting.grants_no_sale)
    if visit is None:
        return lasting
    shared = policy.sold_ids if gpc and not visit.gpc else frozenset()
    names = frozenset(name for name in _of_visit(policy, visit) if _category(policy, name) not in {None, *shared})
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


def _of_visit(policy: Policy, visit: StoredVisit) -> frozenset[str]:
    """Return the services that are allowed for the visit, as far as they are those which were named then."""
    if not visit.names:
        return visit.services if visit.policy_version == policy.version else frozenset()
    coverage = policy.names.read(visit.names)
    if coverage is None:
        return frozenset()
    return frozenset(name for name in visit.services if name in coverage.services or not policy.names.has_to_name(name))


def asked_since(policy: Policy) -> date | None:
    """Return the day before which choices do not count; None until it has come."""
    since = policy.ask_again_since
    return since if since is not None and since <= datetime.now(UTC).date() else None


def _names(policy: Policy, stored: StoredChoice) -> str:
    """Return what the notice of a choice named; empty if the choice does not count any more.

    Older releases stored the policy's version alone: with it, the notice has named what the policy declares, and each
    service that was agreed to by itself.
    """
    since = asked_since(policy)
    if since is not None and stored.decided_at.date() < since:
        return ""
    if stored.names:
        return stored.names
    if stored.policy_version != policy.version:
        return ""
    own = [name for name, on in stored.services.items() if on]
    return policy.names.of(policy.names.declared.union(own), categories=policy.optional_ids)


def _lasting(
    policy: Policy, stored: StoredChoice | None, offered: frozenset[str], categories: frozenset[str], *, gpc: bool
) -> Consent:
    required = policy.required_ids
    if stored is None:
        return Consent(policy=policy, granted=required, gpc=gpc)
    names = _names(policy, stored)
    coverage = policy.names.read(names) if names else None
    if coverage is None:
        # The ids are kept, so that the next record can name the one before. To be asked again takes no refusal back.
        return Consent(policy=policy, granted=required, gpc=gpc, id=stored.subject, record=stored.record, unsure=True)
    granted = stored.granted & coverage.categories | required
    # What was granted and is more now is asked about like what is new. A category that was refused stays refused,
    # however long the site's own cookies in it last now.
    names = policy.names.without(names, stored.granted - coverage.categories)
    services = {
        name: on
        for name, on in stored.services.items()
        if not on or name in coverage.services or not policy.names.has_to_name(name)
    }
    agreed = len(granted), len(services)
    if gpc and not stored.gpc:
        shared = policy.sold_ids
        granted -= shared
        services = {name: on for name, on in services.items() if not (on and _category(policy, name) in shared)}
    consent = Consent(
        policy=policy,
        granted=granted,
        services=services,
        decided=not stored.is_partial,
        names=names,
        named=coverage.services,
        id=stored.subject,
        record=stored.record,
        decided_at=stored.decided_at,
        gpc=gpc,
        overruled=(len(granted), len(services)) != agreed,
        made_with_gpc=stored.gpc,
    )
    return asking(consent, offered, categories)


def asking(consent: Consent, offered: frozenset[str], categories: frozenset[str]) -> Consent:
    """Return the consent with what is yet to be answered, where the site's notice names ``offered`` in ``categories``.

    A service in a category that was refused is refused with it. One in a category that was not offered then is asked
    for like one in a category that was granted; where the site itself stores something in it, all is asked again.
    Nobody is asked for what has no purpose: an undeclared host, and the category *unclassified*.
    """
    names = consent.policy.names
    coverage = names.read(consent.names) if consent.is_complete and consent.names else None
    added = categories - {UNCLASSIFIED} - coverage.asked if coverage is not None else frozenset()
    if added and not added <= names.by_service(offered):
        return replace(consent, pending=frozenset(), reopened=added, decided=False)
    if not consent.is_complete:
        return consent
    pending = frozenset(
        name
        for name in (offered - consent.named if consent.named is not None else ())
        if name not in consent.services
        and not is_host(name)
        and _category(consent.policy, name) in consent.granted | added
    )
    if pending == consent.pending and not consent.reopened:
        return consent
    return replace(consent, pending=pending, reopened=frozenset(), decided=not pending)


def _category(policy: Policy, service_id: str) -> str | None:
    service = policy.known_service(service_id)
    return home_of(policy, service.category) if service is not None else None
