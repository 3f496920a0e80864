r"""Pages in which bytes such as ``@`` and ``\`` may be the second half of a character.

These are the trail bytes of Shift_JIS, GBK, gb18030, Big5 and EUC-KR (Encoding standard, sections 10 to 13). Tags,
attributes and quotes are the same in either reading; addresses, style sheets and scripts are not.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from cookie_consent.rewriter.encodings import CODECS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cookie_consent.rewriter import StartTag
    from cookie_consent.rewriter.handler import Handler

__all__ = ["BothReadings", "as_read", "is_doubtful"]

_HALVED = ("shift_jis", "gb18030", "big5", "euc-kr")
_HALVES = re.compile(rb"[\x81-\xfe][@\[\\\]^_`{|}~]")
_AUTHORITY = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.\-]*:[/\\]*|[/\\]{2,})([^/?#]*)")
_REMOVED = {9: None, 10: None, 13: None}
_STRIPPED = "".join(map(chr, range(0x21)))
_UNREADABLE = "//unreadable.invalid/"
_SHORTEST_TRAIL, _LAST_ASCII = 0x40, 0x7E
_PRIVATE_LEADS = range(0xF0, 0xFA)
"""Lead bytes of private-use characters in Shift_JIS, which Python's codec does not know."""


def is_doubtful(encoding: str) -> bool:
    """Say whether ASCII bytes may be part of another character; ``encoding`` is empty if none is declared."""
    return not encoding or encoding in {*_HALVED, "gbk"}


def as_read(address: str, encoding: str) -> str:
    """Return an address as a browser reads it in ``encoding``; its bytes that are not UTF-8 are surrogate escapes.

    An unreadable host becomes an unknown one.
    """
    match = _AUTHORITY.match(address.strip(_STRIPPED).translate(_REMOVED))
    if match is None or match[1].isascii():
        return address
    try:
        return address.encode("utf-8", "surrogateescape").decode(CODECS.get(encoding, encoding or "ascii"))
    except (UnicodeError, LookupError):
        return _UNREADABLE


class BothReadings:
    """A handler that holds what would fetch in either reading: ASCII bytes on their own, or as parts of characters."""

    def __init__(self, gate: Handler, encoding: str) -> None:
        self._gate = gate
        names = _HALVED if not encoding else ("gb18030" if encoding == "gbk" else encoding,)
        self._masks = [_Mask(name) for name in names]

    @property
    def relative(self) -> bool:
        """Whether relative addresses lead to another host."""
        return self._gate.relative

    def start_tag(self, tag: StartTag) -> bool:
        """Do what the gate does with the tag; remove all attributes where the readings differ."""
        wants_text = self._gate.start_tag(tag)
        for mask, raw in self._masked(tag.raw):
            other = tag.copy(raw)
            self._gate.start_tag(other)
            if mask.unmask(other.to_bytes()) != tag.to_bytes():
                tag.blank()
                return False
        return wants_text

    def text(self, tag: StartTag, text: bytes, *, more: bool) -> bytes:
        """Return what the gate makes of the text; where the readings differ, leave only what passes in both."""
        sure = all(raw == text for _, raw in self._masked(text))
        if sure:
            return self._gate.text(tag, text, more=more)
        candidate = text
        for mask, raw in self._masked(text):
            candidate = mask.unmask(self._judged(tag, raw if candidate == text else mask.mask(candidate), more=more))
        result = self._gate.text(tag, candidate, more=more)
        for mask, raw in self._masked(result):
            if result != text and mask.unmask(self._judged(tag, raw, more=more)) != result:
                tag.blank()
                return b""
        return result

    def _masked(self, data: bytes) -> Iterator[tuple[_Mask, bytes]]:
        if _HALVES.search(data) is not None:
            for mask in self._masks:
                yield mask, mask.mask(data)

    def _judged(self, tag: StartTag, text: bytes, *, more: bool) -> bytes:
        """Return what the gate makes of the text in one reading; if it holds the tag, the tag is held in all."""
        other = tag.copy()
        result = self._gate.text(other, text, more=more)
        if other.changed and not tag.changed:
            tag.replace(other.to_bytes())
        return result


class _Mask:
    """Reversibly replaces the ASCII halves of characters by bytes that are not ASCII."""

    # A half becomes 0xFF and the byte with its high bit set. No character in these encodings contains 0xFF, and one
    # that is there already is doubled.

    def __init__(self, name: str) -> None:
        self._pairs = _pairs(name)
        leads = rb"[\x81-\x9f\xe0-\xfc]" if name == "shift_jis" else rb"[\x81-\xfe]"
        self._characters = re.compile(leads + rb"[\x40-\x7e\x80-\xfe]|\xff", re.DOTALL)

    def mask(self, data: bytes) -> bytes:
        """Mask the ASCII halves of characters."""
        return self._characters.sub(self._masked_character, data)

    def unmask(self, data: bytes) -> bytes:
        """Undo ``mask``."""
        return _MASKED.sub(_unmasked, data)

    def _masked_character(self, match: re.Match[bytes]) -> bytes:
        character = match[0]
        return b"\xff\xff" if character == b"\xff" else self._pairs.get(character, character)


_MASKED = re.compile(rb"\xff(.)", re.DOTALL)


def _unmasked(match: re.Match[bytes]) -> bytes:
    return match[1] if match[1] == b"\xff" else bytes((match[1][0] & 0x7F,))


@cache
def _pairs(name: str) -> dict[bytes, bytes]:
    """Return the masked form of each character whose second byte is ASCII."""
    # In a pair that is no character, the ASCII byte stands on its own.
    codec, found = CODECS.get(name, name), {}
    for lead in range(0x81, 0xFF):
        for trail in range(_SHORTEST_TRAIL, _LAST_ASCII + 1):
            pair = bytes((lead, trail))
            try:
                is_one = len(pair.decode(codec)) == 1
            except UnicodeDecodeError:
                is_one = name == "shift_jis" and lead in _PRIVATE_LEADS
            if is_one:
                found[pair] = bytes((lead, 0xFF, trail | 0x80))
    return found
