"""No input to an endpoint gives a 500, and none a false alarm about the log."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from cookie_consent import ConsentMiddleware
from cookie_consent.consent import Consent, ConsentCookie
from cookie_consent.endpoints.choice_limit import ChoiceLimit
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "t" * 32
POLICY = parse_policy(
    {
        "version": "1",
        "site": "shop.example",
        "controller": {"name": "Shop", "contact": "privacy@shop.example"},
        "services": {"maps": {"name": "Maps", "category": "preferences", "hosts": ["maps.example"]}},
    },
    source="test",
)
PATHS = (
    "choices state preferences receipt policy policy.json policy.md report assets/ assets/guard.js admin admin/export "
    "admin/stats admin/stats.csv"
).split()
HEADERS = (
    "host origin referer cookie accept accept-language accept-encoding user-agent content-type content-length "
    "authorization sec-gpc sec-fetch-site sec-fetch-dest sec-fetch-mode x-forwarded-for x-forwarded-proto "
    "x-forwarded-host forwarded if-none-match if-modified-since range"
).split()
FIELDS = "granted services return_to channel notice language url gpc service.maps service.x decided".split()
HOSTILE = (
    "http://[",
    "https://[::1",
    "//[",
    "http://[]/",
    "http://shop.example:99999999/",
    "http://shop.example:x/",
    "http://sh\u2100op.example/",  # NFKC makes a slash of it, which urlsplit refuses
    "http://shop.example\\@evil.example",
    "http://\x00/",
    "\ud800",
    "/\udfff?a=\ud83d",
    "\x00",
    "/\x00",
    "%",
    "%ff%00%zz",
    "/" * 3000,
    "é\xff",
    "\u2028",
    "\xb2",  # a digit, but no number
    "1" * 5000,
    "-1",
    "1e999",
    "NaN",
    "null",
    "..",
    "../../etc/passwd",
    "\r\nset-cookie: a=b",
    "Basic /w==",
    "Basic dDp0",
    f"Bearer {TOKEN}",
    f"bearer {TOKEN[:-1]}\xe9",
    "text/html;q=9,*/*;q=x",
    "en;q=\xb9, *;q=0",
    "same-origin",
    "https://shop.example",
    "shop.example",
    "analytics",
    "maps",
    "preferences",
    "application/json",
    "application/x-www-form-urlencoded",
    "application/csp-report",
    "application/reports+json",
    "cookie_consent=W10.x; __Host-cookie_consent=; =;;",
    "2026-01-01T99:99",
    "0001-01-01",
    "9999-12-31T23:59:59-23:59",
)
texts = st.sampled_from(HOSTILE) | st.text(max_size=40) | st.text(st.characters(categories=["Cs", "Cc"]), max_size=4)
raw = texts.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=40)
plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
optional_fields: dict[str, st.SearchStrategy[Any]] = {
    "services": st.dictionaries(st.sampled_from(["maps"]) | texts, st.booleans(), max_size=3),
    "channel": st.sampled_from(["api", "banner", "preferences"]) | texts,
    **dict.fromkeys(["return_to", "notice", "language", "url"], texts),
}
choices = st.fixed_dictionaries(
    {"granted": st.lists(st.sampled_from(["analytics", "social"]) | texts, max_size=3)},
    optional=optional_fields,
)
seen = texts | st.sampled_from(["https://shop.example/a", "https://evil.example/x", "cookie", "host", "csp-violation"])
csp_report = st.dictionaries(
    st.sampled_from("document-uri blocked-uri effective-directive violated-directive source-file".split()), seen
)
reports = (
    csp_report.map(lambda report: {"csp-report": report})
    | st.lists(
        st.fixed_dictionaries(
            {
                "type": st.just("csp-violation"),
                "body": st.dictionaries(
                    st.sampled_from("documentURL blockedURL effectiveDirective sourceFile".split()), seen
                ),
            }
        ),
        max_size=3,
    )
    | st.fixed_dictionaries(
        {
            "path": st.just("/") | seen,
            "held": st.lists(
                st.fixed_dictionaries({"kind": st.sampled_from(["cookie", "storage", "host"]) | seen, "name": seen}),
                max_size=3,
            ),
        }
    )
)


def as_form(pairs: list[tuple[str, bytes]]) -> bytes:
    return b"&".join(name.encode() + b"=" + value.replace(b"&", b"%26") for name, value in pairs)


forms = st.lists(st.tuples(st.sampled_from(FIELDS), raw | st.just(b"analytics")), max_size=6).map(as_form)
as_json = (choices | reports | plain_json).map(lambda value: json.dumps(value).encode())  # surrogates are escaped
bodies = (
    st.tuples(st.just("application/json"), as_json)
    | st.tuples(st.just("application/x-www-form-urlencoded"), forms)
    | st.tuples(st.sampled_from(["application/csp-report", "application/reports+json"]), as_json)
    | st.tuples(texts, st.binary(max_size=60))
)
QUERY_NAMES = "format choice return_to saved period table by since until subject action channel category x".split()
QUERY_VALUES = ("kantara", "json", "csv", "jsonl", "parquet", "iso27560", "dpv", "all", "30", "days", "month", "given")
queries = st.lists(
    st.tuples(st.sampled_from(QUERY_NAMES), raw | st.sampled_from(QUERY_VALUES).map(str.encode)), max_size=4
).map(as_form)
headers = st.lists(st.tuples(st.sampled_from(HEADERS).map(str.encode), raw), max_size=6)


class Alarms(logging.Handler):
    """Gathers what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(record.getMessage())


