"""The whole answer, through ``httpx.ASGITransport``."""

from __future__ import annotations

import gzip
import logging
import re
import sqlite3
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute

from cookie_consent import ConfigurationError, ConsentMiddleware, ConsentRecord, Ledger, Policy, consent_of
from cookie_consent.ledger import new_record_id
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import ASGIApp
    from starlette.websockets import WebSocket

pytestmark = pytest.mark.anyio

PAGE = (
    "<!doctype html><html><head><title>Shop</title>"
    "<link rel=stylesheet href=/own.css>"
    "<script async src='https://stats.example/a.js'></script></head>"
    "<body><img src=/own.png><img src=//pixel.example/p.gif>"
    "<script>own()</script><script>acmeStats('start')</script></body></html>"
)
HTML = {"accept": "text/html"}
POLICY = parse_policy(
    {
        "version": "1",
        "services": {
            "acme": {
                "name": "Acme",
                "category": "analytics",
                "hosts": ["stats.example"],
                "inline": ["acmeStats("],
                "cookies": [{"name": "_acme", "max_age": "30d"}],
            }
        },
        "cookies": [
            {"name": "sid", "category": "session"},
            {"name": "remember", "category": "login"},
            {"name": "theme", "category": "preferences"},
            {"name": "campaign", "category": "advertising"},
        ],
    },
    source="test",
)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def page(_: Request) -> Response:
    response = HTMLResponse(PAGE, headers={"etag": '"1"', "link": "<https://stats.example/a.js>; rel=preload, </x>"})
    for name in ("sid", "remember", "theme", "_acme", "undeclared"):
        response.set_cookie(name, "v", max_age=86_400 * 400)
    response.set_cookie("sid2", "4111 1111 1111 1111".replace(" ", ""))
    return response


async def seen(request: Request) -> Response:
    consent = consent_of(request)
    return JSONResponse({"cookies": sorted(request.cookies), "granted": sorted(consent.granted)})


async def stream(_: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(PAGE), 7):
            yield PAGE[at : at + 7].encode()

    return StreamingResponse(pieces(), media_type="text/html")


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json(sorted(consent_of(websocket).granted))
    await websocket.close()


def site(ledger: str, policy: Policy = POLICY, *, compress: bool = False) -> Starlette:
    routes = [
        Route("/", page),
        Route("/seen", seen),
        Route("/stream", stream),
        Route("/text", lambda _: PlainTextResponse(PAGE)),
        Route("/xhtml", lambda _: Response(PAGE, media_type="application/xhtml+xml")),
        Route("/download", lambda _: HTMLResponse(PAGE, headers={"content-disposition": "attachment"})),
        WebSocketRoute("/socket", socket),
    ]
    app = Starlette(routes=routes)
    if compress:
        app.add_middleware(GZipMiddleware, minimum_size=1)
    app.add_middleware(ConsentMiddleware, policy=policy, secret="s" * 32, ledger=ledger)
    return app


@asynccontextmanager
async def client(app: ASGIApp, base: str = "http://shop.example") -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=base) as opened:
        yield opened


def set_cookies(response: httpx.Response) -> dict[str, str]:
    return {value.partition("=")[0]: value for value in response.headers.get_list("set-cookie")}


async def test_before_a_choice_everything_is_held_back(ledger_url: str) -> None:
    async with client(site(ledger_url)) as browser:
        response = await browser.get("/", headers=HTML)
    text = response.text
    assert (
        '<script type="text/plain" data-consent="analytics" data-consent-service="acme" async data-consent-src=' in text
    )
    assert (
        '<img data-consent="unclassified" data-consent-service="pixel.example" data-consent-src=//pixel.example/p.gif>'
        in text
    )
    assert '<script type="text/plain" data-consent="analytics" data-consent-service="acme">acmeStats' in text
    assert "<link rel=stylesheet href=/own.css>" in text
    assert "<script>own()</script>" in text
    assert 'id="consent-root"' in text
    assert text.index('id="consent-root"') < text.index("</body>")
    assert response.headers.get_list("link") == ["</x>"]
    assert response.headers["etag"].startswith('"1-cc')  # the page's own, marked with the state of consent
    assert int(response.headers["content-length"]) == len(response.content)
    assert "Cookie" in response.headers["vary"]
    cookies = set_cookies(response)
    assert set(cookies) == {"sid", "remember", "undeclared"}
    assert not any("max-age" in value.lower() or "expires" in value.lower() for value in cookies.values())


