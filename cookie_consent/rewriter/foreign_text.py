"""The text of a ``style`` or ``script`` element in SVG: markup that comments, CDATA and elements may split.

A browser joins its text nodes (DOM standard, "child text content").
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, NamedTuple

from cookie_consent.rewriter.grammar import COMMENT_END, NAME, TAG, raw_text_end

if TYPE_CHECKING:
    from cookie_consent.rewriter.buffer import Buffer
    from cookie_consent.rewriter.handler import Handler
    from cookie_consent.rewriter.tag import StartTag

__all__ = ["ForeignTextReader", "ForeignTexts", "foreign_texts"]

_LONGEST = 64 * 1024
"""How many bytes of one text are judged."""

_CDATA = b"<![CDATA["
_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class ForeignTexts(NamedTuple):
    """All that the text may be read as."""

    texts: list[bytes]
    is_whole: bool
    """Whether its end was found."""
    is_nested: bool
    """Whether an element of the same name begins in it, which ends the reading: nobody writes that."""


def foreign_texts(data: bytes, start: int, end: int, name: bytes, *, is_unsure: bool, may_be_raw: bool) -> ForeignTexts:
    """Read the text from ``start`` up to ``end`` at most, in every way that a browser may.

    With ``is_unsure`` CDATA may be a comment. With ``may_be_raw`` it may also be raw text.
    """
    # A preload scanner builds no tree and takes the text for raw text. Readings of the tree differ in whether the text
    # of inner elements counts.
    first = data.find(b"<", start, end)
    if first >= 0 and raw_text_end(name).match(data, first, end) is not None:  # as nearly all are
        text = data[start:first]
        forms = {_with_references(text): None, **({text: None} if may_be_raw else {})}
        return ForeignTexts(list(forms), is_whole=True, is_nested=False)
    readers = [_Reader(data, end, name, reads_cdata=reads_cdata) for reads_cdata in (True, False)[: 1 + is_unsure]]
    ends = [reader.read(start) for reader in readers]
    texts = dict.fromkeys(b"".join(parts) for reader in readers for parts in (reader.direct, reader.all))
    is_nested = any(reader.is_nested for reader in readers)
    if may_be_raw and not is_nested:  # a nested text is not shown as a whole anyway
        match = raw_text_end(name).search(data, start, end)
        texts[data[start : match.start() if match is not None else end]] = None
    return ForeignTexts(list(texts), is_whole=all(ends), is_nested=is_nested)


class ForeignTextReader:
    """Shows the handler such texts, which stay as they are: for what they hold only their tag can be changed."""

    def __init__(self, handler: Handler, buffer: Buffer, *, may_be_raw: bool) -> None:
        self._handler = handler
        self._buffer = buffer
        self._may_be_raw = may_be_raw
        self._found: ForeignTexts | None = None
        self._shown = 0

    def is_ready(self, name: bytes, start: int, *, is_unsure: bool) -> bool:
        """Say whether enough of the text that begins at ``start`` has come."""
        self._found = None
        size = len(self._buffer.data)
        if self._buffer.is_final or size - start >= _LONGEST or self._has_shown_too_much:
            return True
        found = foreign_texts(self._buffer.data, start, size, name, is_unsure=is_unsure, may_be_raw=self._may_be_raw)
        if found.is_whole or found.is_nested:
            self._found = found
            return True
        return False

    def show(self, tag: StartTag, start: int, *, is_unsure: bool) -> None:
        """Show the handler the text of the element ``tag`` that begins at ``start``."""
        if self._has_shown_too_much:
            self._handler.text(tag, b"", more=True)
            return
        data = self._buffer.data
        stop = min(len(data), start + _LONGEST)
        found = self._found
        if found is None:
            found = foreign_texts(data, start, stop, tag.name, is_unsure=is_unsure, may_be_raw=self._may_be_raw)
        is_all = self._buffer.is_final and stop == len(data)
        more = found.is_nested or not (found.is_whole or is_all)
        for text in found.texts:
            self._shown += len(text)
            self._handler.text(tag, text, more=more)

    @property
    def _has_shown_too_much(self) -> bool:
        # The texts of elements without end tags overlap: showing each of them would take quadratic time.
        return self._shown > self._buffer.start + self._buffer.at + _LONGEST


class _Reader:
    """One reading; inner elements begin and end where their tags are."""

    def __init__(self, data: bytes, end: int, name: bytes, *, reads_cdata: bool) -> None:
        self._data = data
        self._end = end
        self._name = name
        self._reads_cdata = reads_cdata
        self._open: list[bytes] = []
        self.direct: list[bytes] = []
        """The text outside inner elements."""
        self.all: list[bytes] = []
        self.is_nested = False

    def read(self, at: int) -> bool:
        """Read on from ``at``; return whether the end tag was found."""
        data = self._data
        while True:
            found = data.find(b"<", at, self._end)
            self._add(_with_references(data[at : found if found >= 0 else self._end]))
            if found < 0:
                return False
            second = data[found + 1 : found + 2]
            if second[:1] == b"/":
                second = data[found + 2 : found + 3]
            if second and second[0] in _LETTERS:
                match = TAG.match(data, found, self._end)
                if match is None:
                    return False
                if self._takes_tag(match[0]):
                    return not self.is_nested
                at = match.end()
            else:
                at = self._skip(found)

    def _add(self, text: bytes) -> None:
        self.all.append(text)
        if not self._open:
            self.direct.append(text)

    def _takes_tag(self, tag: bytes) -> bool:
        """Take note of a tag within the text; return True where the reading ends."""
        match = NAME.match(tag)
        name = match[0].lower() if match is not None else b""
        if name.startswith(b"</"):
            if name[2:] in self._open:
                while self._open.pop() != name[2:]:
                    pass
            return name[2:] == self._name
        if not tag.endswith(b"/>"):
            self._open.append(name[1:])
        self.is_nested = name[1:] == self._name
        return self.is_nested

    def _skip(self, at: int) -> int:
        """Return the end of the comment, CDATA section or plain ``<`` at ``at``."""
        data, end = self._data, self._end
        if data.startswith(_CDATA, at) and self._reads_cdata:
            stop = data.find(b"]]>", at, end)
            self._add(data[at + len(_CDATA) : stop if stop >= 0 else end])
            return stop + 3 if stop >= 0 else end
        if data.startswith(b"<!--", at):
            for shut in (b">", b"->"):
                if data.startswith(shut, at + 4):
                    return at + 4 + len(shut)
            match = COMMENT_END.search(data, at + 4, end)
            return match.end() if match is not None else end
        if data[at + 1 : at + 2] in {b"!", b"?", b"/"}:
            return data.find(b">", at, end) + 1 or end
        self._add(b"<")
        return at + 1


def _with_references(text: bytes) -> bytes:
    """Decode character references by the rules for text, which differ from those for attributes."""
    if b"&" not in text:
        return text
    return html.unescape(text.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
