"""What of XML is no tag: comments, CDATA, processing instructions and the document type declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.rewriter.declarations import Declarations
from cookie_consent.rewriter.xml_markup import DOCTYPE, LONGEST_DECLARATION, gate_instruction

if TYPE_CHECKING:
    from cookie_consent.rewriter.handler import Handler
    from cookie_consent.rewriter.xml_markup import DoctypeGate

__all__ = ["XmlStates"]


class XmlStates(Declarations):
    """The states that XML (1.0, sections 2.5 to 2.8) has in place of those of ``Declarations``."""

    _handler: Handler
    _doctype: DoctypeGate
    is_too_long = False
    """Whether a declaration was too long to be looked at."""

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
