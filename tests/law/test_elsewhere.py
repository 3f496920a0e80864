"""Singapore, Quebec and Brazil: rows 77 to 90."""

from __future__ import annotations

import pytest

from cookie_consent import Ledger
from cookie_consent.testing import make_policy
from tests.law.site import DECLARED, Markup, contacts, missing_keys, panel, post, shop, stored
from tests.ledger.making import make

pytestmark = pytest.mark.anyio

POLICY = make_policy(**DECLARED)


async def test_row_77_pdpa_20_purposes_are_told_first() -> None:
    async with shop(policy=POLICY) as client:
        page = await client.get("/")
    assert contacts(page.text) == set()
    assert "Advertising" in panel(page.text).visible


async def test_row_78_pdpa_14_2_consent_is_no_condition() -> None:
    async with shop() as client:
        before = (await client.get("/")).text
        await client.choose()
        after = (await client.get("/")).text
    assert all("<h1>Shop</h1>" in text for text in (before, after))
    assert "aria-modal" not in before


async def test_row_79_pdpa_15_what_people_ask_for_needs_no_consent() -> None:
    cookies = ("sessionid=1", "_fbp=1; Max-Age=99")
    async with shop(cookies=cookies) as client:
        assert set(stored(await client.get("/"))) == {"sessionid"}
        await client.choose("advertising", services={"facebook-pixel": True})
        assert set(stored(await client.get("/"))) == {"sessionid", "_fbp"}


async def test_row_80_pdpa_16_consequences_where_one_withdraws() -> None:
    async with shop() as client:
        await client.choose("advertising")
        for path in ("settings", "preferences"):
            text = (await client.get(f"/_consent/{path}")).text
            assert "Refuse all" in text
            optional = len(Markup(text).forms[-1].boxes) - 1
            assert text.count("If you refuse: ") >= optional >= 5


async def test_row_82_pdpa_21_1_to_whom_data_went() -> None:
    async with shop(policy=POLICY) as client:
        await post(client, panel((await client.get("/")).text).form("accept-all"))
        (record,) = (await client.get("/_consent/receipt?format=json")).json()["records"]
    assert {recipient["name"] for recipient in record["recipients"]} >= {"Acme Inc", "Google Ireland Limited"}


async def test_row_83_pdpa_22_a_choice_can_be_corrected() -> None:
    async with shop() as client:
        await client.choose("analytics")
        form = Markup((await client.get("/_consent/preferences")).text).form("preferences")
        await post(client, form, ("granted", "social"))
        assert (await client.get("/_consent/state")).json()["granted"] == ["session", "social"]


def test_row_84_pdpa_25_records_end() -> None:
    assert POLICY.retention
    assert "retention" in missing_keys(make_policy())
    ledger = Ledger("sqlite://", memory=True)
    ledger.append([make(0), make(60)])
    ledger.prune(make(30).at)
    assert ledger.count() == 1


async def test_row_85_pdpa_26_countries_are_told() -> None:
    async with shop(policy=POLICY) as client:
        visible = Markup((await client.get("/_consent/policy")).text).visible
    assert "Country Ireland" in visible
    assert "Data is also sent to United States" in visible


async def test_row_86_law_25_8_1_off_until_switched_on() -> None:
    async with shop(policy=POLICY) as client:
        text = (await client.get("/")).text
        assert contacts(text) == set()
        assert panel(text).form("save").boxes["advertising"] is False
        assert "building a profile of you" in text
        await client.choose("advertising")
        assert (await client.get("/_consent/state")).json()["granted"] == ["advertising", "session"]


async def test_row_87_law_25_14_apart_by_purpose_and_for_a_time() -> None:
    async with shop(policy=POLICY) as client:
        form = panel((await client.get("/")).text).form("save")
        answer = await post(client, form, ("granted", "analytics"))
    assert len(form.boxes) >= 6
    assert "Max-Age=" in answer.headers["set-cookie"]


async def test_row_88_anpd_one_button_refuses_all() -> None:
    async with shop(policy=POLICY) as client:
        first = panel((await client.get("/")).text)
        assert first.forms[0].buttons == ["Refuse all"]
        assert not [name for name, on in first.form("save").boxes.items() if on and name]
        await post(client, first.forms[0])
        assert (await client.get("/_consent/state")).json()["granted"] == ["session"]


async def test_row_89_anpd_in_portuguese() -> None:
    async with shop(policy=POLICY, language="pt-BR") as client:
        assert "Sua privacidade" in panel((await client.get("/")).text).visible
        assert "Declaração de cookies" in Markup((await client.get("/_consent/policy")).text).visible


async def test_row_90_anpd_the_legal_basis_on_the_second_layer() -> None:
    async with shop() as client:
        links = panel((await client.get("/")).text).links
        visible = Markup((await client.get(next(link for link in links if "/policy" in link))).text).visible
    assert visible.count("Legal basis") >= 6
