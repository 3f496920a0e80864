"""What shared caches may keep: only what is for every visitor without a choice or a signal."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cookie_consent import ConsentMiddleware, Policy, consent_of
from cookie_consent.consent import Consent, is_read, tracked
from cookie_consent.exchange.cache_control import keep_private
from tests.asking import HTML, ask, cookie_of

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

pytestmark = pytest.mark.anyio

PAGE = b"<!doctype html><html><body><img src=//x.test/a></body></html>"
PUBLIC = [
    (b"Cache-Control", b"public, s-maxage=600, max-age=60"),
    (b"CDN-Cache-Control", b"max-age=600"),
    (b"Cloudflare-CDN-Cache-Control", b"max-age=600"),
    (b"Surrogate-Control", b"max-age=600"),
    (b"X-Accel-Expires", b"600"),
    (b"Edge-Control", b"max-age=600"),
    (b"Surrogate-Key", b"page"),
]
FOR_CACHES = {name.decode().lower() for name, _ in PUBLIC[1:-1]}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], "private"),
        (["public"], "private"),
        (["public, max-age=60"], "max-age=60, private"),
        (["PUBLIC,S-MaxAge=1,,Max-Age=60"], "Max-Age=60, private"),
        (["public", "s-maxage = 600", "immutable"], "immutable, private"),
        (["no-store"], "no-store, private"),
        (["no-cache, must-revalidate"], "no-cache, must-revalidate, private"),
        (['private="set-cookie, x", no-cache="a, public"'], 'no-cache="a, public", private'),
        (["private"], "private"),
        (['x="a, public'], 'x="a, private'),  # a quote that does not end
        (["", " , "], "private"),
    ],
)
def test_directives(before: list[str], after: str) -> None:
    headers = [(b"x", b"1"), *((b"cache-control", value.encode()) for value in before)]
    keep_private(headers)
    assert headers == [(b"x", b"1"), (b"cache-control", after.encode())]


@pytest.mark.parametrize(
    ("name", "stays"),
    [
        ("cdn-cache-control", False),
        ("netlify-cdn-cache-control", False),
        ("vercel-cdn-cache-control", False),
        ("surrogate-control", False),
        ("x-accel-expires", False),
        ("edge-control", False),
        ("x-litespeed-cache-control", False),
        ("surrogate-key", True),
        ("cache-tag", True),
        ("x-accel-buffering", True),
        ("expires", True),
    ],
)
def test_fields_for_caches(name: str, *, stays: bool) -> None:
    headers = [(name.encode(), b"1")]
    keep_private(headers)
    assert ((name.encode(), b"1") in headers) is stays


def site(
    ledger_url: str,
    content_type: bytes = b"text/html",
    *headers: tuple[bytes, bytes],
    status: int = 200,
    reads: str = "",
    csp: str = "enforce",
) -> ConsentMiddleware:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
        if reads == "function":
            consent_of(scope).allows("analytics")
        elif reads == "attribute":
            _ = scope["consent"].decided
        given = [(b"content-type", content_type), *PUBLIC, *headers]
        await send({"type": "http.response.start", "status": status, "headers": given})
        body = PAGE if scope["method"] == "GET" and status == 200 else b""
        await send({"type": "http.response.body", "body": body})

    policy = Policy.model_validate({"version": "1", "gate": {"csp": csp}})
    return ConsentMiddleware(app, policy, secret="x" * 40, ledger=ledger_url)


@pytest.mark.parametrize("csp", ["enforce", "off"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("state", ["undecided", "agreed", "refused", "signal"])
async def test_a_page_that_is_not_the_strictest_is_never_shared(
    ledger_url: str, state: str, method: str, csp: str
) -> None:
    gated = site(ledger_url, csp=csp)
    asked = dict(HTML)
    if state == "signal":
        asked["sec-gpc"] = "1"
    elif state != "undecided":
        asked["cookie"] = await cookie_of(gated, *(["analytics"] if state == "agreed" else []))
    for _ in range(2):  # made, and from the cache
        reply = await ask(gated, headers=asked, method=method)
        assert reply.header("surrogate-key") == "page"
        if state == "undecided":
            assert reply.listed("cache-control") == {"public", "s-maxage=600", "max-age=60"}
            assert {name for name, _ in reply.headers} >= FOR_CACHES
        else:
            assert reply.listed("cache-control") == {"private", "max-age=60"}
            assert not FOR_CACHES & {name for name, _ in reply.headers}


@pytest.mark.parametrize("status", [404, 500, 302])
async def test_whatever_the_status(ledger_url: str, status: int) -> None:
    gated = site(ledger_url, status=status)
    assert "public" in (await ask(gated)).listed("cache-control")
    assert "private" in (await ask(gated, headers={**HTML, "sec-gpc": "1"})).listed("cache-control")


@pytest.mark.parametrize(
    ("content_type", "destination", "private"),
    [
        (b"image/svg+xml", "document", True),  # governed by what is agreed to
        (b"text/javascript", "worker", True),
        (b"text/javascript", "script", False),
        (b"image/png", "image", False),
        (b"application/json", "empty", False),
        (b"text/css", "style", False),
        (b"application/json", "speculationrules", True),
    ],
)
async def test_other_types(ledger_url: str, content_type: bytes, destination: str, *, private: bool) -> None:
    asked = {"accept": "*/*", "sec-fetch-dest": destination, "sec-gpc": "1"}
    reply = await ask(site(ledger_url, content_type), headers=asked)
    assert ("private" in reply.listed("cache-control")) is private
    assert ("public" in reply.listed("cache-control")) is not private


@pytest.mark.parametrize("csp", ["enforce", "off"])
async def test_not_modified(ledger_url: str, csp: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
        is_known = dict(scope["headers"]).get(b"if-none-match") == b'"a"'
        status, kind = (304, []) if is_known else (200, [(b"content-type", b"text/html")])
        await send({"type": "http.response.start", "status": status, "headers": [*kind, (b"etag", b'"a"'), *PUBLIC]})
        await send({"type": "http.response.body", "body": b"" if is_known else PAGE})

    policy = Policy.model_validate({"version": "1", "gate": {"csp": csp}})
    gated = ConsentMiddleware(app, policy, secret="x" * 40, ledger=ledger_url)
    for signal in ({}, {"sec-gpc": "1"}):
        first = await ask(gated, headers={**HTML, **signal})
        again = await ask(gated, headers={**HTML, **signal, "if-none-match": first.header("etag") or ""})
        assert again.status == 304
        assert again.listed("cache-control") == first.listed("cache-control")
        assert again.listed("vary") >= first.listed("vary")
        assert FOR_CACHES & {name for name, _ in again.headers} == FOR_CACHES & {name for name, _ in first.headers}
    picture = {"accept": "image/*", "sec-fetch-dest": "image", "sec-gpc": "1", "if-none-match": '"a"'}
    assert "public" in (await ask(gated, headers=picture)).listed("cache-control")


@pytest.mark.parametrize("reads", ["function", "attribute"])
@pytest.mark.parametrize("content_type", [b"application/json", b"text/html", b"image/png", b"text/javascript"])
@pytest.mark.parametrize("headers", [{}, HTML, {"accept": "*/*", "cookie": "sid=1"}, {**HTML, "sec-gpc": "1"}])
@pytest.mark.parametrize("status", [200, 302, 404])
async def test_what_the_application_made_of_the_consent_is_not_shared(
    ledger_url: str, reads: str, content_type: bytes, headers: dict[str, str], status: int
) -> None:
    reply = await ask(site(ledger_url, content_type, reads=reads, status=status), headers=headers)
    assert reply.listed("cache-control") == {"private", "max-age=60"}
    assert {"cookie", "sec-gpc"} <= reply.listed("vary")
    assert not FOR_CACHES & {name for name, _ in reply.headers}


async def test_the_shortest_way_looks_whether_the_consent_was_read(ledger_url: str) -> None:
    """An answer without any header of interest passes at once, unless it depends on the consent."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
        if scope["path"] == "/reads":
            _ = scope["consent"].granted
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"public")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    gated = ConsentMiddleware(app, Policy(version="1"), secret="x" * 40, ledger=ledger_url)
    read = await ask(gated, "/reads", headers={"accept": "*/*"})
    assert (read.header("cache-control"), read.listed("vary")) == ("private", {"cookie", "sec-gpc"})
    other = await ask(gated, "/", headers={"accept": "*/*"})
    assert (other.header("cache-control"), other.header("vary")) == ("public", None)


