"""The states inside of elements whose text holds no tags: raw text, RCDATA and script data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.rewriter.grammar import raw_text_end
from cookie_consent.rewriter.raw_text import MAXIMUM_TEXT, ScriptData, TextCapture
from cookie_consent.rewriter.xml_states import XmlStates

if TYPE_CHECKING:
    import re

    from cookie_consent.rewriter.foreign import ForeignContent
    from cookie_consent.rewriter.handler import Handler
    from cookie_consent.rewriter.tag import StartTag

__all__ = ["Texts"]

_LONGEST_MARK = 16


class Texts(XmlStates):
    """Shows the handler the text that it wants, and reads text as markup that is markup to some browsers."""

    _handler: Handler
    _scripting: bool
    _held: TextCapture | None = None
    """What keeps the text that the handler wants."""
    _inner: Texts | None = None
    """What reads the text as markup."""
    _text_name: bytes
    _text_end: re.Pattern[bytes]
    _script: ScriptData

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the document; return what can be sent of it."""
        raise NotImplementedError

    def end(self) -> bytes:
        """Finish the document; return the rest of it."""
        raise NotImplementedError

    @property
    def leaves_doubt(self) -> bool:
        """Whether it depends on the reading of this how what comes after it is read."""
        raise NotImplementedError

    def _nested(self, name: bytes, foreign: ForeignContent | None = None) -> Texts:
        """Return what reads the text of an element of that name as markup; ``foreign`` is what that stands in."""
        raise NotImplementedError

    def _take_in(self, inner: Texts) -> None:
        """Take note of what the reading as markup, which has ended, has found."""
        raise NotImplementedError

    def _start_text(self, tag: StartTag, start: int, end: int, *, wants_text: bool, is_markup: bool) -> bool:
        """Begin the text of an element that holds no tags; with ``is_markup`` it is markup to some browsers.

        Return True if another state has to go on.
        """
        name = tag.name
        if wants_text:
            self._replace(start, end, b"")
            self._held = TextCapture(self._handler, tag)
        elif tag.changed:
            self._replace(start, end, tag.to_bytes())
        if name == b"noscript" and not self._scripting:
            return False
        if is_markup:
            self._flush(end)
            self._inner = self._nested(name)
        self._begin_text(name)
        return True

    def _begin_text(self, name: bytes) -> None:
        self._text_name, self._text_end = name, raw_text_end(name)
        self._script.depth = 0
        self._state = self._script_data if name == b"script" else self._raw_text

    def _take_whole_text(self, tag: StartTag, start: int, end: int, *, wants_text: bool) -> bool:
        """Take the text at once, up to its end tag, if all of it has come; most of the time it has."""
        buffer = self._buffer
        match = raw_text_end(tag.name).search(buffer, end)
        if match is None or match.start() - end > MAXIMUM_TEXT:
            return False
        stop = match.start()
        if tag.name == b"script" and buffer.find(b"<!--", end, stop) >= 0:
            return False
        if wants_text:
            text = buffer[end:stop]
            changed = self._handler.text(tag, text, more=False)
            if tag.changed or changed != text:
                self._replace(start, stop, tag.to_bytes() + changed)
        elif tag.changed:
            self._replace(start, end, tag.to_bytes())
        self._at = stop
        return True

    def _raw_text(self) -> bool:
        match = self._text_end.search(self._buffer, self._at)
        if match is None:
            return self._text_until(max(self._at, len(self._buffer) - _LONGEST_MARK))
        self._text_until(match.start())
        self._close_text()
        self._state = self._markup
        return True

    def _script_data(self) -> bool:
        end, keep = self._script.find(self._buffer, self._at)
        self._text_until(end if end >= 0 else keep)
        if end < 0:
            return False
        self._close_text()
        self._state = self._markup
        return True

    def _text_until(self, end: int) -> bool:
        """Take the text up to ``end``; return False, since more is to come."""
        if self._held is not None or self._inner is not None:
            self._flush(self._at)
            self._text_out(self._buffer[self._at : end])
            self._sent = end
        self._at = end
        return False

    def _text_out(self, text: bytes) -> None:
        if self._inner is not None:
            text = self._inner.feed(text)
        self._out.append(self._held.feed(text) if self._held is not None else text)

    def _close_text(self, *, is_open: bool = False) -> None:
        """Take the end of the text; with ``is_open`` it goes on in the reading that this one is part of."""
        if self._inner is not None:
            inner, self._inner = self._inner, None
            self._text_out(inner.end())
            self._take_in(inner)
        if self._held is not None:
            self._out.append(self._held.end(is_open=is_open))
            self._held = None
