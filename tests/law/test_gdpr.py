"""What the GDPR asks to be told, kept and shown: rows 66 to 76."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent import Ledger
from cookie_consent.banner.locale import load_locales
from cookie_consent.cli.register import register_entry
from cookie_consent.ledger import new_key
from cookie_consent.testing import ConsentClient, make_policy
from tests.law.site import DECLARED, Markup, missing_keys, panel, shop
from tests.ledger.making import make

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

POLICY = make_policy(**DECLARED)


async def declared(client: ConsentClient) -> dict[str, Any]:
    document: dict[str, Any] = (await client.get("/_consent/policy.json")).json()
    return document


async def read(client: ConsentClient, path: str = "/_consent/policy") -> str:
    return Markup((await client.get(path)).text).visible


async def test_row_66_gdpr_13_1_a_who_is_responsible() -> None:
    async with shop(policy=POLICY) as client:
        visible = await read(client)
    for text in ("Shop Ltd", "1 High Street", "privacy@shop.example", "Shop Europe, 2 Low Street"):
        assert text in visible
    assert "controller.address" in missing_keys(make_policy(controller={"name": "Shop Ltd"}))


async def test_row_67_gdpr_13_1_b_the_data_protection_officer() -> None:
    async with shop(policy=POLICY) as client:
        assert "Data-protection officer dpo@shop.example" in await read(client)


async def test_row_68_gdpr_13_1_c_the_legal_basis() -> None:
    async with shop() as client:
        categories = (await declared(client))["categories"]
    assert len(categories) >= 6
    for category in categories:
        assert ("No consent is required" if category["required"] else "Your consent") in category["basis"]


async def test_row_69_gdpr_13_1_e_recipients_by_category() -> None:
    async with shop(policy=POLICY) as client:
        categories = {entry["id"]: entry for entry in (await declared(client))["categories"]}
    found = {name: [service.get("company") for service in entry["services"]] for name, entry in categories.items()}
    assert "Google Ireland Limited" in found["analytics"]
    assert found["advertising"] == ["Acme Inc"]


async def test_row_70_gdpr_13_1_f_third_countries_and_safeguards() -> None:
    async with shop(policy=POLICY) as client:
        visible = await read(client)
    assert "Country Ireland Data is also sent to United States" in visible
    assert "Standard contractual clauses (Article 46 GDPR)" in visible
    bare = make_policy(services={"google-analytics": {"transfers": ["US"]}})
    assert "services.google-analytics.safeguard" in missing_keys(bare)


async def test_row_71_gdpr_13_2_a_how_long_data_is_kept() -> None:
    async with shop(policy=POLICY) as client:
        analytics = next(entry for entry in (await declared(client))["categories"] if entry["id"] == "analytics")
    (service,) = analytics["services"]
    assert service["retention"]
    assert service["stored"]
    assert all(cookie["lifetime"] for cookie in service["stored"])


async def test_row_72_gdpr_13_2_b_rights_and_complaints() -> None:
    async with shop() as client:
        visible = await read(client)
    for text in ("right to access your data", "portable form", "withdraw your consent", "lodge a complaint"):
        assert text in visible
    async with shop(policy=POLICY) as client:
        assert "Supervisory authority The Authority" in await read(client)


async def test_row_73_gdpr_12_1_the_visitors_language() -> None:
    european = "bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv".split()
    locales = load_locales()
    for language in european:
        async with shop(policy=POLICY, language=language) as client:
            visible, texts = panel((await client.get("/")).text).visible, locales[language]
            assert texts.text("banner.title") in visible
            assert texts.text("banner.refuse_all") in visible
            page = Markup((await client.get("/_consent/policy")).text)
            assert texts.text("declaration.responsible_title") in page.visible
    assert len({locales[language].text("banner.intro", purposes="", settings="") for language in european}) == 24


async def test_row_74_gdpr_12_3_own_records_at_once() -> None:
    async with shop() as client:
        await client.choose("analytics")
        receipt = (await client.get("/_consent/receipt?format=json")).json()
        page = await read(client, "/_consent/receipt?format=html")
        (record,) = client.ledger.records()
    assert [entry["id"] for entry in receipt["records"]] == [record.id]
    assert "Audience measurement" in page


def test_row_75_gdpr_30_1_the_entry_for_the_register() -> None:
    entry = register_entry(POLICY)
    assert entry["controller"]["name"] == "Shop Ltd"
    for activity in entry["activities"]:
        assert {"purpose", "legal_basis", "data_subjects", "data", "retention", "recipients"} <= activity.keys()
    text = json.dumps(entry)
    for part in ("Acme Inc", "third_countries", "standard contractual clauses", "3 years"):
        assert part in text
    assert entry["security"]


def test_row_76_gdpr_32_the_log_only_grows(tmp_path: Path) -> None:
    key, _ = new_key("shop.example")
    file = tmp_path / "consent.db"
    with_key = Ledger(f"sqlite:///{file}", key=key)
    with_key.append([make(0), make(1)])
    with_key.close()
    connection = sqlite3.connect(file)
    with pytest.raises(sqlite3.DatabaseError, match="append-only"):
        connection.execute("UPDATE consent_records SET granted = ''")
    with pytest.raises(sqlite3.DatabaseError):
        connection.execute("DELETE FROM consent_records")
    connection.close()
