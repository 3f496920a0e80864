"""The placeholder of a frame that a script inserts, as a page."""

from __future__ import annotations

from base64 import b64encode

import pytest
from starlette.applications import Starlette

from cookie_consent.testing import ConsentClient, make_policy

pytestmark = pytest.mark.anyio


def encoded(address: str) -> str:
    return b64encode(address.encode()).decode()


@pytest.mark.parametrize(
    ("address", "status", "shown"),
    [
        ("https://www.youtube.com/embed/x", 200, "service.youtube"),
        ("https://unknown.example/x", 200, "unknown.example"),
        ("https://x.example/<script>", 200, "x.example"),
        ("", 400, ""),
        ("javascript:alert(1)", 400, ""),
        ("//www.youtube.com/x", 400, ""),
        ("/x", 400, ""),
        ("https://" + "a" * 3000, 400, ""),
    ],
)
async def test_it_says_what_an_address_is(address: str, status: int, shown: str) -> None:
    async with ConsentClient(Starlette(), make_policy()) as browser:
        answer = await browser.get(
            "/_consent/placeholder", params={"address": encoded(address), "return_to": "//evil.example"}
        )
        assert (answer.status_code, shown in answer.text) == (status, True)
        assert "<script" not in answer.text
        assert "evil.example" not in answer.text
        assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("page", ["preferences", "placeholder", "nothing"])
@pytest.mark.parametrize(
    ("site", "destination", "is_frameable"),
    [
        ("same-origin", "iframe", True),  # a page of the site leads its own frame there
        ("cross-site", "iframe", False),
        ("same-site", "iframe", False),
        ("none", "iframe", False),
        ("same-origin", "document", False),
        ("same-origin", "embed", False),
        (None, "iframe", False),
        ("same-origin", None, False),
    ],
)
async def test_only_the_sites_own_page_leads_another_sites_frame_to_our_pages(
    page: str, site: str | None, destination: str | None, *, is_frameable: bool
) -> None:
    sent = {"sec-fetch-site": site, "sec-fetch-dest": destination, "accept": "text/html"}
    headers = {name: value for name, value in sent.items() if value is not None}
    async with ConsentClient(Starlette(), make_policy()) as browser:
        query = {"address": encoded("https://www.youtube.com/embed/x")}
        answer = await browser.get(f"/_consent/{page}", params=query, headers=headers)
        assert ("frame-ancestors" not in answer.headers["content-security-policy"]) is is_frameable


async def test_what_is_blocked_has_no_button() -> None:
    async with ConsentClient(Starlette(), make_policy(unknown_hosts="block")) as browser:
        answer = await browser.get("/_consent/placeholder", params={"address": encoded("https://unknown.example/")})
        assert "<button" not in answer.text


@pytest.mark.parametrize("text", ["https://www.youtube.com/", "%%%", "w6R0", "/w==", "aHR0cHM6Ly94"[:-1]])
async def test_what_is_not_an_encoded_address_is_refused(text: str) -> None:
    async with ConsentClient(Starlette(), make_policy()) as browser:
        assert (await browser.get("/_consent/placeholder", params={"address": text})).status_code == 400


@pytest.mark.parametrize(
    ("service", "status", "shown"),
    [
        ("recaptcha", 200, "loaded from www.google.com (Personalisation)"),
        ("trustpilot", 200, "widget.trustpilot.com"),
        ("nobody", 400, ""),
        ("<script>", 400, ""),
    ],
)
async def test_it_says_what_a_service_is(service: str, status: int, shown: str) -> None:
    async with ConsentClient(Starlette(), make_policy()) as browser:
        answer = await browser.get("/_consent/placeholder", params={"service": encoded(service), "return_to": "/x"})
        assert (answer.status_code, shown in answer.text) == (status, True)
        assert f"service.{service}" in answer.text or status == 400
        assert "<script" not in answer.text


async def test_at_a_form_it_says_what_the_form_needs() -> None:
    async with ConsentClient(Starlette(), make_policy()) as browser:
        answer = await browser.get("/_consent/placeholder", params={"service": encoded("recaptcha"), "for": "form"})
        assert "This form needs reCAPTCHA" in answer.text
        assert answer.text.count("<button") == 2
