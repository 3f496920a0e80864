"""The receipt and the notice as pages, and the consent id on the preferences page."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette

from cookie_consent import ConsentMiddleware, Ledger
from cookie_consent.ledger import Notice
from cookie_consent.policy import parse_policy
from tests.ledger.making import make

if TYPE_CHECKING:
    from cookie_consent import Policy

pytestmark = pytest.mark.anyio

VALUES = {
    "version": "1",
    "controller": {"name": "Shop <Ltd>", "contact": "privacy@shop.example", "address": "Street 1\nTown"},
    "limits": {"choices_per_address": 0, "choices": 0},
    "services": {
        "ads": {
            "name": "Ads",
            "company": "Ads & Co",
            "category": "advertising",
            "hosts": ["ads.example"],
            "transfers": ["US"],
            "safeguard": "standard-clauses",
        }
    },
}
POLICY = parse_policy(VALUES, source="test")
HTML = {"accept": "text/html,*/*", "sec-fetch-dest": "document"}
TEXT = "Dürfen <b>wir</b>?\n\n[Ja]"
NOTICE = Notice(hash=sha256(f"de\n{TEXT}".encode()).hexdigest(), language="de", policy_version="1", text=TEXT)


def visiting(ledger: Ledger, policy: Policy = POLICY) -> httpx.AsyncClient:
    app = ConsentMiddleware(Starlette(), policy, secret="s" * 32, ledger=ledger)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://shop.example")


async def test_a_receipt_is_a_page_for_browsers_and_json_for_others() -> None:
    ledger = Ledger("sqlite://", memory=True)
    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json={"granted": ["advertising"], "control": "save"})
        page = await browser.get("/_consent/receipt", headers=HTML)
        data = await browser.get("/_consent/receipt")
        again = await browser.get("/_consent/receipt?format=json", headers=HTML)
        wrong = await browser.get("/_consent/receipt?format=xml")
        german = await browser.get("/_consent/receipt", headers={**HTML, "accept-language": "de"})
    (record,) = ledger.records()
    assert page.headers["content-type"].startswith("text/html")
    assert "Accept" in page.headers["vary"].split(", ")
    for text in (record.subject, "Shop &lt;Ltd&gt;", "Street 1<br>Town", "Ads &amp; Co", "format=kantara"):
        assert text in page.text
    assert f'data-copy="{record.subject}"' in page.text
    assert "Ihre Einwilligungs-ID" in german.text
    assert data.json()["records"] == again.json()["records"]
    (entry,) = data.json()["records"]
    assert entry["recipients"] == [
        {
            "service": "ads",
            "name": "Ads & Co",
            "type": "third party",
            "country": None,
            "transfers": ["US"],
            "safeguard": "standard-clauses",
            "privacy_url": None,
        }
    ]
    assert wrong.status_code == 400


async def test_who_has_no_record_gets_a_page_that_says_so() -> None:
    async with visiting(Ledger("sqlite://", memory=True)) as browser:
        page = await browser.get("/_consent/receipt", headers=HTML)
        preferences = await browser.get("/_consent/preferences", headers=HTML)
    assert page.status_code == 200
    assert "No choice of yours is on record" in page.text
    assert "data-copy" not in page.text + preferences.text


async def test_the_receipt_of_a_refusal_is_a_page_too() -> None:
    async with visiting(Ledger("sqlite://", memory=True)) as browser:
        address = (await browser.post("/_consent/choices", json={"granted": []})).json()["receipt"]
        page = await browser.get(address, headers=HTML)
    assert "Refused" in page.text
    assert address.partition("?")[2] in page.text  # its other formats need the token


async def test_the_preferences_page_shows_the_consent_id() -> None:
    ledger = Ledger("sqlite://", memory=True)
    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json={"granted": ["advertising"]})
        page = await browser.get("/_consent/preferences", headers=HTML)
        script = page.text.partition("/_consent/assets/copy")[2].partition('"')[0]
        assert (await browser.get(f"/_consent/assets/copy{script}")).status_code == 200
    (record,) = ledger.records()
    assert f'<code class="cc-id" dir="ltr">{record.subject}</code>' in page.text


async def test_the_notice_that_was_shown_can_be_read() -> None:
    ledger = Ledger("sqlite://", memory=True)
    ledger.append([make(notice=NOTICE.hash)], [NOTICE])
    async with visiting(ledger) as browser:
        page = await browser.get(f"/_consent/notice/{NOTICE.hash}", headers=HTML)
        data = await browser.get(f"/_consent/notice/{NOTICE.hash}")
    assert page.status_code == 200
    assert '<article lang="de"' in page.text
    assert "Dürfen &lt;b&gt;wir&lt;/b&gt;?" in page.text
    assert "Der Hinweis, der gezeigt wurde" in page.text
    assert page.headers["cache-control"] == "public, max-age=86400"
    assert "frame-ancestors" in page.headers["content-security-policy"]
    assert data.json() == {"hash": NOTICE.hash, "language": "de", "policy_version": "1", "text": TEXT}


@pytest.mark.parametrize(
    "name",
    [
        "0" * 64,  # nothing has this hash
        NOTICE.hash.upper(),
        NOTICE.hash[:16],
        "",
        f"{NOTICE.hash}/",
        f"{NOTICE.hash}%00",
        "%27%20OR%201=1--",
    ],
)
async def test_other_names_are_no_notices(name: str) -> None:
    ledger = Ledger("sqlite://", memory=True)
    ledger.append([make(notice=NOTICE.hash)], [NOTICE])
    async with visiting(ledger) as browser:
        answer = await browser.get(f"https://shop.example/_consent/notice/{name}", headers=HTML)
        posted = await browser.post(f"/_consent/notice/{name}", json={})
    assert answer.status_code == 404
    assert "There is no such notice on record" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert posted.status_code == 405
