"""The cache of rewritten pages: most applications send the same page again and again."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

__all__ = ["HeaderChanges", "PageCache", "RewrittenPage"]

HeaderChanges = tuple[tuple[bytes, bytes], ...]
"""Headers to send in place of the application's; an empty value for none."""

_Key = tuple[object, ...]
_ALIKE = 4
"""So many bodies of one length are kept that were made for the same."""


class RewrittenPage(NamedTuple):
    """A page as it is sent."""

    body: bytes
    header_changes: HeaderChanges = ()
    is_document: bool = True
    """Whether it begins like a page, and is no fragment of one."""


class PageCache:
    """The latest pages, by what they were made from: the whole body, not a digest, and all that it was made for.

    Bounded by ``size`` bytes, bodies and results together; a page of more than a sixteenth of it is not kept.
    A body is compared with those of its length, which takes a tenth of the time that a hash of it would.
    """

    def __init__(self, size: int = 16 * 1024 * 1024) -> None:
        self._limit = size
        self._size = 0
        self._pages: OrderedDict[tuple[_Key, int], list[tuple[bytes, RewrittenPage]]] = OrderedDict()

    def get(self, key: _Key, body: bytes) -> RewrittenPage | None:
        """Return the page as it was rewritten, or None."""
        place = (key, len(body))
        for made_from, page in self._pages.get(place, ()):
            if made_from == body:
                self._pages.move_to_end(place)
                return page
        return None

    def put(self, key: _Key, body: bytes, page: RewrittenPage) -> None:
        """Keep the page, in place of those that were asked for least recently."""
        if len(body) + len(page.body) > self._limit // 16:
            return
        place = (key, len(body))
        alike = self._pages.setdefault(place, [])
        self._pages.move_to_end(place)
        alike.insert(0, (bytes(body), page))
        self._size += len(body) + len(page.body)
        self._forget(alike[_ALIKE:])
        del alike[_ALIKE:]
        while self._size > self._limit:
            self._forget(self._pages.popitem(last=False)[1])

    def _forget(self, pages: list[tuple[bytes, RewrittenPage]]) -> None:
        self._size -= sum(len(body) + len(page.body) for body, page in pages)
