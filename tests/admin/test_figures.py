"""The operator's page of figures and its tables."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette

from cookie_consent import ConsentMiddleware, Ledger, Policy
from cookie_consent.ledger import Notice
from cookie_consent.ledger.stats.rollup import RecordCounter
from tests.ledger.making import make

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio
TOKEN = "a-token-for-the-tests-long-enough"
AUTHORIZED = {"authorization": f"Bearer {TOKEN}"}
HOSTILE = '=1+1"</title><script>'
NOTICE = Notice(hash="b" * 64, language="de", policy_version="1", text="Dürfen wir?")
PAGE, CSV = "/_consent/admin/stats", "/_consent/admin/stats.csv"


def site(ledger_url: str, **options: Any) -> httpx.AsyncClient:
    options = {"admin_token": TOKEN, **options}
    app = ConsentMiddleware(Starlette(), policy=Policy(version="1"), secret="s" * 32, ledger=ledger_url, **options)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop.example")


@pytest.fixture
def filled(ledger_url: str) -> str:
    now = datetime.now(UTC)
    ledger = Ledger(ledger_url)
    ledger.append(
        [
            make(at=now),
            make(at=now - timedelta(days=3), action="withdrawn", granted=(), previous="x", channel="preferences"),
            make(at=now - timedelta(days=50), granted=("analytics", HOSTILE), refused=(), notice=NOTICE.hash),
            make(at=now - timedelta(days=500), channel="gpc", action="signal", policy_version=HOSTILE),
        ],
        [NOTICE],
    )
    ledger.close()
    return ledger_url


@pytest.mark.parametrize("path", [PAGE, CSV])
async def test_only_the_token_opens_it(filled: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with site(filled) as browser:
        assert (await browser.get(path)).status_code == 401
        assert (await browser.get(f"{path}?token={TOKEN}")).status_code == 401
        assert (await browser.get(path, headers=AUTHORIZED)).status_code == 200
        assert (await browser.post(path, headers=AUTHORIZED)).status_code == 405
    monkeypatch.delenv("CONSENT_ADMIN_TOKEN", raising=False)
    async with site(filled, admin_token=None) as browser:
        assert (await browser.get(path, headers=AUTHORIZED)).status_code == 404


@pytest.mark.parametrize(("period", "total", "interval"), [("30", 2, "day"), ("365", 3, "week"), ("all", 4, "week")])
async def test_the_page_shows_the_period(filled: str, period: str, total: int, interval: str) -> None:
    async with site(filled) as browser:
        answer = await browser.get(PAGE, params={"period": period}, headers=AUTHORIZED)
        text = answer.text
    assert re.search(rf"<dt>Choices</dt>\s*<dd>{total}</dd>", text)
    assert f"Choices per {interval}" in text
    assert f'<option value="{period}" selected>' in text
    assert text.count('<svg class="cc-plot"') == text.count('role="img"') == 6
    assert "<script" not in text
    assert " style=" not in text
    policy = answer.headers["content-security-policy"]
    assert ("default-src 'none'" in policy, "form-action 'self'" in policy) == (True, True)
    assert answer.headers["cache-control"] == "no-store"
    links = re.findall(r'href="(/_consent/admin/stats\.csv[^"]*)"', text)
    assert len(links) == 6
    assert len(set(re.findall(r'\bid="([^"]+)"', text))) == len(re.findall(r'\bid="', text))


async def test_every_link_leads_to_its_table(filled: str) -> None:
    async with site(filled) as browser:
        page = await browser.get(PAGE, params={"period": "all"}, headers=AUTHORIZED)
        for link in re.findall(r'href="(/_consent/admin/stats\.csv[^"]*)"', page.text):
            answer = await browser.get(link.replace("&amp;", "&"), headers=AUTHORIZED)
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
            rows = list(csv.reader(io.StringIO(answer.text, newline="")))
            assert len({len(row) for row in rows}) == 1
            assert len(rows) > 1
            assert not [cell for row in rows for cell in row if cell.startswith("=")]
            assert answer.text.endswith("\r\n")
        categories = await browser.get(f"{CSV}?table=categories&period=all", headers=AUTHORIZED)
    rows = list(csv.reader(io.StringIO(categories.text, newline="")))
    assert rows[0] == ["category", "granted", "refused", "accepted"]
    assert ["'" + HOSTILE, "1", "0", "1.000000"] in rows


@pytest.mark.parametrize("wrong", ["table=none", "period=7", "by=hour", "table="])
async def test_a_table_that_is_not_there_is_told(filled: str, wrong: str) -> None:
    async with site(filled) as browser:
        answer = await browser.get(f"{CSV}?{wrong}", headers=AUTHORIZED)
        assert (answer.status_code, " is one of " in answer.text) == (400, True)
        assert (await browser.get(f"{PAGE}?{wrong}", headers=AUTHORIZED)).status_code == 200


async def test_an_empty_log_and_every_language_have_a_page(ledger_url: str, filled: str) -> None:
    async with site(filled) as browser:
        for language in ("ar", "de", "en", "es", "fr"):
            answer = await browser.get(PAGE, headers={**AUTHORIZED, "accept-language": language})
            assert f'<html lang="{language}"' in answer.text
    empty = Ledger(ledger_url.replace("consent.db", "empty.db"))
    empty.open()
    async with site(empty.url) as browser:
        answer = await browser.get(PAGE, headers=AUTHORIZED)
        assert "No choice was recorded" in answer.text
        assert (await browser.get(CSV, headers=AUTHORIZED)).text.startswith("start,choices,all,some,none,")


async def test_what_is_not_counted_yet_is_told(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cookie_consent.admin.figures._TIMEOUT", -1.0)
    plain = RecordCounter.__init__
    monkeypatch.setattr(RecordCounter, "__init__", lambda self, *a, **k: plain(self, *a, **{**k, "batch": 1}))
    async with site(filled) as browser:
        table = await browser.get(CSV, headers=AUTHORIZED)
        page = await browser.get(PAGE, headers=AUTHORIZED)
    assert (table.status_code, table.headers["retry-after"]) == (503, "60")
    assert "not been counted yet" in page.text


async def test_a_log_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_bytes(b"no database at all, but long enough to be looked at" * 50)
    async with site(f"sqlite:///{tmp_path}/broken.db") as browser:
        page = await browser.get(PAGE, headers=AUTHORIZED)
        assert (page.status_code, 'role="alert"' in page.text) == (200, True)
        assert (await browser.get(CSV, headers=AUTHORIZED)).status_code == 503