async def test_a_choice_is_kept_and_holds(ledger_url: str) -> None:
    app = site(ledger_url)
    async with client(app) as browser:
        answer = await browser.post("/_consent/choices", json={"granted": ["analytics", "login"]})
        assert answer.status_code == 200
        assert answer.json()["granted"] == ["analytics", "login", "session"]
        response = await browser.get("/", headers=HTML)
        assert "<script async src='https://stats.example/a.js'>" in response.text
        assert "<script>acmeStats('start')</script>" in response.text
        assert '<img data-consent="unclassified"' in response.text
        cookies = set_cookies(response)
        assert set(cookies) == {"sid", "remember", "undeclared", "_acme"}
        assert cookies["_acme"].endswith(f"Max-Age={30 * 86_400}")
        assert "Max-Age=34560000" in cookies["remember"]
        assert (await browser.get("/_consent/state")).json() == answer.json()
    (record,) = Ledger(ledger_url).records()
    assert record.granted == ("analytics", "login")
    assert record.refused == ("advertising", "preferences")  # what the notice offered
    assert (record.action, record.channel, record.previous) == ("given", "api", None)


async def test_withdrawal_takes_the_cookies_away(ledger_url: str) -> None:
    app = site(ledger_url)
    async with client(app, "http://www.shop.example") as browser:
        await browser.post("/_consent/choices", json={"granted": ["analytics", "login", "preferences"]})
        await browser.get("/", headers=HTML)
        answer = await browser.post("/_consent/choices", json={"granted": []})
        expired = answer.headers.get_list("set-cookie")
        for name in ("_acme", "theme", "remember"):
            for domain in ("", "; Domain=www.shop.example", "; Domain=shop.example"):
                assert f"{name}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/{domain}" in expired
        assert not any(value.startswith(("sid=", "undeclared=")) for value in expired)
    actions = [(record.action, record.previous is not None) for record in Ledger(ledger_url).records()]
    assert actions == [("given", False), ("withdrawn", True)]


async def test_refused_cookies_do_not_reach_the_application(ledger_url: str) -> None:
    async with client(site(ledger_url)) as browser:
        response = await browser.get(
            "/seen", headers={"cookie": "sid=1; _acme=2; theme=3; remember=4; other=5; _acme=6"}
        )
    assert response.json()["cookies"] == ["other", "remember", "sid"]
    assert {value.partition("=")[0] for value in response.headers.get_list("set-cookie")} == {"_acme", "theme"}


async def test_streams_are_rewritten_as_they_come(ledger_url: str) -> None:
    async with client(site(ledger_url)) as browser:
        for path in ("/stream", "/"):  # once both have loaded the undeclared host, notices name it
            await browser.get(path, headers=HTML)
        streamed = await browser.get("/stream", headers=HTML)
        whole = await browser.get("/", headers=HTML)
    strip = re.compile(r'name="return_to" value="[^"]*"|return_to=[^"]*| data-held="[^"]*"')  # cookies of one alone
    assert strip.sub("", streamed.text) == strip.sub("", whole.text)


async def test_compressed_pages_are_gated_and_stay_compressed(ledger_url: str) -> None:
    async with client(site(ledger_url, compress=True)) as browser:
        response = await browser.get("/", headers={**HTML, "accept-encoding": "br, gzip"})
        raw = b"".join([part async for part in (await _raw(browser)).aiter_raw()])
    assert response.headers["content-encoding"] == "gzip"
    assert 'id="consent-root"' in response.text
    assert "data-consent-src='https://stats.example/a.js'" in response.text
    assert b"cookie-consent" in gzip.decompress(raw)


async def _raw(browser: httpx.AsyncClient) -> httpx.Response:
    request = browser.build_request("GET", "/", headers={**HTML, "accept-encoding": "gzip"})
    return await browser.send(request, stream=True)


