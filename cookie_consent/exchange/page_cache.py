"""The cache of rewritten pages: most applications send the same pages again and again."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

__all__ = ["HeaderChanges", "PageCache", "RewrittenPage"]

HeaderChanges = tuple[tuple[bytes, bytes], ...]
"""Headers that replace the application's. An empty value removes the header."""

_Key = tuple[object, ...]
_MOST_BODIES = 4
"""The number of bodies of equal length that are cached for one key."""


class RewrittenPage(NamedTuple):
    """A page as it is sent to the browser."""

    body: bytes
    header_changes: HeaderChanges = ()
    is_document: bool = True
    """Whether it begins like a page. Otherwise it is a fragment."""


class PageCache:
    """An LRU cache of ``size`` bytes, originals and results together. Pages over a sixteenth of it are not cached.

    Entries are looked up by key and by the whole original body. Comparing it with bodies of its length takes a tenth of
    the time that hashing it would.
    """

    def __init__(self, size: int = 16 * 1024 * 1024) -> None:
        self._limit = size
        self._size = 0
        self._pages: OrderedDict[tuple[_Key, int], list[tuple[bytes, RewrittenPage]]] = OrderedDict()

    def get(self, key: _Key, body: bytes) -> RewrittenPage | None:
        """Return the cached page, or None."""
        bucket = (key, len(body))
        for original, page in self._pages.get(bucket, ()):
            if original == body:
                self._pages.move_to_end(bucket)
                return page
        return None

    def put(self, key: _Key, body: bytes, page: RewrittenPage) -> None:
        """Cache the page, and evict the least recently used ones."""
        if len(body) + len(page.body) > self._limit // 16:
            return
        bucket = (key, len(body))
        pages = self._pages.setdefault(bucket, [])
        self._pages.move_to_end(bucket)
        pages.insert(0, (bytes(body), page))
        self._size += len(body) + len(page.body)
        self._forget(pages[_MOST_BODIES:])
        del pages[_MOST_BODIES:]
        while self._size > self._limit:
            self._forget(self._pages.popitem(last=False)[1])

    def _forget(self, pages: list[tuple[bytes, RewrittenPage]]) -> None:
        self._size -= sum(len(body) + len(page.body) for body, page in pages)
