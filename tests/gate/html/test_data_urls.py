from __future__ import annotations

import base64
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.gate.html.data_urls import data_documents, scheme_of, script_of
from tests.gate.html.test_tags import ALL, gated

IMG = "<img src='http://x.test/a'>"
CODED = base64.b64encode(IMG.encode()).decode()


@pytest.mark.parametrize(
    ("address", "kind", "text"),
    [
        ("data:text/html,<p>", "html", b"<p>"),
        (" \x01DA\tTA:text/ht\nml ,%3cp>", "html", b"<p>"),  # as the URL parser cleans it
        ("data:text/html;charset=utf-8;base64,PHA+", "html", b"<p>"),
        ("data:text/html; BASE64 ,P HA%2b", "html", b"<p>"),  # white space and escapes in base64
        ("data:text/html;base64,PHA", "html", b"<p"),  # without "="
        ("data:text/html,<p>#<b>", "html", b"<p>"),  # a fragment is no part of it
        ("data:image/svg+xml,<svg/>", "xml", b"<svg/>"),
        ("data:application/xhtml+xml,<p/>", "xml", b"<p/>"),
        ("data:*/*,<p>", "html", b"<p>"),  # a type that browsers look behind
        ("data:text/css,a", "css", b"a"),
        ("data:text/html;charset=utf-16be,%00%3c%00p", "html", "\ufeff<p".encode()),
        ("data:text/html,%ff%fe%3c%00", "html", "\ufeff<".encode()),
        ("data:text/html;charset=windows-1252,%e9", "html", b"\xe9"),
        ("data:text/html,%e9", "html", None),  # no UTF-8: what it is depends on the browser
        ("data:text/html;charset=iso-2022-jp,<p>", "html", None),
        ("data:text/html,<meta charset=shift_jis>", "html", None),
        ("data:text/html,%1b$B", "html", None),
        ("data:text/css,@charset 'gbk'", "css", None),
        ("data:image/svg+xml,<!DOCTYPE svg [<!ENTITY a 'b'>]><svg/>", "xml", None),
        ("data:text/xml,<?xml-stylesheet href='a'?><a/>", "xml", None),
        ("data:text/xml,<h:img xmlns:h='http://www.w3.org/1999/xhtml'/>", "xml", None),
    ],
)
def test_what_a_data_address_holds(address: str, kind: str, text: bytes | None) -> None:
    (document,) = data_documents(address)
    assert (document.kind, document.text) == (kind, text)


@pytest.mark.parametrize(
    "address",
    [
        "data:text/html",  # no comma
        "data:text/html#,<p>",
        "data:,<p>",  # text
        "data:;base64,PHA+",
        "data:image/png;base64,AAAA",
        "data:text/html;base64,P",  # no base64
        "data:text/html;base64,PHA%",
    ],
)
def test_what_holds_no_document(address: str) -> None:
    assert list(data_documents(address)) == []


def test_base64_that_is_not_the_last_parameter_is_read_in_both_ways() -> None:
    texts = [document.text for document in data_documents("data:text/html;base64;charset=utf-8,PHA+")]
    assert texts == [b"<p>", b"PHA+"]


@pytest.mark.parametrize(
    ("address", "scheme"),
    [("\tJava\nScript:a", "javascript"), ("data:,", "data"), ("a/b:c", ""), ("//a:1", ""), ("", "")],
)
def test_schemes(address: str, scheme: str) -> None:
    assert scheme_of(address) == scheme


def test_scripts_are_decoded() -> None:
    assert script_of("javascript:'%3Cimg%3E'") == b"'<img>'"


@given(st.binary(max_size=40), st.booleans())
def test_contents_come_back(content: bytes, coded: bool) -> None:  # noqa: FBT001
    body = f";base64,{base64.b64encode(content).decode()}" if coded else f",{quote_from_bytes(content)}"
    marks = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x1b")
    for document in data_documents(f"data:text/html;charset=utf-8{body}"):
        assert document.text == content or any(mark in content for mark in marks)


