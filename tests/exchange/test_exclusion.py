"""Paths that are left out have nothing of this package, and what scripts bring across is loaded in full."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from cookie_consent import ConsentMiddleware, Ledger, consent_of
from cookie_consent.policy import parse_policy
from tests.asking import HTML, ask, cookie_of
from tests.running import run
from tests.test_servers import BANNER, BODY, HELD, PAGE, TAG

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

pytestmark = pytest.mark.anyio

POLICY = parse_policy(
    {"version": "1", "gate": {"exclude": ["/admin/*"]}, "banner": {"exclude": ["/kiosk/*"]}}, source="test"
)
LOADED = "turbo-visit-control"
COOKIES = {"cookie": "_ga=1; sid=2"}


class App:
    """Answers with a page, whose cookie is not agreed to, and keeps what it has seen."""

    def __init__(
        self, body: bytes = BODY, *, pieces: int = 1, reads: bool = False, content_type: str = "text/html"
    ) -> None:
        self.body = body
        self.pieces = pieces
        self.reads = reads
        self.content_type = content_type
        self.seen: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - an ASGI application
        self.seen.append(scope)
        if self.reads:
            assert not consent_of(scope).allows("analytics")
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept", "headers": [(b"set-cookie", b"_ga=1")]})
            return
        headers = [
            (b"content-type", self.content_type.encode()),
            (b"set-cookie", b"_ga=1; Max-Age=9"),
            (b"etag", b'"1"'),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        size = -(-len(self.body) // self.pieces)
        for at in range(0, len(self.body), size):
            more = at + size < len(self.body)
            await send({"type": "http.response.body", "body": self.body[at : at + size], "more_body": more})


def site(app: Any, ledger: str, **options: Any) -> ConsentMiddleware:
    return ConsentMiddleware(app, POLICY, secret="x" * 40, ledger=ledger, **options)


@pytest.mark.parametrize("path", ["/admin", "/admin/", "/admin/a/b"])
async def test_nothing_of_ours_is_on_a_path_that_is_left_out(ledger_url: str, path: str) -> None:
    app = App()
    gated = site(app, ledger_url)
    reply = await ask(gated, path, {**HTML, **COOKIES, "range": "bytes=0-", "if-none-match": '"1"'})
    assert reply.text == PAGE
    *headers, vary = reply.headers
    assert headers == [("content-type", "text/html"), ("set-cookie", "_ga=1; Max-Age=9"), ("etag", '"1"')]
    assert vary[0] == "vary"  # so that no cache brings it to a script of a gated page
    assert {"Referer", "HX-Current-URL", "Sec-Fetch-Dest", "Accept", "HX-Request"} <= {*vary[1].split(", ")}
    assert dict(app.seen[0]["headers"])[b"cookie"] == b"_ga=1; sid=2"
    assert b"range" in dict(app.seen[0]["headers"])
    assert consent_of(app.seen[0]).granted == {"session"}  # shared templates ask for it
    assert (await ask(gated, "/_consent/state", {})).status == 200


@pytest.mark.parametrize("path", ["/", "/administration", "/admin/../shop", "/Admin/"])
async def test_other_paths_are_gated(ledger_url: str, path: str) -> None:
    reply = await ask(site(App(), ledger_url), path)
    assert HELD in reply.text
    assert BANNER in reply.text
    assert reply.header("content-security-policy")


async def test_the_path_counts_as_the_router_sees_it(ledger_url: str) -> None:
    app = App()
    gated = site(app, ledger_url)
    assert (await ask(gated, "/shop/admin/", root_path="/shop")).text == PAGE
    assert HELD in (await ask(gated, "/shop/admin/")).text
    mounted = Starlette(routes=[Mount("/shop", gated)])
    assert (await ask(mounted, "/shop/admin/")).text == PAGE
    assert HELD in (await ask(mounted, "/shop/shop/admin/")).text
    assert (await ask(gated, "/admin/", raw_path=b"/%61dmin/")).text == PAGE


async def test_what_depends_on_the_consent_is_kept_from_shared_caches(ledger_url: str) -> None:
    reply = await ask(site(App(reads=True), ledger_url), "/admin/")
    assert reply.text == PAGE
    assert {"private"} <= reply.listed("cache-control")
    assert {"cookie", "sec-gpc"} <= reply.listed("vary")


async def test_handshakes_too(ledger_url: str) -> None:
    for path, kept in (("/admin/live", b"_ga=1; sid=2"), ("/live", b"sid=2")):
        app = App()
        reply = await ask(site(app, ledger_url), path, COOKIES, type="websocket")
        assert dict(app.seen[0]["headers"])[b"cookie"] == kept
        values = [value for _, value in reply.messages[0]["headers"]]
        assert (b"_ga=1" in values) is (path == "/admin/live")


async def test_error_pages_too(ledger_url: str) -> None:
    def fail(_: Request) -> Response:
        raise RuntimeError

    for path, is_gated in (("/admin/", False), ("/", True)):
        app = Starlette(debug=True)
        app.add_route("/", fail)
        app.add_route("/admin/", fail)
        app.add_middleware(ConsentMiddleware, POLICY, secret="x" * 40, ledger=ledger_url)
        reply = await ask(app, path)
        assert "Traceback" in reply.text
        assert (BANNER in reply.text) is is_gated


async def test_an_inner_one_does_not_gate_what_the_outer_leaves_out(ledger_url: str) -> None:
    inner = ConsentMiddleware(App(), parse_policy({"version": "1"}, source="test"), secret="y" * 40, ledger=ledger_url)
    assert (await ask(site(inner, ledger_url), "/admin/")).text == PAGE


@pytest.mark.parametrize("path", ["/kiosk", "/kiosk/1"])
async def test_a_path_without_the_banner_is_gated(ledger_url: str, path: str) -> None:
    gated = site(App(), ledger_url)
    for _ in range(2):  # made, and from the cache
        reply = await ask(gated, path)
        assert HELD in reply.text
        assert "/guard." in reply.text
        assert reply.header("content-security-policy")
        assert BANNER not in reply.text
        assert BANNER in (await ask(gated, "/")).text
    cookie = await cookie_of(gated, "x.test")
    assert TAG in (await ask(gated, path, {**HTML, "cookie": cookie})).text


# -- what scripts bring from one side to the other ---------------------------------------------------------------------

FROM_ADMIN = {"referer": "http://shop.example/admin/users?a=1"}
FROM_SHOP = {"referer": "http://shop.example/"}
LIBRARIES = [
    {"hx-request": "true", "hx-boosted": "true"},
    {"x-turbo-request-id": "1", "sec-fetch-dest": "empty"},
    {"x-requested-with": "swup", "sec-fetch-dest": "empty"},
    {"x-up-version": "3"},
]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize(("path", "source"), [("/a?b=%22", FROM_ADMIN), ("/admin/", FROM_SHOP)])
async def test_a_page_from_the_other_side_is_loaded_in_full(
    ledger_url: str, library: dict[str, str], pieces: int, path: str, source: dict[str, str]
) -> None:
    address, _, query = path.partition("?")
    gated = site(App(pieces=pieces), ledger_url)
    for _ in range(2):
        reply = await ask(gated, address, {**HTML, **library, **source}, query_string=query.encode())
        assert (reply.status, LOADED in reply.text) == (200, True)
        assert "x.test" not in reply.text
        assert BANNER not in reply.text
        assert reply.header("hx-redirect") == path
        assert reply.header("cache-control") == "no-store"
        assert reply.header("content-length") == str(len(reply.text))
        assert [message["type"] for message in reply.messages] == ["http.response.start", "http.response.body"]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("path", "source", "is_gated"),
    [
        ("/a", FROM_SHOP, True),
        ("/admin/", FROM_ADMIN, False),
        ("/admin/", {}, False),  # nothing tells where from
        ("/a", {}, True),
        ("/a", {"referer": "http://other.example/admin/"}, True),
        ("/a", {"referer": "http://[/admin/"}, True),
        ("/a", {"referer": "http://shop.example/administration"}, True),
        ("/a", {**FROM_ADMIN, "hx-current-url": "http://shop.example/b"}, True),  # which htmx knows better
    ],
)
async def test_other_pages_are_what_they_are(
    ledger_url: str, library: dict[str, str], path: str, source: dict[str, str], *, is_gated: bool
) -> None:
    reply = await ask(site(App(), ledger_url), path, {**HTML, **library, **source})
    assert LOADED not in reply.text
    assert (HELD in reply.text) is is_gated
    assert "referer" in reply.listed("vary")


@pytest.mark.parametrize(
    ("app", "headers", "method"),
    [
        (App(b"<p>found</p>" + TAG.encode()), LIBRARIES[0], "GET"),  # a part of a page
        (App(), LIBRARIES[0], "POST"),  # which must not be asked for again
        (App(), {"sec-fetch-dest": "empty"}, "GET"),  # a script of the site's own, which knows what it does
        (App(), {"sec-fetch-dest": "document"}, "GET"),
        (App(), {}, "GET"),
    ],
)
async def test_what_is_no_soft_navigation_is_gated(
    ledger_url: str, app: App, headers: dict[str, str], method: str
) -> None:
    reply = await ask(site(app, ledger_url), "/a", {**HTML, **headers, **FROM_ADMIN}, method=method)
    assert LOADED not in reply.text
    assert HELD in reply.text


async def test_a_part_that_a_gated_page_asks_for_is_gated_whatever_its_path(ledger_url: str) -> None:
    part = App(b"<p>found</p>" + TAG.encode())
    gated = site(part, ledger_url)
    assert HELD in (await ask(gated, "/admin/found", {**HTML, **LIBRARIES[0], **FROM_SHOP})).text
    assert HELD not in (await ask(gated, "/admin/found", {**HTML, **LIBRARIES[0], **FROM_ADMIN})).text
    answer = await ask(gated, "/admin/found", {**HTML, "sec-fetch-dest": "empty", **FROM_SHOP})
    assert HELD in answer.text


@pytest.mark.parametrize("kind", ["worker", "sharedworker", "serviceworker"])
async def test_a_worker_of_a_gated_page_has_the_policy_of_that_page(ledger_url: str, kind: str) -> None:
    gated = site(App(b"importScripts()", content_type="text/javascript"), ledger_url)
    reply = await ask(gated, "/admin/worker.js", {"sec-fetch-dest": kind, **FROM_SHOP})
    assert "default-src" in dict(reply.headers)["content-security-policy"]
    reply = await ask(gated, "/admin/worker.js", {"sec-fetch-dest": kind, **FROM_ADMIN})
    assert "content-security-policy" not in dict(reply.headers)
    assert "Referer" in dict(reply.headers)["vary"]


async def test_inertia_is_told_in_its_own_way(ledger_url: str) -> None:
    headers = {**HTML, "x-inertia": "true", "x-requested-with": "XMLHttpRequest", **FROM_ADMIN}
    reply = await ask(site(App(), ledger_url), "/a", headers)
    assert (reply.status, reply.header("x-inertia-location")) == (409, "/a")


async def test_it_leads_to_no_other_host(ledger_url: str) -> None:
    reply = await ask(site(App(), ledger_url), "//evil.example/", {**HTML, **LIBRARIES[0], **FROM_ADMIN})
    assert reply.header("hx-redirect") == "/.//evil.example/"
    hostile = '/a"><script>'
    reply = await ask(
        site(App(), ledger_url), hostile, {**HTML, **LIBRARIES[0], **FROM_ADMIN}, raw_path=hostile.encode()
    )
    assert "<script" not in reply.text


async def test_behind_a_proxy_that_replaces_the_host_the_policy_says_which(ledger_url: str) -> None:
    policy = POLICY.model_copy(update={"site": "shop.example"})
    gated = ConsentMiddleware(App(), policy, secret="x" * 40, ledger=ledger_url)
    headers = {**HTML, **LIBRARIES[0], **FROM_ADMIN, "host": "127.0.0.1:8000"}
    assert LOADED in (await ask(gated, "/a", headers)).text


def test_commands_say_what_is_left_out(tmp_path: Path) -> None:
    policy = 'version = "1"\n[gate]\nexclude = ["/admin/*", "/api/*"]\n[banner]\nexclude = ["/kiosk/*"]\n'
    (tmp_path / "consent.toml").write_text(policy)
    url = f"sqlite:///{tmp_path}/consent.db"
    Ledger(url).open()
    expected = {"gate": ["/admin/*", "/api/*"], "banner": ["/kiosk/*"]}
    for command in ("check", "report"):
        told = run(command, folder=tmp_path, CONSENT_LEDGER=url)
        assert "left out, so that nothing is held there: /admin/* /api/*\n" in told.stdout
        assert "gated, without the banner: /kiosk/*\n" in told.stdout
        assert (
            json.loads(run(command, "--format", "json", folder=tmp_path, CONSENT_LEDGER=url).stdout)["excluded"]
            == expected
        )
    (tmp_path / "consent.toml").write_text('version = "1"\n')
    assert "left out" not in run("check", folder=tmp_path).stdout
