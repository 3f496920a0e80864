"""A visitor's receipt in Kantara's form."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from starlette.applications import Starlette

from cookie_consent import ConfigurationError, ConsentMiddleware, Ledger, Policy
from cookie_consent.endpoints.receipts.kantara import kantara_receipt
from cookie_consent.ledger import new_key, new_record_id
from cookie_consent.policy import parse_policy
from tests.ledger.making import NOTICE, START, make

if TYPE_CHECKING:
    from pathlib import Path

ME = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
POLICY = parse_policy(
    {
        "version": "1",
        "site": "shop.example",
        "controller": {"name": "Shop Ltd", "contact": "privacy@shop.example", "address": "Street 1", "country": "IE"},
        "banner": {"privacy_url": "/privacy"},
        "categories": {"analytics": {"purpose": {"en": "Counting visits"}}},
        "services": {"google-analytics": {}, "matomo-cloud": {}},
    },
    source="test",
)
TEXT = {"type": "string", "minLength": 1}
PURPOSE: dict[str, Any] = {
    "type": "object",
    "required": ["purposeCategory", "consentType", "piiCategory", "termination", "thirdPartyDisclosure"],
    "properties": {
        "purpose": TEXT,
        "purposeCategory": {"type": "array", "items": TEXT, "minItems": 1},
        "consentType": {"const": "EXPLICIT"},
        "piiCategory": {"type": "array", "items": TEXT, "minItems": 1},
        "primaryPurpose": {"type": "boolean"},
        "termination": TEXT,
        "thirdPartyDisclosure": {"type": "boolean"},
        "thirdPartyName": TEXT,
    },
    "if": {"properties": {"thirdPartyDisclosure": {"const": True}}},
    "then": {"required": ["thirdPartyName"]},
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "required": [
        "version", "jurisdiction", "consentTimestamp", "collectionMethod", "consentReceiptID", "piiPrincipalId",
        "piiControllers", "policyUrl", "services", "sensitive", "spiCat",
    ],
    "properties": {
        "version": {"const": "KI-CR-v1.1.0"},  # 4.3.1
        "jurisdiction": TEXT,
        "consentTimestamp": {"type": "integer", "minimum": 0},  # seconds since 1970, 4.3.3
        "collectionMethod": TEXT,
        "consentReceiptID": TEXT,
        "publicKey": TEXT,
        "language": TEXT,
        "piiPrincipalId": TEXT,
        "piiControllers": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "required": ["piiController", "contact"]},
        },
        "policyUrl": TEXT,
        "services": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["service", "purposes"],
                "properties": {"service": TEXT, "purposes": {"type": "array", "minItems": 1, "items": PURPOSE}},
            },
        },
        "sensitive": {"type": "boolean"},
        "spiCat": {"type": "array"},
        "recipients": {"type": "array"},  # this and what follows are our own
        "rights": {"type": "array", "items": TEXT, "minItems": 1},
        "noticeUrl": TEXT,
    },
    "additionalProperties": False,
}  # fmt: skip


def mine(number: int, **values: Any) -> Any:
    at = START + timedelta(minutes=number)
    return make(number, **{"id": new_record_id(at), "subject": ME, **values})


def receipt_of(ledger: Ledger, policy: Policy = POLICY, **options: Any) -> dict[str, Any]:
    receipt = kantara_receipt(ledger, policy, ME, **options)
    assert receipt is not None
    Draft202012Validator(SCHEMA).validate(receipt)
    return receipt


def test_the_receipt_is_of_the_last_choice(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    first = mine(0, notice=NOTICE.hash, granted=("analytics",), region="DE", refused_services=("matomo-cloud",))
    ledger.append([first, make(5)], [NOTICE])
    receipt = receipt_of(ledger)
    assert receipt["consentTimestamp"] == int(first.at.timestamp())
    assert receipt["consentReceiptID"] == first.id
    assert (receipt["piiPrincipalId"], receipt["language"], receipt["jurisdiction"]) == (ME, "en", "DE")
    assert receipt["policyUrl"] == "https://shop.example/privacy"
    assert receipt["piiControllers"][0]["email"] == "privacy@shop.example"
    ((site,), (purpose,)) = receipt["services"], receipt["services"][0]["purposes"]
    assert (site["service"], purpose["purpose"]) == ("shop.example", "Counting visits")
    assert purpose["thirdPartyName"] == "Google Ireland Limited"  # Matomo was refused
    assert purpose["termination"] == "when it is withdrawn, at the latest on 2027-05-24, 6 months after the choice"
    assert {entry["type"] for entry in receipt["recipients"]} == {"third party"}
    assert "withdrawal" in receipt["rights"]
    assert receipt["noticeUrl"] == f"https://shop.example/_consent/notice/{NOTICE.hash}"
    assert receipt["piiControllers"][0]["address"] == {"streetAddress": "Street 1", "addressCountry": "IE"}
    second = mine(9, granted=(), refused=("analytics",), action="withdrawn", channel="phone")
    ledger.append([second])
    later = receipt_of(ledger)
    assert (later["consentReceiptID"], later["services"]) == (second.id, [])
    assert (later["collectionMethod"], later["jurisdiction"]) == ("telephone", "IE")
    assert "language" not in later
    ledger.append([mine(10, granted=(), granted_services=("youtube", "unheard-of"))])
    assert [service["service"] for service in receipt_of(ledger)["services"]] == ["YouTube", "unheard-of"]
    ledger.close()


def test_an_answer_at_a_placeholder_was_not_given_on_the_preferences_page(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    ledger.append([mine(0, granted=(), granted_services=("youtube",), channel="preferences", control="placeholder")])
    assert receipt_of(ledger)["collectionMethod"] == "a placeholder on a page of the site"
    ledger.append([mine(1, channel="preferences", control="preferences")])
    assert receipt_of(ledger)["collectionMethod"] == "the site's preferences page"
    ledger.close()


def test_what_a_signal_has_left_was_agreed_to_before(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    choice = mine(0, notice=NOTICE.hash, granted=("advertising", "analytics"), refused=())
    signal = mine(
        9, granted=("analytics",), refused=("advertising",), action="signal", channel="gpc", previous=choice.id
    )
    ledger.append([choice, signal], [NOTICE])
    receipt = receipt_of(ledger)
    assert (receipt["consentReceiptID"], receipt["language"]) == (signal.id, "en")
    assert receipt["collectionMethod"] == (
        "the site's consent banner, limited by the browser's Global Privacy Control signal"
    )
    assert [purpose["purposeCategory"] for purpose in receipt["services"][0]["purposes"]] == [["analytics"]]
    ledger.append([mine(10, action="signal", channel="gpc", previous=new_record_id(START))])  # that one was pruned
    later = receipt_of(ledger)
    assert later["collectionMethod"] == "the browser's Global Privacy Control signal"
    assert "language" not in later
    ledger.close()


def test_the_key_of_a_sealed_log_is_named(ledger_url: str, tmp_path: Path) -> None:
    key, verifier = new_key("shop.example/consent")
    (tmp_path / "key").write_text(key)
    ledger = Ledger(ledger_url, key=tmp_path / "key")
    ledger.append([mine(0)])
    assert "publicKey" not in receipt_of(ledger)
    ledger.seal()
    assert receipt_of(ledger)["publicKey"] == verifier.text
    ledger.close()


def test_without_a_choice_or_a_controller_there_is_none(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    ledger.append([make(0)])
    assert kantara_receipt(ledger, POLICY, ME) is None
    assert kantara_receipt(ledger, POLICY, "") is None  # erased records are nobody's
    with pytest.raises(ConfigurationError, match=r"add \[controller\]"):
        kantara_receipt(ledger, Policy(version="1"), ME)
    ledger.close()


@pytest.mark.anyio
async def test_a_visitor_gets_his_own_by_http(ledger_url: str, secret: str) -> None:
    app = ConsentMiddleware(Starlette(), POLICY, secret=secret, ledger=ledger_url)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://www.shop.example") as me:
        nothing = await me.get("/_consent/receipt?format=kantara")
        assert (nothing.status_code, nothing.json()["error"]) == (404, "no-receipt")
        mine = (await me.post("/_consent/choices", json={"granted": ["analytics"]})).json()["id"]
        answer = await me.get("/_consent/receipt?format=kantara")
        unknown = await me.get("/_consent/receipt?format=pdf")
        usual = await me.get("/_consent/receipt?format=json")
    Draft202012Validator(SCHEMA).validate(answer.json())
    assert answer.json()["piiPrincipalId"] == mine == usual.json()["subject"]
    assert answer.json()["policyUrl"] == "https://www.shop.example/privacy"
    assert answer.headers["cache-control"] == "no-store"
    assert (unknown.status_code, unknown.json()["error"]) == (400, "unknown-format")
    app.ledger.close()
    bare = ConsentMiddleware(Starlette(), Policy(version="1"), secret=secret, ledger=ledger_url)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=bare), base_url="https://shop.example") as me:
        assert (await me.get("/_consent/receipt?format=kantara")).json()["error"] == "no-controller"
    bare.ledger.close()
