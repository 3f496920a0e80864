"""Parse ``Content-Type`` as browsers do, from all of a response's header lines."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

__all__ = ["ContentType", "content_type_of", "joined"]

_SPACES = "\t\n\r "
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_QUOTABLE = re.compile(r"[\t -~\x80-\xff]*")
_SPLIT = re.compile(r'((?:[^",]|"(?:[^"\\]|\\.)*(?:"|\\?\Z))*)(?:,|\Z)', re.DOTALL)
"""Fetch, section 2.2.2, "get, decode, and split"."""
_LENIENT = re.compile(r"[\t ]*([^\t ;,(]*)")
_CLEAN = re.compile(rb"[a-z]+/[a-z+]+(?:; ?charset=[a-z0-9_-]+)?", re.IGNORECASE)
"""Values on which all browsers agree."""
_ANY = "*/*"


class ContentType(NamedTuple):
    """How browsers may read the header."""

    essence: str
    """As in the Fetch standard, section 3.5 ("extract a MIME type"); empty on failure."""
    lenient: str
    """As Chromium reads it: up to the first space, tab, ``;``, ``,`` or ``(``. Empty if that is not a type."""
    charset: str
    """The label of the character set; empty if there is none."""
    is_clean: bool
    """Whether all browsers agree on it."""


def joined(lines: list[bytes]) -> bytes:
    """Join header lines for ``content_type_of``. They are separated by line feeds, which no value contains."""
    return lines[0] if len(lines) == 1 else b"\n".join(lines)


@lru_cache(maxsize=256)
def content_type_of(value: bytes) -> ContentType:
    """Parse ``Content-Type``. Several header lines are separated by line feeds."""
    lines = value.decode("latin-1").split("\n")
    essence, charset = _extracted(_SPLIT.findall(", ".join(lines)))
    parts = [part for line in lines for part in _SPLIT.findall(line)]
    lenient = [match[1].lower() for part in parts if (match := _LENIENT.match(part)) and "/" in match[1]]
    lenient = [kind for kind in lenient if kind != _ANY]
    if not essence:
        # Browsers may still use the charset of a header whose type they reject.
        charset = _loose_charset(parts)
    return ContentType(essence, lenient[-1] if lenient else "", charset, _CLEAN.fullmatch(value) is not None)


def _extracted(values: list[str]) -> tuple[str, str]:
    """Return the essence and the charset (Fetch, section 3.5)."""
    essence = charset = ""
    for value in values:
        parsed = _parsed(value)
        if parsed is None or parsed[0] == _ANY:
            continue
        # The last type counts. It keeps the charset of the same type before it.
        if parsed[0] != essence:
            essence, charset = parsed
        elif parsed[1]:
            charset = parsed[1]
    return essence, charset


def _parsed(value: str) -> tuple[str, str] | None:
    """Return the essence and the charset of one value (MIME Sniffing, section 4.4), or None on failure."""
    essence, _, parameters = value.strip(_SPACES).partition(";")
    family, slash, subtype = essence.rstrip(_SPACES).partition("/")
    if not slash or not _TOKEN.fullmatch(family) or not _TOKEN.fullmatch(subtype):
        return None
    return f"{family}/{subtype}".lower(), _charset(parameters)


def _loose_charset(parts: list[str]) -> str:
    return next((charset for part in reversed(parts) if (charset := _charset(part.partition(";")[2]))), "")


def _charset(parameters: str) -> str:
    """Return the first valid parameter ``charset`` (MIME Sniffing, section 4.4, steps 11 and 12)."""
    at, size = 0, len(parameters)
    while at < size:
        while at < size and parameters[at] in _SPACES:
            at += 1
        start = at
        while at < size and parameters[at] not in ";=":
            at += 1
        name = parameters[start:at].lower()
        if at < size and parameters[at] == ";":
            at += 1
            continue
        at += 1
        if at < size and parameters[at] == '"':
            value, at = _quoted(parameters, at)
            at = parameters.find(";", at)
            at = size if at < 0 else at
        else:
            end = parameters.find(";", at)
            end = size if end < 0 else end
            value, at = parameters[at:end].rstrip(_SPACES), end
        at += 1
        if name == "charset" and value and _QUOTABLE.fullmatch(value):
            return value.strip("\t\n\f\r ").lower()
    return ""


def _quoted(text: str, at: int) -> tuple[str, int]:
    """Return the quoted string at ``at`` and where it ends (Fetch, section 2.2, "collect an HTTP quoted string")."""
    value, at = [], at + 1
    while at < len(text) and text[at] != '"':
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
        value.append(text[at])
        at += 1
    return "".join(value), at + 1
