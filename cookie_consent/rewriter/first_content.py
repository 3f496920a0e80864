"""Finds where the content of the body begins."""

from __future__ import annotations

import re

__all__ = ["FirstContent"]

_LONGEST_MARK = 16
_CONTENT = re.compile(
    rb"<(?:img|image|input|video|audio|embed|object|i?frame|svg|picture|body|p|div|table|td)[\t\n\f\r />]",
    re.IGNORECASE,
)


class FirstContent:
    """Knows whether content may come before a tag. It may find some too early, in the text of a script.

    Without ``is_page`` content may come before all of it.
    """

    def __init__(self, *, is_page: bool) -> None:
        self._at = None if is_page else -1
        self._fed = 0
        self._tail = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the document."""
        if self._at is not None:
            return
        text = self._tail + data
        match = _CONTENT.search(text)
        if match is not None:
            self._at = self._fed - len(self._tail) + match.start()
        self._fed += len(data)
        self._tail = text[-_LONGEST_MARK:]

    def is_before(self, at: int) -> bool:
        """Say whether content may come before ``at``, a position in the document."""
        return self._at is not None and self._at < at
