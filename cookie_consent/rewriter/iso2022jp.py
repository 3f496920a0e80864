"""ISO-2022-JP (Encoding standard, section 12.2), in which bytes of markup may be halves of other characters.

Python's codec knows fewer characters. This encoder writes no errors, so all browsers read its output alike.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cache

__all__ = ["Decoder", "Encoder"]

_ESCAPES = {b"(B": "ascii", b"(J": "roman", b"(I": "katakana", b"$@": "jis0208", b"$B": "jis0208"}
_SWITCH = {"ascii": b"\x1b(B", "roman": b"\x1b(J", "katakana": b"\x1b(I", "jis0208": b"\x1b$B"}
_TO_ROMAN = {0x5C: "\u00a5", 0x7E: "\u203e"}
_FIRST_KATAKANA = 0xFF61
_RUNS = {
    "ascii": re.compile(rb"[^\x0e\x0f\x1b\x80-\xff]+"),
    "roman": re.compile(rb"[^\x0e\x0f\x1b\x80-\xff]+"),
    "katakana": re.compile(rb"[\x21-\x5f]+"),
    "jis0208": re.compile(rb"(?:[\x21-\x7e]{2})+"),
}
_ESCAPE = b"\x1b"
_LONGEST_ESCAPE = 3
_KINDS = re.compile("([\x00-\x7f]+)|([\u00a5\u203e]+)|([\uff61-\uff9f]+)|(.)", re.DOTALL)


class Decoder:
    """Decodes bytes that come in any pieces."""

    def __init__(self) -> None:
        self._rest = b""
        self._state = "ascii"
        self._has_escaped = False
        """Whether an escape sequence came last; another one right after it is an error."""

    def decode(self, data: bytes, *, final: bool) -> str:
        """Return the text of the next bytes; what is not a character becomes U+FFFD."""
        data, self._rest, at, out = self._rest + data, b"", 0, []
        while at < len(data):
            run = _RUNS[self._state].match(data, at)
            if run is not None:
                out.append(self._text(run[0]))
                self._has_escaped = False
                at = run.end()
            elif not final and self._is_cut(data, at):
                break
            else:
                at = self._odd(data, at, out)
        self._rest = data[at:]
        return "".join(out)

    def _is_cut(self, data: bytes, at: int) -> bool:
        """Say whether more bytes are needed to read what is at ``at``."""
        if data[at] == _ESCAPE[0]:
            return len(data) - at < _LONGEST_ESCAPE
        return self._state == "jis0208" and at + 1 == len(data)

    def _odd(self, data: bytes, at: int, out: list[str]) -> int:
        """Read an escape sequence or something that is not a character; return the position to go on from."""
        state = _ESCAPES.get(data[at + 1 : at + 3]) if data[at] == _ESCAPE[0] else None
        if state is not None:
            if self._has_escaped:
                out.append("\ufffd")
            self._state, self._has_escaped = state, True
            return at + 3
        out.append("\ufffd")
        self._has_escaped = False
        is_lead = self._state == "jis0208" and 0x21 <= data[at] <= 0x7E
        # An escape ends a half character; any other byte belongs to it.
        return at + 2 if is_lead and data[at + 1 : at + 2] != _ESCAPE else at + 1

    def _text(self, run: bytes) -> str:
        if self._state == "jis0208":
            characters = _characters()
            return "".join(characters.get(run[at : at + 2], "\ufffd") for at in range(0, len(run), 2))
        if self._state == "katakana":
            return "".join(chr(_FIRST_KATAKANA - 0x21 + byte) for byte in run)
        text = run.decode("ascii")
        return text.translate(_TO_ROMAN) if self._state == "roman" else text


class Encoder:
    """Encodes text that comes in any pieces; characters outside the encoding become character references."""

    def __init__(self) -> None:
        self._state = "ascii"

    def encode(self, text: str, *, final: bool) -> bytes:
        """Return the bytes of the next text."""
        out: list[bytes] = []
        for ascii_text, roman, katakana, other in _KINDS.findall(text):
            if ascii_text:
                self._put("ascii", ascii_text.encode("ascii"), out)
            elif roman:
                self._put("roman", roman.replace("\u00a5", "\\").replace("\u203e", "~").encode("ascii"), out)
            elif katakana:
                self._put("katakana", bytes(ord(one) - _FIRST_KATAKANA + 0x21 for one in katakana), out)
            elif (pair := _pairs().get(other)) is not None:
                self._put("jis0208", pair, out)
            else:
                self._put("ascii", b"&#%d;" % ord(other), out)
        if final:
            self._put("ascii", b"", out)
        return b"".join(out)

    def _put(self, state: str, data: bytes, out: list[bytes]) -> None:
        if state != self._state:
            out.append(_SWITCH[state])
            self._state = state
        out.append(data)


@cache
def _characters() -> dict[bytes, str]:
    """Return the index jis0208 (Encoding standard, section 5), which is that of Python's cp932."""
    found = {}
    for row in range(0x21, 0x7F):
        for cell in range(0x21, 0x7F):
            lead = (row + 1) // 2 + (0x70 if row < 0x5F else 0xB0)  # Shift_JIS leaves a gap here
            trail = cell + (0x1F if cell < 0x60 else 0x20) if row % 2 else cell + 0x7E  # and here
            with suppress(UnicodeDecodeError):
                found[bytes((row, cell))] = bytes((lead, trail)).decode("cp932")
    return found


@cache
def _pairs() -> dict[str, bytes]:
    pairs: dict[str, bytes] = {}
    for pair, character in _characters().items():
        pairs.setdefault(character, pair)
    return pairs
