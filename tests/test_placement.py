"""Places from which the middleware would not see a whole site are refused, with a message that says what to write."""

from __future__ import annotations

import functools
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from a2wsgi import WSGIMiddleware
from flask import Flask
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from cookie_consent import ConfigurationError, ConsentMiddleware, Policy
from tests.asking import HTML, Reply, ask
from tests.test_misconfigured import MISCONFIGURED
from tests.test_servers import BANNER, PAGE, answering, lifespan

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

pytestmark = pytest.mark.anyio

flask = Flask("shop")
BRIDGED = WSGIMiddleware(flask)  # type: ignore[arg-type] # its types are its own
CONSENT = Middleware(ConsentMiddleware, Policy(version="1"), secret="x" * 40, ledger="sqlite://", dev=True)


@pytest.fixture(autouse=True)
def in_dev_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_DEV", "1")


async def home(_: Request) -> HTMLResponse:
    return HTMLResponse(PAGE)


class Home(HTTPEndpoint):
    async def get(self, _: Request) -> HTMLResponse:
        return HTMLResponse(PAGE)


async def local(app: ASGIApp, **scope: Any) -> Reply:
    """Ask as a browser on this machine does."""
    return await ask(app, headers={**HTML, "host": "localhost"}, client=("127.0.0.1", 5000), **scope)


def get_response(request: Any) -> Any:
    """Stand for what Django gives its middlewares."""
    return request


class Handler:
    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer by WSGI."""


@pytest.mark.parametrize(("app", "words"), [
    (flask, r"Flask is a WSGI application: write app = ConsentMiddleware\(a2wsgi"),
    (flask.wsgi_app, "wsgi_app is a WSGI application"),
    (Handler(), "Handler is a WSGI application"),
    (get_response, "as Django's MIDDLEWARE does"),
    (functools.partial(get_response), "as Django's MIDDLEWARE does"),
    (None, "NoneType is not an ASGI application"),
    (object(), "object is not an ASGI application"),
])  # fmt: skip
def test_what_is_not_an_asgi_application_is_refused(app: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        ConsentMiddleware(app)


@pytest.mark.server
@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_as_a_middleware_of_django_it_says_where_to_put_it(kind: str) -> None:
    code = f"""
from django.conf import settings
from django.core.{kind} import get_{kind}_application
settings.configure(MIDDLEWARE=["django.middleware.common.CommonMiddleware", "cookie_consent.ConsentMiddleware"])
get_{kind}_application()
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "in asgi.py" in done.stderr.splitlines()[-1]


class Odd:
    async def __call__(self, *args: Any) -> None:
        """Take whatever comes, as decorated applications do."""


async def with_more(scope: Scope, receive: Receive, send: Send, more: int = 0) -> None:
    """Take more than it has to."""


@pytest.mark.parametrize(
    "app",
    [
        answering(),
        Odd(),
        with_more,
        functools.partial(with_more, more=1),
        BRIDGED,
        Starlette(),
        Home,
    ],
)
def test_every_kind_of_asgi_application_is_taken(app: Any) -> None:
    ConsentMiddleware(app, ledger="sqlite://").check()


@pytest.mark.parametrize(
    ("routes", "is_refused"),
    [
        ([Route("/", home, middleware=[CONSENT])], True),
        ([Route("/", Home, middleware=[CONSENT])], True),
        ([Route("/", home, middleware=[CONSENT, Middleware(GZipMiddleware)])], True),
        ([Mount("/", routes=[Route("/", home)], middleware=[CONSENT])], False),
        ([Mount("/", routes=[Route("/", home)], middleware=[Middleware(GZipMiddleware), CONSENT])], False),
        ([Mount("/", app=ConsentMiddleware(answering(), Policy(version="1"), "x" * 40, "sqlite://", dev=True))], False),
    ],
)
async def test_a_route_s_middleware_is_refused_and_a_mounted_application_s_is_not(
    caplog: pytest.LogCaptureFixture, routes: list[Route | Mount], *, is_refused: bool
) -> None:
    site = Starlette(routes=routes)
    for _ in range(2):
        reply = await local(site)
        assert (reply.status, MISCONFIGURED in reply.text, BANNER in reply.text) == (
            (500, True, False) if is_refused else (200, False, True)
        )
    assert caplog.text.count("the middleware of a single route") == is_refused


@pytest.mark.parametrize("is_mount", [False, True])
async def test_litestar_s_route_is_known_by_the_request_too(*, is_mount: bool) -> None:
    handler = type("HTTPRouteHandler", (), {"__module__": "litestar.handlers.http", "is_mount": is_mount})()
    gated = ConsentMiddleware(answering(), Policy(version="1"), ledger="sqlite://")
    assert (await local(gated, route_handler=handler)).status == (200 if is_mount else 500)


@pytest.mark.parametrize("by_lifespan", [False, True])
@pytest.mark.parametrize(
    ("outside", "inside", "named"),
    [
        ([SessionMiddleware], [], "stand SessionMiddleware: cookies"),
        ([GZipMiddleware, SessionMiddleware], [], "stand SessionMiddleware: cookies"),
        ([GZipMiddleware], [SessionMiddleware], ""),
        ([], [SessionMiddleware], ""),
    ],
)
async def test_the_start_tells_which_middlewares_stand_outside(
    caplog: pytest.LogCaptureFixture,
    *,
    by_lifespan: bool,
    outside: list[Callable[..., Any]],
    inside: list[Callable[..., Any]],
    named: str,
) -> None:
    def added(kind: Callable[..., Any]) -> Middleware:
        return Middleware(kind, **({"secret_key": "x" * 40} if kind is SessionMiddleware else {}))

    site = Starlette(routes=[Route("/", home)], middleware=[*map(added, outside), CONSENT, *map(added, inside)])
    if by_lifespan:
        assert await lifespan(site, ["startup", "shutdown"]) == (["startup.complete", "shutdown.complete"], None)
    else:
        assert (await local(site)).status == 200
    assert caplog.text.count("outside ConsentMiddleware stand") == bool(named)
    assert named in caplog.text
