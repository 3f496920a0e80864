"""A policy that is announced takes over at its moment, in every process, without a restart."""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cookie_consent import ConfigurationError, ConsentMiddleware, Ledger
from cookie_consent.exchange.freshness import end_freshness
from cookie_consent.policy import Policy, parse_policy
from tests.asking import HTML, ask
from tests.declaring import own_cookies
from tests.waiting import HANG, until, until_async

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

pytestmark = pytest.mark.anyio

START = datetime(2026, 12, 1, tzinfo=UTC)
PAGE = b"<!doctype html><title>a</title><script src=//chat.test/a.js></script>"
OWN = own_cookies("preferences")
HELD = 'data-consent-service="chat"'


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Clock:
    """Says what time it is: an hour before the moment, until a test puts it on."""

    def __init__(self) -> None:
        self.time = START.timestamp() - 3600

    def __call__(self) -> float:
        return self.time


class Shop:
    """An application whose page may be kept for long, and which answers when it is let."""

    def __init__(self, *headers: tuple[bytes, bytes]) -> None:
        self.headers = headers
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.asked: list[dict[bytes, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        self.asked.append(dict(scope["headers"]))
        await self.may_answer.wait()
        headers = [(b"content-type", b"text/html"), (b"etag", b'"a"'), *self.headers]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE})


def policy(**present: Any) -> Policy:
    """Return one in which the chat is the site's own, followed by one in which it is asked about."""
    following = {
        "version": "2",
        "effective": START,
        "cookies": OWN,
        "services": {"chat": {"name": "Chat", "category": "preferences", "hosts": ["chat.test"]}},
    }
    return parse_policy(
        {
            "version": "1",
            "cookies": OWN,
            "first_party": ["chat.test"],
            "next": {"cookies": OWN, **following},
            **present,
        },
        source="test",
    )


def site(app: Any, clock: Clock, declared: str | Policy | None = None) -> ConsentMiddleware:
    return ConsentMiddleware(
        app,
        declared or policy(),
        secret="x" * 40,
        ledger=Ledger("sqlite://", memory=True),
        clock=clock,
    )


async def test_it_takes_over_at_its_moment_and_for_good() -> None:
    clock = Clock()
    app = site(Shop(), clock)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example", headers=HTML) as browser:
        clock.time = START.timestamp() - 0.001
        assert HELD not in (await browser.get("/")).text
        assert (await browser.get("/_consent/policy.json")).json()["version"] == "1"
        assert app.policy.version == "1"
        clock.time = START.timestamp()
        assert HELD in (await browser.get("/")).text
        assert (await browser.get("/_consent/policy.json")).json()["version"] == "2"
        assert app.policy.version == "2"
        clock.time = START.timestamp() - 60  # the host has put its clock right
        assert HELD in (await browser.get("/")).text


async def test_an_answer_keeps_to_the_policy_with_which_it_began() -> None:
    clock, shop = Clock(), Shop()
    app = site(shop, clock)
    shop.may_answer.clear()
    early = asyncio.create_task(ask(app))
    await until_async(lambda: shop.asked)
    clock.time = START.timestamp()
    late = asyncio.create_task(ask(app))
    await until_async(lambda: len(shop.asked) == 2)
    shop.may_answer.set()
    before, after = await early, await late
    assert (HELD in before.text, HELD in after.text) == (False, True)
    assert "chat.test" in str(before.header("content-security-policy"))
    assert "chat.test" not in str(after.header("content-security-policy"))


async def test_visitors_are_asked_about_what_is_new_once_it_is_in_force() -> None:
    clock = Clock()
    transport = httpx.ASGITransport(app=site(Shop(), clock))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example", headers=HTML) as browser:
        answer = await browser.post("/_consent/choices", json={"granted": ["preferences"]})
        assert answer.json()["decided"]
        announced = (await browser.get("/")).text
        clock.time = START.timestamp()
        asked = (await browser.get("/")).text
    assert ("New since your choice" in announced, "cc-revision" in announced) == (False, True)
    assert ("New since your choice" in asked, "cc-revision" in asked) == (True, False)
    assert "<b>Chat</b>" in asked
    assert HELD in asked


async def test_an_answer_to_the_old_notice_covers_what_that_named() -> None:
    clock = Clock()
    transport = httpx.ASGITransport(app=site(Shop(), clock))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example", headers=HTML) as browser:
        page = (await browser.get("/")).text
        found = dict(re.findall(r'data-(notice|edition)="([^"]+)"', page))
        clock.time = START.timestamp()
        answer = await browser.post("/_consent/choices", json={"granted": ["preferences"], "language": "en", **found})
        asked = (await browser.get("/")).text
    assert answer.json()["granted"] == ["preferences", "session"]
    assert "<b>Chat</b>" in asked
    assert HELD in asked


