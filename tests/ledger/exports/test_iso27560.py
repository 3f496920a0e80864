"""Consent records of ISO/IEC TS 27560 as JSON-LD: valid by the schema, and true to the records."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cookie_consent import ConfigurationError, Ledger, Policy
from cookie_consent.consent import edition_digest
from cookie_consent.ledger import RecordFilter
from cookie_consent.ledger.exports.dpv import CONTEXT
from cookie_consent.ledger.exports.rows import PAGE
from cookie_consent.ledger.inventory import InventoryStore
from cookie_consent.policy import Inventory, parse_policy
from tests.ledger.exports.mixed import fill, mixed
from tests.ledger.making import NOTICE, make

SCHEMA = json.loads(files("cookie_consent.ledger.exports").joinpath("iso27560.schema.json").read_text("utf-8"))
DOCS = Path(__file__).parents[3] / "docs" / "exports.md"
DECLARED: dict[str, Any] = {
    "site": "shop.example",
    "controller": {"name": "Shop Ltd", "contact": "privacy@shop.example"},
    "categories": {"analytics": {"purpose": {"de": "Zählen", "en": "Counting"}}},
    "services": {
        "google-analytics": {},
        "chat": {
            "name": "Acme Chat",
            "category": "preferences",
            "company": "Acme",
            "privacy_url": "https://acme.example/privacy",
            "hosts": ["chat.acme.example"],
            "cookies": [{"name": "acme_*", "max_age": "30d", "purpose": "Keeps the chat open"}],
        },
    },
}
POLICY = parse_policy({"version": "1", **DECLARED}, source="test")


def exported(ledger: Ledger, policy: Policy = POLICY, where: RecordFilter | None = None) -> dict[str, Any]:
    pieces = ledger.export("iso27560", where=where or RecordFilter(), policy=policy)
    document: dict[str, Any] = json.loads(b"".join(piece.data for piece in pieces))
    return document


def nodes(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [node for node in document["@graph"] if node["@type"] == kind]


def test_the_document_is_valid_and_says_what_the_records_do(ledger_url: str) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    ledger = Ledger(ledger_url)
    records = mixed(60)
    fill(ledger, records)
    ledger.erase(records[7].subject)
    document = exported(ledger)
    Draft202012Validator(SCHEMA).validate(document)
    written = nodes(document, "dpv:ConsentRecord")
    assert [node["dct:identifier"] for node in written] == [record.id for record in records]
    (controller,) = nodes(document, "dpv:DataController")
    assert controller["dpv:hasName"] == "Shop Ltd"
    assert controller["dpv:hasContact"] == "privacy@shop.example"
    assert {node["dpv:hasDataController"] for node in written} == {controller["@id"]} == {"https://shop.example/"}
    for record, node in zip(records, written, strict=True):
        states = {
            reference["@id"]: status["@type"]
            for status in node["dpv:hasConsentStatus"]
            for reference in status["dpv:hasProcess"]
        }
        purposes = {entry["@id"].rpartition("process:")[2] for entry in node["dpv:hasProcess"]}
        assert (
            len(purposes)
            == len(states)
            == sum(map(len, (record.granted, record.refused, record.granted_services, record.refused_services)))
        )
        no = "dpv:ConsentWithdrawn" if record.action in {"withdrawn", "signal"} else "dpv:ConsentRefused"
        for name in record.granted:
            assert states[_id(record.policy_version, name, record.edition)] == "dpv:ConsentGiven"
        for name in record.refused:
            assert states[_id(record.policy_version, name, record.edition)] == no
        assert node["dct:created"] == record.as_dict()["at"]
        assert {status["dpv:isIndicatedAtTime"] for status in node["dpv:hasConsentStatus"]} == {node["dct:created"]}
        assert node.get("dct:replaces") == (f"urn:uuid:{record.previous}" if record.previous else None)
        if record.notice:
            assert node["dpv:hasNotice"]["dct:identifier"] == NOTICE.hash
            assert node["dpv:hasNotice"]["dct:language"] == "en"
        if record.region and record is not records[7]:
            assert node["dpv:hasJurisdiction"] == "loc:DE"
    assert written[7]["dpv:hasDataSubject"] == {"@type": "dpv:DataSubject", "cc:erased": True}
    assert "cc:url" not in written[7]
    assert written[0]["dpv:hasDataSubject"]["dct:identifier"] == records[0].subject
    ledger.close()


def _id(version: str, name: str, edition: str = "") -> str:
    from urllib.parse import quote

    known = f"urn:cookie-consent:process:{quote(version, safe='')}:{quote(name, safe=':')}"
    return f"{known}:{edition}" if edition else known


def test_recipients_are_those_that_the_answered_notice_named(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    rules = parse_policy({"version": "2", "inventory": True, **DECLARED}, source="test")
    found = Inventory(rules)
    declared = edition_digest(found.names)
    found.meet(["matomo-cloud"])
    met = edition_digest(found.names)
    InventoryStore(ledger, rules.site).save(found.take_news())
    editions = (declared, met, "0" * 16)
    ledger.append(
        [
            make(number, granted=("analytics",), policy_version="1", edition=edition)
            for number, edition in enumerate(editions)
        ]
    )
    document = exported(ledger, rules)
    Draft202012Validator(SCHEMA).validate(document)
    processes = [node["dpv:hasProcess"][0] for node in nodes(document, "dpv:ConsentRecord")]
    assert processes[0] == {"@id": _id("2", "analytics")}
    assert processes[1]["@id"] == _id("2", "analytics", met)
    named = [node["dct:identifier"] for node in processes[1]["dpv:hasRecipient"]]
    assert named == ["google-analytics", "matomo-cloud"]
    assert "dpv:hasRecipient" not in processes[2]


def test_a_placeholders_answer_has_the_categories_of_before_by_name_alone(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    rules = parse_policy({"version": "2", "inventory": True, **DECLARED}, source="test")
    editions = (edition_digest(rules.names.added("", ["youtube"])), "")
    ledger.append(
        [
            make(
                number,
                granted=("analytics",),
                granted_services=("youtube",),
                policy_version="2",
                edition=edition,
                control="placeholder",
            )
            for number, edition in enumerate(editions)
        ]
    )
    document = exported(ledger, rules)
    Draft202012Validator(SCHEMA).validate(document)
    for record, edition in zip(nodes(document, "dpv:ConsentRecord"), editions, strict=True):
        process = record["dpv:hasProcess"][0]
        assert process["@id"] == (_id("2", "analytics", edition))
        assert process["dpv:hasPurpose"] == {"@type": "dpv:Purpose", "dct:identifier": "analytics"}


def test_the_policy_fills_what_is_of_its_own_version(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    ledger.append(
        [
            make(0, granted=("analytics", "preferences"), granted_services=("youtube",)),
            make(1, granted=("analytics",), policy_version="0", granted_services=("youtube",)),
        ]
    )
    document = exported(ledger)
    Draft202012Validator(SCHEMA).validate(document)
    processes = {node["@id"]: node for node in nodes(document, "dpv:Process")}
    assert [node["dpv:hasPurpose"]["dct:identifier"] for node in processes.values()] == [
        category.id for category in POLICY.categories
    ]
    analytics = processes[_id("1", "analytics")]
    assert analytics["dpv:hasPurpose"]["dct:description"] == "Counting"
    assert analytics["dpv:hasPurpose"]["skos:broader"] == "dpv:ServiceUsageAnalytics"
    assert analytics["dpv:hasRecipient"][0]["dct:identifier"] == "google-analytics"
    assert {"@type": "dpv:StorageDuration", "dpv:hasDuration": "P13M"} in analytics["dpv:hasStorageCondition"]
    preferences = processes[_id("1", "preferences")]
    assert preferences["dpv:hasRecipient"] == [
        {
            "@type": "dpv:ThirdParty",
            "dct:identifier": "chat",
            "dpv:hasName": "Acme",
            "schema:url": "https://acme.example/privacy",
        }
    ]
    assert preferences["dpv:hasPersonalData"][0]["dct:identifier"] == "acme_*"
    assert "dpv:hasLegalBasis" not in processes[_id("1", "session")]
    own, other = nodes(document, "dpv:ConsentRecord")
    references = {entry["@id"]: entry for entry in own["dpv:hasProcess"]}
    assert references[_id("1", "analytics")] == {"@id": _id("1", "analytics")}
    assert references[_id("1", "service:youtube")]["dpv:hasService"][0]["dct:title"] == "YouTube"
    assert own["dpv:hasConsentStatus"][0]["dpv:hasDuration"]["rdf:value"] == "P6M"
    foreign = {entry["@id"]: entry for entry in other["dpv:hasProcess"]}
    assert foreign[_id("0", "analytics")]["dpv:hasPurpose"] == {"@type": "dpv:Purpose", "dct:identifier": "analytics"}
    assert "dpv:hasService" not in foreign[_id("0", "service:youtube")]
    assert "dpv:hasDuration" not in other["dpv:hasConsentStatus"][0]
    ledger.close()


def test_the_parties_the_rights_and_the_end_are_named(ledger_url: str) -> None:
    party = {
        "name": "Shop Ltd",
        "address": "Street 1\nTown",
        "country": "IE",
        "authority": "DPC",
        "authority_url": "https://authority.example/",
    }
    policy = parse_policy(
        {
            "version": "1",
            "site": "shop.example",
            "controller": party,
            "services": {"chat": {"name": "Chat", "category": "social", "hosts": ["chat.example"], "country": "DE"}},
        },
        source="test",
    )
    ledger = Ledger(ledger_url)
    ledger.append([make(0, notice=NOTICE.hash), make(1, region="DE", granted=(), action="refused")], [NOTICE])
    ledger.append([make(2, policy_version="0"), make(3, channel="visit", granted_services=("youtube",))])
    document = json.loads(b"".join(piece.data for piece in ledger.export("iso27560", policy=policy)))
    ledger.close()
    Draft202012Validator(SCHEMA).validate(document)
    (controller,) = nodes(document, "dpv:DataController")
    assert controller["dpv:hasAddress"] == "Street 1\nTown"
    assert controller["dpv:hasCountry"] == "loc:IE"
    assert controller["dpv:hasAuthority"]["schema:url"] == "https://authority.example/"
    processes = {node["@id"]: node for node in nodes(document, "dpv:Process")}
    assert processes[_id("1", "social")]["dpv:hasRecipient"][0]["dpv:hasCountry"] == "loc:DE"
    assert "eu-gdpr:A7-3" in processes[_id("1", "social")]["dpv:hasRight"]
    assert "dpv:hasRight" not in processes[_id("1", "session")]
    given, refused, older, visit = nodes(document, "dpv:ConsentRecord")
    assert [node["dpv:hasJurisdiction"] for node in (given, refused, older)] == ["loc:IE", "loc:DE", "loc:IE"]
    assert given["dpv:hasNotice"]["schema:url"] == f"https://shop.example/_consent/notice/{NOTICE.hash}"
    assert given["cc:expires"] == "2027-05-24T08:00:00.123456Z"
    assert visit["cc:expires"] == "2026-11-25T08:03:00.123456Z"
    assert visit["dpv:hasConsentStatus"][0]["dpv:hasDuration"]["rdf:value"] == "P1D"
    assert not [node for node in (refused, older) if "cc:expires" in node]  # nothing to end, and not known


def test_a_signal_withdraws_and_gives_nothing(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    ledger.append(
        [
            make(0, granted=("advertising", "analytics"), refused=()),
            make(1, granted=("analytics",), refused=("advertising",), action="signal", channel="gpc"),
        ]
    )
    document = exported(ledger)
    ledger.close()
    Draft202012Validator(SCHEMA).validate(document)
    (given,), (left, withdrawn) = (node["dpv:hasConsentStatus"] for node in nodes(document, "dpv:ConsentRecord"))
    assert given["dpv:hasIndicationMethod"] == "banner"
    assert (left["@type"], withdrawn["@type"]) == ("dpv:ConsentGiven", "dpv:ConsentWithdrawn")
    assert left["dpv:hasProcess"] == [{"@id": _id("1", "analytics")}]
    assert withdrawn["dpv:hasProcess"] == [{"@id": _id("1", "advertising")}]
    assert withdrawn["dpv:hasIndicationMethod"] == "gpc"
    assert withdrawn["dpv:isIndicatedBy"] == "dpv:DataSubject"
    assert "dpv:hasIndicationMethod" not in left  # it was given by the choice before
    assert "dpv:hasDuration" in given
    assert not [status for status in (left, withdrawn) if "dpv:hasDuration" in status]


def test_an_empty_document_and_one_of_several_pages_are_whole(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    fill(ledger, mixed(PAGE + 1, days=0.001))
    nothing = exported(ledger, where=RecordFilter(regions=("XX",)))
    Draft202012Validator(SCHEMA).validate(nothing)
    assert nodes(nothing, "dpv:ConsentRecord") == []
    assert len(nodes(exported(ledger), "dpv:ConsentRecord")) == PAGE + 1
    with pytest.raises(ConfigurationError, match=r"add \[controller\]"):
        exported(ledger, Policy(version="1"))
    ledger.close()


def test_one_record_stands_in_each_line(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    records = mixed(20)
    fill(ledger, records)
    data = b"".join(piece.data for piece in ledger.export("iso27560", policy=POLICY)).decode()
    found = [json.loads(line.rstrip(",")) for line in data.split("\n") if '"dpv:ConsentRecord"' in line]
    assert [node["dct:identifier"] for node in found] == [record.id for record in records]
    ledger.close()


def test_every_term_has_a_prefix_of_the_context_and_stands_in_the_docs(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    fill(ledger, mixed(30))
    document = exported(ledger)
    ledger.close()
    terms = set(re.findall(r'"((?:dpv|dct|skos|loc|schema|rdf|cc):[A-Za-z-]+)"', json.dumps(document["@graph"])))
    assert {term.partition(":")[0] for term in terms} <= CONTEXT.keys()
    docs = DOCS.read_text("utf-8")
    assert sorted(term for term in terms if f"`{term}`" not in docs and not term.startswith("loc:")) == []
