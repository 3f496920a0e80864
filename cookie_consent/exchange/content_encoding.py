"""Content codings (RFC 9110, section 8.4.1): decompress the application's responses, and compress them again.

gzip and deflate are part of Python. br needs the extra of this name, and so does zstd before Python 3.14.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

try:
    import brotli
except ImportError:
    brotli = None
try:
    from compression import zstd
except ImportError:
    try:
        from backports import zstd
    except ImportError:
        zstd = None

__all__ = ["READABLE", "Coding", "CodingError", "coding_for", "is_plain", "is_readable", "known_codings"]

READABLE = (
    frozenset({"identity", "gzip", "x-gzip", "deflate"})
    | ({"br"} if brotli is not None else set())
    | ({"zstd"} if zstd is not None else set())
)
"""The codings that this process can decode."""
_KNOWN = (READABLE | {"br", "zstd", "dcb", "dcz"}) - {"identity"}
"""The codings that browsers support. They ignore other names, such as ``none`` or ``utf-8``."""
_MARKS: dict[str, tuple[bytes, ...]] = {
    "zstd": (b"\x28\xb5\x2f\xfd", *(bytes((first,)) + b"\x2a\x4d\x18" for first in range(0x50, 0x60))),
    "dcb": (b"\xffDCB",),
    "dcz": (b"\x5e\x2a\x4d\x18",),
}
"""The magic numbers of these codings (RFC 8878, section 3.1.1; RFC 9842, sections 4 and 5)."""
_MOST = 8
"""How many nested codings are decoded. Each takes memory, and a header has room for thousands."""
_PIECE = 64 * 1024
_ZLIB_HEADER = 2
_LONGEST_HEADER = 64 * 1024
_WBITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class CodingError(Exception):
    """The application's data is not in the coding that its header names."""


class Coding(Protocol):
    """Decodes and encodes one response, in bounded memory."""

    @property
    def sent(self) -> str | None:
        """The header to send, known after the first content. None means the application's; empty means none."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the content in pieces. Raises ``CodingError`` if the data is corrupt."""

    def encode(self, data: bytes) -> bytes:
        """Return the encoded content, flushed, so that a page which is streamed slowly arrives without delay."""

    def finish(self) -> bytes:
        """Return the last bytes."""


