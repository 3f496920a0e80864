"""Find where a tag ends that comes in several pieces, without looking at any byte twice."""

from __future__ import annotations

import re

__all__ = ["TagEnd"]

_SPACES = re.compile(rb"[\t\n\f\r ]*+")
_SPACES_SLASHES = re.compile(rb"[\t\n\f\r /]*+")
_ATTRIBUTE_NAME = re.compile(rb"[^\t\n\f\r />=]*+")
_UNQUOTED = re.compile(rb"[^\t\n\f\r >]*+")
_TAG_NAME = re.compile(rb"/?+[^\t\n\f\r />]*+")


class TagEnd:
    """The tokenizer's attribute states (HTML standard, sections 13.2.5.8 and 13.2.5.32 to 13.2.5.40)."""

    def __init__(self) -> None:
        self._state = self._tag_name
        self._found = False

    def find(self, data: bytes, at: int) -> int:
        """Return the position after the tag's ``>`` in ``data``, or -1 if it has not come yet.

        The first call is to begin after the tag's ``<``, each later one where the piece before ended.
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
