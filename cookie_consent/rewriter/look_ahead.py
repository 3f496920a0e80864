"""The search for the next tag of interest; see ``outlook`` for why markup can be searched at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cookie_consent.rewriter.outlook import SUSPECT, Outlook, outlook

if TYPE_CHECKING:
    from cookie_consent.rewriter.quiet import QuietMarkup

__all__ = ["LookAhead"]

_ANY_TAG = re.compile(rb"<")
_FAR = 16 * 1024
"""Bytes within which a ``>`` is looked for."""
_NEAR = 8 * 1024
"""Bytes that are searched for a suspect at once, where nothing says how many are needed."""
_BEFORE = 64
_BEHIND = 64
"""Bytes on both sides of the beginning of a stretch, by which it is known."""


class LookAhead:
    """Finds in a buffer where the next ``<`` stands that may begin something of interest.

    With ``all_tags`` every tag is. What is in ``quiet`` is not searched again.
    """

    _outlook: Outlook
    _candidates: re.Pattern[bytes]
    _quiet: QuietMarkup | None

    def __init__(self, *, all_tags: bool, quiet: QuietMarkup | None) -> None:
        self._all_tags = all_tags
        self._shared = quiet
        self._buffer = b""
        self._candidate = self._calm = 0
        """No candidate stands before the one, no suspect before the other."""
        self._is_candidate = self._is_suspect = False
        """Whether one stands there, or the buffer ends; else nobody has searched on."""
        self._is_sure = False
        """Whether the candidate, if one stands there, is of interest in any case."""

    def begin(self, buffer: bytes) -> None:
        """Go on in another buffer."""
        self._buffer = buffer
        self._candidate = self._calm = 0
        self._is_candidate = self._is_suspect = False

    def choose(self, *, every: bool, foreign: bool, relative: bool, nested: bool) -> None:
        """Search from now on for what is of interest there, see ``outlook``; with ``every`` stop at each tag."""
        self._outlook = outlook(foreign=foreign, relative=relative, nested=nested)
        self._candidates = _ANY_TAG if self._all_tags or every else self._outlook.candidate
        self._candidate, self._is_candidate = 0, False
        is_usual = not (every or foreign or relative or nested or self._all_tags)
        self._quiet = self._shared if is_usual else None

    def next_markup(self, at: int) -> int:
        """Return where the next ``<`` of interest stands from ``at`` on, where no tag is open; else the length."""
        buffer = self._buffer
        while True:
            if self._candidate < at:
                self._candidate, self._is_candidate = at, False
            if self._calm < at:
                self._calm, self._is_suspect = at, False
            if self._candidate <= self._calm:
                if self._is_candidate:
                    break
                self._search(self._candidate)
            elif self._is_suspect:
                break
            else:
                self._find_suspect(self._calm, self._limit(self._candidate))
        near = min(self._candidate, self._calm)
        found = buffer.find(b"<", buffer.rfind(b">", at, near) + 1 or at, near + 1)
        if found < 0 and near < len(buffer):  # the suspect stands in text
            found = buffer.find(b"<", near)
        return found if found >= 0 else len(buffer)

    def is_calm(self, at: int, end: int) -> bool:
        """Say whether no suspect stands from ``at`` up to ``end``, which is behind a ``>``."""
        if self._calm < at or (self._calm < end and not self._is_suspect):
            self._find_suspect(max(at, self._calm), end)
        return self._calm >= end

    def calm_end(self, at: int) -> int:
        """Return up to where no suspect stands from ``at`` on, as far as that is looked at."""
        end = min(at + _NEAR, len(self._buffer))
        if self._calm < at or (self._calm < end and not self._is_suspect):
            self._find_suspect(max(at, self._calm), end)
        return self._calm

    def is_shown(self, raw: bytes, at: int) -> bool:
        """Say whether the tag at ``at`` is of interest, which depends on nothing but the tag and where it stands."""
        if (self._is_candidate and self._is_sure and at == self._candidate) or self._all_tags:
            return True
        return self.is_of_interest(raw)

    def is_of_interest(self, raw: bytes) -> bool:
        """Say the same of a tag at which the search did not stop for what it is."""
        return self._outlook.named.match(raw.lower()) is not None or self.has_suspect(raw)

    def has_suspect(self, raw: bytes) -> bool:
        """Say whether the tag is of interest for an attribute that every element may have."""
        return self._outlook.attributed.search(raw.lower(), 2) is not None and SUSPECT.search(raw, 2) is not None

    def _limit(self, at: int) -> int:
        """Return where to end a search: behind a ``>`` after ``at``, since nothing before it depends on the rest."""
        size = len(self._buffer)
        return size if self._quiet is None else self._buffer.find(b">", at, at + _FAR) + 1 or size

    def _search(self, at: int) -> None:
        """Search for a candidate from ``at`` on, or pass a stretch that is known to be quiet.

        Such a stretch begins where no tag is open and ends behind a ``>``, so that what is found in it depends on
        nothing around it: a ``>`` ends every tag where there is no suspect, and each value that may hold one is a
        suspect already by what stands before that ``>``.
        """
        buffer, quiet = self._buffer, self._quiet
        if quiet is None:
            self._find_candidate(at, len(buffer))
            return
        beginning = buffer[max(at - _BEFORE, 0) : at + _BEHIND]
        stretch = quiet.get(beginning)
        if stretch is not None and buffer.startswith(stretch, at):
            self._candidate = end = at + len(stretch)
            if self._calm < end:
                self._calm, self._is_suspect = end, False
            return
        self._find_candidate(at, self._limit(at + quiet.longest))
        end = buffer.rfind(b">", at, self._candidate) + 1
        if end - at >= quiet.shortest and not self.is_calm(at, end):
            end = buffer.rfind(b">", at, self._calm) + 1
        if quiet.shortest <= end - at <= quiet.longest + _FAR:
            quiet.add(beginning, buffer[at:end])

    def _find_candidate(self, at: int, end: int) -> None:
        match = self._candidates.search(self._buffer, at, end)
        if match is None:
            self._candidate, self._is_candidate = end, end == len(self._buffer)
        else:
            self._candidate, self._is_candidate = match.start(), True
            self._is_sure = match.lastindex is None and self._candidates is self._outlook.candidate

    def _find_suspect(self, at: int, end: int) -> None:
        match = SUSPECT.search(self._buffer, at, end)
        if match is None:
            self._calm, self._is_suspect = end, end == len(self._buffer)
        else:
            self._calm, self._is_suspect = match.start(), True
