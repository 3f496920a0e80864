"""Markup in which there was nothing of interest, known again wherever it recurs."""

from __future__ import annotations

__all__ = ["QuietMarkup"]

_OVERHEAD = 256
"""Bytes that an entry takes beside its stretch, about."""


class QuietMarkup:
    """Keeps the stretches of markup that the pages of a site have in common, which are most of their bytes.

    It says of bytes what a search for tags would say, and knows nothing of the page, the visitor or the consent. A
    stretch is found by the few bytes around its beginning, and then compared as a whole. Holds ``size`` bytes at the
    most, of those that were met lately. Threads may share it.

    A stretch that goes on and on is cut behind ``longest`` bytes, so that not all of it is new where a word of it is;
    one of fewer than ``shortest`` is searched in less time than it is known again.
    """

    def __init__(self, size: int = 8 * 1024 * 1024, *, longest: int = 2048, shortest: int = 256) -> None:
        self.longest = longest
        self.shortest = max(min(shortest, longest), 1)
        self._limit = size // 2
        self._size = 0
        self._young: dict[bytes, bytes] = {}
        self._old: dict[bytes, bytes] = {}

    def after(self, beginning: bytes) -> bytes | None:
        """Return the latest stretch that was added with this beginning, if it is not forgotten yet."""
        stretch = self._young.get(beginning)
        if stretch is None:
            stretch = self._old.get(beginning)
            if stretch is not None:
                self.add(beginning, stretch)
        return stretch

    def add(self, beginning: bytes, stretch: bytes) -> None:
        """Keep the stretch; forget those that nobody has met since half of what is kept came after them."""
        self._size += len(stretch) + _OVERHEAD
        if self._size > self._limit:
            self._old, self._young, self._size = self._young, {}, len(stretch) + _OVERHEAD
        self._young[beginning] = stretch
