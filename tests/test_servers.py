"""What servers and frameworks do differently: header lists, bodies, lifespans, error pages, wrapping twice, ranges."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from cookie_consent import Consent, ConsentMiddleware, Ledger, Policy, consent_of
from cookie_consent.ledger import new_key
from cookie_consent.ledger.periodic import PeriodicThread
from tests.asking import HTML, ask, cookie_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

pytestmark = pytest.mark.anyio

TAG = "<img src=//x.test/a>"
HELD = "data-consent"
BANNER = 'id="consent-root"'
PAGE = f"<!doctype html><html><head><title>a</title></head><body>{TAG}</body></html>"
BODY = PAGE.encode()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def wrapped(app: ASGIApp, ledger: str | Ledger, **options: Any) -> ConsentMiddleware:
    return ConsentMiddleware(app, Policy(version="1"), secret="x" * 40, ledger=ledger, **options)


def answering(
    body: Any = BODY, *headers: tuple[bytes, bytes], status: int = 200, make: Callable[[Any], Any] = list
) -> ASGIApp:
    """Return an application whose list of headers is made by ``make``."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
        given = headers or ((b"content-type", b"text/html"),)
        await send({"type": "http.response.start", "status": status, "headers": make(given)})
        await send({"type": "http.response.body", "body": body})

    return app


def once(pairs: Any) -> Iterator[Any]:
    """Give the pairs, which can be read only once."""
    yield from pairs


# -- header lists and bodies -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [list, tuple, once, iter, lambda pairs: map(list, pairs), lambda pairs: dict(pairs).items()]
)
@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, [(b"content-type", b"text/html"), (b"x-own", b"1")], PAGE),
        (200, [(b"content-type", b"application/json"), (b"vary", b"Origin")], "{}"),  # passes at once
        (200, [(b"content-type", b"application/json"), (b"x-own", b"1")], "{}"),
        (200, [(b"content-type", b"application/json"), (b"set-cookie", b"a=1")], "{}"),
        (200, [(b"x-own", b"1")], PAGE),  # without a type
        (200, [(b"content-type", b"image/svg+xml"), (b"x-own", b"1")], "<svg/>"),  # governed, not rewritten
        (302, [(b"location", b"/b"), (b"set-cookie", b"a=1")], ""),
        (304, [(b"etag", b'"a"'), (b"cache-control", b"public")], ""),
    ],
)
async def test_header_lists_may_be_any_iterable(
    ledger_url: str, make: Callable[[Any], Any], status: int, headers: list[tuple[bytes, bytes]], body: str
) -> None:
    reply = await ask(wrapped(answering(body.encode(), *headers, status=status, make=make), ledger_url))
    for name, value in headers:
        assert value.decode().lower() in str(reply.header(name.decode())).lower()
    assert (HELD in reply.text) is (TAG in body)


