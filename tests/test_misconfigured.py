"""What is wrong with policy, secret or ledger ends the server with a message, or is one plain page."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Mount, Route

from cookie_consent import ConfigurationError, ConsentMiddleware, Policy, PolicyError
from cookie_consent.ledger import Ledger
from tests.asking import ask
from tests.running import run
from tests.test_servers import BANNER, PAGE, answering, lifespan, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[1]
MISCONFIGURED = "This site is misconfigured"
NO_SECRET = "no secret is set: pass secret=… or set CONSENT_SECRET"
PASSWORD = "a password in the ledger's URL"
WRONG: list[tuple[dict[str, Any], type[ConfigurationError], str]] = [
    ({"secret": ""}, ConfigurationError, NO_SECRET),
    ({"secret": b"s" * 40}, ConfigurationError, "text, not bytes"),
    ({"policy": "nowhere.toml"}, PolicyError, "does not exist"),
    ({"ledger": f"mysql://root:{PASSWORD}@host/db"}, ConfigurationError, "is not supported"),
    ({"ledger": "sqlite://"}, ConfigurationError, "is not supported"),
    ({"prefix": "consent/"}, ConfigurationError, "prefix is"),
    ({"admin_token": "short"}, ConfigurationError, "at least 20"),
    ({"policy": 3}, ConfigurationError, "it could not be built: TypeError"),
    ({"ledger": 4}, ConfigurationError, "it could not be built: AttributeError"),
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def wrong(ledger_url: str, **options: Any) -> ConsentMiddleware:
    return ConsentMiddleware(answering(), **{"secret": "x" * 40, "ledger": ledger_url, **options})


@pytest.mark.parametrize(("options", "kind", "words"), WRONG)
def test_check_raises_what_the_constructor_keeps(
    ledger_url: str, options: dict[str, Any], kind: type[ConfigurationError], words: str
) -> None:
    gated = wrong(ledger_url, **options)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=words) as raised:
            gated.check()
        assert type(raised.value) is kind
    for name in ("policy", "ledger", "prefix", "reports"):
        with pytest.raises(ConfigurationError, match=words):
            getattr(gated, name)
    wrapped(answering(), ledger_url).check()


@pytest.mark.parametrize(("options", "kind", "words"), WRONG)
@pytest.mark.parametrize("path", ["/", "/_consent/state", "/.well-known/gpc.json"])
async def test_every_page_says_so_and_the_log_says_why_once(  # noqa: PLR0917 - what pytest gives
    ledger_url: str,
    caplog: pytest.LogCaptureFixture,
    options: dict[str, Any],
    kind: type[ConfigurationError],  # noqa: ARG001 - of the table
    words: str,
    path: str,
) -> None:
    gated = wrong(ledger_url, **options)
    for _ in range(3):
        reply = await ask(gated, path)
        assert (reply.status, reply.error) == (500, None)
        assert MISCONFIGURED in reply.text
        assert words not in reply.text  # strangers see it
        assert "img" not in reply.text
        assert reply.header("cache-control") == "no-store"
        assert reply.header("content-length") == str(len(reply.text))
    head = await ask(gated, path, method="HEAD")
    assert (head.status, head.text) == (500, "")
    assert caplog.text.count("no page is served until this is put right") == 1
    assert words in caplog.text
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize(("extensions", "sent"), [
    (None, ["websocket.close"]),
    ({"websocket.http.response": {}}, ["websocket.http.response.start", "websocket.http.response.body"]),
])  # fmt: skip
async def test_a_websocket_is_denied(ledger_url: str, extensions: Any, sent: list[str]) -> None:
    reply = await ask(wrong(ledger_url, secret=""), type="websocket", extensions=extensions)
    assert [message["type"] for message in reply.messages] == sent


async def failure_of(app: ASGIApp) -> list[Message]:
    """Return what the application sends to a server that starts."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": "lifespan", "state": {}}, receive, send)
    return sent


def around(ledger: str) -> ASGIApp:
    return wrong(ledger, secret="")


def added(ledger: str) -> ASGIApp:
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("page"))])
    app.add_middleware(ConsentMiddleware, secret="", ledger=ledger)
    return app


@pytest.mark.parametrize("make", [around, added])
async def test_the_server_is_told_at_the_start(ledger_url: str, make: Callable[[str], ASGIApp]) -> None:
    (message,) = await failure_of(make(ledger_url))
    assert message["type"] == "lifespan.startup.failed"
    assert message["message"].startswith(f"cookie_consent cannot start: {NO_SECRET}")


