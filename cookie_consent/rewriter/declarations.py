"""Markup that is no tag: comments, bogus comments, doctypes, CDATA (HTML standard, sections 13.2.5.41 to 13.2.5.71)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.rewriter.foreign import ForeignContent
from cookie_consent.rewriter.grammar import CDATA_STEP, COMMENT_END, FORM_TEXT

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Declarations"]


class Declarations:
    """The bytes that have come and what is sent of them, and the states that wait for the end of what is no tag.

    A state is a method that looks at what has come from ``_at`` on, and returns False if more has to come.
    """

    _state: Callable[[], bool]
    _markup: Callable[[], bool]
    """The state to go back to."""
    _buffer: bytes
    _at: int
    """Up to where the buffer was looked at."""
    _sent: int
    """Up to where it was sent, or something in its place."""
    _out: list[bytes]
    _foreign: ForeignContent
    _in_doubt: bool
    """Whether other readings of the page may have begun; see ``Rewriter``."""
    _escape = b"&lt;"
    """What stands in doubt for a ``<`` that is no markup."""
    _has_closed = False
    """Whether a CDATA section has a ``>`` in it, so that it has ended for who takes it for a comment."""

    _xml: bool
    _is_final: bool
    """Whether no more comes."""

    _pending = b""
    """The element of SVG that has begun and whose text some would take for raw text."""

    def _read_as_text(self, at: int) -> bool:
        raise NotImplementedError

    def _enter_doubt(self) -> None:
        raise NotImplementedError

    def _mute(self, start: int, end: int) -> None:
        """Where there is doubt, let no other reading find markup in what is text from ``start`` to ``end``."""
        if self._in_doubt:
            text = self._buffer[start:end]
            if b"<" in text:
                self._replace(start, end, text.replace(b"<", self._escape))

    def _xml_declaration(self, head: bytes) -> bool:
        raise NotImplementedError

    def _flush(self, until: int) -> None:
        """Send the buffer up to ``until`` as it is."""
        if until > self._sent:
            self._out.append(self._buffer[self._sent : until])
        self._sent = until

    def _replace(self, start: int, end: int, data: bytes) -> None:
        """Send ``data`` in place of what the buffer has from ``start`` to ``end``."""
        if start > self._sent:
            self._out.append(self._buffer[self._sent : start])
        self._out.append(data)
        self._sent = end

    def _declaration(self) -> bool:
        """Begin a comment, a bogus comment, a doctype or CDATA (section 13.2.5.42)."""
        buffer, at = self._buffer, self._at
        head = buffer[at : at + 9]
        if self._xml:
            return self._xml_declaration(head)
        if head[1:2] != b"!":
            self._at = at + 2
            self._state = self._bogus_comment
        elif head.startswith(b"<!--"):
            return self._open_comment(head)
        elif b"<!--".startswith(head) or (
            self._foreign.takes_cdata and len(head) < 9 and b"<![CDATA[".startswith(head)
        ):
            return False
        elif self._foreign.takes_cdata and not self._in_doubt and head == b"<![CDATA[":
            self._at = at + 9
            self._has_closed = False
            self._state = self._cdata
        else:
            if self._in_doubt:
                self._foreign = ForeignContent()  # for it this may be CDATA
            self._at = at + 2
            self._state = self._bogus_comment
        return True

    def _open_comment(self, head: bytes) -> bool:
        buffer, at = self._buffer, self._at
        if len(head) < 6 and head != b"<!-->":
            return False
        if head[4:5] == b">":
            self._at = at + 5
        elif head[4:6] == b"->":
            self._at = at + 6
        else:
            self._at = at + 4
            match = COMMENT_END.search(buffer, at + 4)
            if match is None:
                self._state = self._comment
            else:
                self._at = match.end()
                self._mute(at + 4, self._at)
        return True

    def _comment(self) -> bool:
        match = COMMENT_END.search(self._buffer, self._at)
        return self._leave(match.end() if match is not None else -1, keep=3)

    def _bogus_comment(self) -> bool:
        return self._leave(self._buffer.find(b">", self._at) + 1 or -1, keep=0)

    def _cdata(self) -> bool:
        """Pass a CDATA section, which to some is a comment up to its first ``>`` (Chromium's preload scanner)."""
        buffer, at = self._buffer, self._at
        match = CDATA_STEP.search(buffer, at)
        end = match.start() if match is not None else max(at, len(buffer) - 2)
        self._has_closed = self._has_closed or buffer.find(b">", at, end) >= 0
        if match is None:
            self._at = end
            return False
        if match[0] == b"]]>":
            self._at = match.end()
            self._state = self._markup
            return True
        self._at = end
        if self._pending == FORM_TEXT:
            return self._read_as_text(end)
        self._enter_doubt()
        self._state = self._markup if self._has_closed else self._bogus_comment
        return True

    def _plain_text(self) -> bool:
        self._at = len(self._buffer)
        return False

    def _leave(self, end: int, *, keep: int) -> bool:
        """Go back to markup at ``end``, or wait with the last ``keep`` bytes if it has not come."""
        until = end if end >= 0 else max(self._at, len(self._buffer) - keep)
        self._mute(self._at, until)
        self._at = until
        if end >= 0:
            self._state = self._markup
        return end >= 0
