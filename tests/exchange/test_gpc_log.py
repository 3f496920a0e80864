"""A browser's signal that overrules a choice is put on record, once, and stays in force."""

from __future__ import annotations

import logging
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
from cookie_consent.errors import RecordRefusedError
from cookie_consent.ledger import Ledger, new_key
from cookie_consent.logs import _logged
from cookie_consent.policy import parse_policy
from tests.declaring import own_cookies
from tests.waiting import HANG

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from starlette.requests import Request

    from cookie_consent import ConsentRecord, Policy

pytestmark = pytest.mark.anyio

SERVICES = {"ads": {"name": "Ads", "category": "advertising", "hosts": ["ads.example"]}}
POLICY = parse_policy({"version": "1", "services": SERVICES, "cookies": own_cookies()}, source="test")
SECRET = "s" * 32
PAGE = {"accept": "text/html", "sec-fetch-dest": "document", "user-agent": "Mozilla/5.0 Firefox/140.0"}
SIGNAL = {**PAGE, "sec-gpc": "1"}
AGREED = {"granted": ["analytics", "advertising"]}


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    opened = Ledger(ledger_url)
    yield opened
    opened.close()


class Shop:
    """A site whose slow page is sent when it is told to."""

    def __init__(self) -> None:
        self.asked, self.told = anyio.Event(), anyio.Event()

    async def page(self, _: Request) -> HTMLResponse:
        return HTMLResponse("<!doctype html><p>Hello")

    async def slow(self, request: Request) -> HTMLResponse:
        self.asked.set()
        await self.told.wait()
        return await self.page(request)

    async def shared(self, _: Request) -> HTMLResponse:
        headers = {
            "Cache-Control": "public, max-age=60, s-maxage=600",
            "CDN-Cache-Control": "max-age=600",
            "Shop-CDN-Cache-Control": "max-age=600",
            "Surrogate-Control": "max-age=600",
            "Surrogate-Key": "page",
        }
        return HTMLResponse("<!doctype html><p>Hello", headers=headers)

    async def data(self, _: Request) -> JSONResponse:
        return JSONResponse({})

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/data", self.data),
                Route("/slow", self.slow),
                Route("/shared", self.shared),
                Route("/{path:path}", self.page, methods=["GET", "POST"]),
            ]
        )


@asynccontextmanager
async def visiting(
    ledger: Ledger, policy: Policy = POLICY, *, shop: Shop | None = None, cookies: httpx.Cookies | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    gated = ConsentMiddleware((shop or Shop()).app, policy=policy, secret=SECRET, ledger=ledger)
    transport = httpx.ASGITransport(gated)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example", cookies=cookies) as browser:
        yield browser


def logged(ledger: Ledger) -> list[ConsentRecord]:
    return list(ledger.records())


async def test_the_first_page_with_the_signal_is_put_on_record(ledger: Ledger) -> None:
    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json=AGREED)
        cookies = (await browser.get("/a?b=1", headers=SIGNAL)).headers.get_list("set-cookie")
        assert [cookie.partition("=")[0] for cookie in cookies] == ["cookie_consent", "cookie_consent_opt_out"]
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
    figures = ledger.stats()
    assert (figures.gpc, figures.total, figures.withdrawals) == (1, 2, 0)


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


async def test_services_that_are_refused_stay_refused(ledger: Ledger) -> None:
    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json={"granted": ["advertising"], "services": {"ads": False}})
        await browser.get("/a", headers=SIGNAL)
        state = (await browser.get("/_consent/state")).json()
    _, signal = logged(ledger)
    assert (signal.refused_services, signal.granted_services, signal.granted) == (("ads",), (), ())
    assert state["services"] == {"ads": False}


async def test_the_path_is_as_choices_have_it(ledger: Ledger) -> None:
    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json={**AGREED, "url": "/caf%C3%A9%00"})
        await browser.get("/caf%C3%A9%00?a=b", headers=SIGNAL)
    choice, signal = logged(ledger)
    assert signal.url == choice.url == "/caf%C3%A9%00"


async def test_a_page_with_the_cookie_is_for_one_visitor_only(ledger: Ledger) -> None:
    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json=AGREED)
        first = (await browser.get("/shared", headers=SIGNAL)).headers
        later = (await browser.get("/shared", headers=SIGNAL)).headers
    assert "set-cookie" in first
    assert first.get_list("cache-control") == ["private, no-store"]
    for_cdns = {"cdn-cache-control", "shop-cdn-cache-control", "surrogate-control"}
    assert not for_cdns & {*first}
    assert first["surrogate-key"] == "page"
    assert later["cache-control"] == "max-age=60, private"  # what is left of "public, max-age=60, s-maxage=600"
    assert not for_cdns & {*later}
    for answer in (first, later):
        assert "Cookie" in answer["vary"]


async def test_two_pages_at_one_moment_make_one_record(ledger: Ledger) -> None:
    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json=AGREED)
        async with anyio.create_task_group() as tasks:
            for path in ("/a", "/b", "/c"):
                tasks.start_soon(lambda path: browser.get(path, headers=SIGNAL), path)
    assert [record.action for record in logged(ledger)] == ["given", "signal"]


