"""Pages that an application sends again and again, kept as they were rewritten."""

from __future__ import annotations

from collections import OrderedDict

__all__ = ["PageCache"]

_Key = tuple[tuple[object, ...], str, str, bytes]


class PageCache:
    """The latest pages, by what they were made from: the whole body, not a digest, and all that it was made for.

    Bounded by ``size`` bytes, bodies and results together; a page of more than a sixteenth of it is not kept.
    """

    def __init__(self, size: int = 16 * 1024 * 1024) -> None:
        self._limit = size
        self._size = 0
        self._pages: OrderedDict[_Key, bytes] = OrderedDict()

    def get(self, key: _Key) -> bytes | None:
        """Return the rewritten page, or None."""
        page = self._pages.get(key)
        if page is not None:
            self._pages.move_to_end(key)
        return page

    def put(self, key: _Key, page: bytes) -> None:
        """Keep the page, in place of those that were asked for least lately."""
        size = len(key[3]) + len(page)
        if size > self._limit // 16 or key in self._pages:
            return
        self._pages[key] = page
        self._size += size
        while self._size > self._limit:
            (*_, body), old = self._pages.popitem(last=False)
            self._size -= len(body) + len(old)
