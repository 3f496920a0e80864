"""The response around a page: codings, character sets, validators, and answers that lie about what they are."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any

import brotli
import httpx
import pytest
from backports import zstd
from starlette.responses import Response

from cookie_consent import ConsentMiddleware, Policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("markup_cache")]

PAGE = "<!doctype html><title>Sœur</title><p>日本<img src=//x.test/a>" + "<p>more</p>" * 500
HTML = {"accept": "text/html", "accept-encoding": "gzip, deflate, br, zstd"}


class Answer:
    """An application that answers with what it was given, in pieces."""

    def __init__(self, body: bytes, *headers: tuple[str, str], status: int = 200, piece: int = 1000) -> None:
        self.body = body
        self.headers = [(name.encode(), value.encode()) for name, value in headers]
        self.status = status
        self.piece = piece
        self.seen: dict[str, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        self.seen = {name.decode(): value.decode() for name, value in scope["headers"]}
        tags = dict(self.headers)
        matches = b"etag" in tags and tags[b"etag"].decode() in self.seen.get("if-none-match", "")
        status = 304 if matches else self.status
        await send({"type": "http.response.start", "status": status, "headers": self.headers})
        pieces = (
            [self.body[at : at + self.piece] for at in range(0, len(self.body), self.piece)] if status == 200 else []
        )
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def get(
    app: ASGIApp,
    ledger_url: str,
    headers: dict[str, str] | None = None,
    cookies: Any = None,
    method: str = "GET",
    *,
    policy: Policy | None = None,
    raw: bool = False,
) -> httpx.Response:
    gated = ConsentMiddleware(app, policy or Policy(version="1"), secret="x" * 40, ledger=ledger_url)
    transport = httpx.ASGITransport(app=gated)
    async with httpx.AsyncClient(transport=transport, base_url="http://site.test", cookies=cookies) as client:
        asked = client.build_request(method, "/", headers={**HTML, **(headers or {})})
        response = await client.send(asked, stream=raw)
        if raw:
            response.extensions["raw"] = b"".join([piece async for piece in response.aiter_raw()])
        return response


CODINGS: list[tuple[str, Callable[[bytes], bytes], Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress, gzip.decompress),
    ("deflate", zlib.compress, zlib.decompress),
    ("br", brotli.compress, brotli.decompress),
    ("zstd", zstd.compress, zstd.decompress),
]


@pytest.mark.parametrize(("name", "compress", "decompress"), CODINGS)
@pytest.mark.parametrize("piece", [1, 100_000])
async def test_codings(
    ledger_url: str,
    name: str,
    compress: Callable[[bytes], bytes],
    decompress: Callable[[bytes], bytes],
    piece: int,
) -> None:
    app = Answer(compress(PAGE.encode()), ("content-type", "text/html"), ("content-encoding", name), piece=piece)
    gated = ConsentMiddleware(app, Policy(version="1"), secret="x" * 40, ledger=ledger_url)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    headers = [(key.encode(), value.encode()) for key, value in HTML.items()]
    await gated({"type": "http", "method": "GET", "path": "/", "headers": headers, "query_string": b""}, receive, send)
    assert app.seen["accept-encoding"] == "gzip, deflate, br, zstd"
    assert (b"content-encoding", name.encode()) in sent[0]["headers"]
    text = decompress(b"".join(message["body"] for message in sent[1:])).decode()
    assert "data-consent-src=//x.test/a" in text
    assert "日本" in text
    assert 'id="consent-root"' in text


@pytest.mark.parametrize("name", ["gzip", "br", "zstd"])
async def test_a_broken_coding_ends_the_page_and_opens_no_gate(
    ledger_url: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = Answer(b"<img src=//x.test/a>" * 50, ("content-type", "text/html"), ("content-encoding", name))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cookie_consent.logs._logged", set())
        response = await get(app, ledger_url)
    assert "//x.test" not in response.text
    assert "Content-Encoding" in caplog.text


DCB = b"\xffDCB" + bytes(32) + b"abc"
"""Data in Dictionary-Compressed Brotli (RFC 9842, section 4), which browsers alone can read."""


@pytest.mark.parametrize("piece", [1, 100_000])
@pytest.mark.parametrize("named", ["dcb", "DCB", "none, dcb"])
async def test_an_unreadable_coding_passes_and_is_logged(
    ledger_url: str, caplog: pytest.LogCaptureFixture, named: str, piece: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cookie_consent.logs._logged", set())
        app = Answer(DCB, ("content-type", "text/html"), ("content-encoding", named), piece=piece)
        response = await get(app, ledger_url)
    assert response.content == DCB
    assert response.headers["content-encoding"] == "dcb"  # a name that no browser knows would have it taken for plain
    assert "default-src" in response.headers["content-security-policy"]
    assert "cannot be read" in caplog.text


async def test_a_coding_without_its_extra_is_never_taken_for_plain(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extras are not installed everywhere."""
    monkeypatch.setattr("cookie_consent.exchange.content_encoding.READABLE", frozenset({"gzip", "deflate"}))
    for name, compress in (("br", brotli.compress), ("zstd", zstd.compress)):
        body = compress(PAGE.encode())
        response = await get(
            Answer(body, ("content-type", "text/html"), ("content-encoding", name)), ledger_url, raw=True
        )
        assert response.extensions["raw"] == body
        assert response.headers["content-encoding"] == name
        assert "content-security-policy" in response.headers


