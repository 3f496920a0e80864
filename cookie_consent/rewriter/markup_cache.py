"""The cache of markup in which the search for tags found nothing."""

from __future__ import annotations

from cookie_consent.rewriter.cache import GenerationalCache

__all__ = ["MarkupCache"]


class MarkupCache(GenerationalCache[bytes, bytes]):
    """Stretches of markup without anything of interest, keyed by the bytes around their beginning.

    It holds nothing about the page, the visitor or the consent, so all pages of a site can share one.
    """

    def __init__(self, size: int = 8 * 1024 * 1024, *, longest: int = 2048, shortest: int = 256) -> None:
        super().__init__(size)
        self.longest = longest
        """Longer stretches are cut, so that one changed word does not make all of it new."""
        self.shortest = max(min(shortest, longest), 1)
        """Shorter stretches are not cached: searching them is faster than looking them up."""

    def add(self, beginning: bytes, stretch: bytes) -> None:
        """Cache the stretch in place of any other with the same beginning."""
        self.put(beginning, stretch, len(beginning) + len(stretch))
