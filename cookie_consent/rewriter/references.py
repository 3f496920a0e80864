"""Character references in attribute values (HTML standard, section 13.2.5.72 and following)."""

from __future__ import annotations

import re
from html.entities import html5
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["decode_references", "expand_entities"]

_REFERENCE = re.compile(r"&(?:#(?:[xX]([0-9a-fA-F]+)|([0-9]+));?|([A-Za-z][A-Za-z0-9]*;?)(=?))")
_LAST = 0x10FFFF
_ENTITY = re.compile(r"&([^&;#\s]++);")
_DEEPEST, _LONGEST = 8, 64 * 1024
_UNKNOWN = "//entities.invalid/"
"""An address that nobody has, for values that are too long."""


def decode_references(value: str) -> str:
    """Decode the character references in ``value`` by the rules for attributes."""
    return _REFERENCE.sub(_decode, value) if "&" in value else value


def expand_entities(value: str, entities: Mapping[str, str]) -> str:
    """Replace references to the entities that the document declares (XML 1.0, section 4.4)."""
    for _ in range(_DEEPEST):
        count = sum(len(entities.get(match[1], "")) for match in _ENTITY.finditer(value))
        if len(value) + count > _LONGEST:
            return _UNKNOWN
        expanded = _ENTITY.sub(lambda match: entities.get(match[1], match[0]), value)
        if expanded == value:
            return value
        value = expanded
    return _UNKNOWN


def _decode(match: re.Match[str]) -> str:
    hexadecimal, decimal, name, equals = match.groups()
    if name is not None:
        # A name without a semicolon counts only if no "=", letter or digit follows it.
        known = html5.get(name) if name.endswith(";") or not equals else None
        return known + equals if known is not None else match[0]
    digits = hexadecimal or decimal
    code = int(digits, 16 if hexadecimal else 10) if len(digits.lstrip("0")) <= 8 else _LAST + 1
    if code == 0 or code > _LAST or 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    if 0x80 <= code <= 0x9F:
        return bytes([code]).decode("cp1252", "ignore") or chr(code)
    return chr(code)