@pytest.mark.parametrize("make", [tuple, once, lambda pairs: map(list, pairs)])
async def test_request_headers_may_be_any_iterable(ledger_url: str, make: Callable[[Any], Any]) -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((list(scope["headers"]), consent_of(scope).gpc))
        if scope["type"] == "http":
            await answering()(scope, receive, send)

    pairs = [(b"host", b"shop.example"), (b"accept", b"text/html"), (b"sec-gpc", b"1"), (b"cookie", b"sid=1")]
    gated = wrapped(app, ledger_url)
    assert BANNER in (await ask(gated, pairs=make(pairs))).text
    await ask(gated, pairs=make(pairs), type="websocket")
    for headers, gpc in seen:
        given = sorted((bytes(name), bytes(value)) for name, value in headers if name != b"x-consent")
        assert given == sorted(pairs)
        assert gpc


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("content_type", [b"text/html", b"", b"application/json"])
@pytest.mark.parametrize("pieces", [1, 5])
async def test_bodies_may_be_any_buffer(
    ledger_url: str, kind: Callable[[bytes], Any], content_type: bytes, pieces: int
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
        headers = [(b"content-type", content_type)] if content_type else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        size = -(-len(PAGE) // pieces)
        for at in range(0, len(PAGE), size):
            buffer: Any = bytearray(PAGE[at : at + size].encode())
            more = at + size < len(PAGE)
            await send({"type": "http.response.body", "body": kind(buffer), "more_body": more})
            if kind is not bytearray:  # a memoryview's buffer is filled again for what comes next
                buffer[:] = b"x" * len(buffer)

    gated = wrapped(app, ledger_url)
    for _ in range(2):  # made, and from the cache
        reply = await ask(gated)
        if content_type != b"application/json":
            assert HELD in reply.text
            assert "</body></html>" in reply.text


async def test_speculation_rules_may_be_a_buffer(ledger_url: str) -> None:
    rules = memoryview(b'{"prefetch": [{"urls": ["//x.test/a"]}]}')
    app = answering(rules, (b"content-type", b"application/speculationrules+json"))
    assert (await ask(wrapped(app, ledger_url), headers={"sec-fetch-dest": "speculationrules"})).text == "{}"


# -- without a lifespan ------------------------------------------------------------------------------------------------


def upkeep_threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("cookie-consent-")}


async def test_upkeep_starts_with_the_first_request(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = threading.Event()
    monkeypatch.setattr("cookie_consent.ledger.stats.rollup.RecordCounter.catch_up", lambda *_, **__: counted.set())
    ledger = Ledger(ledger_url, count_every=0.01)
    gated = wrapped(answering(), ledger)
    assert not upkeep_threads()
    await ask(gated)
    assert "cookie-consent-counted" in upkeep_threads()
    assert await anyio.to_thread.run_sync(counted.wait, 30)
    before = upkeep_threads()
    await ask(gated)
    assert upkeep_threads() == before


async def test_a_thread_that_collects_its_own_log_ends() -> None:
    threads: list[threading.Thread] = []
    ended = threading.Event()

    def work(_: Callable[[], bool]) -> None:
        threads.append(threading.current_thread())
        periodic.stop()
        ended.set()

    periodic = PeriodicThread(work, what="counted", every=0.01, finishes=False)
    assert await anyio.to_thread.run_sync(ended.wait, 30)
    await anyio.to_thread.run_sync(threads[0].join, 30)
    assert not threads[0].is_alive()


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_a_wrong_ledger_is_told_of(tmp_path: Path, kind: str) -> None:
    told = threading.Event()

    class Watching(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "is not counted" in record.getMessage():
                told.set()

    handler = Watching()
    logging.getLogger("cookie_consent").addHandler(handler)
    try:
        ledger = Ledger(f"sqlite:///{tmp_path / 'missing' / 'consent.db'}", count_every=0.01)
        (tmp_path / "missing").write_text("a file, no folder")
        await ask(wrapped(answering(), ledger), type=kind)
        assert await anyio.to_thread.run_sync(told.wait, 30)
    finally:
        logging.getLogger("cookie_consent").removeHandler(handler)


async def test_a_wrong_key_is_told_of_and_fails_no_page(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gated = wrapped(answering(), ledger_url)
    monkeypatch.setenv("CONSENT_LEDGER_KEY", "no key")
    assert HELD in (await ask(gated)).text
    assert "not counted and sealed" in caplog.text


PROGRAM = """
import asyncio, logging, os, signal, sys, threading
from cookie_consent import ConsentMiddleware, Ledger, Policy
from cookie_consent.ledger import new_record_id

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": b"<img src=//met.test%s>" % scope["path"].encode()})

def ask(path="/a"):
    async def send(message): ...
    scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"accept", b"text/html")], "query_string": b""}
    asyncio.run(gated(scope, None, send))

def names():
    return {thread.name for thread in threading.enumerate()}

logging.getLogger("cookie_consent").setLevel("ERROR")  # not that a host is undeclared
ledger = Ledger(sys.argv[1], seal_every=3600.0)
gated = ConsentMiddleware(app, Policy(version="1"), secret="x" * 40, ledger=ledger)
"""
ENDINGS = {
    "exit": "ask()",
    "fork": """
ask()
pid = os.fork()
if pid == 0:
    ask("/b")
    assert {"cookie-consent-counted", "cookie-consent-sealed"} <= names()
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
""",
    "fork before": "pid = os.fork()\nif pid == 0:\n    ask(); sys.exit(0)\nos.waitpid(pid, 0)\nledger = None",
    "multiprocessing": (
        "import multiprocessing\nprocess = multiprocessing.get_context('fork').Process(target=ask)\n"
        "process.start(); process.join()"
    ),
}
ENDINGS["uvicorn"] = """
class Server:
    is_told = False
    def handle(self, *_): self.is_told = True

server = Server()
signal.signal(signal.SIGTERM, server.handle)
ask()
os.kill(os.getpid(), signal.SIGTERM)
while not server.is_told: ...
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.raise_signal(signal.SIGTERM)
"""
EXPECTED = {"exit": 1, "fork": 2, "fork before": 1, "multiprocessing": 1, "uvicorn": 1}


@pytest.mark.server
@pytest.mark.parametrize("ending", ENDINGS)
def test_reports_are_saved_and_the_log_is_sealed_at_the_end(tmp_path: Path, ending: str) -> None:
    """However a process ends that no server has told so."""
    url = f"sqlite:///{tmp_path / 'consent.db'}"
    ledger = Ledger(url)
    ledger.enter(Policy(version="1"), channel="phone")
    ledger.close()
    environment = {**os.environ, "CONSENT_LEDGER_KEY": new_key("shop.example/consent")[0]}
    code = [sys.executable, "-c", PROGRAM + ENDINGS[ending], url]
    done = subprocess.run(code, check=False, capture_output=True, env=environment, text=True)
    assert (done.returncode, done.stderr) == (-signal.SIGTERM if ending == "uvicorn" else 0, "")
    with Ledger(url).writing() as connection:
        found = connection.exec_driver_sql("select count from consent_findings where name = 'met.test'").scalars().all()
        sealed = connection.exec_driver_sql("select count(*) from consent_leaves").scalar()
    assert sum(found) == EXPECTED[ending]
    assert sealed


async def lifespan(app: ASGIApp, events: list[str]) -> tuple[list[str], Exception | None]:
    """Go through the events; return what the application has sent and raised."""
    sent: list[str] = []
    waiting = [{"type": f"lifespan.{event}"} for event in events]
    error = None

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message["type"].removeprefix("lifespan."))

    try:
        await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
    except Exception as raised:  # noqa: BLE001 - the test looks at it
        error = raised
    return sent, error


async def refuses(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
    """Raise as Django and asgiref do."""
    raise ValueError(f"only http, not {scope['type']}")


async def returns(scope: Scope, receive: Receive, send: Send) -> None:
    """Return as many small applications do."""


async def returns_after_asking(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    await receive()


async def returns_after_starting(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    await receive()
    await send({"type": "lifespan.startup.complete"})


async def fails(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
    await receive()
    raise RuntimeError("the database is missing")


async def says_that_it_fails(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "the database is missing"})


@pytest.mark.parametrize(
    ("app", "sent", "raises"),
    [
        (refuses, ["startup.complete", "shutdown.complete"], False),
        (returns, ["startup.complete", "shutdown.complete"], False),
        (returns_after_asking, ["startup.complete", "shutdown.complete"], False),
        (returns_after_starting, ["startup.complete", "shutdown.complete"], False),
        (Starlette(), ["startup.complete", "shutdown.complete"], False),
        (fails, [], True),
        (says_that_it_fails, ["startup.failed"], False),
    ],
)
async def test_a_lifespan_that_the_application_leaves(
    ledger_url: str, app: ASGIApp, sent: list[str], *, raises: bool
) -> None:
    gated = wrapped(app, ledger_url)
    given, error = await lifespan(gated, ["startup", "shutdown"])
    assert (given, error is not None) == (sent, raises)
    assert not upkeep_threads()


async def test_upkeep_goes_on_where_the_application_knows_no_lifespan(ledger_url: str) -> None:
    running: list[set[str]] = []
    gated = wrapped(refuses, ledger_url)

    async def receive() -> Message:
        running.append(upkeep_threads())
        return {"type": "lifespan.startup" if len(running) == 1 else "lifespan.shutdown"}

    async def send(message: Message) -> None:
        running.append(upkeep_threads() if message["type"] == "lifespan.shutdown.complete" else {"-"})

    await gated({"type": "lifespan"}, receive, send)
    assert "cookie-consent-counted" in running[2]  # as the event of the shutdown comes
    assert running[3] == set()


# -- error pages that a framework makes outside its middlewares --------------------------------------------------------


def broken(request: Request) -> Response:
    raise RuntimeError(f"broken at {request.url.path}")


def page_for(request: Request, error: Exception) -> Response:
    assert isinstance(error, RuntimeError)
    agreed = consent_of(request).allows("analytics")
    return HTMLResponse(PAGE.replace("<title>a", f"<title>{agreed}"), 500, {"set-cookie": "_ga=1"})


async def async_page_for(request: Request, error: Exception) -> Response:
    return page_for(request, error)


class Handler:
    async def __call__(self, request: Request, error: Exception) -> Response:
        return page_for(request, error)


def starlette(**options: Any) -> Starlette:
    return Starlette(routes=[Route("/broken", broken), Route("/", lambda _: HTMLResponse(PAGE))], **options)


def fastapi(**options: Any) -> FastAPI:
    app = FastAPI(**options)
    app.add_route("/broken", broken)
    app.add_route("/", lambda _: HTMLResponse(PAGE))
    return app


class Outside(BaseHTTPMiddleware):
    """A middleware of the site's own outside ours."""

    async def dispatch(self, request: Request, call_next: Any) -> Any:
        return await call_next(request)


@pytest.mark.parametrize("make", [starlette, fastapi])
@pytest.mark.parametrize("key", [500, Exception])
@pytest.mark.parametrize("handler", [page_for, async_page_for, Handler()])
@pytest.mark.parametrize("outside", [False, True])
async def test_error_pages_are_gated_with_add_middleware(
    ledger_url: str, make: Callable[..., Any], key: Any, handler: Any, *, outside: bool
) -> None:
    app = make(exception_handlers={key: handler})
    app.add_middleware(ConsentMiddleware, policy=Policy(version="1"), secret="x" * 40, ledger=ledger_url)
    if outside:
        app.add_middleware(Outside)
    for _ in range(2):  # the first request builds the stack
        reply = await ask(app, "/broken")
        assert isinstance(reply.error, RuntimeError)  # for the server's log
        assert reply.status == 500
        assert HELD in reply.text
        assert reply.text.count(BANNER) == 1
        assert "<title>False" in reply.text
        assert reply.header("set-cookie") is None
        assert reply.header("content-security-policy")
        assert {"private"} <= reply.listed("cache-control")  # the handler has read the consent


@pytest.mark.parametrize("make", [starlette, fastapi])
async def test_debug_pages_are_gated_with_add_middleware(ledger_url: str, make: Callable[..., Any]) -> None:
    app = make(debug=True)
    app.add_middleware(ConsentMiddleware, policy=Policy(version="1"), secret="x" * 40, ledger=ledger_url)
    reply = await ask(app, "/broken")
    assert "Traceback" in reply.text
    assert BANNER in reply.text
    assert reply.header("content-security-policy")
    plain = await ask(make_plain(make, ledger_url), "/broken")
    assert plain.text == "Internal Server Error"


def make_plain(make: Callable[..., Any], ledger_url: str) -> ASGIApp:
    app = make()
    app.add_middleware(ConsentMiddleware, policy=Policy(version="1"), secret="x" * 40, ledger=ledger_url)
    made: ASGIApp = app
    return made


@pytest.mark.parametrize("make", [starlette, fastapi])
async def test_error_pages_are_gated_once_around_the_application(ledger_url: str, make: Callable[..., Any]) -> None:
    reply = await ask(wrapped(make(exception_handlers={500: async_page_for}), ledger_url), "/broken")
    assert reply.status == 500
    assert reply.text.count(BANNER) == 1


async def test_error_pages_of_other_parts_of_a_site_are_left_alone(ledger_url: str) -> None:
    """The one that is wrapped is mounted, and its errors are shown by the site's own page."""

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
        raise RuntimeError

    def shown(_: Request, __: Exception) -> Response:
        return HTMLResponse(PAGE, 500)

    routes = [Mount("/shop", wrapped(inner, ledger_url)), Route("/broken", broken)]
    app = Starlette(routes=routes, exception_handlers={500: shown})
    assert BANNER in (await ask(app, "/shop/a")).text
    assert (await ask(app, "/broken")).text == PAGE


async def test_other_errors_are_as_before(ledger_url: str) -> None:
    def gone(_: Request) -> Response:
        raise HTTPException(410)

    app = Starlette(routes=[Route("/", gone)])
    app.add_middleware(ConsentMiddleware, policy=Policy(version="1"), secret="x" * 40, ledger=ledger_url)
    reply = await ask(app)
    assert (reply.status, reply.error) == (410, None)


# -- wrapped twice -----------------------------------------------------------------------------------------------------


async def test_wrapped_twice(ledger_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Consent] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(consent_of(scope))
        await answering()(scope, receive, send)

    inner = ConsentMiddleware(app, Policy(version="inner"), secret="y" * 40, ledger=f"sqlite:///{tmp_path / 'b.db'}")
    gated = wrapped(inner, ledger_url)
    for _ in range(2):
        reply = await ask(gated)
        assert reply.text.count(BANNER) == 1
        assert reply.text.count("/guard.") == 1
        assert len([name for name, _ in reply.headers if name == "content-security-policy"]) == 1
    assert {consent.policy_version for consent in seen} == {"1"}
    assert caplog.text.count("wrapped in ConsentMiddleware twice") == 1
    cookie = await cookie_of(gated, "x.test")
    agreed = await ask(gated, headers={**HTML, "cookie": cookie})
    assert HELD not in agreed.text  # the inner one does not take the choice back


async def test_a_wrapped_application_mounted_in_a_wrapped_one(ledger_url: str) -> None:
    shop = starlette()
    shop.add_middleware(ConsentMiddleware, policy=Policy(version="inner"), secret="y" * 40, ledger=ledger_url)
    site = Starlette(routes=[Mount("/shop", shop)])
    site.add_middleware(ConsentMiddleware, policy=Policy(version="1"), secret="x" * 40, ledger=ledger_url)
    reply = await ask(site, "/shop/")
    assert reply.text.count(BANNER) == 1
    assert reply.text.count("/guard.") == 1


async def test_a_lifespan_through_two(ledger_url: str, tmp_path: Path) -> None:
    other = tmp_path / "b.db"
    inner = ConsentMiddleware(Starlette(), Policy(version="1"), secret="y" * 40, ledger=f"sqlite:///{other}")
    sent, error = await lifespan(wrapped(inner, ledger_url), ["startup", "shutdown"])
    assert (sent, error) == (["startup.complete", "shutdown.complete"], None)
    assert not other.exists()


# -- redirects, entity tags and ranges ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "location", "shown"),
    [
        (301, "/b", False),
        (302, "/b", False),
        (303, "/b", False),
        (307, "/b", False),
        (308, "https://x.test/", False),
        (302, "", True),  # browsers show what leads nowhere
        (302, None, True),
        (300, "/b", True),
        (305, "/b", True),
        (201, "/b", True),
    ],
)
async def test_a_redirect_gets_no_banner(ledger_url: str, status: int, location: str | None, *, shown: bool) -> None:
    headers = [(b"content-type", b"text/html")] + ([(b"location", location.encode())] if location is not None else [])
    app = answering(PAGE.encode(), *headers, status=status)
    gated = wrapped(app, ledger_url)
    for _ in range(2):  # made, and from the cache
        reply = await ask(gated)
        assert (BANNER in reply.text) is shown
        assert ("/guard." in reply.text) is shown
        assert HELD in reply.text


async def test_a_redirect_and_a_page_with_one_body_are_told_apart(ledger_url: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = RedirectResponse("/") if is_moved else HTMLResponse()
        response.body = PAGE.encode()
        response.headers["content-length"] = str(len(PAGE))
        response.headers["content-type"] = "text/html"
        await response(scope, receive, send)

    gated = wrapped(app, ledger_url)
    for is_moved in (True, False, True, False):
        assert (BANNER in (await ask(gated)).text) is not is_moved


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ('"a"', '"a"'),
        ("a1b2", "a1b2"),  # not quoted
        ('W/"a", b', 'W/"a", b'),
        ("*", "*"),
        ('abc"d-cc0123456789abcdef', 'abc"d-cc0123456789abcdef'),
        ('b, "a-cc0123456789abcdef"', "b"),  # a page of another consent
    ],
)
async def test_entity_tags_pass_where_no_page_is_concerned(ledger_url: str, sent: str, seen: str) -> None:
    asked: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
        asked.append(dict(scope["headers"]).get(b"if-none-match", b"").decode())
        await send({"type": "http.response.start", "status": 304, "headers": [(b"etag", b"a1b2")]})
        await send({"type": "http.response.body"})

    reply = await ask(wrapped(app, ledger_url), headers={"accept": "image/*", "if-none-match": sent})
    assert asked == [seen]
    assert reply.header("etag") == "a1b2"


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
async def test_conditions_of_a_change_are_the_applications(ledger_url: str, method: str) -> None:
    """``If-None-Match: *`` keeps a form from overwriting what is there (RFC 9110, section 13.1.2)."""
    seen: list[bytes] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(dict(scope["headers"]).get(b"if-none-match", b""))
        await answering()(scope, receive, send)

    await ask(wrapped(app, ledger_url), headers={**HTML, "if-none-match": "*"}, method=method)
    assert seen == [b"*"]


class Ranged:
    """Serves parts of a file, as static file servers do."""

    def __init__(self, body: bytes, content_type: str, **headers: str) -> None:
        self.body = body
        self.headers = {
            "content-type": content_type,
            **{key.replace("_", "-"): value for key, value in headers.items()},
        }
        self.asked: list[tuple[str, bool]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = dict(scope["headers"])
        assert (await receive())["type"] == "http.request"
        start = int(asked.get(b"range", b"bytes=0-")[6:].partition(b"-")[0])
        is_part = b"range" in asked
        self.asked.append((scope["method"], is_part))
        headers = dict(self.headers)
        if is_part:
            headers["content-range"] = f"bytes {start}-{len(self.body) - 1}/{len(self.body)}"
        response = Response(self.body[start:], 206 if is_part else 200, headers)
        await response(scope, receive, send)


NAVIGATION = {**HTML, "sec-fetch-dest": "document", "range": "bytes=3-"}


@pytest.mark.parametrize("asked", [NAVIGATION, {**HTML, "range": "bytes=3-", "if-range": '"file"'}])
@pytest.mark.parametrize(
    ("content_type", "disposition"),
    [
        ("text/html", "attachment; filename=a.html"),
        ("application/zip", "attachment"),
        ("image/svg+xml", "ATTACHMENT"),
        ("application/pdf", None),
        ("video/mp4", None),
        ("text/plain", None),
    ],
)
async def test_a_download_is_continued(
    ledger_url: str, asked: dict[str, str], content_type: str, disposition: str | None
) -> None:
    named = {"content_disposition": disposition} if disposition else {}
    app = Ranged(PAGE.encode(), content_type, etag='"file"', **named)
    reply = await ask(wrapped(app, ledger_url), headers=asked)
    assert (reply.status, reply.text) == (206, PAGE[3:])
    assert reply.header("content-range") == f"bytes 3-{len(PAGE) - 1}/{len(PAGE)}"
    assert app.asked == [("GET", True)]


@pytest.mark.parametrize("content_type", ["text/html", "application/xhtml+xml", "", "image/svg+xml", "text/xml"])
async def test_a_part_of_a_page_is_asked_for_whole(ledger_url: str, content_type: str) -> None:
    app = Ranged(PAGE.encode(), content_type, set_cookie="_ga=1")
    reply = await ask(wrapped(app, ledger_url), headers=NAVIGATION)
    assert reply.status == 200
    assert reply.header("content-range") is None
    assert reply.header("content-security-policy")
    assert reply.header("set-cookie") is None
    assert [message["type"] for message in reply.messages] == ["http.response.start", "http.response.body"]
    assert (HELD in reply.text) is ("svg" not in content_type and content_type != "text/xml")
    assert app.asked == [("GET", True), ("GET", False)]


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("HEAD", NAVIGATION),  # a range is of GET alone
        ("POST", NAVIGATION),
        ("GET", {**NAVIGATION, "content-length": "5"}),  # the body cannot be sent twice
        ("GET", {**NAVIGATION, "transfer-encoding": "chunked"}),
        ("GET", {**NAVIGATION, "if-range": '"a-cc0123456789abcdef"'}),  # of a page as it was rewritten
    ],
)
async def test_a_part_is_not_asked_for(ledger_url: str, method: str, headers: dict[str, str]) -> None:
    app = Ranged(PAGE.encode(), "text/html")
    reply = await ask(wrapped(app, ledger_url), headers=headers, method=method)
    assert reply.status == 200
    assert app.asked == [(method, False)]


async def test_a_part_that_nobody_asked_for_is_gated(ledger_url: str) -> None:
    for headers in (HTML, {"accept": "*/*"}, {"accept": "*/*", "sec-fetch-dest": "empty"}):
        reply = await ask(wrapped(answering(status=206), ledger_url), headers=headers)
        assert reply.status == 200
        assert HELD in reply.text
