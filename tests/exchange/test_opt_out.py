"""Whoever has opted out by Global Privacy Control sees that it is honoured, and is not asked for twelve months."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import HTMLResponse

from cookie_consent import ConsentMiddleware, Ledger
from cookie_consent.testing import ConsentClient, make_policy
from tests.declaring import own_cookies

pytestmark = pytest.mark.anyio

SERVICES = {
    "ads": {"name": "Ads", "category": "advertising", "hosts": ["ads.example"]},
    "stats": {"name": "Stats", "category": "analytics", "hosts": ["stats.example"]},
}
POLICY = make_policy(services=SERVICES)
APP = HTMLResponse("<!doctype html><html lang=en><p>a")
NAVIGATION = {"sec-fetch-dest": "document"}
SIGNAL = {**NAVIGATION, "sec-gpc": "1"}
PANEL = '<section id="cookie-consent" class="cc-panel'
HONOURED = "Opt-out request honoured"
OPT_OUT = "cookie_consent_opt_out"
A_YEAR = 365 * 86_400


def visitor(**options: object) -> ConsentClient:
    return ConsentClient(APP, POLICY, **options)  # type: ignore[arg-type]


async def page(client: httpx.AsyncClient, headers: dict[str, str]) -> str:
    return (await client.get("/", headers=headers)).text


def age_of(response: httpx.Response, name: str = OPT_OUT) -> int | None:
    for header in response.headers.get_list("set-cookie"):
        if header.startswith(f"{name}="):
            return int(header.partition("Max-Age=")[2].partition(";")[0])
    return None


async def test_the_signal_itself_asks_for_nothing() -> None:
    async with visitor() as client:
        asked, honoured = await page(client, NAVIGATION), await page(client, SIGNAL)
        assert PANEL in asked
        assert HONOURED not in asked
        assert PANEL not in honoured
        assert HONOURED in honoured
        settings = (await client.get("/_consent/settings", headers=SIGNAL)).text
        assert PANEL in settings
        assert "advertising" in settings
        assert not client.cookies


async def test_a_choice_under_the_signal_is_followed_by_a_year_of_quiet() -> None:
    async with visitor() as client:
        answer = await client.post("/_consent/choices", json={"granted": ["analytics"]}, headers=SIGNAL)
        assert age_of(answer) in {A_YEAR, A_YEAR + 86_400}  # calendar months
        choice = age_of(answer, "cookie_consent")
        assert choice is not None
        assert choice < A_YEAR  # the consent itself ends as before
        client.cookies.delete("cookie_consent")
        quiet = await page(client, NAVIGATION)
        assert PANEL not in quiet
        assert HONOURED in quiet
        assert (await client.get("/_consent/state")).json()["granted"] == ["session"]
        # Agreeing on purpose ends it; a later lapse asks as usual.
        await client.choose("advertising")
        assert OPT_OUT not in client.cookies
        client.cookies.delete("cookie_consent")
        assert PANEL in await page(client, NAVIGATION)


async def test_a_signal_that_overrules_a_choice_is_one_too() -> None:
    async with visitor(granted={"analytics", "advertising"}) as client:
        assert OPT_OUT not in client.cookies
        answer = await client.get("/", headers=SIGNAL)
        assert age_of(answer) in {A_YEAR, A_YEAR + 86_400}
        assert "no-store" in answer.headers["cache-control"]
        assert HONOURED in answer.text
        assert HONOURED in await page(client, NAVIGATION)  # the opt-out stays without the signal


async def test_who_agrees_in_spite_of_the_signal_has_not_opted_out() -> None:
    async with visitor() as client:
        await client.post("/_consent/choices", json={"granted": ["advertising"]}, headers=SIGNAL)
        assert OPT_OUT not in client.cookies
        assert HONOURED not in await page(client, SIGNAL)


async def test_a_plain_refusal_is_no_opt_out_and_a_new_service_is_still_asked_for() -> None:
    async with visitor() as client:
        await client.choose()
        assert OPT_OUT not in client.cookies
    async with visitor() as client:
        await client.post("/_consent/choices", json={"granted": ["analytics"]}, headers=SIGNAL)
        cookies = client.cookies
        secret = client.site.options.secret
    more = {"more": {"name": "More Stats", "category": "analytics", "hosts": ["more.example"]}}
    newer = make_policy(services={**SERVICES, **more})
    app = ConsentMiddleware(APP, newer, secret=secret, ledger=Ledger("sqlite://", memory=True))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://testserver", cookies=cookies
    ) as browser:
        text = await page(browser, {**SIGNAL, "accept": "text/html"})
        assert "More Stats" in text
        assert PANEL in text


async def test_nothing_to_opt_out_of() -> None:
    none = {name: {"sale_or_sharing": False} for name in ("advertising", "social", "unclassified")}
    async with ConsentClient(APP, make_policy(categories=none, cookies=own_cookies())) as client:
        text = await page(client, SIGNAL)
        assert PANEL in text
        assert HONOURED not in text
