"""A visitor's consent receipt by the Kantara Consent Receipt Specification 1.1.0 (2018-02-20)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cookie_consent.banner.declaration.lifetime import duration_in
from cookie_consent.banner.locale import load_locales
from cookie_consent.endpoints.receipts.origin import choice_behind
from cookie_consent.endpoints.receipts.party import recipients_of, services_of
from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger.inventory import answered_editions
from cookie_consent.policy import DEFAULT_PREFIX, home_of
from cookie_consent.policy.rights import RIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cookie_consent.ledger import ConsentRecord, Ledger
    from cookie_consent.policy import Controller, Policy, Service

__all__ = ["kantara_receipt"]

VERSION = "KI-CR-v1.1.0"
_PHONE = re.compile(r"(?:tel:)?\+?[0-9][0-9 ()./-]{4,}")
_METHODS = {
    "banner": "the site's consent banner",
    "preferences": "the site's preferences page",
    "api": "a program of the site",
    "visit": "a placeholder on a page of the site, for one visit",
    "gpc": "the browser's Global Privacy Control signal",
    "phone": "telephone",
    "paper": "a paper form",
    "in-person": "in person",
}


def kantara_receipt(
    ledger: Ledger, policy: Policy, subject: str, *, site: str = "", prefix: str = DEFAULT_PREFIX
) -> dict[str, Any] | None:
    """Return the receipt of a visitor's latest choice, ready for JSON, or None if no choice is recorded.

    ``site`` is the URL for the policy's paths, such as ``https://shop.example``; by default the policy's ``site``.
    Without ``privacy_url`` the receipt links to the preferences page below ``prefix``. ``services`` lists only what is
    consented to, so a refusal has none. ``partyType``, ``recipients``, ``rights`` and ``noticeUrl`` are beyond the
    specification. Raises ``ConfigurationError`` if the policy names no controller, and
    ``LedgerError``.
    """
    controller = policy.controller
    if controller is None:
        raise ConfigurationError(
            'a receipt names the controller; add [controller] with name = "…" and contact = "…" to the policy'
        )
    record = next(iter(ledger.records(subject=subject, limit=1, newest_first=True)), None) if subject else None
    if record is None:
        return None
    choice = choice_behind(ledger.record, record)
    notice = ledger.notice(choice.notice) if choice is not None and choice.notice is not None else None
    if not site and policy.site is not None and not policy.site.startswith("*"):
        site = f"https://{policy.site}"
    services = services_of(ledger.record, record, policy, answered_editions(ledger, policy))
    receipt: dict[str, Any] = {
        "version": VERSION,
        "jurisdiction": record.region or controller.country or "not recorded",
        "consentTimestamp": int(record.at.timestamp()),
        "collectionMethod": _method(record, choice),
        "consentReceiptID": record.id,
    }
    if keys := ledger.recorded_keys():
        receipt["publicKey"] = keys[-1]
    if notice is not None:
        receipt["language"] = notice.language
    return {
        **receipt,
        "piiPrincipalId": record.subject,
        "piiControllers": [_party(controller, site)],
        "policyUrl": _address(policy.banner.privacy_url or f"{prefix}/preferences", site),
        "services": _services(record, policy, services, _termination(choice or record, policy)),
        "sensitive": False,
        "spiCat": [],
        "recipients": recipients_of(services),
        "rights": list(RIGHTS.values()),
        **({"noticeUrl": _address(f"{prefix}/notice/{notice.hash}", site)} if notice is not None else {}),
    }


def _party(controller: Controller, site: str) -> dict[str, Any]:
    party: dict[str, Any] = {
        "piiController": controller.name,
        "onBehalf": False,
        "contact": controller.contact,
        "partyType": "controller",
    }
    if "@" in controller.contact:
        party["email"] = controller.contact
    elif _PHONE.fullmatch(controller.contact):
        party["phone"] = controller.contact
    if controller.address:
        party["address"] = {"streetAddress": controller.address}
        if controller.country is not None:
            party["address"]["addressCountry"] = controller.country
    if site:
        party["piiControllerUrl"] = f"{site}/"
    return party


def _method(record: ConsentRecord, choice: ConsentRecord | None) -> str:
    method = _words(record)
    if choice is None or choice is record:
        return method
    return f"{_words(choice)}, limited by {method}"


def _words(record: ConsentRecord) -> str:
    if record.channel == "preferences" and record.control == "placeholder":
        return "a placeholder on a page of the site"
    return _METHODS.get(record.channel, record.channel)


def _services(
    record: ConsentRecord, policy: Policy, services: Sequence[Service], termination: str
) -> list[dict[str, Any]]:
    """Return the site, with a purpose for each granted category, and the services that are granted individually."""
    found = []
    purposes = []
    for name in record.granted:
        members = [entry for entry in services if home_of(policy, entry.category) == name]
        purposes.append(_purpose(name, policy, members, categories=[name], termination=termination))
    if purposes:
        found.append({"service": policy.site or "the site", "purposes": purposes})
    for name in record.granted_services:
        service = policy.known_service(name)
        purpose = _purpose(
            service.name if service is not None else name,
            policy,
            [service] if service is not None else [],
            categories=[service.category if service is not None else "unclassified"],
            termination=termination,
        )
        found.append({"service": service.name if service is not None else name, "purposes": [purpose]})
    return found


def _termination(choice: ConsentRecord, policy: Policy) -> str:
    if choice.channel == "visit":
        return "at the end of the visit"
    lifetime = policy.cookie.max_age
    latest = f"{lifetime.end(choice.at):%Y-%m-%d}, {duration_in(load_locales()['en'], lifetime)} after the choice"
    return f"when it is withdrawn, at the latest on {latest}"


def _purpose(
    name: str, policy: Policy, members: Iterable[Service], *, categories: list[str], termination: str
) -> dict[str, Any]:
    category = policy.category(name)
    said = category.purpose if category is not None else None
    text = (said.get("en") or next(iter(said.values()), "")) if isinstance(said, dict) else said
    third_parties = sorted({member.company or member.name for member in members})
    purpose: dict[str, Any] = {
        "purpose": text or name,
        "purposeCategory": categories,
        "consentType": "EXPLICIT",
        "piiCategory": ["cookies and online identifiers"],
        "primaryPurpose": False,
        "termination": termination,
        "thirdPartyDisclosure": bool(third_parties),
    }
    if third_parties:
        purpose["thirdPartyName"] = ", ".join(third_parties)
    return purpose


def _address(path: str, site: str) -> str:
    return f"{site}{path}" if path.startswith("/") else path
