"""Markup that is no tag: comments, bogus comments, doctypes, CDATA (HTML standard, sections 13.2.5.41 to 13.2.5.71)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.rewriter.grammar import COMMENT_END

if TYPE_CHECKING:
    from collections.abc import Callable

    from cookie_consent.rewriter.foreign import ForeignContent

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
        if head[1:2] != b"!":
            self._at = at + 2
            self._state = self._bogus_comment
        elif head.startswith(b"<!--"):
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
        elif b"<!--".startswith(head) or (self._foreign.inside and len(head) < 9 and b"<![CDATA[".startswith(head)):
            return False
        elif self._foreign.inside and not self._foreign.lost and head == b"<![CDATA[":
            self._at = at + 9
            self._state = self._cdata
        else:
            self._at = at + 2
            self._state = self._bogus_comment
        return True

    def _comment(self) -> bool:
        match = COMMENT_END.search(self._buffer, self._at)
        return self._leave(match.end() if match is not None else -1, keep=3)

    def _bogus_comment(self) -> bool:
        return self._leave(self._buffer.find(b">", self._at) + 1 or -1, keep=0)

    def _cdata(self) -> bool:
        found = self._buffer.find(b"]]>", self._at)
        return self._leave(found + 3 if found >= 0 else -1, keep=2)

    def _plain_text(self) -> bool:
        self._at = len(self._buffer)
        return False

    def _leave(self, end: int, *, keep: int) -> bool:
        """Go back to markup at ``end``, or wait with the last ``keep`` bytes if it has not come."""
        if end >= 0:
            self._at = end
            self._state = self._markup
            return True
        self._at = max(self._at, len(self._buffer) - keep)
        return False
