"""What the answer to a withdrawal clears, and how the site's own pages hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.responses import HTMLResponse

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.anyio
ALL = ["analytics", "preferences"]


async def answers(
    ledger_url: str, choices: Iterable[dict[str, Any]], *, scheme: str = "https", kinds: tuple[str, ...] = ("storage",)
) -> list[httpx.Response]:
    """Make the choices one after another; return the answers."""
    services: dict[str, Any] = {"google-analytics": {}, "youtube": {}}
    values = {"version": "1", "gate": {"clear_site_data": list(kinds)}, "services": services}
    policy = parse_policy(values, source="test")
    app = ConsentMiddleware(HTMLResponse("<p>a"), policy, secret="x" * 40, ledger=ledger_url)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://site.test") as client:
        return [await client.post("/_consent/choices", json=choice) for choice in choices]


@pytest.mark.parametrize(
    ("before", "after", "cleared"),
    [
        ({"granted": ALL}, {"granted": []}, True),
        ({"granted": ALL}, {"granted": ["preferences"]}, True),
        ({"granted": ALL}, {"granted": ALL, "services": {"google-analytics": False}}, True),
        ({"granted": [], "services": {"youtube": True}}, {"granted": []}, True),
        ({"granted": ALL}, {"granted": ALL}, False),
        ({"granted": ["preferences"]}, {"granted": ALL}, False),
        # refused before and after
        ({"granted": []}, {"granted": [], "services": {"youtube": False}}, False),
        # still allowed, by the category instead of by the exception
        ({"granted": [], "services": {"google-analytics": True}}, {"granted": ["analytics"]}, False),
    ],
)
async def test_only_a_withdrawal_clears(
    before: dict[str, Any], after: dict[str, Any], *, cleared: bool, ledger_url: str
) -> None:
    first, second = await answers(ledger_url, [before, after])
    assert "clear-site-data" not in first.headers
    assert (second.headers.get("clear-site-data") == '"storage"') is cleared


async def test_several_kinds_and_never_the_cookies(ledger_url: str) -> None:
    kinds = ("cache", "storage", "executionContexts")
    *_, answer = await answers(ledger_url, [{"granted": ALL}, {"granted": []}], kinds=kinds)
    assert answer.headers["clear-site-data"] == '"cache", "storage", "executionContexts"'
    assert "cookie_consent=" in answer.headers["set-cookie"]


async def test_browsers_take_it_by_https_only_so_it_is_not_sent_by_http(ledger_url: str) -> None:
    *_, answer = await answers(ledger_url, [{"granted": ALL}, {"granted": []}], scheme="http")
    assert "clear-site-data" not in answer.headers


@pytest.mark.parametrize("guard", [True, False])
async def test_the_preferences_page_tells_the_site_s_other_pages(ledger_url: str, *, guard: bool) -> None:
    policy = parse_policy({"version": "1", "gate": {"guard": guard}}, source="test")
    app = ConsentMiddleware(HTMLResponse("<p>a"), policy, secret="x" * 40, ledger=ledger_url)
    transport = httpx.ASGITransport(app=app, root_path="/shop")
    async with httpx.AsyncClient(transport=transport, base_url="https://site.test") as client:
        page = (await client.get("/shop/_consent/preferences")).text
    assert ('<script src="/shop/_consent/assets/guard.' in page) is guard
    assert "not retroactively" in page
