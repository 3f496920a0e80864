"""Encodings in which a byte below 0x80 need not be the ASCII character (Encoding standard, section 4.2).

All others are rewritten as they are: in none of them can ``<``, ``>``, a quote or ``=`` be part of another character.
"""

from __future__ import annotations

import codecs
import re

__all__ = ["Charset"]

_PARAMETER = re.compile(r";\s*charset\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)
_META = re.compile(rb"<meta[^>]*charset\s*=\s*[\"']?\s*(iso-2022-jp|csiso2022jp)", re.IGNORECASE)
_PRESCANNED = 1024
_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_NAMES = {
    "utf-16": "utf-16-le",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "ucs-2": "utf-16-le",
    "unicode": "utf-16-le",
    "csunicode": "utf-16-le",
    "iso-10646-ucs-2": "utf-16-le",
    "unicodefeff": "utf-16-le",
    "unicodefffe": "utf-16-be",
    "iso-2022-jp": "iso2022_jp",
    "csiso2022jp": "iso2022_jp",
}


class Charset:
    """Turns one page into UTF-8 and back, where it is in such an encoding. A byte order mark outweighs the header."""

    def __init__(self, content_type: str) -> None:
        match = _PARAMETER.search(content_type)
        self._declared = match[1].lower() if match is not None else ""
        self._begun = False
        self._first = b""
        self._in: codecs.IncrementalDecoder | None = None
        self._back: codecs.IncrementalDecoder | None = None
        self._out: codecs.IncrementalEncoder | None = None

    def decode(self, data: bytes, *, final: bool = False) -> bytes:
        """Return the page's next bytes as ASCII-compatible ones."""
        if not self._begun:
            data = self._first + data
            if len(data) < len(codecs.BOM_UTF16_LE) and not final:
                self._first = data
                return b""
            self._begun = True
            self._choose(data)
        return self._in.decode(data, final).encode("utf-8") if self._in is not None else data

    def encode(self, data: bytes, *, final: bool = False) -> bytes:
        """Return what ``decode`` gave, rewritten, in the page's own encoding."""
        if self._back is None or self._out is None:
            return data
        return self._out.encode(self._back.decode(data, final), final)

    def _choose(self, first: bytes) -> None:
        name = _MARKS.get(first[:2]) or _NAMES.get(self._declared)
        if name is None and not self._declared and _META.search(first[:_PRESCANNED]) is not None:
            name = "iso2022_jp"
        if name is not None:
            self._in = codecs.getincrementaldecoder(name)("replace")
            self._back = codecs.getincrementaldecoder("utf-8")("replace")
            self._out = codecs.getincrementalencoder(name)("xmlcharrefreplace")
