"""The policy in terms of the Data Privacy Vocabulary (https://w3id.org/dpv)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cookie_consent.policy import home_of
from cookie_consent.policy.duration import iso_duration
from cookie_consent.policy.rights import RIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cookie_consent.policy import Category, Policy, Service

__all__ = [
    "CONTEXT",
    "PROFILE",
    "control",
    "controller_node",
    "jurisdiction",
    "process",
    "process_id",
    "service_process",
    "services_in",
    "text_of",
]

PROFILE = "https://w3id.org/dpv/schema/dpv-27560#record"
"""The vocabulary's profile for ISO/IEC TS 27560 consent records."""
_AN_IRI = {"@type": "@id"}
CONTEXT: dict[str, Any] = {
    "@version": 1.1,
    "cc": "urn:cookie-consent:",
    "dct": "http://purl.org/dc/terms/",
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "loc": "https://w3id.org/dpv/loc#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "schema": "https://schema.org/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dct:conformsTo": _AN_IRI,
    "dct:created": {"@type": "xsd:dateTime"},
    "dct:replaces": _AN_IRI,
    "dpv:hasCountry": _AN_IRI,
    "dpv:hasDataController": _AN_IRI,
    "dpv:hasDataSource": _AN_IRI,
    "dpv:hasJurisdiction": _AN_IRI,
    "dpv:hasLegalBasis": _AN_IRI,
    "dpv:hasRight": _AN_IRI,
    "dpv:isIndicatedAtTime": {"@type": "xsd:dateTime"},
    "dpv:isIndicatedBy": _AN_IRI,
    "skos:broader": _AN_IRI,
}
"""The JSON-LD context. ``cc`` is for what neither the vocabulary nor the standard has a term for."""
_PURPOSES = {
    "session": "dpv:TechnicalServiceProvision",
    "login": "dpv:AccountManagement",
    "preferences": "dpv:ServicePersonalisation",
    "analytics": "dpv:ServiceUsageAnalytics",
    "advertising": "dpv:Advertising",
    "social": "dpv:ServiceProvision",
}
"""The purpose types of the built-in categories (purpose_type)."""
_RIGHTS = [f"eu-gdpr:{article}" for article in RIGHTS]
_REGION = re.compile(r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?")
_BROWSER = {
    "@type": "dpv:StorageLocation",
    "dct:description": "The visitor's browser. What recipients store, and where, their privacy policies say.",
}


def controller_node(policy: Policy, iri: str) -> dict[str, Any]:
    """Return the controller (6.3.6): name, contact, postal address, country and authority, as the policy has them."""
    node: dict[str, Any] = {"@id": iri, "@type": "dpv:DataController"}
    controller = policy.controller
    if controller is None:
        return node
    node |= {"dpv:hasIdentifier": iri, "dpv:hasName": controller.name}
    if controller.contact:
        node["dpv:hasContact"] = controller.contact
    if controller.address:
        node["dpv:hasAddress"] = controller.address
    if controller.country is not None:
        node["dpv:hasCountry"] = f"loc:{controller.country}"
    if controller.authority:
        node["dpv:hasAuthority"] = {"@type": "dpv:DataProtectionAuthority", "dpv:hasName": controller.authority}
        if controller.authority_url:
            node["dpv:hasAuthority"]["schema:url"] = controller.authority_url
    return node


def process_id(version: str, name: str, edition: str = "") -> str:
    """Return the IRI of the process for a category, or ``service:ID``, under a policy version.

    ``edition`` tells apart what several notices of that version have named.
    """
    known = f"urn:cookie-consent:process:{quote(version, safe='')}:{quote(name, safe=':')}"
    return f"{known}:{edition}" if edition else known


def services_in(policy: Policy, category: str) -> list[Service]:
    """Return the services that the policy declares in a category."""
    return [service for service in policy.services if home_of(policy, service.category) == category]


def jurisdiction(region: str) -> str:
    """Return the term for a region (ISO 3166 or EU), or an empty text."""
    return f"loc:{region}" if _REGION.fullmatch(region) else ""


def control(prefix: str) -> dict[str, Any]:
    """Return where consent is given and withdrawn (6.3.4.18, withdrawal_method), below the site's prefix."""
    return {
        "@type": ["dpv:ProvideConsent", "dpv:WithdrawConsent"],
        "dpv:isExercisedAt": f"{prefix}/preferences",
    }


def process(
    policy: Policy,
    category: Category,
    controller: str,
    prefix: str,
    *,
    services: Sequence[Service] | None = None,
    edition: str = "",
) -> dict[str, Any]:
    """Return the process of a category: its purpose, data, storage and recipients.

    ``services`` are those that a notice has named in it, and ``edition`` is the digest of what that named. By default
    they are those that the policy declares.
    """
    if services is None:
        services = services_in(policy, category.id)
    purpose: dict[str, Any] = {"@type": "dpv:Purpose", "dct:identifier": category.id}
    if category.id in _PURPOSES:
        purpose["skos:broader"] = _PURPOSES[category.id]
    if name := text_of(category.name):
        purpose["dct:title"] = name
    if description := text_of(category.purpose):
        purpose["dct:description"] = description
    node: dict[str, Any] = {
        "@id": process_id(policy.version, category.id, edition),
        "@type": "dpv:Process",
        "dpv:hasPurpose": purpose,
        "dpv:hasDataController": controller,
        "dpv:hasDataSource": "dpv:DataSubject",
        "dpv:hasPersonalData": _personal_data(policy, category, services),
        "dpv:hasStorageCondition": _storage(category, services),
    }
    if not category.required:
        node["dpv:hasLegalBasis"] = "dpv:ExpressedConsent"
        node["dpv:hasConsentControl"] = control(prefix)
        node["dpv:hasRight"] = _RIGHTS
    if services:
        node["dpv:hasService"] = [_service(service) for service in services]
        node["dpv:hasRecipient"] = [_recipient(service) for service in services]
    return node


def service_process(policy: Policy | None, name: str, version: str, prefix: str) -> dict[str, Any]:
    """Return the process of a single service. Without a policy it has only the service's id."""
    node: dict[str, Any] = {
        "@id": process_id(version, f"service:{name}"),
        "@type": "dpv:Process",
        "dpv:hasPurpose": {"@type": "dpv:Purpose", "dct:identifier": f"service:{name}"},
        "dpv:hasLegalBasis": "dpv:ExpressedConsent",
        "dpv:hasConsentControl": control(prefix),
        "dpv:hasRight": _RIGHTS,
    }
    service = policy.known_service(name) if policy is not None else None
    if service is not None:
        purpose = node["dpv:hasPurpose"]
        purpose["dct:title"] = service.name
        if service.category in _PURPOSES:
            purpose["skos:broader"] = _PURPOSES[service.category]
        node["dpv:hasService"] = [_service(service)]
        node["dpv:hasRecipient"] = [_recipient(service)]
    return node


def text_of(text: str | dict[str, str] | None) -> str:
    """Return a text of the policy in English if it has that, else in its first language."""
    if isinstance(text, dict):
        return text.get("en") or next(iter(text.values()), "")
    return text or ""


def _service(service: Service) -> dict[str, Any]:
    return {"@type": "dpv:Service", "dct:identifier": service.id, "dct:title": service.name}


def _recipient(service: Service) -> dict[str, Any]:
    node = {"@type": "dpv:ThirdParty", "dct:identifier": service.id, "dpv:hasName": service.company or service.name}
    if service.country is not None:
        node["dpv:hasCountry"] = f"loc:{service.country}"
    if service.privacy_url:
        node["schema:url"] = service.privacy_url
    return node


def _personal_data(policy: Policy, category: Category, services: Iterable[Service]) -> list[dict[str, Any]]:
    """Return the cookies that hold personal data (6.3.4.7, pii_information)."""
    rules = [rule for rule in policy.cookies if rule.category == category.id]
    rules += [rule for service in services for rule in service.cookies if rule.category in {None, category.id}]
    nodes = []
    for rule in rules:
        node = {"@type": "dpv:PersonalData", "dct:identifier": rule.name}
        if purpose := text_of(rule.purpose):
            node["dct:description"] = purpose
        nodes.append(node)
    return nodes or [{"@type": "dpv:PersonalData", "dct:description": "Nothing more exact is declared."}]


def _storage(category: Category, services: Iterable[Service]) -> list[dict[str, Any]]:
    ages = [rule.max_age for service in services for rule in service.cookies if rule.max_age is not None]
    longest = category.max_age or max(ages, default=None)
    nodes: list[dict[str, Any]] = [_BROWSER]
    if longest is not None:
        nodes.append({"@type": "dpv:StorageDuration", "dpv:hasDuration": iso_duration(longest)})
    return nodes
