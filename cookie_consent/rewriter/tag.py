"""A start tag as the scanner found it, and the changes made to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.rewriter.grammar import ATTRIBUTE, NAME
from cookie_consent.rewriter.references import decode_references

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

__all__ = ["StartTag"]

_QUOTES = frozenset({b'"', b"'"})


class StartTag:
    """One start tag. Values are read decoded and changed in place; what is not changed keeps its bytes.

    ``name`` is lower-case.
    """

    __slots__ = ("_attributes", "_edits", "_name_end", "counts", "either", "foreign", "name", "raw")

    def __init__(self, raw: bytes, *, foreign: bool = False) -> None:
        self.raw = raw
        self.foreign = foreign
        """Whether it is an element of SVG or MathML."""
        self.either = False
        """Whether it may be one of HTML as well: it depends on the browser, or on what the scanner does not know."""
        self.counts: bool | None = True
        """Whether it stands in the page itself, and not in a template; None if that depends on the reading."""
        match = NAME.match(raw)
        if match is None:
            raise ValueError("not a start tag")
        self._name_end = match.end()
        self.name = raw[1 : self._name_end].lower()
        self._attributes: dict[bytes, bytes] | None = None
        self._edits: list[tuple[int, int, bytes]] | None = None

    def copy(self) -> StartTag:
        """Return the tag as it was found."""
        tag = StartTag(self.raw, foreign=self.foreign)
        tag.either, tag.counts = self.either, self.counts
        return tag

    @property
    def self_closing(self) -> bool:
        """Whether the tag ends in ``/>``, which counts in foreign content only."""
        if not self.raw.endswith(b"/>"):
            return False
        matches = ATTRIBUTE.finditer(self.raw, self._name_end, len(self.raw) - 1)
        return max((match.end() for match in matches), default=self._name_end) <= len(self.raw) - 2

    def get(self, name: bytes) -> str | None:
        """Return the value of the attribute ``name`` with its character references decoded, or None.

        Bytes that are not UTF-8 come as surrogate escapes.
        """
        value = self._values().get(name)
        if value is None:
            return None
        if value[:1] in _QUOTES:
            value = value[1:-1]
        return decode_references(value.decode("utf-8", "surrogateescape"))

    def names(self) -> Iterable[bytes]:
        """Return the attributes' names, lower-case, each once, in order."""
        return self._values().keys()

    def rename(self, name: bytes, new: bytes) -> None:
        """Give the attribute ``name``, which must be there, another name; its value stays as it is written."""
        self._edit(*self._place_of(name), new)

    def set(self, name: bytes, value: str) -> None:
        """Set the attribute ``name`` to ``value``, adding it in front of the others where it is not there."""
        if name in self._values():
            match = self._find(name)
            self._edit(match.start(1), match.end(), _attribute(name, value))
        else:
            self.add(name, value)

    def add(self, name: bytes, value: str) -> None:
        """Put the attribute in front of the others, so that of duplicates this one counts."""
        self._edit(self._name_end, self._name_end, b" " + _attribute(name, value))

    def replace(self, whole: bytes) -> None:
        """Send ``whole`` in place of the tag."""
        self._edits = [(0, len(self.raw), whole)]

    def blank(self) -> None:
        """Take all attributes away; a script is marked as text."""
        mark = b' type="text/plain">' if self.name == b"script" else b">"
        self._edits = [(self._name_end, len(self.raw), mark)]

    @property
    def changed(self) -> bool:
        """Whether any change has been made."""
        return self._edits is not None

    def to_bytes(self) -> bytes:
        """Return the tag with its changes."""
        if self._edits is None:
            return self.raw
        if len(self._edits) > 1:
            self._edits.sort(key=_position)
        raw, parts, at = self.raw, [], 0
        for start, end, text in self._edits:
            parts.append(raw[at:start])
            parts.append(text)
            at = end
        parts.append(raw[at:])
        return b"".join(parts)

    def _values(self) -> dict[bytes, bytes]:
        """Return the values as they are written, with their quotes."""
        if self._attributes is None:
            written = ATTRIBUTE.findall(self.raw, self._name_end, len(self.raw) - 1)
            found: dict[bytes, bytes] = {name.lower(): value for name, value in written}
            if len(found) < len(written):  # of duplicates the first counts
                found = {}
                for name, value in written:
                    found.setdefault(name.lower(), value)
            self._attributes = found
        return self._attributes

    def _place_of(self, name: bytes) -> tuple[int, int]:
        """Return where the name of the attribute stands."""
        lower = self.raw.lower()
        at = lower.find(name, self._name_end)
        # Where the word stands once in the tag, it is the attribute.
        is_clear = at >= 0 and lower.find(name, at + 1) < 0
        return (at, at + len(name)) if is_clear else self._find(name).span(1)

    def _find(self, name: bytes) -> re.Match[bytes]:
        matches = ATTRIBUTE.finditer(self.raw, self._name_end, len(self.raw) - 1)
        return next(match for match in matches if match[1].lower() == name)

    def _edit(self, start: int, end: int, text: bytes) -> None:
        if self._edits is None:
            self._edits = []
        self._edits.append((start, end, text))


def _position(edit: tuple[int, int, bytes]) -> int:
    return edit[0]


def _attribute(name: bytes, value: str) -> bytes:
    escaped = value.replace("&", "&amp;").replace('"', "&quot;").encode("utf-8", "surrogateescape")
    return name + b'="' + escaped + b'"'
