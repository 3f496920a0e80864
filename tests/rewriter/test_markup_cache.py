"""What is known of markup from before changes nothing but the time that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cookie_consent.rewriter import MarkupCache, Rewriter, StartTag, prefilter
from cookie_consent.rewriter.prefilter_patterns import RISKY_VALUE
from tests.rewriter.test_differential import PIECES

if TYPE_CHECKING:
    import re

DOCUMENTS = st.lists(st.lists(st.sampled_from(PIECES), max_size=16).map("".join), min_size=1, max_size=4)


class Renaming:
    """Notes the tags that it is shown, and renames ``src``."""

    relative = False

    def __init__(self) -> None:
        self.shown: list[bytes] = []

    def start_tag(self, tag: StartTag) -> bool:
        self.shown.append(tag.raw)
        if tag.get(b"src") is not None:
            tag.rename(b"src", b"data-src")
        self.relative = self.relative or tag.name == b"base"
        return tag.name in {b"script", b"style"}

    def text(self, tag: StartTag, text: bytes, *, more: bool) -> bytes:
        self.shown.append(tag.raw + text + b"%d" % more)
        return text.replace(b"text", b"TEXT")


def rewritten(parts: list[bytes], cache: MarkupCache | None) -> tuple[bytes, list[bytes]]:
    handler = Renaming()
    rewriter = Rewriter(
        handler, after_head_start=lambda: b"[head]", before_body_end=lambda: b"[body]", markup_cache=cache
    )  # fmt: skip
    return b"".join([*(rewriter.feed(part) for part in parts), rewriter.end()]), handler.shown


@settings(max_examples=600)
@given(DOCUMENTS, st.integers(0, 40), st.data())
def test_pages_come_out_the_same_whatever_came_before(documents: list[str], longest: int, data: st.DataObject) -> None:
    cache = MarkupCache(longest=longest, shortest=1)
    for document in documents * 2:
        page = document.encode()
        at = data.draw(st.integers(0, len(page)))
        assert rewritten([page[:at], page[at:]], cache) == rewritten([page], None)


@pytest.mark.parametrize(
    ("plain_part", "live_part"),
    [
        (b"<p>a</p><b>x</b>", b"<img src=//x>"),
        (b'<p title="a">b</p>', b'<p title="a>"><img src=//x>'),
        (b"<p>a</p>text</b>", b"<!-- <p>a</p>text</b> --><embed src=//x>"),
        (b"<p>a</p>text</b>", b"<textarea><p>a</p>text</b></textarea><embed src=//x>"),
        (b"<p>a</p><i>b</i>", b"<svg><p>a</p><i>b</i></svg><embed src=//x>"),
    ],
)
def test_known_markup_hides_nothing_where_it_stands_among_other(plain_part: bytes, live_part: bytes) -> None:
    cache = MarkupCache(longest=4, shortest=1)
    for page in (b"<body>" + plain_part * 9, b"<body>" + plain_part * 3 + live_part + plain_part * 3 + live_part):
        assert rewritten([page], cache) == rewritten([page], cache) == rewritten([page], None)
    assert rewritten([page], cache)[0].count(b"data-src=") == 2


@pytest.mark.parametrize(
    ("start", "other"),
    [
        (b"<svg><g>", b"<use href=//x></use>"),
        (b"<svg><desc><b>", b"</desc><use href=//x></use>"),
        (b"<select><option>", b"</select><a href=/c>d</a>"),
        (b"<base href=//x><p>", b"<img src=/c>"),
    ],
)
def test_other_content_is_searched_for_what_is_of_interest_there(start: bytes, other: bytes) -> None:
    links = b"".join(b"<a href=/%d>a</a>" % number for number in range(9))
    cache = MarkupCache(longest=4, shortest=1)
    rewritten([b"<body>" + links + other + links], cache)
    page = b"<body>" + start + links + other + links
    assert rewritten([page], cache) == rewritten([page], None)


def test_known_markup_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = MarkupCache()
    rows = [b"<p>text <a href=/b>%d</a></p>" % number for number in range(400)]
    page = b"<body>" + b"".join(rows[:300]) + b"<img src=//x>" + b"".join(rows[300:])
    first = rewritten([page], cache)
    searched = 0

    class Counting:
        def search(self, buffer: bytes, at: int, end: int) -> re.Match[bytes] | None:
            nonlocal searched
            match = RISKY_VALUE.search(buffer, at, end)
            searched += (match.start() if match is not None else end) - at
            return match

    monkeypatch.setattr(prefilter, "RISKY_VALUE", Counting())
    assert rewritten([page], cache) == first
    assert searched < 100
    assert rewritten([page], None) == first
    assert searched > len(page) - 100


def test_public_pages_come_out_the_same(public_pages: list[bytes]) -> None:
    cache = MarkupCache()
    for page in public_pages:
        for document in (page, page.replace(b"<title>", b"<title>Another "), page.replace(b"</p>", b"</p >", 3)):
            assert rewritten([document], cache) == rewritten([document], None)