@contextmanager
def alarms() -> Iterator[list[str]]:
    handler = Alarms()
    logger = logging.getLogger("cookie_consent")
    logger.addHandler(handler)
    yield handler.found
    logger.removeHandler(handler)


def make_app(url: str, *, token: str | None = TOKEN) -> ConsentMiddleware:
    return ConsentMiddleware(Starlette(), POLICY, secret="s" * 32, ledger=url, admin_token=token)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsentMiddleware]:
    made = make_app(f"sqlite:///{tmp_path_factory.mktemp('log')}/consent.db")
    made.ledger.open()
    yield made
    made.ledger.close()


async def answer(app: ConsentMiddleware, scope: dict[str, Any], body: bytes = b"") -> tuple[int, bytes]:
    """Return the status and the body; whatever the middleware raises is raised."""
    sent: list[Any] = []
    half = len(body) // 2
    pieces: Iterator[dict[str, Any]] = iter([{"body": body[:half], "more_body": True}, {"body": body[half:]}])

    async def receive() -> dict[str, Any]:
        piece = next(pieces, None)
        if piece is None:
            await anyio.sleep_forever()  # as the export waits for the client to go away
        return {"type": "http.request", **(piece or {})}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", **scope}, receive, send)
    for name, value in sent[0]["headers"]:
        assert not set(name + value) & set(b"\r\n\0"), "a header would be split"
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def scope_of(method: str, path: str, asked: list[tuple[bytes, bytes]], query: bytes = b"") -> dict[str, Any]:
    return {
        "method": method,
        "path": path,
        "raw_path": path.encode("utf-8", "replace"),
        "query_string": query,
        "root_path": "",
        "scheme": "https",
        "headers": asked,
        "client": ("203.0.113.9", 1),
        "server": ("shop.example", 443),
    }


async def check(app: ConsentMiddleware, scope: dict[str, Any], body: bytes = b"") -> int:
    with alarms() as found:
        status, _ = await answer(app, scope, body)
    assert status < 500, (status, scope)
    assert found == []
    return status


