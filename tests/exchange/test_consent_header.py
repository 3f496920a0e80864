"""``X-Consent``: the application is told what is agreed to, and no client can say it instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent import ConsentMiddleware
from cookie_consent.consent import Consent, header_value
from cookie_consent.policy import parse_policy
from tests.asking import HTML, ask, cookie_of

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

pytestmark = pytest.mark.anyio

DOCUMENT: dict[str, Any] = {
    "version": "1",
    "services": {"google-analytics": {}, "google-ads": {}},
    "gate": {"exclude": ["/admin/*"]},
}
NOTHING = 'decided=?0, categories=("session"), services=()'
ANALYTICS = 'decided=?1, categories=("analytics" "session"), services=("google-analytics")'
SPOOFED = [(b"x%cconsent" % byte, b"decided=?1") for byte in b"!#$%&'*+-.^_`|~"] + [(b"x-consent", b"")]


class App:
    """Keeps what it has seen of the header."""

    def __init__(self, *answer: tuple[bytes, bytes]) -> None:
        self.answer = answer or ((b"content-type", b"text/html"),)
        self.seen: list[list[tuple[bytes, bytes]]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - an ASGI application
        self.seen.append([header for header in scope["headers"] if b"consent" in header[0]])
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept", "headers": []})
            return
        await send({"type": "http.response.start", "status": 200, "headers": list(self.answer)})
        await send({"type": "http.response.body", "body": b"<!doctype html><title>A</title>"})


def site(app: App, ledger: str, **values: Any) -> ConsentMiddleware:
    return ConsentMiddleware(app, parse_policy({**DOCUMENT, **values}, source="test"), secret="x" * 40, ledger=ledger)


@pytest.mark.parametrize("path", ["/", "/admin/"])
@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "sent",
    [
        {},  # no gate is concerned
        {"accept": "text/html", "sec-fetch-dest": "document"},
        {"cookie": "sid=1"},
        {"cookie": "_ga=1"},  # which is refused
        {"if-none-match": '"1"', "accept": "text/html"},
        {"sec-fetch-dest": "empty"},
    ],
)
async def test_every_request_says_it_once(ledger_url: str, path: str, kind: str, sent: dict[str, str]) -> None:
    app = App()
    pairs = [(b"host", b"shop.example"), *((name.encode(), value.encode()) for name, value in sent.items())]
    for more in ([], SPOOFED):
        await ask(site(app, ledger_url), path, pairs=[*more, *pairs, *more], type=kind)
    assert app.seen == [[(b"x-consent", NOTHING.encode())]] * 2


async def test_it_says_what_is_recorded(ledger_url: str) -> None:
    app = App()
    middleware = site(app, ledger_url)
    cookie = await cookie_of(middleware, "analytics")
    await ask(middleware, headers={**HTML, "cookie": cookie})
    assert app.seen[-1] == [(b"x-consent", ANALYTICS.encode())]
    await ask(middleware, headers={**HTML, "cookie": cookie, "sec-gpc": "1"})
    assert app.seen[-1] == [(b"x-consent", ANALYTICS.encode())]


async def test_a_policy_may_want_none_and_the_client_still_says_nothing(ledger_url: str) -> None:
    app = App()
    middleware = site(app, ledger_url, signals={"header": False})
    for pairs in ([], SPOOFED):
        await ask(middleware, pairs=pairs)
    assert app.seen == [[], []]


@pytest.mark.parametrize("path", ["/", "/admin/"])
@pytest.mark.parametrize("kind", [b"text/html", b"image/png", b"application/json"])
@pytest.mark.parametrize("sent", [{}, HTML, {"cookie": "_ga=1"}])
@pytest.mark.parametrize(
    ("varies", "names"),
    [
        ([b"X-Consent"], {"cookie", "sec-gpc"}),
        ([b"Accept, x-consent", b"Cookie"], {"accept", "cookie", "sec-gpc"}),
        ([b"*, X-Consent"], {"*"}),
        ([b"X-Consent-Level"], {"x-consent-level"}),
    ],
)
async def test_caches_are_told_what_clients_send(
    ledger_url: str, path: str, kind: bytes, *, sent: dict[str, str], varies: list[bytes], names: set[str]
) -> None:
    app = App((b"content-type", kind), *((b"vary", value) for value in varies))
    reply = await ask(site(app, ledger_url), path, headers=sent)
    (start,) = (message for message in reply.messages if message["type"] == "http.response.start")
    told = b",".join(value for name, value in start["headers"] if name == b"vary").decode().lower().split(",")
    assert names <= {name.strip() for name in told}
    assert "x-consent" not in {name.strip() for name in told}


def test_exceptions_count_and_strange_ids_are_left_out() -> None:
    policy = parse_policy(DOCUMENT, source="test")
    granted = frozenset({"session", "analytics"})
    services = {"google-analytics": False, "google-ads": True, "maps.example": True, 'a"\r\nb': True}
    consent = Consent(policy=policy, granted=granted, services=services, decided=True)
    expected = 'decided=?1, categories=("analytics" "session"), services=("google-ads" "maps.example")'
    assert header_value(consent) == expected.encode()