@pytest.mark.parametrize("path", ["/text", "/download"])
async def test_what_is_no_page_is_not_touched(ledger_url: str, path: str) -> None:
    async with client(site(ledger_url)) as browser:
        response = await browser.get(path)
    assert response.text == PAGE
    assert int(response.headers["content-length"]) == len(PAGE)


async def test_frames_are_gated_without_a_banner(ledger_url: str) -> None:
    async with client(site(ledger_url)) as browser:
        response = await browser.get("/", headers={**HTML, "sec-fetch-dest": "iframe"})
    assert "data-consent-src='https://stats.example/a.js'" in response.text
    assert "cookie-consent" not in response.text


async def test_head_has_the_headers_and_no_body(ledger_url: str) -> None:
    async with client(site(ledger_url)) as browser:
        response = await browser.head("/", headers=HTML)
    assert response.content == b""
    assert "content-length" not in response.headers
    assert "_acme" not in set_cookies(response)


async def test_below_a_mount(ledger_url: str) -> None:
    outer = Starlette(routes=[Mount("/shop", app=site(ledger_url))])
    async with client(outer) as browser:
        response = await browser.get("/shop/", headers=HTML)
        script = re.search(r'src="(/shop/_consent/assets/banner\.[0-9a-f]+\.js)"', response.text)
        assert script is not None
        asset = await browser.get(script[1])
        assert asset.status_code == 200
        assert "immutable" in asset.headers["cache-control"]
        assert (await browser.get("/shop/_consent/state")).json()["decided"] is False


