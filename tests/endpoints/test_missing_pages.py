"""What a visitor reads at an address of ours that does not exist, or that takes another method: their own language."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from cookie_consent import Ledger

pytestmark = pytest.mark.anyio

ADDRESSES = [("GET", "no-such-page", 404), ("GET", "assets/no.css", 404), ("GET", "choices", 405)]


@pytest.mark.parametrize(("method", "path", "status"), ADDRESSES)
async def test_it_is_in_the_language_of_the_visitor(ledger: Ledger, method: str, path: str, status: int) -> None:
    policy = parse_policy({"version": "1"}, source="test")
    app = ConsentMiddleware(Starlette(), policy, secret="s" * 32, ledger=ledger)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://shop.example") as browser:
        pages = {}
        for language, title in {"en": f"Error {status}", "de": f"Fehler {status}", "fi": f"Virhe {status}"}.items():
            headers = {"accept": "text/html", "accept-language": language}
            reply = await browser.request(method, f"/_consent/{path}", headers=headers)
            assert reply.status_code == status
            assert f'<html lang="{language}"' in reply.text
            assert reply.text.count(title) == 2, "as the title and the heading"
            pages[language] = reply.text
        assert "there is no such" not in "".join(pages.values())
        assert "use POST" not in "".join(pages.values())
        reply = await browser.request(method, f"/_consent/{path}", headers={"accept": "application/json"})
        assert reply.json()["message"], "programs are told in English"
