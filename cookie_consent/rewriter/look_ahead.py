"""The search for the next tag of interest; see ``outlook`` for why markup can be searched at all."""

from __future__ import annotations

import re

from cookie_consent.rewriter.outlook import SUSPECT, Outlook, outlook

__all__ = ["LookAhead"]

_ANY_TAG = re.compile(rb"<")


class LookAhead:
    """Finds in a buffer where the next ``<`` stands that may begin something of interest.

    With ``all_tags`` every tag is.
    """

    _outlook: Outlook
    _candidates: re.Pattern[bytes]

    def __init__(self, *, all_tags: bool) -> None:
        self._all_tags = all_tags
        self._buffer = b""
        self._candidate = self._suspect = -1
        """Where the next of them stands; before what is asked for where nobody has searched on."""
        self._is_sure = False
        """Whether the candidate is of interest in any case."""

    def begin(self, buffer: bytes) -> None:
        """Go on in another buffer."""
        self._buffer = buffer
        self._candidate = self._suspect = -1

    def choose(self, *, foreign: bool, relative: bool, nested: bool) -> None:
        """Search from now on for what is of interest there; see ``outlook``."""
        self._outlook = outlook(foreign=foreign, relative=relative, nested=nested)
        self._candidates = _ANY_TAG if self._all_tags else self._outlook.candidate
        self._candidate = -1

    def next_markup(self, at: int) -> int:
        """Return where the next ``<`` of interest stands from ``at`` on, where no tag is open; else the length."""
        buffer, candidate, suspect = self._buffer, self._candidate, self._suspect
        if candidate < at:
            match = self._candidates.search(buffer, at)
            if match is None:
                candidate = len(buffer)
            else:
                candidate = match.start()
                self._is_sure = match.lastindex is None
            self._candidate = candidate
        if suspect < at:
            match = SUSPECT.search(buffer, at)
            self._suspect = suspect = match.start() if match is not None else len(buffer)
        near = min(candidate, suspect)
        found = buffer.find(b"<", buffer.rfind(b">", at, near) + 1 or at, near + 1)
        if found < 0 and near < len(buffer):  # the suspect stands in text
            found = buffer.find(b"<", near)
        return found if found >= 0 else len(buffer)

    def is_calm(self, end: int) -> bool:
        """Say whether no suspect stands between where the search has come to and ``end``."""
        return self._suspect >= end

    def is_shown(self, raw: bytes, at: int) -> bool:
        """Say whether the tag at ``at`` is of interest, which depends on nothing but the tag and where it stands."""
        if (self._is_sure and at == self._candidate) or self._all_tags:
            return True
        lower = raw.lower()
        if self._outlook.named.match(lower) is not None:
            return True
        return self._outlook.attributed.search(lower, 2) is not None and SUSPECT.search(raw, 2) is not None
