"""The text of script and style elements: where it ends, and holding it until a handler has looked at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.rewriter.foreign_text import foreign_texts
from cookie_consent.rewriter.grammar import SCRIPT_END, SCRIPT_STEP

if TYPE_CHECKING:
    from cookie_consent.rewriter.handler import Handler
    from cookie_consent.rewriter.tag import StartTag

__all__ = ["MAXIMUM_TEXT", "ScriptData", "TextCapture"]

MAXIMUM_TEXT = 512 * 1024
"""Bytes of one script or style element that are held while they are looked at."""
_LONGEST_MARK = 16


class ScriptData:
    """Script data with its escaped and double escaped states (HTML standard, sections 13.2.5.15 to 13.2.5.31)."""

    def __init__(self) -> None:
        self.depth = 0
        """0 in plain script data, 1 after ``<!--``, 2 after ``<script`` in that."""

    def find(self, data: bytes, at: int) -> tuple[int, int]:
        """Return where the end tag begins, or -1 and up to where ``data`` needs no second look."""
        if self.depth == 0:
            match = SCRIPT_END.search(data, at)
            if match is not None and data.find(b"<!--", at, match.start()) < 0:
                return match.start(), -1
            if match is None and data.find(b"<!--", at) < 0:
                return -1, self._tail(data, at)
        while (match := SCRIPT_STEP.search(data, at)) is not None:
            mark = match[0].lower()
            at = match.end()
            if mark == b"<!--":
                self.depth = max(self.depth, 1)
                at -= 2  # the dashes may belong to "-->" as well
            elif mark == b"-->":
                self.depth = 0
            elif mark == b"<script":
                self.depth = 2 if self.depth else 0
            elif self.depth == 2:
                self.depth = 1
            else:
                return match.start(), -1
        return -1, self._tail(data, at)

    def _tail(self, data: bytes, at: int) -> int:
        """Return where what may be the beginning of a mark begins."""
        at = max(at, len(data) - _LONGEST_MARK)
        return min((found for mark in b"<-" if (found := data.find(mark, at)) >= 0), default=len(data))


class TextCapture:
    """Holds a start tag with the text after it, up to ``MAXIMUM_TEXT``, for the handler."""

    def __init__(self, handler: Handler, tag: StartTag) -> None:
        self._handler = handler
        self._tag = tag
        self._parts: list[bytes] = []
        self._size = 0
        self._tag_sent = False

    def feed(self, text: bytes) -> bytes:
        """Take more text; return what can be sent."""
        out = []
        while len(text) > MAXIMUM_TEXT - self._size:
            room = MAXIMUM_TEXT - self._size
            self._parts.append(text[:room])
            out.append(self._show(more=True))
            text = text[room:]
        self._parts.append(text)
        self._size += len(text)
        return b"".join(out)

    def end(self, *, is_open: bool) -> bytes:
        """Return the rest; with ``is_open`` there is more text that the handler is not shown."""
        if is_open:
            self._handler.text(self._tag, b"", more=True)
        return self._show(more=False)

    def _show(self, *, more: bool) -> bytes:
        text = b"".join(self._parts)
        if self._tag.may_be_html and not more:
            self._show_as_markup(text)
        text = self._handler.text(self._tag, text, more=more)
        if not self._tag_sent:
            self._tag_sent = True
            text = self._tag.to_bytes() + text
        self._parts.clear()
        self._size = 0
        return text

    def _show_as_markup(self, text: bytes) -> None:
        """Show the text as it is read in SVG, where it is markup."""
        if b"&" not in text and b"<" not in text:
            return
        name = self._tag.name
        whole = text + b"</" + name + b">"
        found = foreign_texts(whole, 0, len(whole), name, is_unsure=True, may_be_raw=False)
        for other in found.texts:
            self._handler.text(self._tag, other, more=False)
        if not found.is_whole:  # the text goes on behind what ends it here
            self._handler.text(self._tag, b"", more=True)