@pytest.mark.parametrize(
    "named",
    ["none", "utf-8", "identity", "binary", "8bit", "aws-chunked", "compress", "x-deflate", "", "dcb", "gzip, none"],
)
@pytest.mark.parametrize("piece", [1, 100_000])
async def test_what_is_no_coding_is_plain(ledger_url: str, named: str, piece: int) -> None:
    """Chromium takes all of these bodies as they are."""
    app = Answer(PAGE.encode(), ("content-type", "text/html"), ("content-encoding", named), piece=piece)
    response = await get(app, ledger_url)
    assert "data-consent-src=//x.test/a" in response.text
    assert "content-encoding" not in response.headers


@pytest.mark.parametrize(
    ("lines", "body", "sent"),
    [
        (["gzip, none"], gzip.compress(PAGE.encode()), "gzip"),
        (["none", "gzip"], gzip.compress(PAGE.encode()), "gzip"),
        (["gzip, identity"], gzip.compress(PAGE.encode()), "gzip"),
        (["gzip,"], gzip.compress(PAGE.encode()), "gzip"),
        (["gzip;q=1"], gzip.compress(PAGE.encode()), "gzip"),
        (["GZip"], gzip.compress(PAGE.encode()), "GZip"),
        (["X-GZIP"], gzip.compress(PAGE.encode()), "X-GZIP"),
        (["deflate", "gzip"], gzip.compress(zlib.compress(PAGE.encode())), "gzip"),
        (["gzip, br"], brotli.compress(gzip.compress(PAGE.encode())), "br"),
        (["deflate"], zlib.compress(PAGE.encode(), wbits=-15), "deflate"),  # as browsers take it, without the frame
    ],
)
@pytest.mark.parametrize("piece", [1, 100_000])
async def test_lists_of_codings(ledger_url: str, lines: list[str], body: bytes, sent: str, piece: int) -> None:
    codings = [("content-encoding", line) for line in lines]
    response = await get(Answer(body, ("content-type", "text/html"), *codings, piece=piece), ledger_url)
    assert response.headers.get_list("content-encoding") == [sent]
    content = gzip.decompress(response.content) if sent == "X-GZIP" else response.content  # which httpx does not know
    assert b"data-consent-src=//x.test/a" in content
    assert b'id="consent-root"' in content


