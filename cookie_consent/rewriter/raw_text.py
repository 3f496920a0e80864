"""The text of elements that hold no tags: where it ends, who reads it, and its capture for the handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cookie_consent.rewriter.foreign_text import foreign_texts
from cookie_consent.rewriter.grammar import SCRIPT_END, SCRIPT_STEP, raw_text_end

if TYPE_CHECKING:
    from cookie_consent.rewriter.handler import Handler
    from cookie_consent.rewriter.tag import StartTag

__all__ = ["MAXIMUM_TEXT", "NestedReader", "RawText", "TextCapture"]

MAXIMUM_TEXT = 512 * 1024
"""How many bytes of one script or style element are held until the handler has judged them."""
_LONGEST_MARK = 16


class NestedReader(Protocol):
    """Reads text as markup."""

    @property
    def leaves_doubt(self) -> bool:
        """Whether its reading changes how the markup after the text is read."""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; return what can be sent of them."""

    def end(self) -> bytes:
        """Return the rest."""


class RawText:
    """The text of one element, up to its end tag.

    ``capture`` holds it for the handler. ``nested`` reads it as the markup that it is in some browsers.
    """

    def __init__(self, name: bytes, *, capture: TextCapture | None, nested: NestedReader | None) -> None:
        self.nested = nested
        self._name = name
        self._end = raw_text_end(name)
        self._script = _ScriptData() if name == b"script" else None
        self._capture = capture

    @property
    def is_read(self) -> bool:
        """Whether the text has to be fed to this; else it is only searched for its end."""
        return self._capture is not None or self.nested is not None

    @property
    def end_tag(self) -> bytes:
        """What closes the text, if the document ends in it."""
        is_comment = self._script is not None and self._script.depth > 0
        return (b"-->" if is_comment else b"") + b"</" + self._name + b">"

    def find_end(self, data: bytes, at: int) -> tuple[int, int]:
        """Return the position of the end tag, or -1 and the position up to which ``data`` needs no second look."""
        if self._script is not None:
            return self._script.find_end(data, at)
        match = self._end.search(data, at)
        return (match.start(), -1) if match is not None else (-1, max(at, len(data) - _LONGEST_MARK))

    def feed(self, text: bytes) -> bytes:
        """Take more of the text; return what can be sent of it."""
        if self.nested is not None:
            text = self.nested.feed(text)
        return self._capture.feed(text) if self._capture is not None else text

    def end(self, *, is_open: bool = False) -> bytes:
        """Return the rest; with ``is_open`` the text goes on where nothing reads it."""
        text = self.nested.end() if self.nested is not None else b""
        if self._capture is None:
            return text
        return self._capture.feed(text) + self._capture.end(is_open=is_open)


class _ScriptData:
    """Script data with its escaped and double escaped states (HTML standard, sections 13.2.5.15 to 13.2.5.31)."""

    def __init__(self) -> None:
        self.depth = 0
        """0 in plain script data, 1 after ``<!--``, and 2 after ``<script`` in that."""

    def find_end(self, data: bytes, at: int) -> tuple[int, int]:
        """Do the same as ``RawText.find_end``."""
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
        """Return the position from which a mark may have begun."""
        at = max(at, len(data) - _LONGEST_MARK)
        return min((found for mark in b"<-" if (found := data.find(mark, at)) >= 0), default=len(data))


class TextCapture:
    """Holds a start tag and up to ``MAXIMUM_TEXT`` bytes of the text after it for the handler."""

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
        """Return the rest; with ``is_open`` there is more text, which the handler is not shown."""
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
        """Show the handler the text as it is read in SVG, where it is markup."""
        if b"&" not in text and b"<" not in text:
            return
        name = self._tag.name
        whole = text + b"</" + name + b">"
        found = foreign_texts(whole, 0, len(whole), name, is_unsure=True, may_be_raw=False)
        for other in found.texts:
            self._handler.text(self._tag, other, more=False)
        if not found.is_whole:  # in SVG the text goes on after its end here
            self._handler.text(self._tag, b"", more=True)