@pytest.mark.parametrize(
    "tag",
    [
        f'<iframe src="data:text/html,{IMG}">',
        f'<frame src="data:text/html,{IMG}">',
        f'<object data="data:text/html,{IMG}"></object>',
        f'<embed src="data:text/html,{IMG}">',
        f'<embed code="data:text/html,{IMG}">',
        f"<iframe src='data:text/html;base64,{CODED}'>",
        "<iframe src=\"data:text/html,<iframe src='data:text/html,<img src=//x.test><img src=http://x.test>'>\">",
        "<iframe src='data:text/html,<base href=http://x.test><img src=a>'>",
        "<iframe src='data:image/svg+xml,<svg><image href=\"http://x.test/\"/></svg>'>",
        "<iframe src='data:text/html,<meta charset=iso-2022-jp>'>",  # cannot be read
        "<link rel=stylesheet href='data:text/css,a{b:url(http://x.test)}'>",
        "<link rel=stylesheet href=\"data:text/css,@import 'data:text/css,a{b:url(http://x.test)}'\">",
        "<link rel=modulepreload href=\"data:text/javascript,import 'http://x.test'\">",
        '<link rel=manifest href=\'data:application/json,{"icons":[{"src":"http://x.test"}]}\'>',
        "<script src=\"data:text/javascript,fbq('init','1')\"></script>",
        "<script type=module>import \"data:text/javascript,import 'http://x.test'\"</script>",
        '<script type=importmap>{"imports":{"a":"data:text/javascript,import \'http://x.test\'"}}</script>',
        "<video src='data:application/vnd.apple.mpegurl,%23EXTM3U'></video>",
        "<style>@import 'data:text/css,a{b:url(http://x.test)}'</style>",
        "<meta http-equiv=refresh content='0;url=data:text/html,<img src=http://x.test>'>",
        "<iframe src=\"javascript:'%3Cimg src=//x.test>'\">",
        "<iframe src=\"javascript:fbq('init'\">",
    ],
)
def test_what_holds_refused_addresses_is_held(tag: str) -> None:
    text, gate = gated(tag)
    assert gate.findings.held == 1
    assert not text.startswith(tag)
    assert gated(tag, *ALL)[0].startswith(tag)


@pytest.mark.parametrize(
    "tag",
    [
        "<iframe src='data:text/html,<p>a<img src=a>'>",
        "<iframe src=javascript:false>",
        "<iframe src='data:text/plain,<img src=http://x.test>'>",
        "<img src='data:image/svg+xml,<svg><image href=\"http://x.test/\"/></svg>'>",  # an image loads nothing
        "<link rel=icon href='data:image/svg+xml,<svg><image href=\"http://x.test/\"/></svg>'>",
        "<link rel=stylesheet href='data:text/css,a{b:url(a)}'>",
        "<style>a{b:url(data:font/woff2;base64,AAAA)}</style>",
    ],
)
def test_what_holds_nothing_of_others_stays(tag: str) -> None:
    text, gate = gated(tag)
    assert text.startswith(tag)
    assert gate.findings.held == 0


def test_a_frame_shows_what_may_load_of_its_document() -> None:
    text, _ = gated(f'<iframe src="data:text/html;charset=utf-8;base64,{CODED}">')
    held = "%3Cimg data-consent=%22unclassified%22 data-consent-service=%22x.test%22 data-consent-src="
    assert f'src="data:text/html;charset=utf-8,{held}' in text
    assert f'data-consent-src="data:text/html;charset=utf-8;base64,{CODED}"' in text


@pytest.mark.parametrize(("depth", "held"), [(4, 0), (5, 1)])
def test_documents_are_followed_to_a_depth(depth: int, held: int) -> None:
    tag = "<p>"
    for _ in range(depth):
        tag = f"<iframe src='data:text/html;base64,{base64.b64encode(tag.encode()).decode()}'>"
    assert gated(tag)[1].findings.held == held
