"""Where commands write to: the option ``-o``, and a standard output that may be closed, or read in part only."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger.exports.destination import Output, give_name, open_stream, unwritable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO, TextIO

    from typing_extensions import Buffer

__all__ = ["ReaderGoneError", "data_output", "give_up_streams", "prepare_streams", "writer"]


class ReaderGoneError(Exception):
    """Nobody reads any more what a command writes out, as where ``head`` has enough. No fault: it ends quietly."""


class _Stream(io.RawIOBase):
    """A standard stream whose reader may go away: what is written then goes nowhere, and the command goes on.

    So the exit code says what the command found. One that writes data out asks to be told instead.
    """

    def __init__(self, raw: io.FileIO, *, was_closed: bool) -> None:
        self._raw = raw
        self.was_closed = was_closed
        self.tells = False
        """Whether ``ReaderGoneError`` is raised when nobody reads any more."""
        self._is_gone = False

    def write(self, data: Buffer) -> int:
        if not self._is_gone:
            try:
                return self._raw.write(data) or 0
            except BrokenPipeError:
                self._is_gone = True
        if self.tells:
            raise ReaderGoneError
        return memoryview(data).nbytes

    def give_up(self) -> None:
        """Drop what is written from here on."""
        self._is_gone, self.tells = True, False

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._raw.isatty()

    def fileno(self) -> int:
        return self._raw.fileno()


def prepare_streams() -> None:
    """Make the process's own standard streams such that no command fails at what becomes of them.

    A name that is not valid text in their encoding is written with escapes.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed: the next file that is opened would stand in its place
            os.open(os.devnull, os.O_RDWR)
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream: TextIO | None = getattr(sys, name)
        if stream is not getattr(sys, f"__{name}__") or isinstance(getattr(stream, "buffer", None), _Buffered):
            continue  # somebody else's
        raw = _Stream(io.FileIO(number, "w", closefd=False), was_closed=stream is None)
        is_line_buffered = isinstance(stream, io.TextIOWrapper) and stream.line_buffering
        encoding = stream.encoding if stream is not None else "utf-8"
        made = io.TextIOWrapper(_Buffered(raw), encoding, "backslashreplace", line_buffering=is_line_buffered)
        setattr(sys, name, made)


class _Buffered(io.BufferedWriter):
    raw: _Stream


def give_up_streams() -> None:
    """Drop what the standard streams hold, and all that comes, as they cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        buffer = getattr(stream, "buffer", None)
        if isinstance(buffer, _Buffered):
            buffer.raw.give_up()


@contextmanager
def data_output() -> Iterator[BinaryIO]:
    """Give standard output for bytes. Raises ``ReaderGoneError`` as soon as nobody reads them any more."""
    buffer = sys.stdout.buffer
    if not isinstance(buffer, _Buffered):
        yield buffer
        buffer.flush()
        return
    if buffer.raw.was_closed:
        raise ConfigurationError("standard output is closed; name the file to write with -o")
    buffer.raw.tells = True
    try:
        yield buffer
        buffer.flush()
    finally:
        buffer.raw.tells = False


@contextmanager
def writer(output: Output | None) -> Iterator[TextIO]:
    """Give a stream of UTF-8 text to standard output, a device, a pipe, or a file that is replaced once it is whole.

    Raises ``ConfigurationError`` where that cannot be written, and ``ReaderGoneError`` where nobody reads it any more.
    """
    if output is None:
        with data_output() as stdout:
            text = io.TextIOWrapper(stdout, "utf-8", newline="", write_through=True)
            try:
                yield text
            finally:
                text.detach()
        return
    try:
        if output.is_stream:
            with _text(open_stream(output)) as stream:
                yield stream
            return
        handle, name = tempfile.mkstemp(dir=output.path.parent, prefix=".cookie-consent.")
        temporary = Path(name)
        try:
            with _text(handle) as stream:
                yield stream
                stream.flush()
                os.fsync(handle)
            give_name(temporary, output.path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except BrokenPipeError:
        raise ReaderGoneError from None
    except OSError as error:
        raise unwritable(output.path, error) from None


def _text(file: int) -> TextIO:
    return os.fdopen(file, "w", encoding="utf-8", newline="")
