"""Consent records of ISO/IEC TS 27560:2023 as JSON-LD with the W3C Data Privacy Vocabulary (DPV 2).

The mapping follows the guide of the vocabulary's group, https://w3id.org/dpv/guides/consent-27560, field by field; see
docs/exports.md. The document has a ``@graph``: first the controller and the process of each category, from the policy,
then the records, one per line. Keys are ordered for streaming parsers (Streaming JSON-LD,
https://www.w3.org/TR/json-ld11-streaming/).
"""

from __future__ import annotations

import json
from dataclasses import replace
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from cookie_consent.consent.answered import AnsweredEditions
from cookie_consent.consent.record import VISIT_LIFETIME, time_text
from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger.exports.columns import Memo, minute_text, time_texts
from cookie_consent.ledger.exports.dpv import (
    CONTEXT,
    PROFILE,
    control,
    controller_node,
    jurisdiction,
    process,
    process_id,
    service_process,
    services_in,
)
from cookie_consent.ledger.inventory import inventory_events
from cookie_consent.ledger.schema import moment, notices
from cookie_consent.policy import DEFAULT_PREFIX, home_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cookie_consent.ledger.exports.rows import Page
    from cookie_consent.policy import Policy
    from cookie_consent.policy.names import Coverage

__all__ = ["Iso27560Lines"]

_IN_PART = {"placeholder", "service"}
"""The controls with which single services are answered."""
_GIVEN = {"expired": "dpv:ConsentExpired"}
_REFUSED = {"withdrawn": "dpv:ConsentWithdrawn", "signal": "dpv:ConsentWithdrawn", "expired": "dpv:ConsentExpired"}


