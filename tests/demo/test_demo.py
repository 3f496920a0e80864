from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import httpx
import pytest

from cookie_consent import ConfigurationError, LedgerError
from cookie_consent.demo import run
from cookie_consent.demo.shop import PRODUCTS, make_shop
from cookie_consent.demo.third_parties import SERVICES, make_third_parties

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio
THIRD = "http://127.0.0.1:8001"


async def test_every_page_of_the_shop_is_there_and_inert(ledger_url: str) -> None:
    shop = make_shop(third_parties=THIRD, ledger=ledger_url)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url="http://localhost") as client:
        for path in ("/", *(f"/products/{name}" for name in PRODUCTS), "/cart", "/login"):
            page = await client.get(path, headers={"accept": "text/html"})
            assert page.status_code == 200
            assert f' src="{THIRD}/' not in page.text
            assert f' href="{THIRD}/typeshelf' not in page.text
            assert f'data-consent-src="{THIRD}/footfall/script.js"' in page.text
        assert (await client.get("/products/none")).status_code == 404
        await client.post("/cart", data={"product": "mug"})
        assert "€18" in (await client.get("/cart")).text


async def test_a_remembered_login_needs_consent(ledger_url: str) -> None:
    shop = make_shop(third_parties=THIRD, ledger=ledger_url)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url="http://localhost") as client:
        form = {"name": "Ada", "remember": "1"}
        before = await client.post("/login", data=form)
        remembered = [value for value in before.headers.get_list("set-cookie") if value.startswith("shop_remember")]
        assert "Max-Age" not in remembered[0]
        assert "Sign out Ada" in (await client.get("/")).text
        await client.post("/_consent/choices", json={"granted": ["login"]})
        after = await client.post("/login", data=form)
        remembered = [value for value in after.headers.get_list("set-cookie") if value.startswith("shop_remember")]
        assert "Max-Age=2592000" in remembered[0]


async def test_third_parties_show_what_they_received() -> None:
    app = make_third_parties()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=THIRD) as client:
        assert "has received anything" in (await client.get("/")).text
        for path in (
            "/footfall/script.js",
            "/adbarn/banner",
            "/nicely/button.js",
            "/playhouse/embed",
            "/typeshelf/fonts.css",
        ):
            assert (await client.get(path, headers={"referer": "http://localhost/<b>"})).status_code == 200
        services = (await client.get("/live.json")).json()["services"]
        assert [service["id"] for service in services] == list(SERVICES)
        assert "<b>" not in (await client.get("/")).text
        await client.post("/reset")
        assert (await client.get("/live.json")).json() == {"services": []}


@pytest.mark.server
def test_a_port_in_use_is_told_before_anything_is_served() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} is in use; choose another with --third-party-port"):
            run(port=0, third_party_port=port)


@pytest.mark.server
def test_a_log_that_cannot_be_written_is_told_before_anything_is_served(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="make the directory"):
        run(port=0, third_party_port=0, ledger=f"sqlite:///{tmp_path}/none/consent.db")
