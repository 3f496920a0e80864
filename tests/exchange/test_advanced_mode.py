"""A service in advanced mode loads before the visitor has chosen, stores nothing, and is held after a refusal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from starlette.requests import Request

pytestmark = pytest.mark.anyio

SITE = "https://shop.example"
TAG = "<script src=https://tag.acme.test/a.js></script>"
INLINE = "<script>Acme.boot(1)</script>"
OWN = "<script src=/stats/a.js></script>"
IMAGE = "<img src=https://tag.acme.test/p.gif alt>"
FRAME = "<iframe src=https://tag.acme.test/f></iframe>"
HIDDEN = "<noscript><img src=https://tag.acme.test/n.gif alt></noscript>"
HINT = "<link rel=preconnect href=https://tag.acme.test>"
RULES = '<script type=speculationrules>{"prefetch":[{"urls":["https://tag.acme.test/"]}]}</script>'
INNER = '<iframe srcdoc="<script src=https://tag.acme.test/inner.js></script>"></iframe>'
SCRIPTS = (TAG, INLINE, OWN)
OTHERS = (IMAGE, FRAME, HIDDEN, HINT, RULES, INNER)
PAGE = f"<!doctype html><html lang=en><head><title>A</title></head><body>{''.join((*SCRIPTS, *OTHERS))}</body></html>"
ACME = {
    "name": "Acme",
    "category": "advertising",  # which Global Privacy Control refuses
    "hosts": ["*.acme.test", "/stats/"],
    "inline": ["Acme.boot("],
    "cookies": [{"name": "acme_id", "max_age": "30d", "purpose": "Counts"}],
    "signals": [{"on": "default", "push": "acme", "args": ["consent"], "values": ""}],
}
MODES = {"advanced": {**ACME, "consent_mode": "advanced"}, "basic": ACME}
BROWSER = {"accept": "text/html", "sec-fetch-dest": "document", "sec-fetch-mode": "navigate", "sec-fetch-site": "none"}


async def page(request: Request) -> Response:
    kind = request.query_params.get("type", "text/html")
    own = request.query_params.get("csp")
    headers = {"etag": '"1"', **({"content-security-policy": own} if own else {})}
    if "if-none-match" in request.headers:
        return Response(status_code=304, headers=headers)
    reply = Response(request.query_params.get("body", PAGE), media_type=kind, headers=headers)
    reply.set_cookie("acme_id", "1", max_age=1000)
    return reply


async def shared(request: Request) -> Response:  # noqa: ARG001 - an endpoint
    return Response(PAGE, media_type="text/html", headers={"cache-control": "public, s-maxage=600"})


async def cookies(request: Request) -> Response:
    return JSONResponse(list(request.cookies))


def client_of(ledger: str, mode: str = "advanced", **more: Any) -> httpx.AsyncClient:
    document: dict[str, Any] = {"version": "1", "services": {"acme": MODES[mode]}, **more}
    app = Starlette(
        routes=[
            Route("/", page, methods=["GET", "POST"]),
            Route("/other", page),
            Route("/shared", shared),
            Route("/cookies", cookies),
        ]
    )
    gated = ConsentMiddleware(app, parse_policy(document, source="test"), secret="s" * 40, ledger=ledger)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=gated), base_url=SITE, headers=BROWSER)


def live(text: str) -> list[str]:
    """Return which of the page's parts are sent as they are."""
    return [part for part in (*SCRIPTS, *OTHERS) if part in text]


def is_open(reply: httpx.Response) -> tuple[bool, bool]:
    """Return whether the policy lets the browser contact the service, and whether the guard does."""
    (tag,) = re.findall(r"<script src=\"/_consent/assets/guard[^>]*>", reply.text)
    return "*.acme.test" in reply.headers["content-security-policy"], 'data-ahead="acme"' in tag


@pytest.mark.parametrize("mode", MODES)
async def test_only_its_scripts_load_before_a_choice_and_nothing_is_stored(ledger_url: str, mode: str) -> None:
    async with client_of(ledger_url, mode) as client:
        for _ in range(2):  # the second may come from the cache
            reply = await client.get("/")
            is_ahead = mode == "advanced"
            assert live(reply.text) == (list(SCRIPTS) if is_ahead else [])
            assert is_open(reply) == (is_ahead, is_ahead)
            assert not [value for value in reply.headers.get_list("set-cookie") if value.startswith("acme_id=1")]
        client.cookies.set("acme_id", "1", domain="shop.example")
        assert (await client.get("/cookies")).json() == [], "the application does not see it either"