class Iso27560Lines:
    """Writes the document from rows; see ``LineFormat``. Notices are looked up through ``connection``.

    ``policy`` describes records whose notice is known to have named what it has: see ``AnsweredEditions``. Others have
    only their own data. Raises ``ConfigurationError`` for a policy without a controller.
    """

    def __init__(self, policy: Policy, connection: Connection, prefix: str = DEFAULT_PREFIX) -> None:
        if policy.controller is None:
            raise ConfigurationError(
                "an ISO/IEC TS 27560 consent record names the controller; "
                'add [controller] with name = "…" and contact = "…" to the policy'
            )
        self._policy = policy
        self._connection = connection
        self._prefix = prefix
        site = policy.site if policy.site is not None and not policy.site.startswith("*") else None
        self._controller = f"https://{site}/" if site is not None else "urn:cookie-consent:controller"
        self._controller_text = _json(self._controller)
        self._place = jurisdiction(policy.controller.country or "")
        self._notices = f"{self._controller.rstrip('/') if site is not None else ''}{prefix}/notice/"
        self._lifetime = policy.cookie.max_age
        self._editions = AnsweredEditions(policy, inventory_events(connection, policy.site))
        self._minutes = Memo(minute_text)
        self._shown = Memo(self._notice)
        self._chosen = Memo(self._choice)

    def head(self) -> bytes:
        """Return the context, the controller and the processes of the policy."""
        policy = self._policy
        party = controller_node(policy, self._controller)
        nodes = [party, *(process(policy, category, self._controller, self._prefix) for category in policy.categories)]
        graph = ",\n".join(map(_json, nodes))
        return f'{{"@context":{_json(CONTEXT)},\n"@graph":[\n{graph}'.encode()

    def lines(self, rows: Page) -> bytes:
        """Return the records, one per line, each preceded by the comma after the previous one."""
        return "".join(map(self._line, rows)).encode("utf-8")

    def tail(self) -> bytes:
        """Return the end of the document."""
        return b"\n]}\n"

    def _line(self, row: tuple[Any, ...]) -> str:
        """Return a record's line."""
        # Parts in which few records differ are cached as text, which saves two thirds of the time.
        (
            name, subject, at, action, granted, refused, more, less, previous, channel, version, notice,
            url, region, family, ip, control, build, edition, regime, note,
        ) = row  # fmt: skip
        (time,) = time_texts((at,), self._minutes)
        is_part = control in _IN_PART or channel == "visit"
        processes, statuses = self._chosen[action, granted, refused, more, less, channel, version, edition, is_part]
        person = f'"dct:identifier":{_text(subject)}' if subject else '"cc:erased":true'
        parts = [
            f',\n{{"@id":{_text(f"urn:uuid:{name}")},"@type":"dpv:ConsentRecord","dct:identifier":{_text(name)},'
            f'"dct:conformsTo":"{PROFILE}","dct:created":"{time}",'
            f'"dpv:hasDataSubject":{{"@type":"dpv:DataSubject",{person}}},'
            f'"dpv:hasDataController":{self._controller_text}'
        ]
        if previous is not None:
            parts.append(f'"dct:replaces":{_text(f"urn:uuid:{previous}")}')
        if notice is not None:
            parts.append(self._shown[notice])
        if place := jurisdiction(region) or self._place:
            parts.append(f'"dpv:hasJurisdiction":"{place}"')
        states = ",".join(
            f'{{"@type":"{kind}","dpv:isIndicatedAtTime":"{time}",{status}}}' for kind, status in statuses
        )
        parts.append(
            f'"dpv:hasProcess":{processes},"dpv:hasConsentStatus":[{states}],'
            f'"cc:action":{_text(action)},"cc:policyVersion":{_text(version)}'
        )
        if action != "signal" and (granted or more) and version == self._policy.version:
            start = moment(at)
            end = start + VISIT_LIFETIME if channel == "visit" else self._lifetime.end(start)
            expires = time_text(end)  # nobody sees it happen, so no record says so
            parts.append(f'"cc:expires":"{expires}"')
        rest = {
            "cc:url": url, "cc:region": region, "cc:userAgentFamily": family, "cc:ip": ip, "cc:control": control,
            "cc:build": build, "cc:edition": edition, "cc:regime": regime, "cc:note": note,
        }  # fmt: skip
        parts += [f'"{key}":{_text(value)}' for key, value in rest.items() if value]
        return ",".join(parts) + "}"

    def _choice(self, key: tuple[Any, ...]) -> tuple[str, list[tuple[str, str]]]:
        """Return the processes of a choice as JSON, and its consent statuses as pairs of term and JSON members."""
        action, granted, refused, more, less, channel, version, edition, is_part = key
        singles = [*more.split(), *less.split()]
        named = self._editions.coverage(edition, version, granted=granted.split(), singles=singles)
        if named is not None and is_part and not edition:
            # The categories were answered before, to another notice.
            named = replace(named, asked=frozenset())
        yes, no = (
            [
                *self._processes(names.split(), version, edition, named),
                *self._services(services.split(), version, named),
            ]
            for names, services in ((granted, more), (refused, less))
        )
        found = []
        for kind, which in (
            (_GIVEN.get(action, "dpv:ConsentGiven"), yes),
            (_REFUSED.get(action, "dpv:ConsentRefused"), no),
        ):
            if which:
                status: dict[str, Any] = {
                    "dpv:isIndicatedBy": "dpv:DataSubject" if action != "expired" else self._controller,
                }
                if action != "signal" or which is no:  # a signal grants nothing: the rest was granted before
                    status["dpv:hasIndicationMethod"] = channel
                if version == self._policy.version and action != "signal":  # a signal does not extend the consent
                    lifetime = "P1D" if channel == "visit" else self._policy.cookie.max_age.iso
                    status["dpv:hasDuration"] = {"@type": "dpv:TemporalDuration", "rdf:value": lifetime}
                status["dpv:hasProcess"] = [{"@id": node["@id"]} for node in which]
                found.append((kind, _json(status)[1:-1]))
        return _json([*yes, *no]), found

    def _processes(self, names: list[str], version: str, edition: str, named: Coverage | None) -> list[dict[str, Any]]:
        """Return the processes of categories.

        They are references to those in the head, those with the services that the notice ``named``, or only their
        names where that is unknown.
        """
        return [self._process(name, version, edition, named) for name in names]

    def _process(self, name: str, version: str, edition: str, named: Coverage | None) -> dict[str, Any]:
        policy = self._policy
        category = policy.category(name)
        if named is not None and category is not None and name in named.asked:
            declared = services_in(policy, name)
            known = map(policy.known_service, sorted(named.services))
            services = [service for service in known if service and home_of(policy, service.category) == name]
            if {service.id for service in services} == {service.id for service in declared}:
                return {"@id": process_id(policy.version, name)}
            return process(policy, category, self._controller, self._prefix, services=services, edition=edition)
        return {
            "@id": process_id(version, name, edition),
            "@type": "dpv:Process",
            "dpv:hasPurpose": {"@type": "dpv:Purpose", "dct:identifier": name},
            "dpv:hasLegalBasis": "dpv:ExpressedConsent",
            "dpv:hasConsentControl": control(self._prefix),
        }

    def _services(self, names: list[str], version: str, named: Coverage | None) -> list[dict[str, Any]]:
        policy = self._policy if named is not None else None
        return [service_process(policy, name, version, self._prefix) for name in names]

    def _notice(self, digest: str) -> str:
        """Return the member that names the notice."""
        query = select(notices.c.language, notices.c.policy_version).where(notices.c.hash == digest)
        node: dict[str, Any] = {
            "@id": f"urn:cookie-consent:notice:{digest}",
            "@type": "dpv:ConsentNotice",
            "dct:identifier": digest,
            "schema:url": f"{self._notices}{digest}",
        }
        found = self._connection.execute(query).first()
        if found is not None:
            node["dct:language"] = found.language
        return f'"dpv:hasNotice":{_json(node)}'


_text = encode_basestring


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