async def test_a_key_that_has_become_wrong_ends_the_start_too(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gated = wrapped(answering(), ledger_url)
    monkeypatch.setenv("CONSENT_LEDGER_KEY", "no key")
    (message,) = await failure_of(gated)
    assert message["type"] == "lifespan.startup.failed"
    assert "CONSENT_LEDGER_KEY" in message["message"]


async def test_of_two_the_outer_one_counts(ledger_url: str) -> None:
    page = Starlette(routes=[Route("/", lambda _: HTMLResponse(PAGE))])
    inner_is_wrong = wrapped(ConsentMiddleware(page, secret=""), ledger_url)
    assert await lifespan(inner_is_wrong, ["startup", "shutdown"]) == (["startup.complete", "shutdown.complete"], None)
    reply = await ask(inner_is_wrong)
    assert (reply.status, BANNER in reply.text) == (200, True)
    outer_is_wrong = ConsentMiddleware(wrapped(answering(), ledger_url), secret="")
    assert (await lifespan(outer_is_wrong, ["startup"]))[0] == ["startup.failed"]
    assert (await ask(outer_is_wrong)).status == 500


async def test_one_that_is_mounted_fails_for_itself(ledger_url: str) -> None:
    """Starlette passes no lifespan on to what is mounted."""
    routes = [Mount("/shop", wrong(ledger_url, secret="")), Route("/", lambda _: PlainTextResponse("page"))]
    app = Starlette(routes=routes)
    assert (await lifespan(app, ["startup", "shutdown"]))[0] == ["startup.complete", "shutdown.complete"]
    assert [(await ask(app, path)).status for path in ("/", "/shop/")] == [200, 500]


APPS = {
    "wrapped": "app = ConsentMiddleware(Starlette())",
    "added": "app = Starlette(); app.add_middleware(ConsentMiddleware)",
}


@pytest.mark.server
@pytest.mark.parametrize("form", APPS)
@pytest.mark.parametrize("policy", ["", 'version = "1"\nfirst_partyy = []\nsite = 3\n'])
def test_uvicorn_ends_with_the_message_alone(tmp_path: Path, form: str, policy: str) -> None:
    (tmp_path / "shop_site.py").write_text(
        f"from starlette.applications import Starlette\nfrom cookie_consent import ConsentMiddleware\n{APPS[form]}\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("CONSENT_SECRET", None)
    if policy:
        (tmp_path / "consent.toml").write_text(policy)
        environment["CONSENT_SECRET"] = "x" * 40
    command = [sys.executable, "-m", "uvicorn", "shop_site:app", "--app-dir", str(tmp_path), "--port", "0"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode not in {0, None}
    assert "Traceback" not in done.stderr
    assert "cookie_consent cannot start: " in done.stderr
    expected = ["consent.toml: 2 problems", "did you mean 'first_party'?", "site: "] if policy else [NO_SECRET]
    for words in expected:
        assert done.stderr.count(words) == 1


def test_the_command_says_the_same(tmp_path: Path) -> None:
    (tmp_path / "consent.toml").write_text("version = 3\n")
    done = run("check", folder=tmp_path)
    assert done.returncode == 2
    with pytest.raises(PolicyError) as raised:
        ConsentMiddleware(answering(), policy=tmp_path / "consent.toml", secret="x" * 40).check()
    assert str(raised.value).partition(":")[2] == done.stderr.partition("consent.toml:")[2].rstrip("\n")
    ConsentMiddleware(answering(), policy=Policy(version="1"), secret="x" * 40).check()


async def test_a_start_without_threads_leaves_the_application_its_lifespan(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    begun: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        begun.append(scope["type"])
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    monkeypatch.setattr(Ledger, "start", fail)
    events = iter(["lifespan.startup", "lifespan.shutdown"])
    sent: list[str] = []

    async def receive() -> Any:
        return {"type": next(events)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await ConsentMiddleware(app, secret="x" * 40, ledger=ledger_url)({"type": "lifespan"}, receive, send)
    assert (begun, sent) == (["lifespan"], ["lifespan.startup.complete", "lifespan.shutdown.complete"])


async def test_a_working_folder_that_is_gone_fails_no_page(
    tmp_path: Path, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "release"
    folder.mkdir()
    monkeypatch.chdir(folder)
    gated = ConsentMiddleware(answering(), secret="x" * 40, ledger=ledger_url)
    folder.rmdir()
    assert (await ask(gated)).status == 200


@pytest.mark.parametrize("key", ['"PRIVATE+KEY+shop.example+1a2b3c4d+AbCd"', "PRIVATE-KEY-AbCd"])
def test_a_key_that_was_mistyped_is_not_shown(ledger_url: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_LEDGER_KEY", key)
    with pytest.raises(ConfigurationError, match="neither a key nor the path") as raised:
        wrong(ledger_url).check()
    assert "AbCd" not in str(raised.value)