@pytest.mark.parametrize(
    "address", ["//tag.acme.test/beta/b.js", "//tag.acme.test/x/../beta/b.js", "/stats/../beta/b.js"]
)
async def test_another_service_on_its_host_is_held(ledger_url: str, address: str) -> None:
    beta = {"name": "Beta", "category": "advertising", "hosts": ["tag.acme.test/beta/", "/beta/"]}
    async with client_of(ledger_url, services={"acme": MODES["advanced"], "beta": beta}) as client:
        body = f"<!doctype html><html><head></head><body>{TAG}<script src={address}></script></body></html>"
        reply = await client.get("/", params={"body": body})
        assert TAG in reply.text
        assert f"data-consent-src={address}" in reply.text


async def post(client: httpx.AsyncClient, **choice: Any) -> None:
    reply = await client.post("/_consent/choices", json=choice, headers={"origin": SITE})
    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("choice", "headers"),
    [
        ({"granted": []}, {}),
        ({"granted": ["analytics"]}, {}),
        ({"services": {"acme": False}}, {}),  # the service alone
        (None, {"sec-gpc": "1"}),
        (None, {"sec-fetch-dest": "iframe"}),  # which has no banner
        (None, {"method": "POST", "sec-fetch-site": "cross-site", "origin": "https://bank.test"}),  # without the choice
    ],
    ids=["all refused", "category refused", "service refused", "GPC", "frame", "unsure"],
)
async def test_it_is_held_wherever_it_may_be_refused(
    ledger_url: str, choice: dict[str, Any] | None, headers: dict[str, str]
) -> None:
    async with client_of(ledger_url) as client:
        method = headers.pop("method", "GET") if headers else "GET"
        assert live((await client.get("/")).text) == list(SCRIPTS), "what is cached is for others"
        if choice is not None:
            await post(client, **choice)
        for _ in range(2):
            reply = await client.request(method, "/", headers=headers)
            assert live(reply.text) == []
            assert is_open(reply) == (False, False)


async def test_an_earlier_opt_out_still_holds_it(ledger_url: str) -> None:
    async with client_of(ledger_url) as client:
        await post(client, granted=["advertising"])
        await client.get("/", headers={"sec-gpc": "1"})  # overrules it, and is remembered
        for name in [name for name in client.cookies if "opt" not in name]:
            client.cookies.delete(name)
        assert len(client.cookies) == 1
        reply = await client.get("/")
        assert live(reply.text) == []
        assert is_open(reply) == (False, False)


@pytest.mark.parametrize("change", ["asked again", "another secret"])
async def test_whoever_has_refused_once_is_not_taken_for_undecided(ledger_url: str, change: str) -> None:
    async with client_of(ledger_url) as client:
        await post(client, granted=[])
        (name, value), *_ = client.cookies.items()
    controller: dict[str, Any] = {"controller": {"name": "Another Ltd"}} if change == "asked again" else {}
    async with client_of(ledger_url, **controller) as client:
        client.cookies.set(name, value if controller else value[:-4] + "AAAA", domain="shop.example")
        for _ in range(2):
            reply = await client.get("/")
            assert 'data-decided="false"' in reply.text
            assert live(reply.text) == []
            assert is_open(reply) == (False, False)


async def test_what_is_agreed_to_is_not_ahead(ledger_url: str) -> None:
    async with client_of(ledger_url) as client:
        await post(client, granted=["advertising"])
        reply = await client.get("/")
        assert live(reply.text) == [*SCRIPTS, *OTHERS]
        assert is_open(reply) == (True, False)
        assert [value for value in reply.headers.get_list("set-cookie") if value.startswith("acme_id=1")]


async def test_a_document_without_the_guard_holds_it(ledger_url: str) -> None:
    drawing = '<svg xmlns="http://www.w3.org/2000/svg"><script href="https://tag.acme.test/a.js"/></svg>'
    document = f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>A</title></head><body>{TAG}</body></html>'
    document = document.replace(TAG, '<script src="https://tag.acme.test/a.js"></script>')
    async with client_of(ledger_url) as client:
        reply = await client.get("/", params={"body": drawing, "type": "image/svg+xml"})
        assert "acme.test" not in reply.headers["content-security-policy"]
        drawing = f"<?xml version='1.0'?>{drawing}"
        reply = await client.get("/", params={"body": drawing, "type": "application/xhtml+xml"})
        assert "data-consent=" in reply.text
        reply = await client.get("/", params={"body": document, "type": "application/xhtml+xml"})
        assert "data-ahead" in reply.text
        assert "data-consent=" not in reply.text


