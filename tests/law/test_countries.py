"""France, the United Kingdom, Germany, Italy, Spain: rows 44 to 65."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from cookie_consent.policy import Lifetime
from cookie_consent.policy.registry import registry
from cookie_consent.testing import make_policy
from tests.law.site import DECLARED, Form, Markup, contacts, missing_keys, panel, post, shop, stored

pytestmark = pytest.mark.anyio

POLICY = make_policy(**DECLARED)


def age_of(header: str) -> int:
    (age,) = re.findall(r"cookie_consent=[^;]+; Max-Age=(\d+)", header)
    return int(age)


async def test_row_44_cnil_2020_092_each_purpose_named_and_described() -> None:
    async with shop(policy=POLICY) as client:
        text = (await client.get("/")).text
    assert "Audience measurement" in panel(text).visible
    assert "Counts visits and shows us which pages are used" in text  # in the settings, which open in the panel
    assert "building a profile of you" in text


async def test_row_45_cnil_2020_091_who_and_how_many() -> None:
    async with shop(policy=POLICY) as client:
        first = panel((await client.get("/")).text)
        assert "Partners: 3" in first.visible
        listed = Markup((await client.get(next(link for link in first.links if "#partners" in link))).text).visible
        for name in ("Google Ireland Limited", "YouTube", "Acme Inc"):
            assert name in listed
    fewer = make_policy(services={"youtube": {}})
    async with shop(policy=fewer) as client:
        assert "Partners: 1" in panel((await client.get("/")).text).visible


async def test_row_46_cnil_2020_092_one_lifetime_for_both() -> None:
    async with shop() as client:
        ages = []
        for granted in ([], ["analytics"]):
            answer = await client.post("/_consent/choices", json={"granted": granted})
            ages.append(age_of(answer.headers["set-cookie"]))
    assert abs(ages[0] - ages[1]) <= 5


async def test_row_49_cnil_2020_091_how_long_measurements_are_kept_is_declared() -> None:
    async with shop(policy=POLICY) as client:
        visible = Markup((await client.get("/_consent/policy")).text).visible
    assert "Data is kept for 1 year 2 months" in visible or "Data is kept for 14 months" in visible
    bare = make_policy(services={"google-analytics": {}})
    assert "services.google-analytics.retention" in missing_keys(bare)
    assert "services.google-analytics.retention" not in missing_keys(POLICY)


def test_row_51_cnil_2020_091_what_frameworks_need_is_known_as_exempt() -> None:
    known = {
        rule.name: (rule.category or service.category, rule.exempt)
        for service in registry().values()
        for rule in service.cookies
        if rule.domain is None
    }
    for name in ("sessionid", "csrftoken", "PHPSESSID", "AWSALB"):
        category, exempt = known[name]
        assert category == "session"
        assert exempt
    assert known["_ga"][0] == "analytics"


async def test_row_54_ico_nothing_before_a_choice() -> None:
    async with shop() as client:
        text = (await client.get("/")).text
        assert contacts(text) == set()
        assert panel(text).form("refuse-all").buttons == ["Refuse all"]
        assert not re.search(r"by (continuing|using|browsing)", panel(text).visible, re.IGNORECASE)
        assert contacts((await client.get("/next")).text) == set()


async def test_row_55_dsk_minimising_is_no_consent() -> None:
    async with shop() as client:
        text = (await client.get("/")).text
        (fold,) = re.findall(r'<button type="button" class="cc-fold"[^>]*>Minimise', text)
        assert fold  # no submit button, and outside of every form
        links = text[text.rindex('<p class="cc-links">') : text.index("</section>")]
        assert "cc-fold" in links
        assert "<form" not in links


def test_row_59_garante_231_2021_six_months_by_the_calendar() -> None:
    lifetime = make_policy().cookie.max_age
    for month in range(1, 13):
        start = datetime(2026, month, 1, tzinfo=UTC)
        years, later = divmod(month + 5, 12)
        assert lifetime.end(start) >= start.replace(year=2026 + years, month=later + 1)
    assert Lifetime.parse("180d").end(datetime(2026, 3, 1, tzinfo=UTC)) < datetime(2026, 9, 1, tzinfo=UTC)


async def test_row_60_garante_231_2021_the_detailed_settings_list_cookies() -> None:
    async with shop(policy=POLICY) as client:
        visible = Markup((await client.get("/_consent/preferences")).text).visible
    for text in ("_ga", "Google Ireland Limited", "Acme Ads", "Counts visits"):
        assert text in visible


async def test_row_61_garante_231_2021_both_are_on_record() -> None:
    async with shop() as client:
        for control in ("refuse-all", "accept-all"):
            client.cookies.clear()
            await post(client, panel((await client.get("/")).text).form(control))
        assert [record.action for record in client.ledger.records()] == ["refused", "given"]


async def test_row_63_aepd_what_people_set_themselves_can_be_kept() -> None:
    own = make_policy(
        categories={
            "chosen": {"required": True, "name": "Your settings", "purpose": "Keeps what you set", "consequence": "-"}
        },
        cookies=[{"name": "theme", "category": "chosen", "max_age": "1y", "exempt": "interface"}],
    )
    cookie = ("theme=dark; Max-Age=1000000",)
    async with shop(cookies=cookie, policy=own) as client:
        assert stored(await client.get("/")) == {"theme": "dark; Max-Age=1000000"}
        await client.choose()
        assert stored(await client.get("/")) == {"theme": "dark; Max-Age=1000000"}
    asked = make_policy(cookies=[{"name": "theme", "category": "preferences", "max_age": "1y"}])
    async with shop(cookies=cookie, policy=asked) as client:
        assert stored(await client.get("/")) == {}


async def test_row_64_aepd_the_second_layer_has_each_part() -> None:
    async with shop(policy=POLICY) as client:
        links = panel((await client.get("/")).text).links
        visible = Markup((await client.get(next(link for link in links if "/policy" in link))).text).visible
    for part in (
        "What cookies and web beacons are",
        "first-party cookie",
        "Purpose",
        "Company Google Ireland Limited",
        "Data is also sent to United States",
        "Standard contractual clauses",
        "building a profile of you",
        "Data is kept for",
        "Lifetime",
        "You can withdraw your consent at any time",
        "delete or block cookies in your browser",
    ):
        assert part in visible


async def test_row_65_aepd_24_months_at_most() -> None:
    async with shop() as client:
        form = panel((await client.get("/")).text).form("accept-all")
        assert isinstance(form, Form)
        answer = await post(client, form)
    assert age_of(answer.headers["set-cookie"]) < 24 * 28 * 86_400
