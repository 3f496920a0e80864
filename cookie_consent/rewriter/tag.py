"""A start tag as the scanner found it, and the changes made to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.rewriter.grammar import ATTRIBUTE, NAME
from cookie_consent.rewriter.references import decode_references

if TYPE_CHECKING:
    import re

__all__ = ["StartTag"]


class StartTag:
    """One start tag. Values are read decoded and changed in place; what is not changed keeps its bytes.

    ``name`` is lower-case. ``foreign`` says that it stands inside SVG or MathML.
    """

    def __init__(self, raw: bytes, *, foreign: bool = False) -> None:
        self.raw = raw
        self.foreign = foreign
        match = NAME.match(raw)
        if match is None:
            raise ValueError("not a start tag")
        self._name_end = match.end()
        self.name = raw[1 : self._name_end].lower()
        self._attributes: dict[bytes, re.Match[bytes]] | None = None
        self._edits: list[tuple[int, int, bytes]] = []

    @property
    def self_closing(self) -> bool:
        """Whether the tag ends in ``/>``, which counts in foreign content only."""
        if not self.raw.endswith(b"/>"):
            return False
        last = max((match.end() for match in self._parsed().values()), default=self._name_end)
        return last <= len(self.raw) - 2

    def get(self, name: bytes) -> str | None:
        """Return the value of the attribute ``name`` with its character references decoded, or None.

        Of duplicates the first counts. Bytes that are not UTF-8 come as surrogate escapes.
        """
        match = self._parsed().get(name)
        if match is None:
            return None
        return decode_references(_value(match).decode("utf-8", "surrogateescape"))

    def names(self) -> list[bytes]:
        """Return the attributes' names, lower-case, in order."""
        return list(self._parsed())

    def rename(self, name: bytes, new: bytes) -> None:
        """Give the attribute ``name``, which must be there, another name; its value stays as it is written."""
        match = self._parsed()[name]
        self._edits.append((*match.span("name"), new))

    def set(self, name: bytes, value: str) -> None:
        """Set the attribute ``name`` to ``value``, adding it in front of the others where it is not there."""
        match = self._parsed().get(name)
        if match is None:
            self.add(name, value)
        else:
            self._edits.append((match.start("name"), match.end(), _attribute(name, value)))

    def add(self, name: bytes, value: str) -> None:
        """Put the attribute in front of the others, so that of duplicates this one counts."""
        self._edits.append((self._name_end, self._name_end, b" " + _attribute(name, value)))

    def blank(self) -> None:
        """Take all attributes away; a script is marked as text."""
        mark = b' type="text/plain">' if self.name == b"script" else b">"
        self._edits = [(self._name_end, len(self.raw), mark)]

    @property
    def changed(self) -> bool:
        """Whether any change has been made."""
        return bool(self._edits)

    def to_bytes(self) -> bytes:
        """Return the tag with its changes."""
        if not self._edits:
            return self.raw
        parts, at = [], 0
        for start, end, text in sorted(self._edits, key=lambda edit: edit[0]):
            parts += [self.raw[at:start], text]
            at = end
        return b"".join([*parts, self.raw[at:]])

    def _parsed(self) -> dict[bytes, re.Match[bytes]]:
        if self._attributes is None:
            self._attributes = {}
            at, end = self._name_end, len(self.raw) - 1
            while (match := ATTRIBUTE.match(self.raw, at)) is not None and match.start("name") < end:
                self._attributes.setdefault(match["name"].lower(), match)
                at = match.end()
        return self._attributes


def _attribute(name: bytes, value: str) -> bytes:
    escaped = value.replace("&", "&amp;").replace('"', "&quot;").encode("utf-8", "surrogateescape")
    return name + b'="' + escaped + b'"'


def _value(match: re.Match[bytes]) -> bytes:
    for group in ("double", "single", "bare"):
        value = match[group]
        if value is not None:
            return bytes(value)
    return b""
