"""A start tag as the scanner found it, and the changes made to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.rewriter.grammar import ATTRIBUTE, NAME, XML_NAME
from cookie_consent.rewriter.references import decode_references, expand_entities

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["StartTag"]

_QUOTES = frozenset({b'"', b"'"})


class StartTag:
    """One start tag. Values are read decoded and changed in place; what is not changed keeps its bytes.

    ``name`` is lower-case. With ``entities``, those that the document declares, it is a tag of XML: it may be of any
    namespace, whatever prefix it has; its name, and that of a link (``xlink:href``), is known by what follows that.
    """

    __slots__ = (
        "_attributes",
        "_edits",
        "_entities",
        "_name_end",
        "counts",
        "either",
        "foreign",
        "is_root",
        "late",
        "name",
        "raw",
    )

    def __init__(self, raw: bytes, *, foreign: bool = False, entities: Mapping[str, str] | None = None) -> None:
        self.raw = raw
        self._entities = entities
        is_xml = entities is not None
        self.foreign = foreign or is_xml
        """Whether it is an element of SVG or MathML."""
        self.either = is_xml
        """Whether it may be one of HTML as well: it depends on the browser, or on what the scanner does not know."""
        self.counts: bool | None = None if is_xml else True
        """Whether it stands in the page itself, and not in a template; None if that depends on the reading."""
        self.is_root = False
        """Whether it is the page's root element, as its first tag."""
        self.late = False
        """Of a ``base``: whether content may stand before it, which browsers may yet load from the base after it."""
        match = (XML_NAME if is_xml else NAME).match(raw)
        if match is None:
            raise ValueError("not a start tag")
        self._name_end = match.end()
        self.name = raw[1 : self._name_end].lower()
        if is_xml:
            self.name = self.name.rpartition(b":")[2]
        self._attributes: dict[bytes, bytes] | None = None
        self._edits: list[tuple[int, int, bytes]] | None = None

    def copy(self, raw: bytes | None = None) -> StartTag:
        """Return the tag as it was found, or another one with the bytes ``raw`` in its place."""
        tag = StartTag(self.raw if raw is None else raw, foreign=self.foreign, entities=self._entities)
        tag.either, tag.counts, tag.late, tag.is_root = self.either, self.counts, self.late, self.is_root
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
        text = value.decode("utf-8", "surrogateescape")
        if self._entities:
            text = expand_entities(text, self._entities)
        return decode_references(text)

    def names(self) -> Iterable[bytes]:
        """Return the attributes' names, lower-case, each once, in order."""
        return self._values().keys()

    def rename(self, name: bytes, new: bytes) -> None:
        """Give the attribute ``name``, which must be there, another name; its value stays as it is written.

        Its duplicates are renamed with it, since the next one would count in its place.
        """
        written = new if self._entities is None else new.replace(b":", b"-")
        for start, end in self._places_of(name):
            self._edit(start, end, written)

    def set(self, name: bytes, value: str) -> None:
        """Set the attribute ``name`` to ``value``, adding it in front of the others where it is not there."""
        if name in self._values():
            match = next(self._find(name))
            self._edit(match.start(1), match.end(), self._attribute(name, value))
        else:
            self.add(name, value)

    def add(self, name: bytes, value: str) -> None:
        """Put the attribute in front of the others, so that of duplicates this one counts."""
        self._edit(self._name_end, self._name_end, b" " + self._attribute(name, value))

    def replace(self, whole: bytes) -> None:
        """Send ``whole`` in place of the tag."""
        self._edits = [(0, len(self.raw), whole)]

    def blank(self) -> None:
        """Take all attributes away; a script is marked as text."""
        mark = b' type="text/plain"' if self.name == b"script" else b""
        end = b"/>" if self._entities is not None and self.self_closing else b">"
        self._edits = [(self._name_end, len(self.raw), mark + end)]

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
            key = bytes.lower if self._entities is None else self._key
            found: dict[bytes, bytes] = {key(name): value for name, value in written}
            if len(found) < len(written):  # of duplicates the first counts
                found = {}
                for name, value in written:
                    found.setdefault(key(name), value)
            self._attributes = found
        return self._attributes

    def _places_of(self, name: bytes) -> list[tuple[int, int]]:
        """Return where the name of the attribute stands, and those of its duplicates."""
        lower = self.raw.lower()
        at = lower.find(name, self._name_end)
        # Where the word stands once in the tag, it is the attribute.
        is_clear = at >= 0 and lower.find(name, at + 1) < 0
        return [(at, at + len(name))] if is_clear else [match.span(1) for match in self._find(name)]

    def _find(self, name: bytes) -> Iterator[re.Match[bytes]]:
        matches = ATTRIBUTE.finditer(self.raw, self._name_end, len(self.raw) - 1)
        return (match for match in matches if self._key(match[1]) == name)

    def _attribute(self, name: bytes, value: str) -> bytes:
        escaped = value.replace("&", "&amp;").replace('"', "&quot;")
        if self._entities is not None:
            escaped = escaped.replace("<", "&lt;")
        return name + b'="' + escaped.encode("utf-8", "surrogateescape") + b'"'

    def _key(self, name: bytes) -> bytes:
        name = name.lower()
        return b"xlink:href" if self._entities is not None and name.endswith(b":href") else name

    def _edit(self, start: int, end: int, text: bytes) -> None:
        if self._edits is None:
            self._edits = []
        self._edits.append((start, end, text))


def _position(edit: tuple[int, int, bytes]) -> int:
    return edit[0]
