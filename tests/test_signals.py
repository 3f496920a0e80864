"""A browser's signal that overrules a choice is put on record, once, and stays in force."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware, LedgerError
from cookie_consent.consent import Consent, ConsentCookie
from cookie_consent.ledger import Ledger
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from cookie_consent import ConsentRecord

pytestmark = pytest.mark.anyio

POLICY = parse_policy(
    {"version": "1", "services": {"ads": {"name": "Ads", "category": "advertising", "hosts": ["ads.example"]}}},
    source="test",
)
PAGE = {"accept": "text/html", "sec-fetch-dest": "document", "user-agent": "Mozilla/5.0 Firefox/140.0"}
SIGNAL = {**PAGE, "sec-gpc": "1"}
AGREED = {"granted": ["analytics", "advertising"]}


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    opened = Ledger(ledger_url)
    yield opened
    opened.close()


@asynccontextmanager
async def visiting(ledger: Ledger) -> AsyncIterator[httpx.AsyncClient]:
    async def page(_: Any) -> HTMLResponse:
        return HTMLResponse("<!doctype html><p>Hello")

    async def data(_: Any) -> JSONResponse:
        return JSONResponse({})

    app = Starlette(routes=[Route("/a", page, methods=["GET", "POST"]), Route("/data", data)])
    gated = ConsentMiddleware(app, policy=POLICY, secret="s" * 32, ledger=ledger)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(gated), base_url="http://shop.example") as browser:
        yield browser


def logged(ledger: Ledger) -> list[ConsentRecord]:
    return list(ledger.records())


async def test_the_first_page_with_the_signal_is_put_on_record(ledger: Ledger) -> None:
    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json=AGREED)
        (cookie,) = (await browser.get("/a?b=1", headers=SIGNAL)).headers.get_list("set-cookie")
        assert cookie.startswith("cookie_consent=")
        for _ in range(2):
            assert "set-cookie" not in (await browser.get("/a", headers=SIGNAL)).headers
        state = (await browser.get("/_consent/state")).json()  # without the signal the opt-out stays
        assert state["granted"] == ["analytics", "session"]
        assert state["decided"]
        assert "set-cookie" not in (await browser.get("/a", headers=PAGE)).headers
    choice, signal = logged(ledger)
    assert (signal.action, signal.channel, signal.previous) == ("signal", "gpc", choice.id)
    assert (signal.subject, signal.policy_version) == (choice.subject, "1")
    assert signal.granted == ("analytics",)
    assert "advertising" in signal.refused
    assert (signal.notice, signal.url, signal.user_agent_family) == (None, "/a", "Firefox")
    assert ledger.stats().gpc == 1


async def test_what_is_agreed_to_in_sight_of_the_signal_holds(ledger: Ledger) -> None:
    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json=AGREED)
        await browser.get("/a", headers=SIGNAL)
        await browser.post("/_consent/choices", json=AGREED, headers={"sec-gpc": "1"})
        assert "set-cookie" not in (await browser.get("/a", headers=SIGNAL)).headers
        state = (await browser.get("/_consent/state", headers=SIGNAL)).json()
    assert "advertising" in state["granted"]
    first, signal, again = logged(ledger)
    assert (signal.previous, again.previous, again.action) == (first.id, signal.id, "changed")


async def test_services_are_overruled_too(ledger: Ledger) -> None:
    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json={"granted": [], "services": {"ads": True}})
        await browser.get("/a", headers=SIGNAL)
    choice, signal = logged(ledger)
    assert (choice.granted_services, signal.granted_services) == (("ads",), ())


@pytest.mark.parametrize(
    ("method", "path", "headers", "granted"),
    [
        ("GET", "/a", SIGNAL, ["analytics"]),  # nothing to take back
        ("GET", "/a", PAGE, ["advertising"]),
        ("HEAD", "/a", SIGNAL, ["advertising"]),
        ("POST", "/a", SIGNAL, ["advertising"]),
        ("GET", "/data", SIGNAL, ["advertising"]),
        ("GET", "/a", {**SIGNAL, "sec-fetch-dest": "empty"}, ["advertising"]),
        ("GET", "/_consent/state", SIGNAL, ["advertising"]),
    ],
)
async def test_nothing_else_is_put_on_record(
    ledger: Ledger, method: str, path: str, headers: dict[str, str], granted: list[str]
) -> None:
    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json={"granted": granted})
        answer = await browser.request(method, path, headers=headers)
    assert "set-cookie" not in answer.headers
    assert len(logged(ledger)) == 1


async def test_who_has_not_chosen_has_nothing_on_record(ledger: Ledger) -> None:
    async with visiting(ledger) as browser:
        assert "set-cookie" not in (await browser.get("/a", headers=SIGNAL)).headers
    ledger.open()
    assert logged(ledger) == []


@pytest.mark.parametrize("failure", ["error", "silence"])
async def test_a_page_does_not_wait_for_the_log_for_long(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    write = ledger.write
    tried = []

    async def failing(record: ConsentRecord, notice: Any = None) -> None:
        tried.append(record)
        if len(tried) == 1:
            if failure == "error":
                raise LedgerError("the disk is full", url=ledger.url)
            await anyio.sleep(60)
        await write(record, notice)

    monkeypatch.setattr("cookie_consent.signals._PATIENCE", 0.05)
    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json=AGREED)
        monkeypatch.setattr(ledger, "write", failing)
        first = await browser.get("/a", headers=SIGNAL)
        assert (first.status_code, "set-cookie" in first.headers) == (200, False)
        assert "set-cookie" in (await browser.get("/a", headers=SIGNAL)).headers
    assert tried[0] == tried[1]  # what was late may be in the log all the same, so it is not made anew
    assert [record.action for record in logged(ledger)] == ["given", "signal"]


def test_the_cookie_ends_when_the_choice_would_have_ended() -> None:
    decided_at = datetime.now(UTC) - timedelta(days=10)
    name = "0190163d-8694-739b-aea5-966c26f8ad91"
    consent = Consent(
        policy=POLICY, granted=frozenset(), decided=True, id=name, record=name, decided_at=decided_at, gpc=True
    )
    header = ConsentCookie(["s" * 32], POLICY.cookie).header(consent, secure=False, since=decided_at)
    left = int(header.partition("Max-Age=")[2].partition(";")[0])
    assert abs(left - (POLICY.cookie.max_age - 864_000)) < 5
