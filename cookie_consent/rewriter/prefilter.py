"""Finds the next tag worth reading; ``prefilter_patterns`` explains why markup can be searched at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cookie_consent.rewriter.prefilter_patterns import RISKY_VALUE, Patterns, patterns_for

if TYPE_CHECKING:
    from cookie_consent.rewriter.markup_cache import MarkupCache

__all__ = ["Prefilter"]

_ANY_TAG = re.compile(rb"<")
_FAR = 16 * 1024
"""How many bytes are searched for a ``>``."""
_NEAR = 8 * 1024
"""How many bytes are searched for a risky value at once, where the caller names no end."""
_BEFORE = 64
_BEHIND = 64
"""The bytes on each side of a stretch's beginning that make up its key in the cache."""


class Prefilter:
    """Finds the next ``<`` in a buffer that may begin something of interest.

    ``all_tags`` makes every tag of interest. Markup in ``cache`` is skipped without a search; None switches that off.
    """

    _patterns: Patterns
    _candidates: re.Pattern[bytes]
    _usable_cache: MarkupCache | None
    """The cache, where it applies to the content being read."""

    def __init__(self, *, all_tags: bool, cache: MarkupCache | None) -> None:
        self._all_tags = all_tags
        self._cache = cache
        self._buffer = b""
        self._candidate_at = self._risky_at = 0
        """There is no candidate before the one position, and no risky value before the other."""
        self._is_candidate = self._is_risky = False
        """Whether there is one at that position, or the buffer ends there; else the search has stopped there."""
        self._is_sure = False
        """Whether the candidate, if there is one, is of interest whatever else the tag holds."""

    def begin(self, buffer: bytes) -> None:
        """Continue with another buffer."""
        self._buffer = buffer
        self._candidate_at = self._risky_at = 0
        self._is_candidate = self._is_risky = False

    def choose(self, *, every: bool, foreign: bool, relative: bool, nested: bool) -> None:
        """Set what is of interest from now on, as in ``patterns_for``; with ``every`` stop at each tag."""
        self._patterns = patterns_for(foreign=foreign, relative=relative, nested=nested)
        self._candidates = _ANY_TAG if self._all_tags or every else self._patterns.candidate
        self._candidate_at, self._is_candidate = 0, False
        is_usual = not (every or foreign or relative or nested or self._all_tags)
        self._usable_cache = self._cache if is_usual else None

    def next_markup(self, at: int) -> int:
        """Return the position of the next ``<`` of interest, or the buffer's length. No tag may be open at ``at``."""
        buffer = self._buffer
        while True:
            if self._candidate_at < at:
                self._candidate_at, self._is_candidate = at, False
            if self._risky_at < at:
                self._risky_at, self._is_risky = at, False
            # Advance whichever search is behind, until the nearer of the two has found something.
            if self._candidate_at <= self._risky_at:
                if self._is_candidate:
                    break
                self._search(self._candidate_at)
            elif self._is_risky:
                break
            else:
                self._find_risky_value(self._risky_at, self._limit(self._candidate_at))
        near = min(self._candidate_at, self._risky_at)
        # Behind the last ">" the tokenizer is in its data state: the first "<" from there begins the tag.
        found = buffer.find(b"<", buffer.rfind(b">", at, near) + 1 or at, near + 1)
        if found < 0 and near < len(buffer):  # the "=" was in text, not in a tag
            found = buffer.find(b"<", near)
        return found if found >= 0 else len(buffer)

    def is_plain(self, at: int, end: int) -> bool:
        """Say whether there is no risky value from ``at`` to ``end``, which must follow a ``>``."""
        if self._risky_at < at or (self._risky_at < end and not self._is_risky):
            self._find_risky_value(max(at, self._risky_at), end)
        return self._risky_at >= end

    def plain_end(self, at: int) -> int:
        """Return a position up to which there is no risky value from ``at`` on."""
        end = min(at + _NEAR, len(self._buffer))
        if self._risky_at < at or (self._risky_at < end and not self._is_risky):
            self._find_risky_value(max(at, self._risky_at), end)
        return self._risky_at

    def is_shown(self, raw: bytes, at: int) -> bool:
        """Say whether the tag at ``at`` is of interest."""
        if (self._is_candidate and self._is_sure and at == self._candidate_at) or self._all_tags:
            return True
        return self.is_of_interest(raw)

    def is_of_interest(self, raw: bytes) -> bool:
        """Say whether a tag is of interest, judging by its bytes alone."""
        return self._patterns.named.match(raw.lower()) is not None or self.has_risky_attribute(raw)

    def has_risky_attribute(self, raw: bytes) -> bool:
        """Say whether a tag is of interest for an attribute that any element may have."""
        return self._patterns.attributed.search(raw.lower(), 2) is not None and RISKY_VALUE.search(raw, 2) is not None

    def _limit(self, at: int) -> int:
        """Return where to end a search: after the next ``>``, because nothing before it depends on what follows."""
        size = len(self._buffer)
        return size if self._usable_cache is None else self._buffer.find(b">", at, at + _FAR) + 1 or size

    def _search(self, at: int) -> None:
        """Search for a candidate from ``at`` on, or skip a stretch that is in the cache."""
        buffer, cache = self._buffer, self._usable_cache
        if cache is None:
            self._find_candidate(at, len(buffer))
            return
        # A cached stretch begins where no tag is open and ends after a ">", so what is found in it does not depend
        # on its surroundings: without a risky value every tag ends at its first ">", and a value that could be risky
        # shows itself before that ">".
        beginning = buffer[max(at - _BEFORE, 0) : at + _BEHIND]
        stretch = cache.get(beginning)
        if stretch is not None and buffer.startswith(stretch, at):
            self._candidate_at = end = at + len(stretch)
            if self._risky_at < end:
                self._risky_at, self._is_risky = end, False
            return
        self._find_candidate(at, self._limit(at + cache.longest))
        end = buffer.rfind(b">", at, self._candidate_at) + 1
        if end - at >= cache.shortest and not self.is_plain(at, end):
            end = buffer.rfind(b">", at, self._risky_at) + 1
        if cache.shortest <= end - at <= cache.longest + _FAR:
            cache.add(beginning, buffer[at:end])

    def _find_candidate(self, at: int, end: int) -> None:
        match = self._candidates.search(self._buffer, at, end)
        if match is None:
            self._candidate_at, self._is_candidate = end, end == len(self._buffer)
        else:
            self._candidate_at, self._is_candidate = match.start(), True
            self._is_sure = match.lastindex is None and self._candidates is self._patterns.candidate

    def _find_risky_value(self, at: int, end: int) -> None:
        match = RISKY_VALUE.search(self._buffer, at, end)
        if match is None:
            self._risky_at, self._is_risky = end, end == len(self._buffer)
        else:
            self._risky_at, self._is_risky = match.start(), True
