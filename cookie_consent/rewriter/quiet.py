"""Markup in which there was nothing of interest, known again wherever it recurs."""

from __future__ import annotations

from cookie_consent.rewriter.lately import Lately

__all__ = ["QuietMarkup"]


class QuietMarkup(Lately[bytes, bytes]):
    """Keeps the stretches of markup that the pages of a site have in common, which are most of their bytes.

    It says of bytes what a search for tags would say, and knows nothing of the page, the visitor or the consent. A
    stretch is found by the few bytes around its beginning, and then compared as a whole.

    A stretch that goes on and on is cut behind ``longest`` bytes, so that not all of it is new where a word of it is;
    one of fewer than ``shortest`` is searched in less time than it is known again.
    """

    def __init__(self, size: int = 8 * 1024 * 1024, *, longest: int = 2048, shortest: int = 256) -> None:
        super().__init__(size)
        self.longest = longest
        self.shortest = max(min(shortest, longest), 1)

    def add(self, beginning: bytes, stretch: bytes) -> None:
        """Keep the stretch, in place of another with this beginning."""
        self.put(beginning, stretch, len(beginning) + len(stretch))