MANY = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@MANY
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT"]),
    path=st.sampled_from(PATHS),
    tail=st.just("") | texts,
    query=queries,
    asked=headers,
    is_admin=st.booleans(),
    body=bodies,
)
def test_no_request_gives_a_500(  # noqa: PLR0917 - the parts of a request
    app: ConsentMiddleware,
    method: str,
    path: str,
    tail: str,
    query: bytes,
    asked: list[tuple[bytes, bytes]],
    is_admin: bool,  # noqa: FBT001 - as Hypothesis passes it
    body: tuple[str, bytes],
) -> None:
    app._parts.choices.limit = ChoiceLimit()
    asked = [*asked, (b"content-type", body[0].encode("utf-8", "surrogatepass"))]
    if is_admin:
        asked.append((b"authorization", f"Bearer {TOKEN}".encode()))
    anyio.run(check, app, scope_of(method, f"/_consent/{path}{tail}", asked, query), body[1])


@MANY
@given(asked=headers, body=bodies, path=st.sampled_from(["choices", "report"]))
def test_no_body_gives_a_500(
    app: ConsentMiddleware, asked: list[tuple[bytes, bytes]], body: tuple[str, bytes], path: str
) -> None:
    app._parts.choices.limit = ChoiceLimit()  # so that choices reach the log
    first = [
        (b"host", b"shop.example"),
        (b"sec-fetch-site", b"same-origin"),
        (b"content-type", body[0].encode("utf-8", "surrogatepass")),
    ]
    asked = [*first, *(header for header in asked if header[0] != b"sec-fetch-site")]
    anyio.run(check, app, scope_of("POST", f"/_consent/{path}", asked), body[1])


@MANY
@given(asked=headers, query=queries, path=st.sampled_from(["/.well-known/gpc.json", "/_consent/", "/_consent/\udc80"]))
def test_no_other_address_gives_a_500(
    app: ConsentMiddleware, asked: list[tuple[bytes, bytes]], query: bytes, path: str
) -> None:
    anyio.run(check, app, scope_of("GET", path, asked, query))


ADMIN = (b"authorization", f"Bearer {TOKEN}".encode())
JSON = (b"content-type", b"application/json")
FORM = (b"content-type", b"application/x-www-form-urlencoded")
HOST = (b"host", b"shop.example")
COOKIE = (
    b"__Host-cookie_consent="
    + ConsentCookie(["s" * 32], POLICY.cookie)
    .value(
        Consent(
            policy=POLICY,
            granted=frozenset({"session", "advertising"}),
            decided=True,
            id="9ed924a6-66ed-437c-a29e-31b6f92d3e68",
            record="01a20ccc-3efc-7000-b879-51b1c54e9fa0",
            decided_at=datetime.now(UTC),
        )
    )
    .encode()
)


ALONE = [b"", b"\xb2", b"\xff\xfe", *(text.encode("utf-8", "surrogatepass") for text in HOSTILE)]
VALID = {"granted": ["analytics"], "return_to": "/", "url": "/a", "channel": "api", "services": {"maps": True}}


@pytest.mark.parametrize("name", [*FIELDS, "service.", ""])
@pytest.mark.anyio
async def test_no_field_of_a_choice_gives_a_500(app: ConsentMiddleware, name: str) -> None:
    values: list[Any] = [*HOSTILE, "", None, True, -1, 1e300, [], ["\ud800"], {}, {"\ud800": True}, [[]], {"maps": 1}]
    for value in values:
        app._parts.choices.limit = ChoiceLimit()
        body = json.dumps({**VALID, name: value}).encode()
        await check(app, scope_of("POST", "/_consent/choices", [JSON, HOST]), body)
    for raw_value in ALONE:
        app._parts.choices.limit = ChoiceLimit()
        body = b"granted=analytics&" + as_form([(name, raw_value)])
        await check(app, scope_of("POST", "/_consent/choices", [FORM, HOST, (b"accept", b"text/html")]), body)


READ = (
    "host origin referer cookie accept accept-language user-agent content-type content-length sec-gpc sec-fetch-site "
    "x-forwarded-for x-forwarded-proto"
).split()
"""The headers that endpoints read."""


