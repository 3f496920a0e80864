"""The bytes being read and the bytes to send."""

from __future__ import annotations

__all__ = ["Buffer"]


class Buffer:
    """The current piece of a document, how far it has been read, and what is to be sent of it."""

    __slots__ = ("_out", "_sent", "at", "data", "is_final", "rest", "start")

    def __init__(self) -> None:
        self.data = b""
        self.start = 0
        """The position of ``data`` in the document."""
        self.at = 0
        """The position in ``data`` up to which it has been read."""
        self.rest = b""
        """What is left of the piece before, to be read again with the next one."""
        self.is_final = False
        """Whether no more data will come."""
        self._sent = 0
        self._out: list[bytes] = []

    def begin(self, piece: bytes) -> bytes:
        """Take the next piece; return the data to read."""
        if self.rest:
            piece = self.rest + piece
            self.rest = b""
        self.data, self.at, self._sent = piece, 0, 0
        return piece

    def finish(self) -> bytes:
        """Keep what has not been read for the next piece; return what can be sent."""
        self.start += self.at
        if self.at < len(self.data):
            self.rest = self.data[self.at :]
        self.flush(self.at)
        out = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        return out

    def flush(self, until: int) -> None:
        """Send the data up to ``until`` unchanged."""
        if until > self._sent:
            self._out.append(self.data[self._sent : until])
        self._sent = until

    def replace(self, start: int, end: int, data: bytes) -> None:
        """Send ``data`` in place of what is between ``start`` and ``end``."""
        if start > self._sent:
            self._out.append(self.data[self._sent : start])
        self._out.append(data)
        self._sent = end

    def send(self, data: bytes) -> None:
        """Send ``data`` next."""
        self._out.append(data)

    def drop(self, until: int) -> None:
        """Read up to ``until`` without sending it."""
        self.at = self._sent = until

    def put_back(self, data: bytes) -> bytes:
        """Put ``data`` in front of what has not been read, to be read next; return the new data."""
        self.start += self.at - len(data)
        self.data = data + self.data[self.at :]
        self.at = self._sent = 0
        return self.data

    def take_output(self) -> bytes:
        """Return what was sent outside of ``begin`` and ``finish``."""
        out = b"".join(self._out)
        self._out.clear()
        return out