async def test_websockets_carry_the_consent(ledger_url: str) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/socket",
        "headers": [],
        "scheme": "ws",
        "query_string": b"",
        "root_path": "",
    }
    await site(ledger_url)(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert sent[1]["text"] == '["session"]'


async def nothing() -> dict[str, Any]:
    return {"type": "http.request"}


@pytest.mark.parametrize("answer", ["websocket.accept", "websocket.http.response.start"])
async def test_cookies_of_a_handshake_are_gated(ledger_url: str, answer: str) -> None:
    sent: list[Any] = []
    headers = [(b"set-cookie", b"_acme=1"), (b"x", b"y"), (b"Set-Cookie", b"sid=1; Max-Age=9")]

    async def app(scope: Any, _: Any, send: Any) -> None:
        *sent_by_client, told = scope["headers"]
        assert sent_by_client == [(b"cookie", b"sid=1"), (b"host", b"shop.example")]
        assert told[0] == b"x-consent"
        await send({"type": answer, "status": 403, "headers": headers})
        await send({"type": "websocket.close"})

    async def send(message: Any) -> None:
        sent.append(message)

    asked = [(b"cookie", b"theme=1; sid=1"), (b"host", b"shop.example")]
    scope = {"type": "websocket", "path": "/s", "headers": asked, "scheme": "ws", "query_string": b"", "root_path": ""}
    await ConsentMiddleware(app, policy=POLICY, secret="s" * 32, ledger=ledger_url)(scope, nothing, send)
    assert sent[0]["headers"][:2] == [(b"x", b"y"), (b"Set-Cookie", b"sid=1")]
    assert all(value.startswith(b"theme=; Max-Age=0") for _, value in sent[0]["headers"][2:])
    assert len(sent[0]["headers"]) > 2
    assert len(headers) == 3  # the application's own list is not touched


@pytest.mark.parametrize("status", [200, 204, 302, 304, 404, 500])
async def test_cookies_are_gated_on_every_status(ledger_url: str, status: int) -> None:
    async def app(_: Any, __: Any, send: Any) -> None:
        headers = [(b"set-cookie", b"_acme=1"), (b"set-cookie", b"sid=1")]
        await send({"type": "http.response.start", "status": status, "headers": headers, "trailers": True})
        await send({"type": "http.response.body", "body": b""})

    gated = ConsentMiddleware(app, policy=POLICY, secret="s" * 32, ledger=ledger_url)
    async with client(gated) as browser:
        response = await browser.get("/")
    assert response.headers.get_list("set-cookie") == ["sid=1"]


async def test_trailers_carry_no_cookie(ledger_url: str) -> None:
    sent: list[Any] = []

    async def app(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
        await send({"type": "http.response.body", "body": b"x"})
        await send({"type": "http.response.trailers", "headers": [(b"set-cookie", b"_acme=1"), (b"x", b"y")]})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "scheme": "http", "query_string": b""}
    await ConsentMiddleware(app, policy=POLICY, secret="s" * 32, ledger=ledger_url)(scope, nothing, send)
    assert sent[-1]["headers"] == [(b"x", b"y")]


async def test_https_gets_the_host_prefix(ledger_url: str) -> None:
    async with client(site(ledger_url), "https://shop.example") as browser:
        answer = await browser.post("/_consent/choices", json={"granted": []})
        (cookie,) = answer.headers.get_list("set-cookie")
        assert cookie.startswith("__Host-cookie_consent=")
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert (await browser.get("/_consent/state")).json()["decided"] is True


async def test_gpc_refuses_sharing_until_chosen_in_sight_of_it(ledger_url: str) -> None:
    app = site(ledger_url)
    async with client(app) as browser:
        await browser.post("/_consent/choices", json={"granted": ["analytics", "advertising"]})
        signalled = {"sec-gpc": "1"}
        assert (await browser.get("/_consent/state", headers=signalled)).json()["granted"] == ["analytics", "session"]
        await browser.post("/_consent/choices", json={"granted": ["advertising"]}, headers=signalled)
        assert (await browser.get("/_consent/state", headers=signalled)).json()["granted"] == ["advertising", "session"]
        assert (await browser.get("/.well-known/gpc.json")).json()["gpc"] is True


async def test_a_form_is_answered_by_going_back(ledger_url: str) -> None:
    async with client(site(ledger_url)) as browser:
        form = {"granted": ["analytics", "social"], "service.acme": "0", "return_to": "/seen?a=1"}
        answer = await browser.post("/_consent/choices", data=form, headers=HTML)
        assert (answer.status_code, answer.headers["location"]) == (303, "/seen?a=1")
        assert (await browser.get("/_consent/state")).json()["services"] == {"acme": False}
        response = await browser.get("/", headers=HTML)
        assert "data-consent-src='https://stats.example/a.js'" in response.text


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "",
        "evil",
        "/a\r\nX: y",
    ],
)
async def test_a_form_never_leads_to_another_site(ledger_url: str, target: str) -> None:
    async with client(site(ledger_url)) as browser:
        answer = await browser.post("/_consent/choices", data={"return_to": target}, headers=HTML)
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    ("request_arguments", "status", "code"),
    [
        ({"json": {"granted": ["nonsense"]}}, 422, "unknown-category"),
        ({"json": {"granted": [], "services": {"nonsense": True}}}, 422, "unknown-service"),
        ({"json": {"granted": "analytics"}}, 400, "unreadable"),
        ({"json": ["analytics"]}, 400, "unreadable"),
        ({"json": {}}, 400, "unreadable"),  # refusing all by mistake must not be easy
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, "unreadable"),
        ({"content": b"[" * 9000, "headers": {"content-type": "application/json"}}, 400, "unreadable"),
        ({"content": b"x", "headers": {"content-type": "text/plain"}}, 415, "unsupported-media-type"),
        ({"files": {"granted": b"analytics"}}, 415, "unsupported-media-type"),
        ({"json": {"granted": [], "url": "x" * 17_000}}, 413, "too-large"),
        ({"json": {"granted": [], "channel": "phone"}}, 422, "unknown-channel"),
        ({"json": {"granted": [], "notice": "0" * 64}}, 409, "notice-changed"),
        ({"json": {"granted": []}, "headers": {"sec-fetch-site": "cross-site"}}, 403, "cross-site"),
        ({"json": {"granted": []}, "headers": {"sec-fetch-site": "same-site"}}, 403, "cross-site"),
        ({"json": {"granted": []}, "headers": {"origin": "https://evil.example"}}, 403, "cross-site"),
        ({"json": {"granted": []}, "headers": {"origin": "null"}}, 403, "cross-site"),
    ],
)
async def test_a_bad_choice_is_refused_and_nothing_is_written(
    ledger_url: str, tmp_path: Path, request_arguments: dict[str, Any], status: int, code: str
) -> None:
    async with client(site(ledger_url)) as browser:
        answer = await browser.post("/_consent/choices", **request_arguments)
        assert (answer.status_code, answer.json()["error"]) == (status, code)
        assert answer.json()["message"]
        arguments = {**request_arguments, "headers": {**request_arguments.get("headers", {}), **HTML}}
        page = await browser.post("/_consent/choices", **arguments)
        assert page.status_code == status
        assert "set-cookie" not in page.headers
    assert not (tmp_path / "consent.db").exists()


