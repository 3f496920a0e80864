"""The records as a download, behind the admin token."""

from __future__ import annotations

import csv
import io
import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pyarrow.parquet as pq
import pytest
import uvicorn
from starlette.applications import Starlette

from cookie_consent import ConsentMiddleware, Ledger, LedgerError
from cookie_consent.admin import export as module
from cookie_consent.ledger.exports.rows import PAGE
from cookie_consent.policy import parse_policy
from tests.ledger.exports.mixed import fill, mixed
from tests.ledger.making import sqlite_store
from tests.waiting import HANG, ended, until, until_async

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Message

    from cookie_consent import ConsentRecord

pytestmark = pytest.mark.anyio
TOKEN = "a-token-for-the-tests,-long-enough"
POLICY = parse_policy({"version": "1", "controller": {"name": "Shop Ltd"}}, source="test")
BEARER = {"authorization": f"Bearer {TOKEN}"}
PATH = "/_consent/admin/export"


@pytest.fixture
def records(ledger_url: str) -> list[ConsentRecord]:
    ledger = Ledger(ledger_url)
    records = mixed(PAGE * 3, days=0.01)
    fill(ledger, records)
    ledger.close()
    return records


def site(ledger: str, **options: Any) -> ConsentMiddleware:
    return ConsentMiddleware(Starlette(), policy=POLICY, secret="s" * 32, ledger=ledger, **options)


def opened(app: ConsentMiddleware) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop.example")


async def test_each_format_is_what_the_command_writes(ledger_url: str, records: list[ConsentRecord]) -> None:
    app = site(ledger_url, admin_token=TOKEN)
    kinds = {
        "csv": "text/csv; charset=utf-8; header=present",
        "jsonl": "application/jsonl; charset=utf-8",
        "parquet": "application/vnd.apache.parquet",
        "iso27560": "application/ld+json",
    }
    async with opened(app) as client:
        answers = {name: await client.get(f"{PATH}?format={name}", headers=BEARER) for name in kinds}
        usual = await client.get(PATH, headers=BEARER)
        some = await client.get(f"{PATH}?format=jsonl&category=social&action=given&since=2026-11-24", headers=BEARER)
        head = await client.head(PATH, headers=BEARER)
        posted = await client.post(PATH, headers=BEARER)
    for name, answer in answers.items():
        assert (answer.status_code, answer.headers["content-type"]) == (200, kinds[name])
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-disposition"].startswith('attachment; filename="consent-records-20')
        assert "content-length" not in answer.headers
        expected = b"".join(piece.data for piece in app.ledger.export(name, policy=POLICY))
        assert answer.content == expected or name == "parquet"
    assert usual.content == answers["csv"].content
    assert len(list(csv.reader(io.StringIO(usual.text, newline="")))) == len(records) + 1
    assert pq.read_table(io.BytesIO(answers["parquet"].content)).num_rows == len(records)
    found = [json.loads(line)["id"] for line in some.content.decode().removesuffix("\n").split("\n")]
    assert found == [record.id for record in records if "social" in record.granted and record.action == "given"]
    assert (head.status_code, head.content, posted.status_code) == (200, b"", 405)
    app.ledger.close()


@pytest.mark.parametrize(
    ("query", "headers", "status", "words"),
    [
        ("", {}, 401, "token is required"),
        ("", {"authorization": f"Bearer {TOKEN}x"}, 401, "token is required"),
        ("?format=xml", {}, 401, "token is required"),  # nobody is told what there is
        (f"?token={TOKEN}", {}, 400, "ends up in logs"),
        (f"?access_token={TOKEN}", BEARER, 400, "ends up in logs"),
        ("?Authorization=x", BEARER, 400, "ends up in logs"),
        (f"?subject={TOKEN}", BEARER, 400, "ends up in logs"),
        (f"?{TOKEN}", BEARER, 400, "ends up in logs"),
        ("?format=xml", BEARER, 400, "write one of csv, jsonl, parquet, iso27560"),
        ("?format=sealed", BEARER, 400, "'sealed' is not a format"),
        ("?format=csv&format=csv", BEARER, 400, "format is given twice"),
        ("?action=agreed", BEARER, 400, "write one of given, refused"),
        ("?since=noon", BEARER, 400, "is not a time"),
        ("?colour=red", BEARER, 400, "'colour' is not a filter"),
        ("?region=", BEARER, 400, "region '' is not a value"),
        ("?" + "&".join(["region=DE"] * 101), BEARER, 400, "more than 100 values"),
    ],
)
async def test_what_is_wrong_is_said_as_text(
    ledger_url: str, query: str, headers: dict[str, str], status: int, words: str
) -> None:
    app = site(ledger_url, admin_token=TOKEN)
    async with opened(app) as client:
        answer = await client.get(PATH + query, headers=headers)
    app.ledger.close()
    assert answer.status_code == status
    assert words in answer.text
    assert TOKEN not in answer.text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) is (status == 401)


