"""What another site posts comes without the choice, which says nothing of what the visitor has chosen."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware

pytestmark = pytest.mark.anyio

SITE = "https://shop.example"
OTHER = {"sec-fetch-site": "cross-site", "origin": "https://bank.test"}


async def page(_: object) -> HTMLResponse:
    return HTMLResponse("<!doctype html><html><body><p>page</p></body></html>")


@pytest.mark.parametrize(
    ("method", "headers", "has_chosen", "is_unsure"),
    [
        ("POST", OTHER, False, True),
        ("POST", {"origin": "https://bank.test"}, False, True),  # an old browser, or plain http
        ("POST", {"origin": "null"}, False, True),
        ("POST", {"sec-fetch-site": "same-origin", "origin": SITE}, False, False),
        ("POST", {"sec-fetch-site": "same-site", "origin": "https://pay.shop.example"}, False, False),
        ("POST", {"origin": f"{SITE}:443"}, False, False),
        ("POST", {}, False, False),
        ("POST", OTHER, True, False),  # the browser has sent the choice
        ("GET", OTHER, False, False),  # whoever follows a link sends it
    ],
)
async def test_nothing_is_deleted_while_the_choice_may_have_been_kept_back(
    method: str,
    headers: dict[str, str],
    has_chosen: bool,  # noqa: FBT001
    is_unsure: bool,  # noqa: FBT001
    ledger_url: str,
) -> None:
    app = ConsentMiddleware(
        Starlette(routes=[Route("/", page, methods=["GET", "POST"])]), secret="s" * 40, ledger=ledger_url
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=SITE) as client:
        if has_chosen:
            await client.post("/_consent/choices", json={"granted": []}, headers={"origin": SITE})
        client.cookies.set("_ga", "GA1.1.1", domain="shop.example")
        sent = {"accept": "text/html", "sec-fetch-dest": "document", "sec-fetch-mode": "navigate"}
        for _ in range(2):  # the second may come from the cache
            await client.post("/", headers=sent | {"origin": SITE})
            client.cookies.set("_ga", "GA1.1.1", domain="shop.example")
            reply = await client.request(method, "/", headers=sent | headers)
            deleted = [value for value in reply.headers.get_list("set-cookie") if value.startswith("_ga=; Max-Age=0")]
            assert (not deleted) is is_unsure
            assert ('data-unsure="true"' in reply.text) is is_unsure
            client.cookies.set("_ga", "GA1.1.1", domain="shop.example")
