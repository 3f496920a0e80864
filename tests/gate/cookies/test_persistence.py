"""Session cookies that carry a sign-in outlive the browser session by choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cookie_consent.policy import Policy, parse_policy
from cookie_consent.testing import ConsentClient
from tests.consent.django_site import django
from tests.declaring import own_cookies

if TYPE_CHECKING:
    import httpx
    from starlette.requests import Request

pytestmark = pytest.mark.anyio

TWO_WEEKS = "Max-Age=1209600"
ALL = ["login", "preferences", "analytics", "advertising", "social", "unclassified"]
END = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"


def policy(**values: Any) -> Policy:
    limits = {"choices_per_address": 0, "choices": 0}
    return parse_policy({"version": "1", "limits": limits, "cookies": own_cookies(), **values}, source="test")


def set_cookie(response: httpx.Response, name: str) -> str:
    (found,) = (value for value in response.headers.get_list("set-cookie") if value.startswith(f"{name}="))
    return found


@pytest.mark.parametrize(
    ("granted", "lasts"),
    [(None, False), ([], False), (["analytics", "unclassified"], False), (["login"], True), (ALL, True)],
)
async def test_the_session_of_django(granted: list[str] | None, *, lasts: bool) -> None:
    async with ConsentClient(django(by_asgi=True), policy()) as browser:
        if granted is not None:
            await browser.post("/_consent/choices", json={"granted": granted})
        for visit in (1, 2):  # it works either way
            answer = await browser.get("/sign-in")
            assert answer.text == f"visit {visit}"
            sent = set_cookie(answer, "sessionid")
            assert ((TWO_WEEKS in sent), ("expires" in sent)) == (lasts, lasts)
            assert "HttpOnly" in sent
            assert "SameSite=Lax" in sent


async def answer_with_cookies(_: Request) -> Response:
    """Set what NextAuth sets, by https and by http, and what others do."""
    response = PlainTextResponse("")
    for name in (
        "__Secure-next-auth.session-token",
        "__Secure-next-auth.session-token.0",
        "__Secure-authjs.session-token",
        "__Secure-authjs.callback-url",
        "next-auth.session-token",
        "laravel_session",
        "basket",
        "shop_sid",
        "mystery",
    ):
        response.set_cookie(name, "v", max_age=1_209_600, secure=name.startswith("__"), httponly=True)
    return response


APP = Starlette(routes=[Route("/", answer_with_cookies)])
OWN = policy(
    cookies=[
        {"name": "basket", "category": "session"},
        {"name": "shop_sid", "category": "session", "persist": "login"},
        *own_cookies(),
    ]
)


async def test_sign_ins_and_the_undeclared_last_by_the_choice_for_each() -> None:
    async def lasting(granted: list[str] | None) -> set[str]:
        async with ConsentClient(APP, OWN, base_url="https://shop.example") as browser:
            if granted is not None:
                await browser.post("/_consent/choices", json={"granted": granted})
            answer = await browser.get("/")
            sent = answer.headers.get_list("set-cookie")
            assert len(sent) == 9  # nothing is dropped
            return {value.partition("=")[0] for value in sent if TWO_WEEKS in value}

    sign_ins = {
        "__Secure-next-auth.session-token",
        "__Secure-next-auth.session-token.0",
        "__Secure-authjs.session-token",
        "next-auth.session-token",
        "laravel_session",
        "shop_sid",
    }
    assert await lasting(None) == set()
    assert await lasting([]) == set()
    assert await lasting(["login"]) == sign_ins
    assert await lasting(["unclassified"]) == {"mystery"}
    assert await lasting(ALL) == {*sign_ins, "mystery"}


async def test_a_withdrawal_deletes_what_would_stay() -> None:
    async with ConsentClient(APP, OWN, base_url="https://shop.example") as browser:
        await browser.post("/_consent/choices", json={"granted": ALL})
        await browser.get("/")
        kept = await browser.post("/_consent/choices", json={"granted": ["login", "unclassified"]})
        assert not [value for value in kept.headers.get_list("set-cookie") if END in value]
        await browser.post("/_consent/choices", json={"granted": ["login"]})
        assert "mystery" not in browser.cookies
        assert browser.cookies["shop_sid"] == "v"
        await browser.post("/_consent/choices", json={"granted": []})
        assert set(browser.cookies) == {"basket", "__Secure-authjs.callback-url", "__Host-cookie_consent"}
        answer = await browser.get("/")
        assert TWO_WEEKS not in set_cookie(answer, "shop_sid")
        # What ends with the browser anyway is not deleted by a later refusal.
        again = await browser.post("/_consent/choices", json={"granted": []})
        assert not [value for value in again.headers.get_list("set-cookie") if END in value]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_withdrawal_keeps_the_consent_cookie(scheme: str) -> None:
    async with ConsentClient(APP, OWN, base_url=f"{scheme}://shop.example") as browser:
        await browser.post("/_consent/choices", json={"granted": ALL})
        answer = await browser.post("/_consent/choices", json={"granted": []})
        ended = [value for value in answer.headers.get_list("set-cookie") if END in value]
        # What it ends is only what another domain may have set.
        assert not [value for value in ended if "cookie_consent" in value and "Domain=" not in value]
        assert (await browser.get("/_consent/state")).json()["decided"] is True


async def test_without_the_category_a_framework_session_ends_with_the_browser() -> None:
    removed = policy(categories={"login": {"remove": True}}, cookies=[])
    async with ConsentClient(APP, removed) as browser:
        await browser.post("/_consent/choices", json={"granted": sorted(set(ALL) - {"login"})})
        assert TWO_WEEKS not in set_cookie(await browser.get("/"), "laravel_session")