@pytest.mark.parametrize(("name", "compress", "_"), CODINGS)
async def test_a_page_that_breaks_off_is_shown_as_far_as_it_goes(
    ledger_url: str, name: str, compress: Callable[[bytes], bytes], _: object
) -> None:
    body = compress(PAGE.encode())
    broken = body[: len(body) // 2] + b"\0" * 20
    response = await get(Answer(broken, ("content-type", "text/html"), ("content-encoding", name)), ledger_url)
    assert response.status_code == 200
    assert "<img src" not in response.text


@pytest.mark.parametrize(
    ("encoding", "content_type"),
    [
        ("utf-16-le", "text/html; charset=utf-16le"),
        ("utf-16-be", "text/html; charset=UTF-16BE"),
        ("utf-16", "text/html"),  # the byte order mark tells
        ("utf-16", "text/html; charset=utf-8"),  # and outweighs the header
        ("iso2022_jp", "text/html; charset=iso-2022-jp"),
        ("shift_jis", "text/html; charset=shift_jis"),
        ("gb18030", "text/html; charset=gb18030"),
        ("euc-jp", "text/html; charset=euc-jp"),
    ],
)
@pytest.mark.parametrize("piece", [1, 7, 100_000])
async def test_character_sets(ledger_url: str, encoding: str, content_type: str, piece: int) -> None:
    page = PAGE.replace("œ", "o")
    response = await get(Answer(page.encode(encoding), ("content-type", content_type), piece=piece), ledger_url)
    if encoding.startswith("utf-16"):
        assert response.headers["content-type"] == "text/html; charset=utf-8"  # what it is sent in
        encoding = "utf-8"
    text = response.content.decode(encoding)
    assert "data-consent-src=//x.test/a" in text
    assert "日本" in text
    assert 'id="consent-root"' in text
    assert "<img src" not in text


async def test_iso_2022_jp_by_meta(ledger_url: str) -> None:
    page = "<meta charset=ISO-2022-JP><p>日<img src=//x.test/a>"
    response = await get(Answer(page.encode("iso2022_jp"), ("content-type", "text/html")), ledger_url)
    assert "日<img data-consent" in response.content.decode("iso2022_jp")


async def test_validators(ledger_url: str) -> None:
    app = Answer(PAGE.encode(), ("content-type", "text/html"), ("etag", '"v1"'), ("last-modified", "x"))
    first = await get(app, ledger_url)
    etag = first.headers["etag"]
    assert etag != '"v1"'
    assert "last-modified" not in first.headers
    again = await get(app, ledger_url, {"if-none-match": etag, "if-modified-since": "x"})
    assert app.seen["if-none-match"] == '"v1"'
    assert "if-modified-since" not in app.seen
    assert (again.status_code, again.headers["etag"]) == (304, etag)
    # A page of another consent, or of before the gate, is never brought back.
    for other in (etag.replace("-cc", "-cc0")[:-2] + '"', '"v1"'):
        assert (await get(app, ledger_url, {"if-none-match": other})).status_code == 200
    assert (await get(app, ledger_url, {"if-none-match": etag, "sec-gpc": "1"})).status_code == 200


async def test_validators_of_other_things_stay(ledger_url: str) -> None:
    app = Answer(b"{}", ("content-type", "application/json"), ("etag", '"v1"'))
    response = await get(app, ledger_url, {"accept": "*/*", "if-none-match": '"v1"'})
    assert (response.status_code, response.headers["etag"]) == (304, '"v1"')


@pytest.mark.parametrize("content_type", [None, "", "unknown/unknown", "*/*", "nonsense"])
@pytest.mark.parametrize("piece", [1, 100_000])
async def test_what_browsers_take_for_html_is_gated(ledger_url: str, content_type: str | None, piece: int) -> None:
    headers = [("content-type", content_type)] if content_type is not None else []
    response = await get(Answer(PAGE.encode(), *headers, piece=piece), ledger_url)
    assert "data-consent-src=//x.test/a" in response.text
    coded = Answer(gzip.compress(PAGE.encode()), *headers, ("content-encoding", "gzip"), piece=piece)
    assert "data-consent-src=//x.test/a" in (await get(coded, ledger_url)).text


async def test_the_last_of_several_types_counts(ledger_url: str) -> None:
    """Also where an earlier line has it too."""
    lines = [("content-type", line) for line in ("text/html", "text/plain", "text/html")]
    response = await get(Answer(PAGE.encode(), *lines), ledger_url)
    assert "data-consent-src=//x.test/a" in response.text


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"\x89PNG <img src=//x.test/a>", []),
        (PAGE.encode(), [("x-content-type-options", "nosniff")]),
        (PAGE.encode(), [("content-type", "text/html"), ("content-type", "text/plain")]),
        (PAGE.encode(), [("content-type", "text/html, text/plain")]),
        (b"event: a\n\n" + PAGE.encode(), [("content-type", "text/event-stream charset=utf-8")]),
        (PAGE.encode(), [("content-type", "text/plain")]),
        (PAGE.encode(), [("content-type", "text/event-stream")]),
        (PAGE.encode(), [("content-type", "text/html"), ("content-disposition", 'attachment; filename="a.html"')]),
        (PAGE.encode(), [("content-type", "text/html"), *[("content-disposition", " ATTACHMENT\t;a")] * 2]),
        (b"", []),
    ],
)
async def test_what_is_no_page_passes_byte_for_byte(
    ledger_url: str, body: bytes, headers: list[tuple[str, str]]
) -> None:
    assert (await get(Answer(body, *headers), ledger_url)).content == body