@pytest.mark.parametrize(
    ("method", "path", "query", "names"),
    [
        ("POST", "choices", b"", READ),
        ("GET", "preferences", b"", READ),
        ("GET", "receipt", b"format=kantara", ["host", "cookie", "accept"]),
        ("POST", "report", b"", ["host", "origin", "content-type", "content-length", "sec-fetch-site"]),
        ("GET", "assets/none", b"", ["accept-encoding", "referer"]),
        ("GET", "admin/stats", b"", ["authorization", "accept-language"]),
        ("GET", "none", b"", ["referer", "host", "accept-language"]),
    ],
)
@pytest.mark.anyio
async def test_no_header_gives_a_500(
    app: ConsentMiddleware, method: str, path: str, query: bytes, names: list[str]
) -> None:
    for name in names:
        for value in ALONE:
            app._parts.choices.limit = ChoiceLimit()
            usual = [JSON, HOST, ADMIN, (b"accept", b"text/html"), (b"cookie", COOKIE)]
            asked = [(name.encode(), value), *(header for header in usual if header[0] != name.encode())]
            body = b'{"granted": []}' if path == "choices" else b'{"path": "/", "held": []}'
            await check(app, scope_of(method, f"/_consent/{path}", asked, query), body)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("preferences", "return_to"),
        ("receipt", "format"),
        ("receipt", "choice"),
        ("admin/stats", "period"),
        ("admin/stats.csv", "table"),
        ("admin/stats.csv", "by"),
        ("admin/export", "format"),
        ("admin/export", "since"),
        ("admin/export", "subject"),
        ("admin/export", "category"),
    ],
)
@pytest.mark.anyio
async def test_no_query_gives_a_500(app: ConsentMiddleware, path: str, name: str) -> None:
    for value in ALONE:
        query = as_form([(name, quote(value).encode())])
        await check(app, scope_of("GET", f"/_consent/{path}", [HOST, ADMIN], query))


@pytest.mark.parametrize(
    ("path", "asked", "body", "status"),
    [
        ("/preferences", [(b"referer", b"http://[")], b"", 405),
        ("/choices", [JSON, HOST, (b"origin", b"http://[")], b'{"granted": []}', 403),
        ("/choices", [JSON, HOST, (b"host", b"[")], b'{"granted": []}', 200),
        ("/choices", [JSON, (b"host", b"[")], b'{"granted": []}', 200),
        ("/choices", [JSON, HOST], b'{"granted": [], "url": "//["}', 200),
        ("/choices", [JSON, HOST], b'{"granted": [], "url": "/\\ud800"}', 200),
        ("/choices", [JSON, HOST], b'{"granted": [], "url": "/\\u0000"}', 200),
        ("/choices", [FORM, HOST], b"return_to=/%C3%A9&services=", 303),
        ("/choices", [JSON, HOST], b'{"granted": [], "return_to": "/\\udfff", "language": "\\udfff"}', 200),
        ("/choices", [JSON, HOST, (b"accept", b"text/html")], b'{"granted": ["\\ud800"]}', 422),
        ("/choices", [JSON, HOST, (b"content-length", b"\xb2")], b'{"granted": []}', 200),
    ],
)
@pytest.mark.anyio
async def test_known_ways_to_a_500(
    app: ConsentMiddleware, path: str, asked: list[tuple[bytes, bytes]], body: bytes, status: int
) -> None:
    app._parts.choices.limit = ChoiceLimit()
    assert await check(app, scope_of("POST", f"/_consent{path}", asked), body) == status
    assert await check(app, scope_of("GET", f"/_consent{path}", asked)) < 500


@pytest.mark.parametrize(("path", "most"), [("/choices", 16 * 1024), ("/report", 128 * 1024)])
@pytest.mark.anyio
async def test_a_body_that_is_too_large_is_not_read_to_its_end(tmp_path: Path, path: str, most: int) -> None:
    read = 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1024
        return {"type": "http.request", "body": b"x" * 1024, "more_body": True}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    app = make_app(f"sqlite:///{tmp_path}/consent.db")
    await app({"type": "http", **scope_of("POST", f"/_consent{path}", [JSON, HOST])}, receive, send)
    assert sent[0]["status"] == 413
    assert most < read <= most + 2048
