"""Content codings (RFC 9110, section 8.4.1): read what the application compressed, and compress it again.

gzip and deflate come with Python; br and zstd need the extras of these names, or a Python that has them.
"""

from __future__ import annotations

import zlib
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

__all__ = ["READABLE", "Coding", "CodingError", "coding_for", "is_readable"]

READABLE = (
    frozenset({"identity", "gzip", "x-gzip", "deflate"})
    | ({"br"} if brotli is not None else set())
    | ({"zstd"} if zstd is not None else set())
)
"""The codings that can be read here."""
_PIECE = 64 * 1024
_WBITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class CodingError(Exception):
    """The application's data is not in the coding that it names."""


class Coding(Protocol):
    """One direction each way, bounded in memory."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the content in pieces. Raises ``CodingError`` where the data is broken."""

    def encode(self, data: bytes) -> bytes:
        """Return what can be sent of the content by now, so that a page streamed slowly arrives as it is made."""

    def finish(self) -> bytes:
        """Return the rest."""


class _Identity:
    """No coding."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        yield data

    def encode(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


class _Deflate:
    """gzip (RFC 1952) and deflate (the zlib format, RFC 1950)."""

    def __init__(self, name: str) -> None:
        wbits = _WBITS[name]
        self._decoder = zlib.decompressobj(wbits)
        self._encoder = zlib.compressobj(level=5, wbits=wbits)

    def decode(self, data: bytes) -> Iterator[bytes]:
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


class _Brotli:
    """br (RFC 7932)."""

    def __init__(self, module: Any) -> None:
        self._error = module.error
        self._decoder = module.Decompressor()
        self._encoder = module.Compressor(quality=4)

    def decode(self, data: bytes) -> Iterator[bytes]:
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


def is_readable(content_encoding: str) -> bool:
    """Say whether there is a coding for the header, without making one."""
    names = _names(content_encoding)
    return not names or (len(names) == 1 and names[0] in READABLE)


def coding_for(content_encoding: str) -> Coding | None:
    """Return the coding that the header names, or None where it cannot be read."""
    if not is_readable(content_encoding):
        return None
    name = next(iter(_names(content_encoding)), "")
    if not name:
        return _Identity()
    if name == "br":
        return _Brotli(brotli)
    return _Zstandard(zstd) if name == "zstd" else _Deflate(name)


def _names(content_encoding: str) -> list[str]:
    return [name for part in content_encoding.split(",") if (name := part.strip().lower()) not in {"", "identity"}]
