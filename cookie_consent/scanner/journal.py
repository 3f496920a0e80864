"""The journal of a crawl: one line of JSON for each page, so that an interrupted scan can go on."""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING, Any, BinaryIO

from cookie_consent.errors import ConfigurationError
from cookie_consent.scanner.as_dict import parsed, read, written
from cookie_consent.scanner.visit import Visit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

__all__ = ["Journal"]

_FORMAT = 1
_LONGEST_LINE = 64 * 1024 * 1024


class Journal:
    """The file of one scan, which only its owner can read. Lines are appended, and a last one that was cut is dropped.

    Raises ``ConfigurationError`` for a file that is not a journal, or one of another site.
    """

    def __init__(self, path: Path, site: str) -> None:
        self.path = path
        self._site = site
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise ConfigurationError(f"--resume {self.path} cannot be used: {error.strerror}") from None
        self._file = os.fdopen(handle, "r+b")
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def visits(self) -> Iterator[Visit]:
        """Yield the visits so far, and begin the journal if there are none. Call it once, before ``add``."""
        file = self._opened
        file.seek(0)
        first = file.readline(_LONGEST_LINE)
        if not first.endswith(b"\n"):
            # Not even the first line is whole. Another file than a journal must not be emptied for that.
            if first and not b'{"cookie-consent scan": '.startswith(first[:24]):
                raise self._wrong("it is not the journal of a scan")
            file.truncate(0)
            self._close_to_others()
            self._write({"cookie-consent scan": _FORMAT, "site": self._site})
            return
        self._check(first)
        self._close_to_others()
        whole = file.tell()
        number = 1
        while (line := file.readline(_LONGEST_LINE)).endswith(b"\n"):
            number += 1
            try:
                visit = read(Visit, parsed(line))
            except (ValueError, RecursionError, ConfigurationError):
                raise self._wrong(f"line {number} is not a visit of a scan") from None
            whole = file.tell()
            yield visit
        if line:
            file.truncate(whole)

    def add(self, visit: Visit) -> None:
        """Append a visit."""
        self._write(written(visit), longest=_LONGEST_LINE)

    @property
    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise RuntimeError("the journal is not open")
        return self._file

    def _close_to_others(self) -> None:
        """Leave the file to its owner alone, also one that was there before: it holds addresses with their queries."""
        handle = self._opened.fileno()
        if hasattr(os, "fchmod") and os.fstat(handle).st_mode & 0o077:
            try:
                os.fchmod(handle, 0o600)
            except OSError as error:
                raise self._wrong(f"others can read it: {error.strerror}") from None

    def _check(self, first: bytes) -> None:
        try:
            head = json.loads(first)
        except (ValueError, RecursionError):
            head = None
        if isinstance(head, dict) and "cookie-consent browser scan" in head:
            raise self._wrong("it is the state of a scan with --browser")
        if not isinstance(head, dict) or head.get("cookie-consent scan") != _FORMAT:
            raise self._wrong("it is not the journal of a scan")
        if head.get("site") != self._site:
            raise self._wrong(f"it is the journal of a scan of {str(head.get('site'))[:200]!r}")

    def _wrong(self, why: str) -> ConfigurationError:
        return ConfigurationError(f"--resume {self.path}: {why}; name another file, which need not exist")

    def _write(self, data: dict[str, Any], *, longest: float = math.inf) -> None:
        """Append a line, unless it is longer than what is read again: then the page is visited again."""
        file = self._opened
        file.seek(0, os.SEEK_END)
        line = json.dumps(data, separators=(",", ":")).encode("ascii") + b"\n"
        if len(line) > longest:
            return
        try:
            file.write(line)
            file.flush()
        except OSError as error:
            raise ConfigurationError(f"--resume {self.path} cannot be written: {error.strerror}") from None
