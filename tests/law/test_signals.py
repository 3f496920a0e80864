"""California, Colorado and Global Privacy Control: rows 91 to 107."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from cookie_consent.endpoints.static_files import static_files
from cookie_consent.testing import make_policy
from tests.law.site import NAVIGATION, SIGNAL, contacts, missing_keys, panel, post, shop

pytestmark = pytest.mark.anyio

HONOURED = "Opt-out request honoured"


async def test_row_91_11_ccr_7004_a_2_as_many_steps() -> None:
    async with shop() as client:
        forms = panel((await client.get("/")).text).forms[:2]
        for form in forms:
            assert (await post(client, form)).status_code == 303
        assert [record.control for record in client.ledger.records()] == ["refuse-all", "accept-all"]


async def test_row_95_11_ccr_7025_c_3_the_signal_prevails() -> None:
    async with shop("<img src=https://www.facebook.com/tr?id=1>") as client:
        await client.choose("advertising", services={"facebook-pixel": True})
        assert contacts((await client.get("/", headers=NAVIGATION)).text) == {"www.facebook.com"}
        assert contacts((await client.get("/", headers=SIGNAL)).text) == set()
        assert [record.action for record in client.ledger.records()][-1] == "signal"


async def test_row_96_11_ccr_7025_c_6_it_is_shown() -> None:
    async with shop(granted={"advertising"}) as client:
        assert HONOURED not in (await client.get("/", headers=NAVIGATION)).text
        for path in ("/", "/next"):
            assert HONOURED in (await client.get(path, headers=SIGNAL)).text
        boxes = next(form.boxes for form in panel((await client.get("/_consent/settings")).text).forms if form.boxes)
        assert boxes["advertising"] is False


async def test_row_97_11_ccr_7026_g_the_opt_out_can_be_confirmed() -> None:
    async with shop(granted={"advertising", "analytics"}) as client:
        await client.get("/", headers=SIGNAL)
        page = (await client.get("/_consent/receipt?format=html")).text
        assert "Limited by your browser’s signal" in page
        assert HONOURED in (await client.get("/")).text


async def test_row_98_cal_civ_1798_135_c_4_not_asked_for_twelve_months() -> None:
    async with shop() as client:
        answer = await client.post("/_consent/choices", json={"granted": []}, headers=SIGNAL)
        (age,) = re.findall(r"cookie_consent_opt_out=1; Max-Age=(\d+)", answer.headers["set-cookie"])
        now = datetime.now(UTC)
        assert now + timedelta(seconds=int(age) + 5) >= now + timedelta(days=365)
        client.cookies.delete("cookie_consent")  # the refusal itself has lapsed
        text = (await client.get("/", headers=NAVIGATION)).text
        assert not panel(text).forms
        assert panel((await client.get("/_consent/settings")).text).forms
        client.cookies.clear()
        assert panel((await client.get("/", headers=NAVIGATION)).text).forms


def test_row_99_11_ccr_7101_nothing_is_deleted_by_itself() -> None:
    assert make_policy().retention is None
    assert "retention" not in missing_keys(make_policy(retention="24mo"))
    assert "retention" in missing_keys(make_policy(retention="23mo"))
    nothing_sold = {name: {"sale_or_sharing": False} for name in ("advertising", "social", "unclassified")}
    assert "retention" not in missing_keys(make_policy(retention="1mo", categories=nothing_sold))


async def test_row_100_cal_civ_1798_140_all_by_which_others_get_data() -> None:
    async with shop() as client:
        for path in ("/", "/other"):  # two paths load the unknown host, so it is named
            await client.get(path)
        await client.choose("advertising", "social", "unclassified", services={"youtube": True})
        assert "pixel.unknown.example" in contacts((await client.get("/", headers=NAVIGATION)).text)
        assert contacts((await client.get("/", headers=SIGNAL)).text) == set()


async def test_row_101_colorado_5_08_the_opt_out_stays() -> None:
    async with shop() as client:
        await client.choose("advertising", "analytics")
        await client.get("/", headers=SIGNAL)
        state = (await client.get("/_consent/state")).json()
        assert state["granted"] == ["analytics", "session"]


@pytest.mark.parametrize("value", ["true", "0", "", "11", "1;q=0"])
async def test_row_102_global_privacy_control_nothing_but_1(value: str) -> None:
    async with shop(granted={"advertising"}) as client:
        state = (await client.get("/_consent/state", headers={"sec-gpc": value})).json()
        assert "advertising" in state["granted"]
        state = (await client.get("/_consent/state", headers={"sec-gpc": "1"})).json()
        assert "advertising" not in state["granted"]


@pytest.mark.parametrize("values", [("1", "0"), ("0", "1"), ("0, 1",)])
async def test_row_103_global_privacy_control_one_of_several(values: tuple[str, ...]) -> None:
    async with shop(granted={"advertising"}) as client:
        headers = [("sec-gpc", value) for value in values]
        state = (await client.get("/_consent/state", headers=headers)).json()
        assert "advertising" not in state["granted"]


async def test_row_104_global_privacy_control_the_resource() -> None:
    today = datetime.now(UTC).date()
    for effective, said in ((today + timedelta(days=9), today), (today - timedelta(days=9), today - timedelta(days=9))):
        async with shop(policy=make_policy(effective=effective)) as client:
            resource = (await client.get("/.well-known/gpc.json")).json()
        assert resource == {"gpc": True, "lastUpdate": said.isoformat()}


async def test_row_105_global_privacy_control_without_the_header() -> None:
    assert b"globalPrivacyControl" in static_files("plain")["guard.js"]
    async with shop(granted={"advertising"}) as client:
        client.cookies.set("cookie_consent_gpc", "1")  # as the guard sets it
        assert "advertising" not in (await client.get("/_consent/state")).json()["granted"]


async def test_row_107_dnt_is_ignored() -> None:
    async with shop(granted={"advertising"}) as client:
        state = (await client.get("/_consent/state", headers={"dnt": "1"})).json()
        assert "advertising" in state["granted"]
