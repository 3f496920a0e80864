"""Output of commands: the option ``-o``, and standard streams whose reader may have gone."""

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
    """The reader of a command's output has gone, as ``head`` does. Not an error: the command ends quietly."""


class _Stream(io.RawIOBase):
    """A standard stream that drops output once its reader has gone, so that the exit status still counts.

    With ``raises_when_gone`` it raises ``ReaderGoneError`` instead, for commands that only write data.
    """

    def __init__(self, raw: io.FileIO, *, was_closed: bool) -> None:
        self._raw = raw
        self.was_closed = was_closed
        self.raises_when_gone = False
        self._is_gone = False

    def write(self, data: Buffer) -> int:
        if not self._is_gone:
            try:
                return self._raw.write(data) or 0
            except BrokenPipeError:
                self._is_gone = True
        if self.raises_when_gone:
            raise ReaderGoneError
        return memoryview(data).nbytes

    def give_up(self) -> None:
        """Drop everything written from now on."""
        self._is_gone, self.raises_when_gone = True, False

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._raw.isatty()

    def fileno(self) -> int:
        return self._raw.fileno()


def prepare_streams() -> None:
    """Wrap the standard streams so that a closed pipe or an unprintable character makes no command fail."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed: the next file to be opened would take its number
            os.open(os.devnull, os.O_RDWR)
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream: TextIO | None = getattr(sys, name)
        if stream is not getattr(sys, f"__{name}__") or isinstance(getattr(stream, "buffer", None), _Buffered):
            continue  # replaced by somebody else, such as a test runner
        raw = _Stream(io.FileIO(number, "w", closefd=False), was_closed=stream is None)
        is_line_buffered = isinstance(stream, io.TextIOWrapper) and stream.line_buffering
        encoding = stream.encoding if stream is not None else "utf-8"
        made = io.TextIOWrapper(_Buffered(raw), encoding, "backslashreplace", line_buffering=is_line_buffered)
        setattr(sys, name, made)


class _Buffered(io.BufferedWriter):
    raw: _Stream


def give_up_streams() -> None:
    """Drop all output to the standard streams, buffered or still to come, because they cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        buffer = getattr(stream, "buffer", None)
        if isinstance(buffer, _Buffered):
            buffer.raw.give_up()


@contextmanager
def data_output() -> Iterator[BinaryIO]:
    """Yield standard output for bytes. Raises ``ReaderGoneError`` once its reader has gone."""
    buffer = sys.stdout.buffer
    if not isinstance(buffer, _Buffered):
        yield buffer
        buffer.flush()
        return
    if buffer.raw.was_closed:
        raise ConfigurationError("standard output is closed; name the file to write with -o")
    buffer.raw.raises_when_gone = True
    try:
        yield buffer
        buffer.flush()
    finally:
        buffer.raw.raises_when_gone = False


@contextmanager
def writer(output: Output | None) -> Iterator[TextIO]:
    """Yield a UTF-8 text stream to the output, or to standard output. A file is replaced once it is complete.

    Raises ``ConfigurationError`` if it cannot be written, and ``ReaderGoneError`` once its reader has gone.
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
