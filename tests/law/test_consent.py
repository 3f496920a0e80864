"""Valid consent: rows 14 to 31."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.responses import HTMLResponse

from cookie_consent import ConsentMiddleware, Ledger
from cookie_consent.endpoints.receipts.receipt import make_receipt
from cookie_consent.ledger import new_record_id
from cookie_consent.testing import make_policy
from tests.law.site import DECLARED, TAGS, Markup, contacts, missing_keys, panel, post, shop
from tests.ledger.making import START, make

pytestmark = pytest.mark.anyio

LIMITS = {"choices_per_address": 0, "choices": 0}
POLICY = make_policy(**DECLARED, limits=LIMITS)


async def test_row_14_gdpr_recital_32_no_box_is_ticked() -> None:
    async with shop(policy=POLICY) as client:
        for text in ((await client.get("/")).text, (await client.get("/_consent/preferences")).text):
            boxes = {name: on for form in Markup(text).forms for name, on in form.boxes.items()}
            assert boxes.pop("")  # strictly necessary, which cannot be changed
            assert len(boxes) >= 5
            assert not any(boxes.values())


async def test_row_15_edpb_05_2020_going_on_is_no_choice() -> None:
    async with shop() as client:
        for path in ("/", "/next", "/next?a=1", "/_consent/preferences", "/_consent/policy"):
            await client.get(path)
        assert not client.cookies
        assert not (await client.get("/_consent/state")).json()["decided"]
        assert client.ledger.count() == 0


async def test_row_16_gdpr_7_by_purpose_and_by_service() -> None:
    async with shop(policy=POLICY) as client:
        form = Markup((await client.get("/_consent/preferences")).text).form("preferences")
        assert set(form.boxes) >= {"analytics", "advertising", "social"}
        assert set(form.selects) == {"service.google-analytics", "service.youtube", "service.ads"}
        await post(client, form, ("granted", "analytics"), ("service.youtube", "1"), ("service.ads", ""))
        state = (await client.get("/_consent/state")).json()
        assert state["granted"] == ["analytics", "session"]
        assert state["services"] == {"youtube": True}
        assert contacts((await client.get("/")).text) == {"www.googletagmanager.com", "www.youtube.com"}


async def test_row_17_edpb_05_2020_the_first_layer_names_each_purpose() -> None:
    async with shop(policy=POLICY) as client:
        visible = panel((await client.get("/")).text).visible
        settings = Markup((await client.get("/_consent/preferences")).text)
    assert len(settings.form("preferences").boxes) >= 5
    for name in ("Staying signed in", "Personalisation", "Audience measurement", "Advertising", "Social media"):
        assert name in visible


async def test_row_18_edpb_05_2020_the_first_layer_names_the_controller() -> None:
    async with shop(policy=POLICY) as client:
        assert "Shop Ltd" in panel((await client.get("/")).text).visible
    assert "controller" in missing_keys(make_policy())
    assert "controller" not in missing_keys(POLICY)


async def test_row_19_edpb_05_2020_who_receives_data_was_named() -> None:
    async with shop(policy=make_policy(**DECLARED)) as client:
        for path in ("/", "/other"):  # two paths load the unknown host, so it is named
            page = panel((await client.get(path)).text)
        await post(client, page.form("accept-all"))
        live = contacts((await client.get("/")).text)
        (record,) = client.ledger.records()
        notice = client.ledger.notice(record.notice or "")
        assert notice is not None
    assert live == {"www.googletagmanager.com", "www.youtube.com"}  # neither Meta's nor the unknown host
    assert "Google Analytics" in notice.text
    assert "YouTube" in notice.text
    assert "pixel.unknown.example" in notice.text  # and not granted: nobody has said what it is for


async def test_row_20_cjeu_c_673_17_lifetimes_and_parties_are_told() -> None:
    async with shop(policy=POLICY) as client:
        for path in ("/_consent/preferences", "/_consent/policy"):
            visible = Markup((await client.get(path)).text).visible
            ga = visible[visible.index("_ga ") :][:300]
            assert re.search(r"Lifetime \d+ months", ga)
            assert "Set for This site (first party)" in ga


async def test_row_21_gdpr_7_1_a_later_service_is_not_covered() -> None:
    later = "<img src=//later.example/p.gif>"
    cookies = httpx.Cookies()
    seen = []
    services = dict(DECLARED["services"])
    more = {"later": {"name": "Later", "category": "analytics", "hosts": ["later.example"]}}
    for declared in (services, {**services, **more}):
        policy = make_policy(services=declared, limits=LIMITS)
        app = ConsentMiddleware(
            HTMLResponse(f"<!doctype html>{TAGS}{later}"),
            policy,
            secret="s" * 32,
            ledger=Ledger("sqlite://", memory=True),
        )
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://shop.example", cookies=cookies
        ) as client:
            text = (await client.get("/", headers={"accept": "text/html"})).text
            seen.append((contacts(text), "Later" in panel(text).visible))
            if not cookies:
                await post(client, panel(text).form("accept-all"))
                cookies = client.cookies
    assert seen[1][1]
    assert "later.example" not in seen[1][0]
    assert "www.googletagmanager.com" in seen[1][0]


async def test_row_23_gdpr_7_3_that_one_can_withdraw_is_said_before() -> None:
    async with shop() as client:
        visible = panel((await client.get("/")).text).visible
    assert "You can withdraw it at any time under “Privacy settings”" in visible


async def test_row_24_gdpr_7_3_that_earlier_processing_stays_lawful_is_said() -> None:
    async with shop() as client:
        links = panel((await client.get("/")).text).links
        declaration = next(link for link in links if "/policy" in link)
        assert "does not affect the lawfulness" in (await client.get(declaration)).text
        settings = next(link for link in links if "/preferences" in link)
        assert "not retroactively" in (await client.get(settings)).text


async def test_row_25_gdpr_7_1_one_record_for_each_decision() -> None:
    async with shop(policy=POLICY) as client:
        begun = datetime.now(UTC)
        for granted in ({"analytics"}, set[str]()):
            form = Markup((await client.get("/_consent/preferences")).text).form("preferences")
            await post(client, form, *(("granted", name) for name in granted))
        first, second = client.ledger.records()
        notice = client.ledger.notice(first.notice or "")
    assert (first.action, second.action, second.previous) == ("given", "withdrawn", first.id)
    assert first.subject == second.subject
    assert begun - timedelta(seconds=1) < first.at < datetime.now(UTC)
    assert first.granted == ("analytics",)
    assert "advertising" in first.refused
    assert (first.policy_version, first.channel) == ("test", "preferences")
    assert notice is not None
    assert notice.language == "en"
    assert "Audience measurement" in notice.text


async def test_row_26_cnil_2020_092_the_build_is_on_record() -> None:
    async with shop() as client:
        form = panel((await client.get("/")).text).form("accept-all")
        await post(client, form)
        (record,) = client.ledger.records()
    assert record.build == dict(form.fields)["build"]
    assert re.fullmatch("[0-9a-f]{16}", record.build)


async def test_row_27_edpb_05_2020_the_control_is_on_record() -> None:
    async with shop() as client:
        for control in ("accept-all", "refuse-all", "save"):
            client.cookies.clear()
            await post(client, panel((await client.get("/")).text).form(control))
        assert [record.control for record in client.ledger.records()] == ["accept-all", "refuse-all", "save"]


def test_row_28_gdpr_5_1_e_records_have_an_end() -> None:
    assert "retention" in missing_keys(make_policy())
    assert "retention" not in missing_keys(POLICY)
    ledger = Ledger("sqlite://", memory=True)
    ledger.append([make(0), make(1), make(9)])
    ledger.prune(START + timedelta(minutes=5))
    assert ledger.count() == 1


async def test_row_29_edpb_05_2020_consent_lapses() -> None:
    async with shop() as client:
        answer = await client.post("/_consent/choices", json={"granted": ["analytics"]})
    (age,) = re.findall(r"cookie_consent=[^;]+; Max-Age=(\d+)", answer.headers["set-cookie"])
    assert 181 <= int(age) / 86_400 <= 184


def test_row_31_dpv_consent_guide_a_lapse_can_be_seen() -> None:
    ledger = Ledger("sqlite://", memory=True)
    at = datetime.now(UTC) - timedelta(days=2)
    record = make(id=new_record_id(at), at=at)
    ledger.append([record])
    for lifetime, expired in (("1d", True), ("3d", False)):
        policy = make_policy(cookie={"max_age": lifetime})
        (seen,) = make_receipt(ledger, policy, record.subject)["records"]
        assert seen["expired"] is expired
        assert seen["expires"] > seen["at"]
