"""The paths on which visitors pay: frames of the bank are allowed there, and pages are not carried over by scripts."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware
from cookie_consent.gate.csp.policies import LARGEST_POLICY
from cookie_consent.policy import parse_policy

pytestmark = pytest.mark.anyio


async def page(_: object) -> HTMLResponse:
    return HTMLResponse("<!doctype html><title>t</title><p>page</p>")


async def asked(path: str, ledger: str, **headers: str) -> httpx.Response:
    policy = parse_policy({"version": "1", "gate": {"payment": ["/checkout/*"]}}, source="test")
    routes = [Route(name, page) for name in ("/", "/checkout/pay", "/shop")]
    app = ConsentMiddleware(Starlette(routes=routes), policy, secret="s" * 40, ledger=ledger)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://shop.example") as client:
        sent = {"accept": "text/html", "sec-fetch-dest": "document", "sec-fetch-mode": "navigate"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        await client.get("/" if path != "/" else "/shop", headers=sent)  # its page must not be served from the cache
        return await client.get(path, headers=sent)


@pytest.mark.parametrize(("path", "is_payment"), [("/checkout/pay", True), ("/", False)])
async def test_the_bank_may_be_framed_on_these_paths_only(path: str, is_payment: bool, ledger_url: str) -> None:  # noqa: FBT001
    reply = await asked(path, ledger_url)
    policy = reply.headers["content-security-policy"]
    assert ("; frame-src 'self' https:" in policy) is is_payment
    assert ('data-payment="true"' in reply.text) is is_payment
    assert " https:" not in policy.split(";")[0]
    assert len(policy) <= LARGEST_POLICY


@pytest.mark.parametrize(
    ("path", "current", "is_full"),
    [("/checkout/pay", "/shop", True), ("/shop", "/checkout/pay", True), ("/shop", "/", False)],
)
async def test_a_boosted_link_across_is_loaded_in_full(
    path: str,
    current: str,
    is_full: bool,  # noqa: FBT001
    ledger_url: str,
) -> None:
    boosted = {"hx_request": "true", "hx_boosted": "true", "hx_current_url": f"https://shop.example{current}"}
    reply = await asked(path, ledger_url, **boosted | {"sec_fetch_dest": "empty", "sec_fetch_mode": "cors"})
    assert (reply.headers.get("hx-redirect") == path) is is_full
    assert is_full or "hx-current-url" in reply.headers["vary"].lower()