async def test_files_of_both_policies_are_served_on_both_sides_of_the_moment() -> None:
    clock = Clock()
    app = site(Shop(), clock, policy(gate={"mirror": False}))
    before = re.findall(r"/_consent/assets/[\w.]+", (await ask(app)).text)
    clock.time = START.timestamp()
    after = re.findall(r"/_consent/assets/[\w.]+", (await ask(app)).text)
    assert set(before) - set(after)
    for name in before:
        assert (await ask(app, name)).status == 200
    behind = site(Shop(), Clock(), policy(gate={"mirror": False}))  # another process, whose clock is slow
    for name in after:
        assert (await ask(behind, name)).status == 200


async def test_a_page_of_the_old_policy_is_not_confirmed_after_it() -> None:
    clock, shop = Clock(), Shop()
    app = site(shop, clock)
    etag = str((await ask(app)).header("etag"))
    await ask(app, headers={**HTML, "if-none-match": etag})
    assert shop.asked[-1][b"if-none-match"] == b'"a"'
    clock.time = START.timestamp()
    await ask(app, headers={**HTML, "if-none-match": etag})
    assert b"if-none-match" not in shop.asked[-1]
    declared = str((await ask(site(shop, Clock()), "/_consent/policy")).header("etag"))
    assert (await ask(app, "/_consent/policy", {"if-none-match": declared})).status == 200


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # the moment is an hour away
        ([("cache-control", "public, max-age=7200")], [("cache-control", "public, max-age=3600")]),
        ([("cache-control", "public, max-age=60")], [("cache-control", "public, max-age=60")]),
        ([("cache-control", "max-age=60, s-maxage = 99999")], [("cache-control", "max-age=60, s-maxage = 3600")]),
        ([("cache-control", 'max-age="7200"')], [("cache-control", 'max-age="3600"')]),
        (
            [("cache-control", "max-age=600, stale-while-revalidate=99999, stale-if-error=5, public")],
            [("cache-control", "max-age=600, public")],
        ),
        (
            [("cache-control", "max-age=60, stale-while-revalidate=60")],
            [("cache-control", "max-age=60, stale-while-revalidate=60")],
        ),
        ([("cache-control", "no-store")], [("cache-control", "no-store")]),
        ([("cdn-cache-control", "max-age=7200"), ("x", "1")], [("x", "1")]),
        ([("cdn-cache-control", "max-age=60")], [("cdn-cache-control", "max-age=60")]),
        ([("x-accel-expires", "@1796083200")], []),
        ([("expires", "0")], [("expires", "0")]),
        ([("expires", "Thu, 01 Jan 1970 00:00:00 GMT")], [("expires", "Thu, 01 Jan 1970 00:00:00 GMT")]),
        ([], []),
    ],
)
def test_nothing_may_be_kept_beyond_the_moment(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> None:
    headers = [(name.encode(), value.encode()) for name, value in before]
    end_freshness(headers, 3600.9)
    assert [(name.decode(), value.decode()) for name, value in headers] == after


def test_a_later_time_of_expiry_becomes_the_moment() -> None:
    now = datetime.now(UTC)
    headers = [(b"expires", format_datetime(now + timedelta(days=2), usegmt=True).encode())]
    end_freshness(headers, 3600)
    moment = datetime.strptime(headers[0][1].decode(), "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    assert timedelta(minutes=59) < moment - now <= timedelta(hours=2)


@pytest.mark.parametrize("status", [200, 304])
async def test_pages_say_so_while_a_policy_is_announced(status: int) -> None:
    clock = Clock()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI
        headers = [(b"Content-Type", b"text/html"), (b"Cache-Control", b"public, max-age=86400")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE if status == 200 else b""})

    gated = site(app, clock)
    assert (await ask(gated)).header("cache-control") == "public, max-age=3600"
    clock.time = START.timestamp() - 0.5
    assert (await ask(gated)).header("cache-control") == "public, max-age=0"
    clock.time = START.timestamp()
    assert (await ask(gated)).header("cache-control") == "public, max-age=86400"


def write(folder: Path, present: str | None, following: str | None) -> str:
    for name, text in {"consent.toml": present, "consent.next.toml": following}.items():
        if text is not None:
            (folder / name).write_text(text, "utf-8")
    return str(folder / ("consent.toml" if present is not None else "consent.next.toml"))


@pytest.mark.parametrize(
    ("present", "following", "late", "version", "level", "told"),
    [
        (
            'version = "1"',
            'version = "2"\neffective = 2026-12-01',
            False,
            "1",
            logging.INFO,
            "takes over at 2026-12-01",
        ),
        (
            'version = "1"',
            'version = "2"\neffective = 2026-12-01',
            True,
            "2",
            logging.WARNING,
            "rename consent.next.toml",
        ),
        ('version = "1"\neffective = 2026-12-01', None, False, "1", logging.WARNING, "so it applies now"),
        (None, 'version = "2"\neffective = 2026-12-01', False, "2", logging.WARNING, "so it applies now"),
        ('version = "1"\neffective = 2026-12-01', None, True, "1", None, ""),
    ],
)
async def test_the_start_says_which_policy_applies_from_when(  # noqa: PLR0917 - a table
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    present: str | None,
    following: str | None,
    late: bool,  # noqa: FBT001
    version: str,
    level: int | None,
    told: str,
) -> None:
    caplog.set_level(logging.INFO, "cookie_consent")
    clock = Clock()
    clock.time += 3600 * late
    app = site(Shop(), clock, write(tmp_path, present, following))
    await ask(app)
    assert app.policy.version == version
    lines = [(record.levelno, record.getMessage()) for record in caplog.records]
    about = [(each, line) for each, line in lines if "rename consent" in line or "effective" in line or "over" in line]
    assert [each for each, _ in about] == ([level] if level is not None else [])
    assert all(told in line for _, line in about)


async def test_the_takeover_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    app = site(Shop(), clock)
    await ask(app)
    clock.time = START.timestamp()
    for _ in range(3):
        await ask(app)
    assert (
        sum("version 2 of the policy is in force since 2026-12-01 00:00 UTC" in text for text in caplog.messages) == 1
    )


def test_a_next_policy_that_is_wrong_stops_the_start(tmp_path: Path) -> None:
    path = write(tmp_path, 'version = "1"', 'version = "2"\neffective = 2026-12-01\n[banner]\nlanguages = ["xx"]')
    with pytest.raises(ConfigurationError, match=r"there are no texts for 'xx'"):
        site(Shop(), Clock(), path).check()


SERVER = """
import sys, time
from pathlib import Path
import uvicorn
from starlette.responses import HTMLResponse
from cookie_consent import ConsentMiddleware

def clock():
    return time.time() + float(Path("ahead").read_text())

app = ConsentMiddleware(
    HTMLResponse(sys.argv[1]), "consent.toml", secret="x" * 40, ledger="sqlite:///consent.db", clock=clock
)
uvicorn.run(app, port=0, log_level="info")
"""
PORT = re.compile(r"running on http://127\.0\.0\.1:(\d+)")


def ports_in(log: Path) -> list[str]:
    return PORT.findall(log.read_text("utf-8"))


class SharedClock:
    """The clock of several servers, which runs as the machine's does, so many seconds ahead of it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ahead"
        self.put_on(0)

    def __call__(self) -> float:
        return time.time() + self._ahead

    def put_on(self, ahead: float) -> None:
        self._ahead = ahead
        written = self._file.with_suffix(".new")
        written.write_text(repr(ahead), "utf-8")
        written.replace(self._file)  # at once, for whoever reads it


@pytest.mark.server
def test_three_processes_take_over_at_the_same_moment(tmp_path: Path) -> None:
    clock = SharedClock(tmp_path)
    # So far away that all of them have started by then, however busy the machine is.
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    present = 'version = "1"\nfirst_party = ["chat.test"]'
    following = (
        f'version = "2"\neffective = {moment.astimezone(None).isoformat()}\n'
        '[services.chat]\nname = "Chat"\ncategory = "preferences"\nhosts = ["chat.test"]'
    )
    write(tmp_path, present, following)
    with ExitStack() as stack:
        logs = [tmp_path / f"{number}.log" for number in range(3)]
        servers = []
        for log in logs:
            stream = stack.enter_context(log.open("wb"))
            command = [sys.executable, "-c", SERVER, PAGE.decode()]
            servers.append(stack.enter_context(subprocess.Popen(command, cwd=tmp_path, stdout=stream, stderr=stream)))
            stack.callback(servers[-1].terminate)
        for log, server in zip(logs, servers, strict=True):
            until(partial(ports_in, log), of=server)
        ports = [ports_in(log)[0] for log in logs]
        client = stack.enter_context(httpx.Client(headers=HTML, timeout=HANG))

        def seen(port: str) -> bool:
            began = clock()
            is_new = HELD in client.get(f"http://127.0.0.1:{port}/").text
            # What was asked for before the moment has the old policy, and what came after it the new one.
            assert clock() >= moment.timestamp() or not is_new
            assert began < moment.timestamp() or is_new
            return is_new

        assert not any(seen(port) for port in ports)
        clock.put_on(moment.timestamp() - time.time() - 2)
        until(lambda: all(list(map(seen, ports))))
        for log in logs:
            assert log.read_text("utf-8").count("of the policy is in force since") == 1
