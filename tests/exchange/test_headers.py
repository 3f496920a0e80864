"""The Content-Security-Policy gate around an application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.types import ASGIApp

pytestmark = pytest.mark.anyio
CSP = "content-security-policy"
REPORT_ONLY = "content-security-policy-report-only"


def guarded(app: ASGIApp, ledger_url: str, **document: Any) -> ConsentMiddleware:
    policy = parse_policy({"version": "1", "gate": {"csp": "enforce"}, **document}, source="test")
    return ConsentMiddleware(app, policy, secret="x" * 40, ledger=ledger_url)


async def get(app: ASGIApp, path: str = "/", cookies: Any = None, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://site.test", cookies=cookies) as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.get(path, headers={"accept": "text/html", **named})


async def accept(app: ASGIApp, *granted: str, **services: bool) -> httpx.Cookies:
    """Return the cookies of a visitor who has agreed to that."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://site.test") as client:
        answer = await client.post("/_consent/choices", json={"granted": granted, "services": services})
        assert answer.status_code == 200
        return client.cookies


async def streamed(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in request.query_params["page"].partition("|"):
            yield piece.encode()

    return StreamingResponse(pieces(), media_type="text/html")


async def test_each_state_has_its_policy(ledger_url: str) -> None:
    app = guarded(HTMLResponse("<p>x"), ledger_url, services={"google-analytics": {}})
    before = await get(app)
    assert before.headers[CSP].startswith(
        "default-src 'self' http://site.test:* ws://site.test:* http://*.site.test:* "
    )
    assert "google-analytics" not in before.headers[CSP]
    assert before.headers["x-dns-prefetch-control"] == "off"
    assert {"Cookie", "Sec-GPC"} <= set(before.headers["vary"].split(", "))
    assert 'data-csp="enforce"' in before.text
    agreed = await get(app, cookies=await accept(app, "analytics"))
    assert "*.google-analytics.com:*" in agreed.headers[CSP]
    assert "youtube" not in agreed.headers[CSP]
    one = await get(app, cookies=await accept(app, youtube=True))
    assert "*.youtube.com:*" in one.headers[CSP]
    everything = ["login", "preferences", "analytics", "advertising", "social", "unclassified"]
    free = await get(app, cookies=await accept(app, *everything))
    assert "*.google-analytics.com:*" in free.headers[CSP]
    assert "youtube" not in free.headers[CSP]  # which no notice has named
    assert "Cookie" in free.headers["vary"]


async def test_report_only_and_off(ledger_url: str) -> None:
    answer = await get(guarded(HTMLResponse("<p>x"), ledger_url, gate={"csp": "report-only"}))
    assert answer.headers[REPORT_ONLY].endswith("; report-uri /_consent/report")
    assert CSP not in answer.headers
    assert "x-dns-prefetch-control" not in answer.headers
    assert 'data-csp="report-only"' in answer.text
    app = Response("<svg/>", media_type="image/svg+xml", headers={"etag": '"a"'})
    answer = await get(guarded(app, ledger_url, gate={"csp": "off"}))
    assert not {CSP, REPORT_ONLY, "vary"} & set(answer.headers)
    assert answer.headers["etag"] == '"a"'


async def test_the_sites_own_policies_stay(ledger_url: str) -> None:
    own = {CSP: "default-src *", REPORT_ONLY: "img-src 'none'", "reporting-endpoints": 'a="/b"'}
    answer = await get(guarded(HTMLResponse("<p>x", headers=own), ledger_url))
    values = answer.headers.get_list(CSP)
    assert values[0] == "default-src *"
    assert len(values) == 2
    assert answer.headers.get_list(REPORT_ONLY) == ["img-src 'none'"]
    assert answer.headers["reporting-endpoints"] == 'a="/b"'


@pytest.mark.parametrize("status", [200, 404, 500])
@pytest.mark.parametrize(
    ("content_type", "headers", "governed"),
    [
        ("text/html", {}, True),
        ("text/html", {"content-encoding": "compress"}, True),  # cannot be rewritten; this is what still holds it
        ("application/xhtml+xml", {}, True),
        ("image/svg+xml", {}, True),
        ("text/javascript", {}, True),
        ("", {}, True),
        ("application/json", {}, False),
        ("text/html", {"content-disposition": "attachment"}, False),
    ],
)
async def test_which_answers(
    ledger_url: str, content_type: str, headers: dict[str, str], status: int, *, governed: bool
) -> None:
    headers = {**headers, **({"content-type": content_type} if content_type else {})}
    app = Response(b"<svg>", status, headers, None if content_type else "")
    assert (CSP in (await get(guarded(app, ledger_url))).headers) is governed


async def test_a_script_is_governed_as_a_worker_and_kept_apart_from_it(ledger_url: str) -> None:
    headers = {"etag": '"v1"', "last-modified": "Tue, 24 Nov 2026 00:00:00 GMT"}
    app = guarded(Response("1", media_type="text/javascript", headers=headers), ledger_url)
    script = await get(app, sec_fetch_dest="script")
    assert CSP not in script.headers
    assert script.headers["vary"] == "Sec-Fetch-Dest"
    assert script.headers["etag"] == '"v1"'
    worker = await get(app, sec_fetch_dest="worker")
    assert worker.headers[CSP]
    assert {"Cookie", "Sec-Fetch-Dest"} <= set(worker.headers["vary"].split(", "))
    assert worker.headers["etag"].startswith('"v1-cc')
    assert "last-modified" not in worker.headers
    agreed = await get(app, sec_fetch_dest="worker", cookies=await accept(app, "analytics"))
    assert agreed.headers["etag"] != worker.headers["etag"]


async def test_not_modified(ledger_url: str) -> None:
    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") != '"v1"':
            return Response("1", media_type="text/javascript", headers={"etag": '"v1"'})
        own = {CSP: "img-src a"} if "x-own" in request.headers else {}
        return Response(status_code=304, headers={"etag": '"v1"', **own})

    app = guarded(Starlette(routes=[Route("/", answer)]), ledger_url, services={"google-analytics": {}})
    first = await get(app, sec_fetch_dest="worker", if_modified_since="Tue, 24 Nov 2026 00:00:00 GMT")
    tag = first.headers["etag"]
    again = await get(app, sec_fetch_dest="worker", if_none_match=tag)
    assert again.status_code == 304
    assert CSP not in again.headers  # the stored one stays, with the site's own
    assert {"Cookie", "Sec-Fetch-Dest"} <= set(again.headers["vary"].split(", "))
    own = await get(app, x_own="1", sec_fetch_dest="worker", if_none_match=tag)
    assert own.headers.get_list(CSP) == ["img-src a", first.headers[CSP]]  # or the site's would take its place
    changed = await get(app, sec_fetch_dest="worker", if_none_match=tag, cookies=await accept(app, "analytics"))
    assert changed.status_code == 200
    assert "google-analytics" in changed.headers[CSP]
    plain = await get(app, accept="*/*", x_own="1", sec_fetch_dest="image", if_none_match='"v1"')
    assert plain.headers.get_list(CSP) == ["img-src a"]


@pytest.mark.parametrize("html", [True, False])
async def test_unknown_hosts_of_a_page_are_allowed_with_it(ledger_url: str, *, html: bool) -> None:
    app = guarded(
        HTMLResponse("<img src=//met.test/a><img src=//bat.bing.com/>"),
        ledger_url,
        unknown_hosts="allow",
        gate={"csp": "enforce", "html": html},
    )
    for _ in range(2):  # made, and from the cache
        answer = await get(app)
        assert "met.test:*" in answer.headers[CSP]
        assert "bat.bing.com" not in answer.headers[CSP]


async def test_a_page_that_is_streamed_is_held_from_its_first_piece_on(ledger_url: str) -> None:
    app = guarded(Starlette(routes=[Route("/", streamed)]), ledger_url, unknown_hosts="allow")
    answer = await get(app, "/?page=<img src=//first.test/a>|<img src=//second.test/a>")
    assert "first.test:*" in answer.headers[CSP]
    assert "second.test:*" not in answer.headers[CSP]
    assert "second.test:*" in (await get(app, "/?page=x|y")).headers[CSP]
    amp = guarded(Starlette(routes=[Route("/", streamed)]), ledger_url, gate={"amp": True})
    assert CSP not in (await get(amp, "/?page=<html amp>|<p>")).headers


async def test_an_amp_page_is_left_alone(ledger_url: str) -> None:
    app = guarded(HTMLResponse("<!doctype html><html amp><p>"), ledger_url, gate={"amp": True})
    for _ in range(2):
        assert CSP not in (await get(app)).headers


PAGE = "<!doctype html><head>{meta}</head><iframe src=https://www.youtube.com/embed/x></iframe><p>"


@pytest.mark.parametrize("gate", ["enforce", "off"])
@pytest.mark.parametrize("in_meta", [True, False])
async def test_our_elements_run_under_a_strict_policy(ledger_url: str, gate: str, *, in_meta: bool) -> None:
    strict = "script-src 'nonce-s1' 'strict-dynamic'; style-src 'nonce-c1'"
    meta = f'<meta http-equiv="Content-Security-Policy" content="{strict}">' if in_meta else ""
    page = HTMLResponse(PAGE.format(meta=meta), headers={} if in_meta else {CSP: strict})
    text = (await get(guarded(page, ledger_url, gate={"csp": gate}))).text
    assert '<script nonce="s1" src="/_consent/assets/banner.' in text
    assert '<link nonce="c1" rel="stylesheet" href="/_consent/assets/banner.' in text
    assert "&lt;link nonce=&quot;c1&quot;" in text or "<link nonce=&quot;c1&quot;" in text  # in the placeholder


async def test_a_page_is_not_kept_with_another_nonce(ledger_url: str) -> None:
    count = 0

    async def answer(_: Request) -> Response:
        nonlocal count
        count += 1
        return HTMLResponse("<p>same", headers={CSP: f"script-src 'nonce-n{count}'"})

    app = guarded(Starlette(routes=[Route("/", answer)]), ledger_url)
    for number in (1, 2):
        assert f'nonce="n{number}"' in (await get(app)).text


async def test_speculation_rules_are_gated(ledger_url: str) -> None:
    value = '"/own.json", "https://x.test/a.json";p=1, "//y.test/\\"b"'
    answer = await get(guarded(HTMLResponse("<p>", headers={"speculation-rules": value}), ledger_url))
    assert answer.headers["speculation-rules"] == '"/own.json"'
    for wrong in ("/a.json", '"a" "b"', '"a'):
        answer = await get(guarded(HTMLResponse("<p>", headers={"speculation-rules": wrong}), ledger_url))
        assert "speculation-rules" not in answer.headers


async def test_what_has_no_room_is_told_at_the_start(ledger_url: str, caplog: pytest.LogCaptureFixture) -> None:
    hosts = [f"host{number}.{'x' * 30}.example" for number in range(300)]
    services = {"many": {"name": "Many", "category": "analytics", "hosts": hosts}}
    guarded(HTMLResponse("<p>"), ledger_url, services=services)
    assert "has no room for" in caplog.text
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    caplog.clear()
    guarded(HTMLResponse("<p>"), ledger_url, services={"google-ads": {}, "google-maps": {}, "lead-forensics": {}})
    assert "hosts of known services" in caplog.text
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    caplog.clear()
    guarded(HTMLResponse("<p>"), ledger_url)
    assert not caplog.records
