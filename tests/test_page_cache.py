"""Pages that are kept as they were rewritten."""

from __future__ import annotations

from cookie_consent.page_cache import PageCache


def test_a_page_is_found_by_the_whole_of_what_it_was_made_from() -> None:
    pages = PageCache()
    pages.put(("a",), b"body", b"page", is_whole=True)
    assert pages.get(("a",), b"body") == (b"page", True)
    assert pages.get(("a",), b"boot") is None
    assert pages.get(("b",), b"body") is None


def test_bodies_of_one_length_are_told_apart_up_to_a_few() -> None:
    pages = PageCache()
    for number in range(9):
        pages.put(("a",), b"%d" % number, b"page %d" % number, is_whole=True)
    kept = [number for number in range(9) if pages.get(("a",), b"%d" % number) == (b"page %d" % number, True)]
    assert kept == [5, 6, 7, 8]


def test_the_size_is_kept_and_the_latest_stay() -> None:
    pages = PageCache(size=1600)
    pages.put(("large",), b"x" * 60, b"y" * 60, is_whole=True)
    assert pages.get(("large",), b"x" * 60) is None
    for number in range(40):
        pages.put((number,), b"x" * 40, b"y" * 40, is_whole=True)
        assert pages.get((0,), b"x" * 40) is not None  # asked for all the time
    kept = [number for number in range(40) if pages.get((number,), b"x" * 40) is not None]
    assert kept == [0, *range(21, 40)]
    for number in range(9):  # those that are pushed out by others of their length leave room
        pages.put((0,), b"%d" % number + b"x" * 39, b"y" * 40, is_whole=True)
    assert sum(pages.get((number,), b"x" * 40) is not None for number in range(1, 40)) >= 16
