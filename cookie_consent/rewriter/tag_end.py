"""Find where a tag ends that comes in several chunks, without looking at any byte twice."""

from __future__ import annotations

import re

__all__ = ["TagEnd"]

_SPACES = re.compile(rb"[\t\n\f\r ]*+")
_SPACES_SLASHES = re.compile(rb"[\t\n\f\r /]*+")
_ATTRIBUTE_NAME = re.compile(rb"[^\t\n\f\r />=]*+")
_UNQUOTED = re.compile(rb"[^\t\n\f\r >]*+")
_TAG_NAME = re.compile(rb"[^\t\n\f\r />]*+")


class TagEnd:
    """The tokenizer's attribute states (HTML standard, sections 13.2.5.8 and 13.2.5.32 to 13.2.5.40)."""

    def __init__(self) -> None:
        self._state = self._tag_name
        self.at = 0
        self.end = -1

    def find(self, tag: bytes | bytearray, start: int) -> int:
        """Go on looking; return the position after the tag's ``>``, or -1 if it has not come yet.

        ``tag`` is the buffer and ``start`` where the tag's ``<`` stands in it; positions in ``at`` count from there.
        """
        if self.at == 0:
            self.at = 1
        size = len(tag) - start
        while self.at < size and self.end < 0:
            self._state(tag, start)
        return start + self.end if self.end >= 0 else -1

    def forget(self, count: int) -> None:
        """Count positions as if the first ``count`` bytes of the tag, which have been looked at, had gone."""
        self.at -= count

    def _skip(self, pattern: re.Pattern[bytes], tag: bytes | bytearray, start: int) -> int:
        """Move over what ``pattern`` matches; return the next byte, or -1 at the end of the buffer."""
        match = pattern.match(tag, start + self.at)
        position = match.end() if match is not None else start + self.at
        self.at = position - start
        return tag[position] if position < len(tag) else -1

    def _tag_name(self, tag: bytes | bytearray, start: int) -> None:
        if tag[start + self.at] == 0x2F and self.at == 1:  # "</"
            self.at = 2
            return
        if self._skip(_TAG_NAME, tag, start) >= 0:
            self._state = self._before_name

    def _before_name(self, tag: bytes | bytearray, start: int) -> None:
        byte = self._skip(_SPACES_SLASHES, tag, start)
        if byte == 0x3E:  # ">"
            self.at += 1
            self.end = self.at
        elif byte >= 0:
            self.at += 1
            self._state = self._name

    def _name(self, tag: bytes | bytearray, start: int) -> None:
        if self._skip(_ATTRIBUTE_NAME, tag, start) >= 0:
            self._state = self._after_name

    def _after_name(self, tag: bytes | bytearray, start: int) -> None:
        byte = self._skip(_SPACES, tag, start)
        if byte == 0x3D:  # "="
            self.at += 1
            self._state = self._before_value
        elif byte >= 0:
            self._state = self._before_name

    def _before_value(self, tag: bytes | bytearray, start: int) -> None:
        byte = self._skip(_SPACES, tag, start)
        if byte == 0x22:  # '"'
            self.at += 1
            self._state = self._double_quoted
        elif byte == 0x27:  # "'"
            self.at += 1
            self._state = self._single_quoted
        elif byte == 0x3E:  # ">"
            self._state = self._before_name
        elif byte >= 0:
            self._state = self._unquoted

    def _double_quoted(self, tag: bytes | bytearray, start: int) -> None:
        self._quoted(b'"', tag, start)

    def _single_quoted(self, tag: bytes | bytearray, start: int) -> None:
        self._quoted(b"'", tag, start)

    def _quoted(self, quote: bytes, tag: bytes | bytearray, start: int) -> None:
        found = tag.find(quote, start + self.at)
        if found < 0:
            self.at = len(tag) - start
        else:
            self.at = found + 1 - start
            self._state = self._before_name

    def _unquoted(self, tag: bytes | bytearray, start: int) -> None:
        if self._skip(_UNQUOTED, tag, start) >= 0:
            self._state = self._before_name