async def test_cookies_that_were_agreed_to_are_not_shared(ledger_url: str) -> None:
    gated = site(ledger_url, b"application/json", (b"set-cookie", b"_ga=1"))
    assert "public" in (await ask(gated, headers={"accept": "*/*"})).listed("cache-control")  # nobody's
    cookie = await cookie_of(gated, "analytics")
    agreed = await ask(gated, headers={"accept": "*/*", "cookie": cookie})
    assert agreed.header("set-cookie") is not None
    assert "private" in agreed.listed("cache-control")


async def test_deletions_are_not_shared(ledger_url: str) -> None:
    reply = await ask(site(ledger_url, b"application/json"), headers={"accept": "*/*", "cookie": "_ga=1"})
    assert "_ga=;" in (reply.header("set-cookie") or "")
    assert "private" in reply.listed("cache-control")


CONSENT = Consent(policy=Policy(version="1"), granted=frozenset({"session"}), id="a")


def test_a_consent_is_read_by_its_first_attribute() -> None:
    shown = tracked(CONSENT)
    assert isinstance(shown, Consent)
    assert not is_read(shown)
    assert shown.allows("session")
    assert is_read(shown)
    assert shown.__class__ is Consent
    assert not is_read(tracked(CONSENT))  # of another request


def test_a_consent_that_is_shown_is_the_same() -> None:
    assert tracked(CONSENT) == CONSENT == tracked(CONSENT)
    assert repr(tracked(CONSENT)) == repr(CONSENT)
    assert hash(replace(tracked(CONSENT), services=())) == hash(replace(CONSENT, services=()))  # type: ignore[arg-type]
    assert copy.deepcopy(tracked(CONSENT)) == pickle.loads(pickle.dumps(tracked(CONSENT))) == CONSENT  # noqa: S301 - ours
    assert {"consent": tracked(CONSENT)}["consent"].state == CONSENT.state
    with pytest.raises(AttributeError):
        tracked(CONSENT).id = "b"  # type: ignore[misc]