async def test_a_log_that_cannot_be_written_fails_no_page(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    app = site(f"sqlite:///{tmp_path}/file/consent.db")
    async with client(app) as browser:
        with caplog.at_level(logging.ERROR, "cookie_consent"):
            answers = [await browser.post("/_consent/choices", json={"granted": ["analytics"]}) for _ in range(3)]
        for answer in answers:
            assert (answer.status_code, answer.json()["error"]) == (503, "not-saved")
            assert "set-cookie" not in answer.headers
        readable = await browser.post("/_consent/choices", data={"granted": "analytics"}, headers=HTML)
        assert readable.status_code == 503
        assert "<html" in readable.text
        response = await browser.get("/", headers=HTML)
        assert response.status_code == 200
        assert "data-consent-src='https://stats.example/a.js'" in response.text
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1
    assert "make the directory" in caplog.text


@pytest.mark.parametrize("secret", [None, "", "short", ["s" * 32, "short"], [], b"s" * 32])
def test_a_missing_or_short_secret_is_refused(monkeypatch: pytest.MonkeyPatch, secret: Any) -> None:
    monkeypatch.delenv("CONSENT_SECRET", raising=False)
    with pytest.raises(ConfigurationError, match=r"secrets\.token_urlsafe"):
        ConsentMiddleware(Starlette(), secret=secret).check()


async def test_xhtml_is_gated_and_gets_no_banner_in_html(ledger_url: str) -> None:
    async with client(site(ledger_url)) as browser:
        response = await browser.get("/xhtml", headers=HTML)
    assert "data-consent-src='https://stats.example/a.js'" in response.text
    assert 'id="consent-root"' not in response.text


async def test_too_many_exceptions_are_refused_before_anything_is_written(ledger_url: str, tmp_path: Path) -> None:
    ids = (sha256(f"{number}".encode()).hexdigest()[:32] for number in range(1000, 1200))  # which do not compress
    services = {name: {"name": name, "category": "social"} for name in ids}
    names = dict.fromkeys(services, True)
    policy = parse_policy({"version": "1", "services": services}, source="test")
    async with client(site(ledger_url, policy)) as browser:
        answer = await browser.post("/_consent/choices", json={"granted": [], "services": names})
    assert (answer.status_code, answer.json()["error"]) == (422, "too-many-services")
    assert not (tmp_path / "consent.db").exists()


async def test_the_start_tells_of_a_log_that_cannot_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[Any] = []
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    with caplog.at_level(logging.ERROR, "cookie_consent"):
        await site(f"sqlite:///{tmp_path}/none/consent.db")({"type": "lifespan", "state": {}}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert "make the directory" in caplog.text


async def test_what_waits_is_saved_before_the_server_may_end_the_process(ledger_url: str, tmp_path: Path) -> None:
    gated = ConsentMiddleware(Starlette(), Policy(version="1"), secret="x" * 40, ledger=ledger_url)
    at = datetime.now(UTC)
    values: dict[str, Any] = {"action": "given", "granted": (), "refused": (), "channel": "api", "policy_version": "1"}
    messages = iter(["lifespan.startup", "lifespan.shutdown"])
    told = []

    async def receive() -> dict[str, str]:
        return {"type": next(messages)}

    async def send(message: Any) -> None:
        if message["type"] == "lifespan.startup.complete":
            other = sqlite3.connect(tmp_path / "consent.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            await gated.ledger.write(ConsentRecord(id=new_record_id(at), subject="s", at=at, **values))
            told.append(len(gated.ledger.waiting()))
            other.close()
        else:
            told.append(len(gated.ledger.waiting()))

    await gated({"type": "lifespan", "state": {}}, receive, send)
    assert told == [1, 0]
    assert gated.ledger.count() == 1
    gated.ledger.close()