async def test_without_the_guard_s_tag_it_is_held(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> str:
        raise RuntimeError

    async with client_of(ledger_url) as client:
        assert live((await client.get("/")).text) == list(SCRIPTS)
        monkeypatch.setattr("cookie_consent.exchange.exchange.guard_tag", fail)
        assert live((await client.get("/other")).text) == []


@pytest.mark.parametrize(
    ("own", "runs"),
    [
        ("script-src https://tag.acme.test", False),
        ("script-src 'nonce-a' https:; script-src-elem https://tag.acme.test", False),
        ("script-src 'self' https://tag.acme.test", True),
        ("script-src 'nonce-a'", True),
    ],
)
async def test_where_the_site_s_policy_stops_the_guard_it_is_held(ledger_url: str, own: str, *, runs: bool) -> None:
    async with client_of(ledger_url) as client:
        for _ in range(2):
            reply = await client.get("/", params={"csp": own})
            assert live(reply.text) == (list(SCRIPTS) if runs else [])
            allowed = [value for value in reply.headers.get_list("content-security-policy") if "*.acme.test" in value]
            assert bool(allowed) == runs


async def test_a_confirmed_drawing_has_no_guard(ledger_url: str) -> None:
    query = {"type": "image/svg+xml", "body": "<svg xmlns='http://www.w3.org/2000/svg'/>", "csp": "img-src 'self'"}
    async with client_of(ledger_url) as client:
        tag = (await client.get("/", params=query)).headers["etag"]
        reply = await client.get("/", params=query, headers={"if-none-match": tag})
        assert reply.status_code == 304
        assert len(reply.headers.get_list("content-security-policy")) > 1
        assert "acme.test" not in reply.headers["content-security-policy"]


async def test_no_cache_gives_the_page_to_whoever_has_refused(ledger_url: str) -> None:
    async with client_of(ledger_url) as client:
        before = await client.get("/")
        assert {"cookie", "sec-gpc", "sec-fetch-dest"} <= set(before.headers["vary"].lower().split(", "))
        await post(client, granted=[])
        after = await client.get("/", headers={"if-none-match": before.headers.get("etag", '"x"')})
        assert after.status_code == 200
        assert live(after.text) == []


@pytest.mark.parametrize("mode", MODES)
async def test_no_shared_cache_keeps_a_page_that_is_not_the_strictest(ledger_url: str, mode: str) -> None:
    """Some ignore ``Vary``, and give visitors who have refused what was made for those who have not chosen."""
    async with client_of(ledger_url, mode) as client:
        for dest in ("document", "iframe"):
            for _ in range(2):  # the second may come from the cache
                reply = await client.get("/shared", headers={"sec-fetch-dest": dest})
                assert ("public" in reply.headers["cache-control"]) == (mode == "basic")
                assert ("private" in reply.headers["cache-control"]) == (mode == "advanced")


async def test_visitors_are_told_before_they_choose_and_in_the_declaration(ledger_url: str) -> None:
    said = "Loaded even before you choose, without cookies of this site; these services learn of your visit: Acme"
    held = ("neither loaded nor stored without it", "stays off until you agree to it", "stays off.")
    async with client_of(ledger_url) as client:
        assert said in (await client.get("/")).text
        assert said in (await client.get("/_consent/preferences")).text
        for path in ("/_consent/policy", "/_consent/policy.md"):
            text = (await client.get(path)).text
            assert said in text.replace("\\", "")
            assert not any(words in text for words in held)
        assert (await client.get("/_consent/policy.json")).json()["ahead"] == said
        wrong = await client.post("/_consent/choices", data={"granted": "x"}, headers={"origin": SITE})
        assert wrong.status_code == 422
        assert not any(words in wrong.text for words in held)
    async with client_of(ledger_url, "basic") as client:
        for path in ("/", "/_consent/preferences", "/_consent/policy", "/_consent/policy.md"):
            assert "before you choose" not in (await client.get(path)).text
        assert (await client.get("/_consent/policy.json")).json()["ahead"] is None


async def test_the_x_ray_shows_what_is_not_held(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_DEV", "1")
    async with client_of(ledger_url) as client:
        reply = await client.get("/", headers={"host": "127.0.0.1"})
        (data,) = re.findall(r"data-cookie-consent-xray>(.*?)</script>", reply.text)
        entries = httpx.Response(200, text=data).json()["entries"]
        ahead = [(entry["place"], entry["address"]) for entry in entries if "advanced" in entry["change"]]
        assert ahead == [("script", "tag.acme.test/a.js"), ("script", ""), ("script", "127.0.0.1/stats/a.js")]
