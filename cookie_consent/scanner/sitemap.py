"""Reads sitemaps and their index files (https://www.sitemaps.org/protocol.html), which may be hostile."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.parsers import expat

from cookie_consent.exchange.content_encoding import CodingError, coding_for

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Sitemap"]

_LONGEST = 2_000
_DEEPEST = 50
_GZIP = b"\x1f\x8b"


class _StopError(Exception):
    """The sitemap is not read any further."""


class Sitemap:
    """Reads one sitemap, given in pieces: XML or a text with one address a line, and either may be gzip.

    Entities are refused, so that none is expanded. What came before an error counts.
    """

    def __init__(self, most: int) -> None:
        self.pages: list[str] = []
        """The addresses of pages, at most ``most``."""
        self.sitemaps: list[str] = []
        """The addresses of further sitemaps, at most ``most``."""
        self.is_over = False
        """Whether there is nothing more to read."""
        self._most = most
        self._size = 0
        self._coding = coding_for("")
        self._begun = False
        self._parser: expat.XMLParserType | None = None
        self._line = b""
        self._path: list[str] = []
        self._text: list[str] = []
        self._length = 0

    def feed(self, data: bytes, most_bytes: int) -> None:
        """Take the next bytes. No more than ``most_bytes`` are read of what they decode to."""
        if self.is_over or not data:
            return
        try:
            for piece in self._decoded(data):
                self._size += len(piece)
                self._read(piece)
                if self._size > most_bytes:
                    self.is_over = True
                    return
        except (_StopError, CodingError, expat.ExpatError, ValueError, LookupError):
            self.is_over = True

    def end(self) -> None:
        """Take the last line of a text."""
        if self._parser is None and self._line:
            self.feed(b"\n", self._size + 1)

    def _decoded(self, data: bytes) -> Iterator[bytes]:
        if not self._begun and data.startswith(_GZIP):
            self._coding = coding_for("gzip")
        if self._coding is not None:
            yield from self._coding.decode(data)

    def _read(self, data: bytes) -> None:
        if not self._begun and data:
            self._begun = True
            if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
                self._parser = self._made()
        if self._parser is not None:
            self._parser.Parse(data, False)  # noqa: FBT003 - it takes no keywords
            return
        *lines, self._line = (self._line + data).split(b"\n")
        if len(self._line) > _LONGEST:
            raise _StopError
        for line in lines:
            self._add(self.pages, line.decode("utf-8", "replace"))

    def _made(self) -> expat.XMLParserType:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.EntityDeclHandler = _refuse
        parser.UnparsedEntityDeclHandler = _refuse
        parser.ExternalEntityRefHandler = _refuse
        return parser

    def _start(self, name: str, _: object) -> None:
        self._path.append(name.rpartition(" ")[2].lower())
        self._text, self._length = [], 0
        if len(self._path) > _DEEPEST:
            raise _StopError

    def _characters(self, text: str) -> None:
        if self._path and self._path[-1] == "loc" and self._length <= _LONGEST:
            self._text.append(text)
            self._length += len(text)

    def _end(self, _: str) -> None:
        ended = self._path.pop()
        parent = self._path[-1] if self._path else ""
        if ended == "loc" and parent in {"url", "sitemap"}:
            self._add(self.pages if parent == "url" else self.sitemaps, "".join(self._text))
        self._text, self._length = [], 0

    def _add(self, to: list[str], address: str) -> None:
        address = address.strip()
        if address and len(address) <= _LONGEST:
            to.append(address)
        if len(to) >= self._most:
            raise _StopError


def _refuse(*_: object) -> int:
    raise _StopError