class _Identity:
    """No coding."""

    sent: str | None = ""

    def decode(self, data: bytes) -> Iterator[bytes]:
        yield data

    def encode(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


class _Deflate:
    """gzip (RFC 1952) and deflate: the zlib format (RFC 1950), or raw (RFC 1951), which browsers also accept."""

    sent: str | None = None

    def __init__(self, name: str) -> None:
        wbits = _WBITS[name]
        self._decoder = zlib.decompressobj(wbits)
        self._encoder = zlib.compressobj(level=5, wbits=wbits)
        self._undetermined: bytes | None = b"" if name == "deflate" else None
        """The first bytes, until it is clear whether they are zlib or raw."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        if self._undetermined is not None:
            data = self._undetermined = self._undetermined + data
            if len(data) < _ZLIB_HEADER:
                return
            if not _is_zlib(data):
                self._decoder = zlib.decompressobj(-zlib.MAX_WBITS)
            self._undetermined = None
        while data and not self._decoder.eof:
            try:
                yield self._decoder.decompress(data, _PIECE)
            except zlib.error as error:
                raise CodingError(str(error)) from error
            data = self._decoder.unconsumed_tail

    def encode(self, data: bytes) -> bytes:
        return self._encoder.compress(data) + self._encoder.flush(zlib.Z_SYNC_FLUSH) if data else b""

    def finish(self) -> bytes:
        return self._encoder.flush()


def _is_zlib(data: bytes) -> bool:
    """Return whether the data begins with a zlib header (RFC 1950, section 2.2)."""
    return data[0] & 0x0F == zlib.DEFLATED and (data[0] << 8 | data[1]) % 31 == 0


class _Brotli:
    """br (RFC 7932)."""

    sent: str | None = None

    def __init__(self, module: Any) -> None:
        self._error = module.error
        self._decoder = module.Decompressor()
        self._encoder = module.Compressor(quality=4)

    def decode(self, data: bytes) -> Iterator[bytes]:
        # The output limit bounds memory: what does not fit is fetched with further calls without input.
        while data or not self._decoder.can_accept_more_data():
            try:
                yield bytes(self._decoder.process(data, output_buffer_limit=_PIECE))
            except self._error as error:
                raise CodingError(str(error)) from error
            data = b""

    def encode(self, data: bytes) -> bytes:
        return bytes(self._encoder.process(data) + self._encoder.flush()) if data else b""

    def finish(self) -> bytes:
        return bytes(self._encoder.finish())


class _Zstandard:
    """zstd (RFC 8878)."""

    sent: str | None = None

    def __init__(self, module: Any) -> None:
        self._error = module.ZstdError
        self._decoder = module.ZstdDecompressor()
        self._encoder = module.ZstdCompressor(level=3)

    def decode(self, data: bytes) -> Iterator[bytes]:
        while (data or not self._decoder.needs_input) and not self._decoder.eof:
            try:
                yield bytes(self._decoder.decompress(data, _PIECE))
            except self._error as error:
                raise CodingError(str(error)) from error
            data = b""

    def encode(self, data: bytes) -> bytes:
        return bytes(self._encoder.compress(data, self._encoder.FLUSH_BLOCK)) if data else b""

    def finish(self) -> bytes:
        return bytes(self._encoder.flush())


class _Several:
    """Several nested codings, or a coding beside unknown names.

    Browsers disagree on such lists. So data that turns out not to be encoded is passed on as it is, and the header is
    corrected.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._codings = [_made(name) for name in reversed(names)]
        self._last = names[-1]
        self._begun: bytes | None = b""
        """The raw bytes before the first content."""
        self._is_raw = False

    @property
    def sent(self) -> str | None:
        return "" if self._is_raw else self._last

    def decode(self, data: bytes) -> Iterator[bytes]:
        if self._is_raw:
            yield data
            return
        if self._begun is not None:
            self._begun += data
            self._begun = self._begun if len(self._begun) <= _LONGEST_HEADER else None
        try:
            for piece in self._decoded(data, self._codings):
                self._begun = None if piece else self._begun
                yield piece
        except CodingError:
            # After the first content the data was in this coding, so it is corrupt. Before, it may be none.
            if self._begun is None:
                raise
            self._is_raw = True
            yield self._begun

    def encode(self, data: bytes) -> bytes:
        return data if self._is_raw else self._codings[0].encode(data)

    def finish(self) -> bytes:
        return b"" if self._is_raw else self._codings[0].finish()

    def _decoded(self, data: bytes, codings: list[Coding]) -> Iterator[bytes]:
        if not codings:
            yield data
            return
        for piece in codings[0].decode(data):
            yield from self._decoded(piece, codings[1:])


def is_readable(content_encoding: str) -> bool:
    """Return whether ``coding_for`` can decode the header's codings."""
    return _is_decodable(_names(content_encoding)[0])


def known_codings(content_encoding: str) -> str:
    """Return the header without the names that browsers do not know."""
    return ", ".join(_names(content_encoding)[0])


def is_plain(content_encoding: str, data: bytes) -> bool:
    """Return whether the magic number shows that the data is not in the last coding. Its beginning is enough."""
    names = _names(content_encoding)[0]
    mark = _MARKS.get(names[-1]) if names else None
    return mark is not None and not data.startswith(mark)


def coding_for(content_encoding: str) -> Coding | None:
    """Return the header's coding, or None if this process lacks the library for it, or too many are nested."""
    names, is_clear = _names(content_encoding)
    if not _is_decodable(names):
        return None
    if not names:
        return _Identity()
    return _made(names[0]) if is_clear and len(names) == 1 else _Several(names)


def _is_decodable(names: tuple[str, ...]) -> bool:
    return READABLE.issuperset(names) and len(names) <= _MOST


def _made(name: str) -> Coding:
    if name == "br":
        return _Brotli(brotli)
    return _Zstandard(zstd) if name == "zstd" else _Deflate(name)


@lru_cache(maxsize=64)
def _names(content_encoding: str) -> tuple[tuple[str, ...], bool]:
    """Return the known codings in the list, and whether there is nothing else in it."""
    parts = [part.partition(";")[0].strip().lower() for part in content_encoding.split(",")]
    names = tuple(part for part in parts if part in _KNOWN)
    return names, len(names) == len(parts) and ";" not in content_encoding
