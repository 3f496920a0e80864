"""``consent_of`` for the requests of any framework, by ASGI and by bridges from it to WSGI."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from a2wsgi import WSGIMiddleware
from asgiref.wsgi import WsgiToAsgi
from flask import Flask
from flask import request as flask_request

from cookie_consent import ConfigurationError, Consent, ConsentMiddleware, Policy, consent_of
from tests.asking import ask
from tests.consent.django_site import django

if TYPE_CHECKING:
    from starlette.types import ASGIApp

pytestmark = pytest.mark.anyio

CONSENT = Consent(policy=Policy(version="1"), granted=frozenset())
SCOPE = {"type": "http", "consent": CONSENT}
ENVIRON = {"REQUEST_METHOD": "GET", "wsgi.version": (1, 0)}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Sanic:
    """A request of Sanic that came by its own server."""

    @property
    def scope(self) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    "request_",
    [
        SCOPE,
        SimpleNamespace(scope=SCOPE),
        {**ENVIRON, "asgi.scope": SCOPE},
        SimpleNamespace(environ={**ENVIRON, "asgi.scope": SCOPE}),
        SimpleNamespace(scope=None, environ={**ENVIRON, "asgi.scope": SCOPE}),
    ],
)
def test_what_it_takes(request_: Any) -> None:
    assert consent_of(request_) is CONSENT


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"type": "http"}, "wrap the application in ConsentMiddleware"),
        ({"type": "http", "consent": "yes"}, "wrap the application in ConsentMiddleware"),
        (SimpleNamespace(scope={"type": "http"}), "wrap the application in ConsentMiddleware"),
        ({**ENVIRON, "asgi.scope": {}}, "wrap the application in ConsentMiddleware"),
        (ENVIRON, "a2wsgi.WSGIMiddleware"),
        (SimpleNamespace(environ=ENVIRON), "no 'asgi.scope'"),
        ({**ENVIRON, "asgi.scope": "a"}, "no 'asgi.scope'"),
        (Sanic(), "not a request of an ASGI application"),
        (None, "not a request of an ASGI application"),
        ("a", "not a request of an ASGI application"),
        (SimpleNamespace(environ=None), "not a request of an ASGI application"),
    ],
)
def test_what_is_wrong_is_said(request_: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        consent_of(request_)


def flask() -> Any:
    app = Flask(__name__)

    @app.get("/")
    def home() -> str:
        assert consent_of(flask_request.environ) == consent_of(flask_request)
        return str(consent_of(flask_request).gpc)

    app.testing = True  # errors come out
    return app


@pytest.mark.parametrize("bridged", [True, False])
async def test_django(ledger_url: str, *, bridged: bool) -> None:
    app = WSGIMiddleware(django(by_asgi=False)) if bridged else django(by_asgi=True)
    gated = wrapped(app, ledger_url)
    for signal, answer in (({}, "False"), ({"sec-gpc": "1"}, "True")):
        reply = await ask(gated, headers={"accept": "*/*", **signal})
        assert (reply.error, reply.text) == (None, answer)
        assert reply.header("cache-control") == "private"  # the view has read it


async def test_flask(ledger_url: str) -> None:
    gated = wrapped(WSGIMiddleware(flask()), ledger_url)
    for signal, answer in (({}, "False"), ({"sec-gpc": "1"}, "True")):
        reply = await ask(gated, headers={"accept": "application/json", **signal})
        assert answer in reply.text


@pytest.mark.parametrize("asked", [{}, {"if-none-match": '"a"'}])  # by each of the two ways to send
async def test_a_bridge_that_hands_nothing_over(ledger_url: str, asked: dict[str, str]) -> None:
    bridge: Any = WsgiToAsgi
    reply = await ask(wrapped(bridge(flask()), ledger_url), headers={"accept": "*/*", **asked})
    assert isinstance(reply.error, ConfigurationError)
    assert "a2wsgi" in str(reply.error)


def wrapped(app: Any, ledger_url: str) -> ASGIApp:
    return ConsentMiddleware(app, Policy(version="1"), secret="x" * 40, ledger=ledger_url)
