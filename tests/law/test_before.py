"""Nothing before consent: rows 1 to 13."""

from __future__ import annotations

import re

import pytest

from cookie_consent.banner.locale import load_locales
from cookie_consent.testing import make_policy
from tests.law.site import DECLARED, TAGS, Markup, contacts, panel, post, shop, stored

pytestmark = pytest.mark.anyio

OTHERS = {
    "www.googletagmanager.com", "www.facebook.com", "www.youtube.com", "pixel.unknown.example", "ping.example"
}  # fmt: skip
ASKING = make_policy(unknown_cookies="ask")


async def test_row_1_eprivacy_5_3_no_host_of_others_is_contacted() -> None:
    assert contacts(TAGS) == OTHERS
    async with shop() as client:
        page = await client.get("/")
        assert contacts(page.text) == set()
        assert "fbq('init')" in page.text
        assert re.search(r'<script type="text/plain"[^>]*>!function', page.text)
        policy = page.headers["content-security-policy"]
        assert not any(host in policy for host in OTHERS)
        assert "default-src" in policy


async def test_row_2_eprivacy_5_3_an_undeclared_cookie_waits_where_the_site_says_so() -> None:
    async with shop(cookies=("unknown=1; Max-Age=99",)) as client:
        assert stored(await client.get("/")) == {"unknown": "1"}  # the default: until the browser closes
    async with shop(cookies=("unknown=1; Max-Age=99",), policy=ASKING) as client:
        assert stored(await client.get("/")) == {}  # from now on the settings offer it
        await client.choose("unclassified")
        assert stored(await client.get("/")) == {"unknown": "1; Max-Age=99"}


async def test_row_4_edpb_2_2023_pixels_are_inert() -> None:
    pixels = (
        "<noscript><img src=https://a.example/p.gif></noscript><img src=//b.example/p.gif>"
        "<a href=/ ping=https://c.example/p>a</a><img srcset='https://d.example/p.gif 1x'>"
    )
    assert contacts(pixels) == {"a.example", "b.example", "c.example"}
    async with shop(pixels) as client:
        text = (await client.get("/")).text
        assert contacts(text) == set()
        assert not re.search(r"""\s(?:src|srcset|ping)=['"]?(?:https:)?//""", text)


async def test_row_5_edpb_2_2023_a_pixel_on_the_own_host_can_be_held() -> None:
    pixels = "<img src='/matomo.php?idsite=1&rec=1'><img src=/stats/p.gif>"
    held = re.compile(r"data-consent-src=[\"']?(/[\w./]*)")
    async with shop(pixels) as client:
        assert held.findall((await client.get("/")).text) == ["/matomo.php"]
    own = {"own": {"name": "Own", "category": "analytics", "hosts": ["/stats/"]}}
    async with shop(pixels, policy=make_policy(services=own)) as client:
        assert held.findall((await client.get("/")).text) == ["/matomo.php", "/stats/p.gif"]
        await client.choose("analytics")
        assert " src=/stats/p.gif" in (await client.get("/")).text


async def test_row_8_eprivacy_5_3_nothing_after_a_refusal() -> None:
    async with shop(cookies=("_ga=1; Max-Age=99",)) as client:
        await post(client, panel((await client.get("/")).text).form("refuse-all"))
        for path in ("/", "/next"):
            page = await client.get(path)
            assert contacts(page.text) == set()
            assert stored(page) == {}


async def test_row_9_eprivacy_5_3_cookies_of_the_server_wait() -> None:
    cookies = ("_ga=1; Max-Age=99; HttpOnly", "_gid=2; Max-Age=99", "sessionid=3; HttpOnly")
    async with shop(cookies=cookies) as client:
        assert set(stored(await client.get("/"))) == {"sessionid"}
        await client.choose("analytics", services={"google-analytics": True})
        assert set(stored(await client.get("/"))) == {"_ga", "_gid", "sessionid"}


async def test_row_10_cookie_banner_taskforce_each_exempt_cookie_has_its_reason() -> None:
    async with shop(policy=make_policy(**DECLARED)) as client:
        declared = (await client.get("/_consent/policy.json")).json()
    always = [category for category in declared["categories"] if category["required"]]
    cookies = [cookie for category in always for service in category["services"] for cookie in service["stored"]]
    assert len(cookies) > 3
    assert all(cookie["exempt"] for cookie in cookies)
    assert any("basket" in cookie["exempt"] for cookie in cookies)


async def test_row_11_cookie_banner_taskforce_no_legitimate_interest() -> None:
    async with shop(policy=make_policy(**DECLARED)) as client:
        for language in load_locales():
            text = (await client.get(f"/_consent/preferences?language={language}")).text
            assert not re.search(r"legitim|berechtigt\w* interess|légitime|legítimo|المشروعة", text, re.IGNORECASE)
            optional = make_policy().optional_ids - {"unclassified"}
            names = {name for form in Markup(text).forms for name, _ in form.fields}
            assert names <= {*"return_to channel notice language edition control build granted".split()}
            assert set(Markup(text).form("preferences").boxes) >= optional


async def test_row_12_edpb_05_2020_no_wall() -> None:
    async with shop() as client:
        text = (await client.get("/")).text
        assert "<h1>Shop</h1>" in text
        assert not re.search(r"<dialog|aria-modal|\binert\b|overflow:\s*hidden", text)
        assert any("data-folded" in button for button in panel(text).buttons)


async def test_row_13_gdpr_5_1_c_a_refusal_leaves_no_id() -> None:
    async with shop() as client:
        assert (await client.choose("analytics"))["id"]
        client.cookies.clear()
        assert (await client.choose())["id"] is None
        (first,) = client.cookies.items()
        client.cookies.clear()
        await client.choose()
        assert list(client.cookies.items()) == [first]
        refusals = [record for record in client.ledger.records() if record.action == "refused"]
    assert len({record.subject for record in refusals}) == 2