@pytest.mark.parametrize(
    "lines",
    [
        ["attachment filename=a.html"],  # which Chromium shows
        ["attachment/a"],
        ["attachment=a"],
        ['"attachment"'],
        ["inline; attachment"],
        ["attachments"],
        ["inline", "attachment"],
        ["attachment", "inline"],
    ],
)
async def test_what_some_browser_may_show_is_no_download(ledger_url: str, lines: list[str]) -> None:
    headers = [("content-disposition", line) for line in lines]
    response = await get(Answer(PAGE.encode(), ("content-type", "text/html"), *headers), ledger_url)
    assert "data-consent-src=//x.test/a" in response.text


async def test_head_has_no_body(ledger_url: str) -> None:
    assert (await get(Answer(b"", ("content-type", "text/html")), ledger_url, method="HEAD")).content == b""


@pytest.mark.parametrize("status", [201, 401, 404, 410, 500, 503])
async def test_error_pages_are_gated(ledger_url: str, status: int) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(PAGE, status_code=status, media_type="text/html")(scope, receive, send)

    response = await get(app, ledger_url)
    assert response.status_code == status
    assert "data-consent-src=//x.test/a" in response.text
    assert 'id="consent-root"' in response.text


async def test_what_tells_of_the_body_before_is_dropped(ledger_url: str) -> None:
    told = ("last-modified", "accept-ranges", "content-md5", "digest", "repr-digest", "content-digest")
    page = Answer(PAGE.encode(), ("content-type", "text/html"), *((name, "x") for name in told))
    assert not set(told) & set((await get(page, ledger_url)).headers)
    picture = Answer(b"x", ("content-type", "image/png"), *((name, "x") for name in told))
    assert set(told) <= set((await get(picture, ledger_url)).headers)


async def test_no_part_of_a_page_is_asked_for(ledger_url: str) -> None:
    """A range would be one of the page before the gate."""
    app = Answer(PAGE.encode(), ("content-type", "text/html"), ("etag", '"v1"'))
    etag = (await get(app, ledger_url)).headers["etag"]
    asked = {"range": "bytes=5-", "if-range": etag, "if-modified-since": "x"}
    await get(app, ledger_url, asked)
    assert not set(asked) & set(app.seen)
    film = Answer(b"x", ("content-type", "video/mp4"), status=206)
    response = await get(film, ledger_url, {**asked, "accept": "*/*"})
    assert film.seen["range"] == "bytes=5-"
    assert response.status_code == 206