async def test_a_page_on_its_way_takes_back_no_choice_made_meanwhile(ledger: Ledger) -> None:
    shop, answers = Shop(), []

    async def ask() -> None:
        answers.append(await browser.get("/slow", headers=SIGNAL))

    async with visiting(ledger, shop=shop) as browser:
        await browser.post("/_consent/choices", json=AGREED)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await shop.asked.wait()
            await browser.post("/_consent/choices", json={"granted": []}, headers={"sec-gpc": "1"})
            shop.told.set()
        state = (await browser.get("/_consent/state")).json()
    assert "set-cookie" not in answers[0].headers
    assert state["granted"] == ["session"]
    assert [record.action for record in logged(ledger)] == ["given", "withdrawn"]


async def test_a_choice_that_does_not_count_any_more_is_not_overruled(ledger: Ledger) -> None:
    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json=AGREED)
    another = parse_policy({"version": "1", "controller": {"name": "Another"}}, source="test")
    async with visiting(ledger, another, cookies=browser.cookies) as later:
        assert "set-cookie" not in (await later.get("/a", headers=SIGNAL)).headers
    assert len(logged(ledger)) == 1


async def test_the_log_can_be_verified(ledger_url: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(new_key("shop.example/consent")[0])
    ledger = Ledger(ledger_url, key=tmp_path / "key")
    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json=AGREED)
        await browser.get("/a", headers=SIGNAL)
    ledger.seal()
    assert ledger.verify().faults == []
    ledger.close()


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
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failure: str
) -> None:
    write = ledger.write
    tried = []
    _logged.discard("signal")

    async def failing(record: ConsentRecord, notice: Any = None) -> None:
        tried.append(record)
        if len(tried) <= 2:
            if failure == "error":
                raise LedgerError("the disk is full", url=ledger.url)
            await anyio.sleep_forever()
        await write(record, notice)

    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json=AGREED)
        monkeypatch.setattr(ledger, "write", failing)
        monkeypatch.setattr("cookie_consent.exchange.gpc_log._TIMEOUT", 0.0 if failure == "silence" else HANG)
        for _ in range(2):
            page = await browser.get("/a", headers=SIGNAL)
            assert (page.status_code, "set-cookie" in page.headers) == (200, False)
            assert "Hello" in page.text
            assert page.headers["cache-control"] == "private"
        monkeypatch.setattr("cookie_consent.exchange.gpc_log._TIMEOUT", HANG)  # the log answers again
        assert "set-cookie" in (await browser.get("/a", headers=SIGNAL)).headers
    (said,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert ("the disk is full" if failure == "error" else "the log takes too long") in said.getMessage()
    assert tried[0] == tried[2]  # what was late may be in the log all the same, so it is not made again
    assert [record.action for record in logged(ledger)] == ["given", "signal"]


async def test_a_record_that_the_log_refuses_is_made_anew(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    write = ledger.write

    async def picky(record: ConsentRecord, notice: Any = None) -> None:
        if record.url == "/odd":
            raise RecordRefusedError("it has an odd path", url=ledger.url)
        await write(record, notice)

    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json=AGREED)
        monkeypatch.setattr(ledger, "write", picky)
        assert "set-cookie" not in (await browser.get("/odd", headers=SIGNAL)).headers
        assert "set-cookie" in (await browser.get("/a", headers=SIGNAL)).headers
    assert [record.url for record in logged(ledger)] == ["/", "/a"]


async def test_a_page_does_not_fail_where_neither_log_nor_spool_can_be_written(tmp_path: Path) -> None:
    cookies = httpx.Cookies()
    well = Ledger(f"sqlite:///{tmp_path / 'consent.db'}")
    async with visiting(well) as browser:
        await browser.post("/_consent/choices", json=AGREED)
        cookies = browser.cookies
    (tmp_path / "file").write_text("no folder")
    ill = Ledger(f"sqlite:///{tmp_path / 'file' / 'consent.db'}", spool=tmp_path / "file" / "spool")
    async with visiting(ill, cookies=cookies) as browser:
        page = await browser.get("/a", headers=SIGNAL)
    assert (page.status_code, "set-cookie" in page.headers) == (200, False)
    assert "Hello" in page.text
    ill.close()
    async with visiting(well, cookies=cookies) as browser:
        assert "set-cookie" in (await browser.get("/a", headers=SIGNAL)).headers
    well.close()


def test_the_cookie_ends_when_the_choice_would_have_ended() -> None:
    decided_at = datetime.now(UTC) - timedelta(days=10)
    name = "0190163d-8694-739b-aea5-966c26f8ad91"
    consent = Consent(
        policy=POLICY, granted=frozenset(), decided=True, id=name, record=name, decided_at=decided_at, gpc=True
    )
    header = ConsentCookie([SECRET], POLICY.cookie).header(consent, secure=False, since=decided_at)
    left = int(header.partition("Max-Age=")[2].partition(";")[0])
    end = POLICY.cookie.max_age.end(decided_at)
    least = (end - datetime.now(UTC)).total_seconds()
    assert least - 1 <= left <= (end - decided_at).total_seconds() - 864_000
