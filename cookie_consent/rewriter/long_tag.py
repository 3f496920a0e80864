"""Assembles a tag that comes in several pieces, without looking at any byte twice."""

from __future__ import annotations

import re

from cookie_consent.rewriter.grammar import NAME

__all__ = ["MAXIMUM_TAG", "LongTag"]

MAXIMUM_TAG = 2 * 1024 * 1024
"""The longest tag in bytes. A longer one loses its attributes: what cannot be judged cannot load anything."""
_LONGEST_NAME = 64

_SPACES = re.compile(rb"[\t\n\f\r ]*+")
_SPACES_SLASHES = re.compile(rb"[\t\n\f\r /]*+")
_ATTRIBUTE_NAME = re.compile(rb"[^\t\n\f\r />=]*+")
_UNQUOTED = re.compile(rb"[^\t\n\f\r >]*+")
_TAG_NAME = re.compile(rb"/?+[^\t\n\f\r />]*+")


class LongTag:
    """The tag whose ``<`` has just been read."""

    def __init__(self) -> None:
        self._end = _TagEnd()
        self._pieces = [b"<"]
        self._size = 1
        self._oversized = b""
        """The beginning of a tag that is too long, with its name."""

    def feed(self, data: bytes, at: int) -> int:
        """Take ``data`` from ``at`` on; return the position after the tag, or -1 if more has to come."""
        end = self._end.find(data, at)
        until = end if end >= 0 else len(data)
        self._size += until - at
        if not self._oversized:
            self._pieces.append(data[at:until])
            if self._size > MAXIMUM_TAG:
                match = NAME.match(b"".join(self._pieces)[:_LONGEST_NAME])
                self._oversized, self._pieces = match[0] if match is not None else b"<a", []
        return end

    def to_bytes(self) -> bytes:
        """Return the whole tag; one that is too long has no attributes."""
        if not self._oversized:
            return b"".join(self._pieces)
        return self._oversized + (b' type="text/plain">' if self._oversized.lower() == b"<script" else b">")

    @property
    def unfinished(self) -> bytes:
        """What has come of a tag that is not too long."""
        return b"".join(self._pieces)


class _TagEnd:
    """The tokenizer's attribute states (HTML standard, sections 13.2.5.8 and 13.2.5.32 to 13.2.5.40)."""

    def __init__(self) -> None:
        self._state = self._tag_name
        self._found = False

    def find(self, data: bytes, at: int) -> int:
        """Return the position after the tag's ``>`` in ``data``, or -1 if it has not come yet.

        The first call must begin after the tag's ``<``, and each later one where the previous piece ended.
        """
        while at < len(data):
            at = self._state(data, at)
            if self._found:
                return at
        return -1

    def _tag_name(self, data: bytes, at: int) -> int:
        at = _skip(_TAG_NAME, data, at)
        if at < len(data):
            self._state = self._before_name
        return at

    def _before_name(self, data: bytes, at: int) -> int:
        at = _skip(_SPACES_SLASHES, data, at)
        if at == len(data):
            return at
        if data[at] == 0x3E:  # ">"
            self._found = True
        else:
            self._state = self._name
        return at + 1

    def _name(self, data: bytes, at: int) -> int:
        at = _skip(_ATTRIBUTE_NAME, data, at)
        if at < len(data):
            self._state = self._after_name
        return at

    def _after_name(self, data: bytes, at: int) -> int:
        at = _skip(_SPACES, data, at)
        if at == len(data):
            return at
        if data[at] == 0x3D:  # "="
            self._state = self._before_value
            return at + 1
        self._state = self._before_name
        return at

    def _before_value(self, data: bytes, at: int) -> int:
        at = _skip(_SPACES, data, at)
        if at == len(data):
            return at
        byte = data[at]
        if byte == 0x22:  # '"'
            self._state = self._double_quoted
            return at + 1
        if byte == 0x27:  # "'"
            self._state = self._single_quoted
            return at + 1
        self._state = self._before_name if byte == 0x3E else self._unquoted
        return at

    def _double_quoted(self, data: bytes, at: int) -> int:
        return self._quoted(b'"', data, at)

    def _single_quoted(self, data: bytes, at: int) -> int:
        return self._quoted(b"'", data, at)

    def _quoted(self, quote: bytes, data: bytes, at: int) -> int:
        found = data.find(quote, at)
        if found < 0:
            return len(data)
        self._state = self._before_name
        return found + 1

    def _unquoted(self, data: bytes, at: int) -> int:
        at = _skip(_UNQUOTED, data, at)
        if at < len(data):
            self._state = self._before_name
        return at


def _skip(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    match = pattern.match(data, at)
    return match.end() if match is not None else at
