"""What the answer's deletions take out of a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from tests.browser.conftest import Visiting

POLICY = parse_policy(
    {
        "version": "1",
        "cookies": [
            {"name": "theme", "category": "preferences", "path": "/app"},
            {"name": "sid", "category": "session"},
        ],
        "unknown_cookies": "allow",
    },
    source="test",
)
PLACES = (
    "theme=1; Max-Age=9999; Path=/; HttpOnly",
    "theme=2; Max-Age=9999; Path=/app/x",
    "theme=3; Max-Age=9999; Path=/app/x/",
    "theme=4; Max-Age=9999; Path=/app/x/page",
    "theme=5; Max-Age=9999; Path=/app; HttpOnly",
    "theme=6; Max-Age=9999; Path=/; Domain=site.test",
    "sid=7; Path=/",
    "theme; Max-Age=9999; Path=/",
)


def test_cookies_go_wherever_they_were_set(visiting: Visiting, tmp_path: Path) -> None:
    async def planted(_: Request) -> Response:
        response = PlainTextResponse("")
        for value in PLACES:
            response.headers.append("set-cookie", value)
        return response

    seen: list[str] = []

    async def page(request: Request) -> Response:
        seen.append(request.headers.get("cookie", ""))
        return PlainTextResponse("")

    routes = [Route("/app/x/page", page)]
    gated = ConsentMiddleware(
        Starlette(routes=routes), policy=POLICY, secret="s" * 32, ledger=f"sqlite:///{tmp_path}/consent.db"
    )
    before = Starlette(routes=[Route("/plant", planted)])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        # The browser asks for /favicon.ico by itself, and the answer to that would delete some of them already.
        await (gated if scope.get("path") == "/app/x/page" else before)(scope, receive, send)

    with visiting(app) as visit:
        visit.open("/plant")
        assert len(visit.context.cookies()) == len(PLACES)  # the test is live: all of them are there
        visit.open("/app/x/page")
        left = [(cookie["name"], cookie["value"]) for cookie in visit.context.cookies()]
    assert left == [("sid", "7")]
    assert seen == ["sid=7"]
