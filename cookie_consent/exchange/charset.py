"""Find a page's character set, and convert pages that the rewriter cannot read as they are.

The rewriter needs an encoding in which the bytes of ``<``, ``>``, quotes, ``=`` and spaces never belong to other
characters. Most are of this kind. UTF-16 is sent as UTF-8, which makes no difference to scripts and forms. ISO-2022-JP
is decoded and encoded again.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from cookie_consent.rewriter import Rewriter, iso2022jp
from cookie_consent.rewriter.encodings import (
    PRESCANNED,
    content_charset,
    declared_encoding,
    encoding_of,
    prescan,
    xml_encoding,
)

if TYPE_CHECKING:
    from cookie_consent.exchange.content_type import ContentType
    from cookie_consent.rewriter import StartTag

__all__ = ["Charset"]

_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16le", codecs.BOM_UTF16_BE: "utf-16be"}
_LONGEST_MARK = 3
_XML_STARTS = {b"<\0?\0x\0": "utf-16le", b"\0<\0?\0x": "utf-16be"}
_LONGEST_HEAD = 64 * 1024
"""Bytes that are searched for a declaration after the prescan."""
_HEAD = frozenset({b"html", b"head", b"script", b"noscript", b"style", b"link", b"meta", b"object", b"title", b"base"})
"""Elements after which browsers go on searching."""
_ESCAPE = b"\x1b"
_SUBSTITUTE = b"\x1a"


class Charset:
    """Finds a page's encoding as browsers do, and converts the page to UTF-8 and back where necessary.

    HTML standard, section 13.2.3: byte order mark, header, prescan, a declaration further down in the head. For a page
    without any of them browsers may guess or inherit an encoding. It cannot be ISO-2022-JP, since the page's escape
    characters are replaced.
    """

    def __init__(self, content_type: ContentType, *, is_xml: bool = False) -> None:
        self._header = encoding_of(content_type.charset)
        self._is_xml = is_xml
        self._first = b""
        self._late: _Search | None = None
        self.is_decided = False
        """Whether enough of the page has arrived to know its encoding."""
        self._found = ""
        self._utf16: codecs.IncrementalDecoder | None = None
        self._decoder: iso2022jp.Decoder | None = None
        self._back: codecs.IncrementalDecoder | None = None
        self._encoder: iso2022jp.Encoder | None = None

    @property
    def name(self) -> str:
        """The encoding in which the page is sent; empty if none is declared."""
        return "utf-8" if self._utf16 is not None else self._found

    @property
    def reading(self) -> str:
        """The encoding in which the rewriter gets the page; empty if none is declared."""
        return "utf-8" if self._decoder is not None else self.name

    def decode(self, data: bytes, *, final: bool = False) -> bytes:
        """Return the page's next bytes for the rewriter. Until the encoding is known, return none."""
        if not self.is_decided:
            data = self._first + data
            found = self._find(data, final=final)
            if found is None:
                self._first = data
                return b""
            self._first, self._late, self.is_decided = b"", None, True
            self._choose(found)
        if self._utf16 is not None:
            return self._utf16.decode(data, final).encode("utf-8")
        if self._decoder is not None:
            return self._decoder.decode(data, final=final).encode("utf-8")
        return data if self._found else data.replace(_ESCAPE, _SUBSTITUTE)

    def encode(self, data: bytes, *, final: bool = False) -> bytes:
        """Return rewritten bytes in the encoding in which they are sent."""
        if self._back is None or self._encoder is None:
            return data
        return self._encoder.encode(self._back.decode(data, final), final=final)

    def _choose(self, found: str) -> None:
        self._found = found
        if found in {"utf-16le", "utf-16be"}:
            self._utf16 = codecs.getincrementaldecoder("utf-16-le" if found == "utf-16le" else "utf-16-be")("replace")
        elif found == "iso-2022-jp":
            self._decoder, self._encoder = iso2022jp.Decoder(), iso2022jp.Encoder()
            self._back = codecs.getincrementaldecoder("utf-8")("replace")

    def _find(self, data: bytes, *, final: bool) -> str | None:
        """Return the encoding, an empty string if none is declared, or None if more bytes are needed."""
        if len(data) < _LONGEST_MARK and not final:
            return None
        for mark, name in _MARKS.items():
            if data.startswith(mark):
                return name
        if self._header:
            return self._header
        beginning = data[:PRESCANNED]
        is_enough = final or len(data) >= PRESCANNED
        # Neither a mark nor a header: an XML declaration in UTF-16 gives itself away.
        for start, name in _XML_STARTS.items():
            if beginning.startswith(start):
                return name
        if self._is_xml:
            is_declared = beginning.startswith(b"<?xml") and b">" in beginning
            return xml_encoding(beginning) or "utf-8" if is_enough or is_declared else None
        return prescan(beginning) or (self._find_late(data, final=final) if is_enough else None)

    def _find_late(self, data: bytes, *, final: bool) -> str | None:
        """Look for a declaration that the prescan misses: a later one, or one with character references."""
        if self._late is None:
            self._late = _Search()
        found = self._late.look(data[:_LONGEST_HEAD])
        if found:
            return found
        is_searched = final or self._late.has_ended or len(data) >= _LONGEST_HEAD
        return xml_encoding(data[:PRESCANNED]) if is_searched else None


class _Search:
    """Reads a page's head like a browser's parser, until it finds a declaration or the head ends."""

    relative = False

    def __init__(self) -> None:
        self._rewriter = Rewriter(self, all_tags=True)
        self._looked_at = 0
        self._found = ""
        self.has_ended = False

    def look(self, data: bytes) -> str:
        """Return the encoding that ``data`` declares. ``data`` begins with what was passed before."""
        for end in (PRESCANNED, len(data)):
            if self.has_ended:
                break  # what follows counts only while the head goes on
            self._rewriter.feed(data[self._looked_at : end])
            self._looked_at = max(self._looked_at, min(end, len(data)))
        return self._found

    def start_tag(self, tag: StartTag) -> bool:
        self.has_ended = self.has_ended or tag.name not in _HEAD
        is_searched = not self.has_ended or self._looked_at < PRESCANNED
        if tag.name == b"meta" and is_searched and not self._found:
            self._found = declared_encoding(_declared_by(tag))
        return False

    def text(self, tag: StartTag, text: bytes, *, more: bool) -> bytes:  # noqa: ARG002 - a handler's signature
        return text


def _declared_by(tag: StartTag) -> str:
    charset = tag.get(b"charset")
    if charset is not None:
        return encoding_of(charset)
    is_pragma = (tag.get(b"http-equiv") or "").lower() == "content-type"
    return content_charset(tag.get(b"content") or "") if is_pragma else ""
