"""A visitor's consent receipt by the Kantara Consent Receipt Specification 1.1.0 (2018-02-20)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cookie_consent.banner.declaration.lifetime import duration_in
from cookie_consent.banner.locale import load_locales
from cookie_consent.endpoints.receipts.origin import choice_behind
from cookie_consent.errors import ConfigurationError
from cookie_consent.policy import DEFAULT_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.ledger import ConsentRecord, Ledger
    from cookie_consent.policy import Policy, Service

__all__ = ["kantara_receipt"]

VERSION = "KI-CR-v1.1.0"
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
    consented to, so a refusal has none. Raises ``ConfigurationError`` if the policy names no controller, and
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
    choice = choice_behind(ledger, record)
    notice = ledger.notice(choice.notice) if choice is not None and choice.notice is not None else None
    if not site and policy.site is not None and not policy.site.startswith("*"):
        site = f"https://{policy.site}"
    party: dict[str, Any] = {"piiController": controller.name, "onBehalf": False, "contact": controller.contact}
    if "@" in controller.contact:
        party["email"] = controller.contact
    if site:
        party["piiControllerUrl"] = f"{site}/"
    receipt: dict[str, Any] = {
        "version": VERSION,
        "jurisdiction": record.region or "not recorded",
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
        "piiControllers": [party],
        "policyUrl": _address(policy.banner.privacy_url or f"{prefix}/preferences", site),
        "services": _services(record, policy),
        "sensitive": False,
        "spiCat": [],
    }


def _method(record: ConsentRecord, choice: ConsentRecord | None) -> str:
    method = _METHODS.get(record.channel, record.channel)
    if choice is None or choice is record:
        return method
    return f"{_METHODS.get(choice.channel, choice.channel)}, limited by {method}"


def _services(record: ConsentRecord, policy: Policy) -> list[dict[str, Any]]:
    """Return the site, with a purpose for each granted category, and the services that are granted individually."""
    refused = set(record.refused_services)
    found = []
    purposes = []
    for name in record.granted:
        members = [entry for entry in policy.services if entry.category == name and entry.id not in refused]
        purposes.append(_purpose(name, policy, members, categories=[name]))
    if purposes:
        found.append({"service": policy.site or "the site", "purposes": purposes})
    for name in record.granted_services:
        service = policy.known_service(name)
        purpose = _purpose(
            service.name if service is not None else name,
            policy,
            [service] if service is not None else [],
            categories=[service.category if service is not None else "unclassified"],
        )
        found.append({"service": service.name if service is not None else name, "purposes": [purpose]})
    return found


def _lifetime(policy: Policy) -> str:
    return duration_in(load_locales()["en"], policy.cookie.max_age)


def _purpose(name: str, policy: Policy, members: Iterable[Service], *, categories: list[str]) -> dict[str, Any]:
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
        "termination": f"when it is withdrawn, at the latest {_lifetime(policy)} after the choice",
        "thirdPartyDisclosure": bool(third_parties),
    }
    if third_parties:
        purpose["thirdPartyName"] = ", ".join(third_parties)
    return purpose


def _address(path: str, site: str) -> str:
    return f"{site}{path}" if path.startswith("/") else path