async def test_a_part_that_nobody_asked_for_is_a_page(ledger_url: str) -> None:
    """Browsers show it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = {"content-range": f"bytes 0-{len(PAGE) - 1}/{len(PAGE)}"}
        await Response(PAGE, status_code=206, media_type="text/html", headers=headers)(scope, receive, send)

    response = await get(app, ledger_url)
    assert response.status_code == 200
    assert "data-consent-src=//x.test/a" in response.text
    assert "content-range" not in response.headers
    scripted = {"accept": "*/*", "sec-fetch-dest": "empty"}
    assert "data-consent-src=//x.test/a" in (await get(app, ledger_url, scripted)).text
    response = await get(app, ledger_url, {**scripted, "range": "bytes=0-"})  # a script may ask for one
    assert response.status_code == 206
    assert response.text == PAGE


async def test_nothing_gets_past_the_rewriter(ledger_url: str) -> None:
    """Neither by what a server can send by itself nor before the response starts."""
    offered: dict[str, Any] = {}
    sent: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        offered.update(scope["extensions"])
        hint = {"type": "http.response.early_hint", "links": [b"<//x.test/a>; rel=preload"]}
        await send(hint)
        await send({"type": "http.response.push", "path": "/a", "headers": []})
        await Response(PAGE, media_type="text/html")(scope, receive, send)

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    extensions: dict[str, Any] = {
        f"http.response.{name}": {} for name in ("pathsend", "zerocopysend", "push", "early_hint", "trailers", "debug")
    }
    gated = ConsentMiddleware(app, Policy(version="1"), secret="x" * 40, ledger=ledger_url)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "extensions": dict(extensions)}
    await gated(scope, receive, send)
    hidden = {"http.response.pathsend", "http.response.zerocopysend", "http.response.push"}
    assert set(offered) == set(extensions) - hidden
    assert scope["extensions"] == extensions  # the server's own stays
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert b"data-consent-src=//x.test/a" in sent[1]["body"]


AMP = Policy.model_validate({"version": "1", "gate": {"amp": True}})


@pytest.mark.parametrize("root", ["<html amp lang=en>", "<HTML \u26a1>", "<!-- a --> <html amp=''>"])
async def test_amp_pages_are_left_alone_where_the_policy_says_so(ledger_url: str, root: str) -> None:
    page = f"<!doctype html>{root}<script async src=https://cdn.ampproject.org/v0.js></script>".encode()
    app = Answer(page, ("content-type", "text/html; charset=utf-8"))
    response = await get(app, ledger_url, policy=AMP)
    assert response.content == page
    assert "content-security-policy" not in response.headers
    assert b"data-consent-src=https://cdn" in (await get(app, ledger_url)).content


@pytest.mark.parametrize(
    "beginning",
    [
        "<html><html amp>",  # its attributes are merged into the root, and too late
        "<html><head></head><body><p>a<html amp style='a:url(/x)'>",
        "<p><html amp>",  # the root has begun with the paragraph
        "a<html amp>",
        "</p></br><html amp>",
        "<head><html amp>",
        "<svg><html amp style='fill:url(#x)'></svg>",
        "<template><html amp></template>",
        "<noscript><html amp></noscript>",
        "<select><html amp></select>",
        '<iframe srcdoc="<html amp>"></iframe>',
        "<html data-a=' amp '>",
        "<html -amp>",
        "<htmlx amp>",
    ],
)
async def test_nothing_but_the_root_element_makes_a_page_amp(ledger_url: str, beginning: str) -> None:
    app = Answer(f"<!doctype html>{beginning}<img src=//x.test/a>".encode(), ("content-type", "text/html"))
    response = await get(app, ledger_url, policy=AMP)
    assert "data-consent-src=//x.test/a" in response.text
    assert "content-security-policy" in response.headers


async def test_no_frame_is_amp(ledger_url: str) -> None:
    page = b'<!doctype html><iframe srcdoc="<html amp><img src=//x.test/a>"></iframe>'
    response = await get(Answer(page, ("content-type", "text/html")), ledger_url, policy=AMP)
    assert "data-consent-src=//x.test/a" in response.text


async def test_a_page_of_frames_gets_no_banner(ledger_url: str) -> None:
    page = b"<html><frameset cols=50%><frame src=//x.test/a></frameset></html>"
    response = await get(Answer(page, ("content-type", "text/html")), ledger_url)
    assert b"data-consent-src=//x.test/a" in response.content
    assert b"cookie-consent" not in response.content


async def test_elements_that_end_at_once_in_xhtml(ledger_url: str) -> None:
    page = b"<html xmlns='http://www.w3.org/1999/xhtml'><script src='/a.js'/><title/><img src='//x.test/a'/></html>"
    response = await get(Answer(page, ("content-type", "application/xhtml+xml")), ledger_url)
    assert b"data-consent-src='//x.test/a'" in response.content


async def test_names_of_headers_may_have_capitals(ledger_url: str) -> None:
    """ASGI wants them in lower case; a browser does not care."""
    headers = [
        ("Content-Type", "text/html"),
        ("Link", "<//x.test/a>; rel=preload, </b>; rel=preload"),
        ("Content-Length", "20"),
        ("ETag", '"a"'),
        ("Vary", "Origin"),
    ]
    response = await get(Answer(b"<img src=//x.test/a>", *headers), ledger_url)
    assert response.headers.get_list("link") == ["</b>; rel=preload"]
    assert response.headers.get_list("content-length") in ([], [str(len(response.content))])
    assert response.headers.get_list("etag") != ['"a"']
    assert response.headers["vary"].startswith("Origin, Cookie")


async def test_codings_on_several_lines_are_one_list(ledger_url: str) -> None:
    page = gzip.compress(gzip.compress(PAGE.encode()))
    codings = [("content-encoding", "gzip"), ("content-encoding", "gzip")]
    response = await get(Answer(page, ("content-type", "text/html"), *codings), ledger_url)
    assert "data-consent-src=//x.test/a" in response.text
    assert response.headers.get_list("content-encoding") == ["gzip"]


async def test_the_headers_of_an_application_are_not_changed(ledger_url: str) -> None:
    app = Answer(b"<p>a", ("content-type", "text/html"), ("set-cookie", "_ga=1"), ("vary", "Origin"))
    before = list(app.headers)
    await get(app, ledger_url)
    await get(app, ledger_url)
    assert app.headers == before


@pytest.mark.parametrize(
    ("types", "sent"),
    [
        (["text/html foo"], ["text/html"]),
        (["text/html charset=utf-8"], ["text/html"]),
        (["text/html,"], ["text/html"]),
        (["text/html (c)"], ["text/html"]),
        (["text/html", "*/*"], ["text/html"]),
        (["text/plain", "text/html; charset=gbk"], ["text/plain", "text/html; charset=gbk"]),
        (["TEXT/HTML; CHARSET=GBK"], ["TEXT/HTML; CHARSET=GBK"]),
        (["text/html; charset=gbk, text/html"], ["text/html; charset=gbk"]),
    ],
)
@pytest.mark.parametrize("nosniff", [True, False])
async def test_what_any_browser_takes_for_html_is_gated(
    ledger_url: str,
    types: list[str],
    sent: list[str],
    nosniff: bool,  # noqa: FBT001
) -> None:
    headers = [("content-type", value) for value in types]
    if nosniff:
        headers.append(("x-content-type-options", "nosniff"))
    response = await get(Answer(b"hello <img src=//x.test/a>", *headers), ledger_url)
    assert b"data-consent-src=//x.test/a" in response.content
    if types[0] != "text/plain":
        assert response.headers.get_list("content-type") == sent
    assert "content-security-policy" in response.headers


@pytest.mark.parametrize(
    ("page", "content_type", "sent"),
    [
        (b"<meta charset=utf-8><p>", "text/html", "text/html; charset=utf-8"),
        (b"<meta charset=iso-2022-jp><p>", "text/html", "text/html; charset=iso-2022-jp"),
        (b"<style>" + b"x" * 2000 + b"</style><meta charset=sjis><p>", "text/html", "text/html; charset=shift_jis"),
        (b"<p>", "text/html", "text/html"),
        (b"<meta charset=gbk>", "text/html; charset=iso-8859-1", "text/html; charset=iso-8859-1"),
        (b"<meta charset=gbk>", "text/html; charset=bogus", "text/html; charset=gbk"),
        ("\ufeff<p>".encode(), "text/html; charset=utf-16", "text/html; charset=utf-8"),
    ],
)
@pytest.mark.parametrize("piece", [1, None])
async def test_the_header_says_in_what_encoding_a_page_was_read(
    ledger_url: str, page: bytes, content_type: str, sent: str, piece: int | None
) -> None:
    """So that no browser reads it in another one."""
    whole = Response(page, headers={"content-type": content_type})
    app = Answer(page, ("content-type", content_type), piece=piece) if piece is not None else whole
    gated = ConsentMiddleware(app, Policy(version="1"), secret="x" * 40, ledger=ledger_url)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=gated), base_url="http://site.test") as client:
        for _ in range(2):  # the second comes from the cache, where it came whole
            response = await client.get("/", headers=HTML)
            assert response.headers.get_list("content-type") == [sent]


@pytest.mark.parametrize(
    ("lines", "sent"),
    [
        (["0", "url=//x.test/a"], []),  # browsers join the lines
        (["0; url='", "//x.test/a"], ["0; url=', //x.test/a"]),  # which makes this one relative
        (["9", "/next"], ["9, /next"]),
    ],
)
async def test_lines_of_refresh_are_one_header(ledger_url: str, lines: list[str], sent: list[str]) -> None:
    app = Answer(b"<p>", ("content-type", "text/html"), *(("refresh", line) for line in lines))
    assert (await get(app, ledger_url)).headers.get_list("refresh") == sent
