"""Markup that is no tag: comments, bogus comments, doctypes, CDATA (HTML standard, sections 13.2.5.41 to 13.2.5.71)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.rewriter.foreign import ForeignContent
from cookie_consent.rewriter.grammar import CDATA_STEP, COMMENT_END
from cookie_consent.rewriter.xml_markup import DOCTYPE, LONGEST_DECLARATION, gate_instruction

if TYPE_CHECKING:
    from collections.abc import Callable

    from cookie_consent.rewriter.handler import Handler
    from cookie_consent.rewriter.xml_markup import DoctypeGate

__all__ = ["Declarations"]


class Declarations:
    """The bytes that have come and what is sent of them, and the states that wait for the end of what is no tag.

    A state is a method that looks at what has come from ``_at`` on, and returns False if more has to come.
    """

    is_too_long = False
    """Whether a declaration of XML was too long to be looked at."""
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
    _escape: bytes
    """What stands in doubt for a ``<`` that is no markup."""
    _has_closed: bool
    """Whether a CDATA section has a ``>`` in it, so that it has ended for who takes it for a comment."""

    _xml: bool
    _handler: Handler
    _is_final: bool
    """Whether no more comes."""
    _doctype: DoctypeGate

    _pending: bytes

    def _enter_doubt(self) -> None:
        raise NotImplementedError

    def _read_as_text(self, at: int) -> bool:
        raise NotImplementedError

    def _mute(self, start: int, end: int) -> None:
        """Where there is doubt, let no other reading find markup in text that this one has from ``start`` to ``end``."""
        if self._in_doubt:
            text = self._buffer[start:end]
            if b"<" in text:
                self._replace(start, end, text.replace(b"<", self._escape))

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

    def _xml_declaration(self, head: bytes) -> bool:
        """Begin a comment, a processing instruction, CDATA or a document type declaration of XML."""
        buffer, at = self._buffer, self._at
        may_wait = not self._is_final and len(buffer) - at < LONGEST_DECLARATION
        if len(head) < 9 and may_wait:
            return False
        end = -1
        self._at, self._state = at + 2, self._bogus_comment
        if head.startswith(b"<!--"):
            self._at, self._state = at + 4, self._xml_comment
        elif head == b"<![CDATA[":
            self._at, self._state = at + 9, self._xml_cdata
        elif head.startswith(b"<?"):
            self._state = self._instruction
            end = buffer.find(b"?>", at + 2) + 2
        elif head.lower() == b"<!doctype":
            match = DOCTYPE.match(buffer, at)
            end = match.end() if match is not None else 1
        if end > 1:
            raw = buffer[at:end]
            changed = gate_instruction(raw, self._handler) if head[1:2] == b"?" else self._doctype(raw)
            if changed != raw:
                self._replace(at, end, changed)
            self._at, self._state = end, self._markup
        elif end == 1:
            if may_wait:
                self._at, self._state = at, self._markup
                return False
            self.is_too_long = True
        return True

    def _xml_comment(self) -> bool:
        found = self._buffer.find(b"-->", self._at)
        return self._leave(found + 3 if found >= 0 else -1, keep=2)

    def _xml_cdata(self) -> bool:
        found = self._buffer.find(b"]]>", self._at)
        return self._leave(found + 3 if found >= 0 else -1, keep=2)

    def _instruction(self) -> bool:
        found = self._buffer.find(b"?>", self._at)
        return self._leave(found + 2 if found >= 0 else -1, keep=1)

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
        if self._pending:
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
