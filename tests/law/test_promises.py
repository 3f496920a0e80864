"""What privacy policies promise, and the standards for records and notices: rows 108 to 140."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from cookie_consent import ConsentMiddleware, Ledger
from cookie_consent.banner.locale import load_locales
from cookie_consent.endpoints.receipts.kantara import kantara_receipt
from cookie_consent.ledger import RecordFilter
from cookie_consent.ledger.offline import OTHER_CHANNELS, made_elsewhere
from cookie_consent.testing import ConsentClient, make_policy
from tests.law.site import DECLARED, Markup, contacts, missing_keys, panel, post, shop, stored

if TYPE_CHECKING:
    from cookie_consent import Policy

pytestmark = pytest.mark.anyio

POLICY = make_policy(**DECLARED)


async def exported(client: ConsentClient) -> list[dict[str, Any]]:
    """Return the nodes of the export after a choice by the banner."""
    await post(client, panel((await client.get("/")).text).form("accept-all"))
    pieces = client.ledger.export("iso27560", where=RecordFilter(), policy=client.policy)
    graph: list[dict[str, Any]] = json.loads(b"".join(piece.data for piece in pieces))["@graph"]
    return graph


async def record_of(policy: Policy = POLICY) -> dict[str, Any]:
    async with shop(policy=policy) as client:
        return next(node for node in await exported(client) if node["@type"] == "dpv:ConsentRecord")


async def test_row_108_session_cookies_end_with_the_browser() -> None:
    async with shop(cookies=("sessionid=1; Max-Age=31536000",)) as client:
        assert stored(await client.get("/")) == {"sessionid": "1"}


async def test_row_109_staying_signed_in_is_a_choice() -> None:
    policy = make_policy(cookies=[{"name": "remember", "category": "login", "max_age": "30d"}])
    async with shop(cookies=("remember=1; Max-Age=999",), policy=policy) as client:
        assert stored(await client.get("/")) == {"remember": "1"}
        await client.choose("login")
        assert stored(await client.get("/")) == {"remember": "1; Max-Age=999"}


async def test_row_110_card_numbers_are_dropped() -> None:
    cookies = ("sessionid=4111111111111111", "csrftoken=4111111111111112")  # the second fails the check digit
    async with shop(cookies=cookies) as client:
        assert set(stored(await client.get("/"))) == {"csrftoken"}


async def test_row_111_blocking_cookies_is_explained() -> None:
    async with shop() as client:
        visible = Markup((await client.get("/_consent/policy")).text).visible
    for browser in ("Chrome", "Safari", "Firefox", "Edge", "Android", "iPhone"):
        assert browser in visible


async def test_row_113_opting_out_of_ads_by_list() -> None:
    async with shop() as client:
        links = Markup((await client.get("/_consent/policy")).text).links
    for host in ("networkadvertising.org", "aboutads.info", "youronlinechoices.eu"):
        assert any(host in link for link in links), host


async def test_row_114_preferences_are_seen_and_changed() -> None:
    async with shop() as client:
        await client.choose("social")
        text = (await client.get("/_consent/preferences")).text
        assert Markup(text).form("preferences").boxes["social"] is True
        assert "not retroactively" in text
        await post(client, Markup(text).form("refuse-all"))
        assert (await client.get("/_consent/state")).json()["granted"] == ["session"]


def test_row_115_retention_is_asked_for() -> None:
    assert "retention" in missing_keys(make_policy())
    assert "retention" not in missing_keys(POLICY)


async def test_row_116_social_features_have_a_placeholder() -> None:
    async with shop(policy=POLICY) as client:
        text = (await client.get("/")).text
        assert "data-consent-placeholder" in text
        assert "Allow YouTube" in text
        await client.choose(services={"youtube": True})
        assert "www.youtube.com" in contacts((await client.get("/")).text)


def test_row_117_consent_by_phone_is_recorded() -> None:
    ledger = Ledger("sqlite://", memory=True)
    for channel in OTHER_CHANNELS:
        record = made_elsewhere(
            POLICY,
            channel=channel,
            subject=str(uuid4()),
            granted=["analytics"],
            refused=[],
            at=datetime.now(UTC),
            previous=None,
            notice=None,
        )
        ledger.append([record])
    assert {record.channel for record in ledger.records()} == {"phone", "paper", "in-person"}


async def test_row_118_access_to_the_past_year() -> None:
    async with shop() as client:
        await client.choose("analytics")
        await client.choose("social")
        records = (await client.get("/_consent/receipt?format=json")).json()["records"]
    assert [record["granted"] for record in records] == [["analytics"], ["social"]]


async def test_row_119_revisions_are_announced() -> None:
    later = {**DECLARED, "version": "2", "effective": datetime.now(UTC).date() + timedelta(days=30)}
    later["services"] = {**DECLARED["services"], "vimeo": {}}
    on = load_locales()["en"].format_date(later["effective"])
    async with shop(policy=make_policy(**DECLARED, next=later)) as client:
        for place in ((await client.get("/")).text, (await client.get("/_consent/preferences")).text):
            assert f"changes on {on}" in place
        assert "New service: Vimeo" in (await client.get("/_consent/policy")).text
        await client.choose("social")
        assert f"changes on {on}" in (await client.get("/")).text


async def test_row_120_contact_is_told() -> None:
    async with shop(policy=POLICY) as client:
        assert "privacy@shop.example" in (await client.get("/_consent/policy")).text


async def test_row_121_iso_iec_ts_27560_6_3_3_schema_and_ids() -> None:
    record = await record_of()
    assert record["dct:conformsTo"]
    assert record["dct:identifier"]
    assert record["dpv:hasDataSubject"]["dct:identifier"]


async def test_row_122_iso_iec_ts_27560_6_3_4_1_the_notice_opens() -> None:
    async with shop(policy=POLICY) as client:
        record = next(node for node in await exported(client) if node["@type"] == "dpv:ConsentRecord")
        url = record["dpv:hasNotice"]["schema:url"]
        assert url.startswith("https://shop.example/_consent/notice/")
        notice = await client.get(url.removeprefix("https://shop.example"))
    assert "Audience measurement" in notice.text


async def test_row_123_iso_iec_ts_27560_6_3_4_2_language_purpose_basis() -> None:
    async with shop(policy=POLICY) as client:
        nodes = await exported(client)
    record = next(node for node in nodes if node["@type"] == "dpv:ConsentRecord")
    assert record["dpv:hasNotice"]["dct:language"] == "en"
    optional = [node for node in nodes if node["@type"] == "dpv:Process" and "dpv:hasLegalBasis" in node]
    assert {node["dpv:hasPurpose"]["dct:identifier"] for node in optional} >= {"analytics", "advertising"}


async def test_row_125_iso_iec_ts_27560_6_3_4_8_the_controller() -> None:
    async with shop(policy=POLICY) as client:
        controller = (await exported(client))[0]
    assert controller["dpv:hasName"] == "Shop Ltd"
    assert "1 High Street" in controller["dpv:hasAddress"]
    assert controller["dpv:hasCountry"] == "loc:DE"


async def test_row_127_iso_iec_ts_27560_6_3_4_16_the_jurisdiction() -> None:
    assert (await record_of())["dpv:hasJurisdiction"] == "loc:DE"


async def test_row_128_iso_iec_ts_27560_6_3_4_17_the_recipients() -> None:
    async with shop(policy=POLICY) as client:
        found = [node for entry in await exported(client) for node in entry.get("dpv:hasRecipient", ())]
    assert {node["dpv:hasName"] for node in found} >= {"Acme Inc", "Google Ireland Limited"}
    assert "loc:IE" in {node.get("dpv:hasCountry") for node in found}


async def test_row_129_iso_iec_ts_27560_6_3_4_18_withdrawal_and_rights() -> None:
    async with shop(policy=POLICY) as client:
        process = next(node for node in await exported(client) if node.get("dpv:hasRight"))
        address = process["dpv:hasConsentControl"]["dpv:isExercisedAt"]
        assert "Refuse all" in (await client.get(address)).text
    assert "eu-gdpr:A7-3" in process["dpv:hasRight"]


async def test_row_130_iso_iec_ts_27560_6_3_7_events() -> None:
    (given, *_) = (await record_of())["dpv:hasConsentStatus"]
    assert given["@type"] == "dpv:ConsentGiven"
    assert given["dpv:isIndicatedAtTime"]
    assert given["dpv:hasDuration"]["rdf:value"] == "P6M"
    assert given["dpv:isIndicatedBy"] == "dpv:DataSubject"


async def test_row_131_iso_iec_29184_5_2_4_the_readers_languages() -> None:
    for language, text in (("pl", "Zaakceptuj wszystko"), ("ja", "すべて許可"), ("uk", "Прийняти все")):
        async with shop(policy=POLICY, language=language) as client:
            await post(client, panel((await client.get("/")).text).form("accept-all"))
            (record,) = client.ledger.records()
            notice = client.ledger.notice(record.notice or "")
            assert notice is not None
            assert notice.language == language
            assert text in notice.text


async def test_row_132_iso_iec_29184_5_2_8_a_notice_can_be_read_again() -> None:
    async with shop() as client:
        await post(client, panel((await client.get("/")).text).form("accept-all"))
        (record,) = client.ledger.records()
        again = await client.get(f"/_consent/notice/{record.notice}")
        assert (again.status_code, "Your privacy" in again.text) == (200, True)
        assert (await client.get(f"/_consent/notice/{'0' * 64}")).status_code == 404


async def test_row_133_iso_iec_29184_5_3_2_the_notice_presents_purposes() -> None:
    async with shop() as client:
        await post(client, panel((await client.get("/")).text).form("accept-all"))
        (record,) = client.ledger.records()
        notice = client.ledger.notice(record.notice or "")
    assert notice is not None
    assert "Audience measurement, Advertising" in notice.text.splitlines()[1]


async def test_row_135_iso_iec_29184_5_3_10_third_parties_and_their_time() -> None:
    async with shop(policy=POLICY) as client:
        visible = Markup((await client.get("/_consent/policy")).text).visible
    assert "Google Ireland Limited" in visible
    assert "Data is kept for" in visible


async def test_row_136_iso_iec_29184_5_3_12_taking_part() -> None:
    async with shop() as client:
        markup = Markup((await client.get("/_consent/policy")).text)
        assert "lodge a complaint" in markup.visible
        receipt = next(link for link in markup.links if "/receipt" in link)
        assert (await client.get(receipt)).status_code == 200


async def test_row_138_iso_iec_29184_5_5_2_renewed_when_conditions_change() -> None:
    async with shop(policy=POLICY) as client:
        await post(client, panel((await client.get("/")).text).form("accept-all"))
        cookies, secret = client.cookies, client.site.options.secret
        inner = client.site.app
    changed = make_policy(**{**DECLARED, "controller": {**DECLARED["controller"], "name": "Another Ltd"}})
    for policy, is_asked in ((POLICY, False), (changed, True)):
        app = ConsentMiddleware(inner, policy, secret=secret, ledger=Ledger("sqlite://", memory=True))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://testserver", cookies=cookies
        ) as browser:
            text = (await browser.get("/", headers={"accept": "text/html"})).text
            assert bool(panel(text).forms) is is_asked


async def test_row_139_kantara_1_1_0_id_and_address() -> None:
    async with shop(policy=POLICY) as client:
        await client.choose("analytics")
        (record,) = client.ledger.records()
        receipt = kantara_receipt(client.ledger, POLICY, record.subject)
    assert receipt is not None
    assert receipt["consentReceiptID"] == record.id
    assert receipt["piiControllers"][0]["address"]["streetAddress"].startswith("1 High Street")
