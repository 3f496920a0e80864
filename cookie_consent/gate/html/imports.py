"""The addresses that a module imports, read as ECMAScript reads its tokens (ECMA-262, sections 12 and 16.2)."""

from __future__ import annotations

import re

__all__ = ["imported_addresses"]

# What may stand before the address is bounded, so that time stays linear however many comments follow one another.
_BETWEEN = r"(?:[\s\ufeff]++|/\*(?:[^*]|\*(?!/)){0,999}+\*/|//[^\n\r\u2028\u2029]{0,999}+|\(){0,20}+"
_ESCAPED = r"\\(?:\r\n|.)"
_IMPORT = re.compile(
    rf"\b(?:import|from){_BETWEEN}(?=\"((?:[^\"\\\n\r]|{_ESCAPED}){{0,9999}}+)\"|'((?:[^'\\\n\r]|{_ESCAPED}){{0,9999}}+)'"
    rf"|`((?:[^`\\$]|{_ESCAPED}){{0,9999}}+)`)",
    re.DOTALL,
)
"""The address is not consumed: what seems to be one may be what is between two strings."""
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|(\r\n|.))", re.DOTALL)
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}
_CONTINUED = frozenset({"\n", "\r", "\r\n", "\u2028", "\u2029"})
_LAST = 0x10FFFF


def imported_addresses(text: str) -> list[str]:
    """Return what a module may import. Some of it may stand in strings and comments."""
    return [_ESCAPE.sub(_unescaped, "".join(match.groups(""))) for match in _IMPORT.finditer(text)]


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code is not None:
        return chr(min(int(code, 16), _LAST))
    character = match[4]
    return "" if character in _CONTINUED else _CONTROLS.get(character, character)
