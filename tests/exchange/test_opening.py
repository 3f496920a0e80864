"""Whether a document begins like a page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.exchange.opening import Opening

OPENINGS = [
    (b"<!doctype html><p>", True),
    (b"<!DOCTYPE\n", True),
    (b"<html>", True),
    (b"<HTML lang=en>", True),
    (b"<head/>", True),
    (b"<body\tclass=a>", True),
    (b"\xef\xbb\xbf \r\n\t\x0c<html>", True),
    (b"<!-- a --> <!----><!--><!---><html>", True),
    (b"<!-- a > b --!><html>", True),
    (b"<!--!><p>--><html>", True),  # "<!--!>" does not end
    (b"<!---!><p>--><html>", True),
    (b"<!--a-><p>--><html>", True),
    (b"<?xml version='1.0'?>\n<!doctype html>", True),  # a comment to browsers
    (b"<!ELEMENT a><html>", True),  # likewise
    (b"<!-a><html>", True),
    (b"</><html>", True),
    (b"</ a><html>", True),
    (b"<p>", False),
    (b"<div><html>", False),
    (b"text <html>", False),
    (b"<header>", False),
    (b"<header-of-a-page>", False),
    (b"<body-a>", False),
    (b"<htmlx>", False),
    (b"</p><html>", False),
    (b"<!-- <html> --><p>", False),
    (b"<!--><p>--><html>", False),
    (b"<!---><p>--><html>", False),
    (b"< html>", False),
    (b"\x00<html>", False),
    (b" \xef\xbb\xbf<html>", False),  # no byte order mark any more, but text
    (b"{}", False),
    (b"&lt;html>", False),
    (b"", None),
    (b" \n", None),
    (b"<", None),
    (b"<!doc", None),
    (b"<htm", None),
    (b"<!-- <html>", None),
    (b"<?xml <html", None),
]


@pytest.mark.parametrize(("document", "is_page"), OPENINGS)
def test_the_first_tag_tells(document: bytes, *, is_page: bool | None) -> None:
    for size in (1, 2, 3, 5, 100):
        opening = Opening()
        for at in range(0, len(document), size):
            opening.feed(document[at : at + size])
        assert opening.is_page is is_page, size


PARTS = st.sampled_from([*(document for document, _ in OPENINGS), b"<!--", b"-->", b"--!>", b"-", b"!", b">", b" "])


@given(st.lists(PARTS, max_size=6), st.lists(st.integers(1, 9), min_size=1))
def test_pieces_make_no_difference(parts: list[bytes], sizes: list[int]) -> None:
    document = b"".join(parts)
    whole, pieces = Opening(), Opening()
    whole.feed(document)
    at = turn = 0
    while at < len(document):
        size = sizes[turn % len(sizes)]
        pieces.feed(document[at : at + size])
        at, turn = at + size, turn + 1
    assert whole.is_page is pieces.is_page


def test_a_long_comment_is_not_kept() -> None:
    opening = Opening()
    opening.feed(b"<!--")
    for _ in range(1000):
        opening.feed(b"x" * 1000)
        assert len(opening._text) < 10
    opening.feed(b"--><body>")
    assert opening.is_page