async def test_it_is_off_without_a_token(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONSENT_ADMIN_TOKEN", raising=False)
    async with opened(site(ledger_url)) as client:
        assert (await client.get(PATH, headers={"authorization": "Bearer "})).status_code == 404


async def test_a_log_that_cannot_be_read_is_503(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "bad.db").write_bytes(b"no database, but long enough to be looked at" * 100)
    app = site(f"sqlite:///{tmp_path}/bad.db", admin_token=TOKEN)
    async with opened(app) as client:
        answer = await client.get(PATH, headers=BEARER)
    assert (answer.status_code, "cannot be read at the moment" in answer.text) == (503, True)
    assert str(tmp_path) not in answer.text
    assert "not a database" in caplog.text


@pytest.mark.usefixtures("records")
async def test_an_export_that_breaks_off_has_no_end(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = site(ledger_url, admin_token=TOKEN)
    store = sqlite_store(app.ledger)
    whole = store.rows

    def broken(*arguments: Any) -> Iterator[Any]:
        pages = whole(*arguments)
        yield next(pages)
        raise LedgerError("the disk is gone", url="x")

    monkeypatch.setattr(store, "rows", broken)
    sent = await ask(app, lambda: None, fails=True)
    assert [message.get("more_body") for message in sent] == [None, True]
    app.ledger.close()


async def ask(app: ConsentMiddleware, on_body: Any, *, fails: bool = False, query: bytes = b"") -> list[Message]:
    """Ask for an export, and call ``on_body`` for each part; it may return what ends the connection."""
    sent: list[Message] = []
    gone = anyio.Event()

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and on_body() is not None:
            gone.set()
            await anyio.wait_all_tasks_blocked()  # the application has seen that the client is gone

    scope = {
        "type": "http",
        "method": "GET",
        "path": PATH,
        "query_string": query,
        "headers": [(b"authorization", f"Bearer {TOKEN}".encode()), (b"host", b"shop.example")],
        "server": ("shop.example", 80),
        "scheme": "http",
    }
    with anyio.fail_after(HANG):
        if fails:
            with pytest.raises(LedgerError):
                await app(scope, receive, send)
        else:
            await app(scope, receive, send)
    return sent


def nobody_reads(ledger: Ledger) -> bool:
    """Say whether no transaction holds an old state of the log."""
    with sqlite_store(ledger).writing() as connection:
        connection.exec_driver_sql("INSERT INTO consent_notices SELECT hash || 'x', language, policy_version, text "
                                   "FROM consent_notices LIMIT 1")  # fmt: skip
    raw = sqlite_store(ledger).engine().raw_connection()
    try:
        return bool(raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
    finally:
        raw.close()


@pytest.mark.parametrize("name", [b"csv", b"parquet"])
@pytest.mark.usefixtures("records")
async def test_a_client_that_goes_away_ends_the_transaction(ledger_url: str, name: bytes) -> None:
    app = site(ledger_url, admin_token=TOKEN)
    sent = await ask(app, lambda: True, query=b"format=" + name)
    assert len([message for message in sent if message["type"] == "http.response.body"]) == 1
    assert nobody_reads(app.ledger)
    app.ledger.close()


@pytest.mark.usefixtures("records")
async def test_a_client_that_takes_nothing_is_given_up(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALLED", 0.05)
    app = site(ledger_url, admin_token=TOKEN)
    sent = []

    async def send(message: Message) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            await anyio.sleep_forever()

    scope = {
        "type": "http", "method": "GET", "path": PATH, "query_string": b"", "server": ("shop.example", 80),
        "headers": [(b"authorization", f"Bearer {TOKEN}".encode())], "scheme": "http",
    }  # fmt: skip
    with anyio.fail_after(HANG):
        await app(scope, anyio.sleep_forever, send)  # type: ignore[arg-type]
    assert [message.get("more_body") for message in sent] == [None, True]
    assert nobody_reads(app.ledger)
    app.ledger.close()


@pytest.fixture
def served(ledger_url: str, records: list[ConsentRecord]) -> Iterator[tuple[str, ConsentMiddleware]]:
    """Serve the site by uvicorn on loopback; give its address."""
    assert records
    app = site(ledger_url, admin_token=TOKEN)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    until(lambda: server.started or not thread.is_alive())
    assert server.started
    yield f"http://127.0.0.1:{listening.getsockname()[1]}", app
    server.should_exit = True
    assert ended(thread)
    listening.close()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.server
async def test_a_real_server_streams_it(served: tuple[str, ConsentMiddleware], records: list[ConsentRecord]) -> None:
    address, app = served
    async with httpx.AsyncClient(base_url=address, timeout=HANG) as client:
        async with client.stream("GET", f"{PATH}?format=jsonl", headers=BEARER) as answer:
            assert answer.headers["transfer-encoding"] == "chunked"
            content = b"".join([chunk async for chunk in answer.aiter_bytes()])
        assert content.count(b"\n") == len(records)
        async with client.stream("GET", f"{PATH}?format=iso27560", headers=BEARER) as answer:
            await anext(answer.aiter_bytes())  # and goes away
        denied = await client.get(f"{PATH}?token={TOKEN}")
        assert denied.status_code == 400
    await until_async(lambda: nobody_reads(app.ledger))
