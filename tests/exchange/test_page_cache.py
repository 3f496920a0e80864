"""Pages that are kept as they were rewritten."""

from __future__ import annotations

from cookie_consent.exchange.page_cache import PageCache, RewrittenPage


def test_a_page_is_found_by_the_whole_of_what_it_was_made_from() -> None:
    pages = PageCache()
    page = RewrittenPage(b"page", ((b"content-encoding", b""),), is_document=False)
    pages.put(("a",), b"body", page)
    assert pages.get(("a",), b"body") == page
    assert pages.get(("a",), b"boot") is None
    assert pages.get(("b",), b"body") is None


def test_bodies_of_one_length_are_told_apart_up_to_a_few() -> None:
    pages = PageCache()
    for number in range(9):
        pages.put(("a",), b"%d" % number, RewrittenPage(b"page %d" % number))
    kept = [number for number in range(9) if pages.get(("a",), b"%d" % number) == RewrittenPage(b"page %d" % number)]
    assert kept == [5, 6, 7, 8]


def test_the_size_is_kept_and_the_latest_stay() -> None:
    pages = PageCache(size=1600)
    pages.put(("large",), b"x" * 60, RewrittenPage(b"y" * 60))
    assert pages.get(("large",), b"x" * 60) is None
    for number in range(40):
        pages.put((number,), b"x" * 40, RewrittenPage(b"y" * 40))
        assert pages.get((0,), b"x" * 40) is not None  # asked for all the time
    kept = [number for number in range(40) if pages.get((number,), b"x" * 40) is not None]
    assert kept == [0, *range(21, 40)]
    for number in range(9):  # those that are pushed out by others of their length leave room
        pages.put((0,), b"%d" % number + b"x" * 39, RewrittenPage(b"y" * 40))
    assert sum(pages.get((number,), b"x" * 40) is not None for number in range(1, 40)) >= 16
