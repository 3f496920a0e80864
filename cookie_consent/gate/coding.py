"""Content codings (RFC 9110, section 8.4.1): read what the application compressed, and compress it again."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["READABLE", "Coding", "Deflate", "Identity", "coding_for"]

READABLE = frozenset({"identity", "gzip", "x-gzip", "deflate"})
_PIECE = 64 * 1024
_WBITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class Coding(Protocol):
    """One direction each way, bounded in memory."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the content in pieces."""

    def encode(self, data: bytes) -> bytes:
        """Return what can be sent of the content by now."""

    def finish(self) -> bytes:
        """Return the rest."""


class Identity:
    """No coding."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the data as it is."""
        yield data

    def encode(self, data: bytes) -> bytes:
        """Return the data as it is."""
        return data

    def finish(self) -> bytes:
        """Return nothing."""
        return b""


class Deflate:
    """gzip (RFC 1952) and deflate (the zlib format, RFC 1950)."""

    def __init__(self, name: str) -> None:
        wbits = _WBITS[name]
        self._decoder = zlib.decompressobj(wbits)
        self._encoder = zlib.compressobj(level=5, wbits=wbits)

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the content in pieces of at most 64 KiB. Raises ``zlib.error`` where the data is broken."""
        while data and not self._decoder.eof:
            yield self._decoder.decompress(data, _PIECE)
            data = self._decoder.unconsumed_tail

    def encode(self, data: bytes) -> bytes:
        """Return compressed data; flushed, so that a page that is streamed slowly arrives as it is made."""
        return self._encoder.compress(data) + self._encoder.flush(zlib.Z_SYNC_FLUSH) if data else b""

    def finish(self) -> bytes:
        """Return the end of the compressed data."""
        return self._encoder.flush()


def coding_for(content_encoding: str) -> Coding | None:
    """Return the coding that the header names, or None where it cannot be read."""
    names = [name for name in (part.strip().lower() for part in content_encoding.split(",")) if name != "identity"]
    names = [name for name in names if name]
    if not names:
        return Identity()
    return Deflate(names[0]) if len(names) == 1 and names[0] in _WBITS else None
