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
    """One start tag, which can be read and edited; what is not changed keeps its bytes.

    ``name`` is lower-case. ``entities``, those that the document declares, makes it a tag of XML.
    """

    __slots__ = (
        "_attributes",
        "_edits",
        "_entities",
        "_name_end",
        "after_content",
        "foreign",
        "in_document",
        "is_root",
        "may_be_html",
        "name",
        "raw",
    )

    def __init__(self, raw: bytes, *, foreign: bool = False, entities: Mapping[str, str] | None = None) -> None:
        self.raw = raw
        self._entities = entities
        # A tag of XML may be of any namespace. The prefixes in its name and in xlink:href can be any, so what follows
        # them counts.
        is_xml = entities is not None
        self.foreign = foreign or is_xml
        """Whether it is an element of SVG or MathML."""
        self.may_be_html = is_xml
        """Whether it may also be an HTML element, in another browser or by what the scanner does not know."""
        self.in_document: bool | None = None if is_xml else True
        """Whether it is in the page itself rather than in a template; None where readings differ."""
        self.is_root = False
        """Whether it is the first tag of the page, and ``html``."""
        self.after_content = False
        """Whether content may come before a ``base``; browsers may still load that content from this base."""
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
        """Return an unchanged copy of the tag, or one with the bytes ``raw``."""
        tag = StartTag(self.raw if raw is None else raw, foreign=self.foreign, entities=self._entities)
        tag.may_be_html, tag.in_document = self.may_be_html, self.in_document
        tag.after_content, tag.is_root = self.after_content, self.is_root
        return tag

    @property
    def self_closing(self) -> bool:
        """Whether the tag ends in ``/>``, which has a meaning in foreign content only."""
        if not self.raw.endswith(b"/>"):
            return False
        matches = ATTRIBUTE.finditer(self.raw, self._name_end, len(self.raw) - 1)
        return max((match.end() for match in matches), default=self._name_end) <= len(self.raw) - 2

    def get(self, name: bytes) -> str | None:
        """Return the decoded value of the attribute ``name``, or None.

        Bytes that are not UTF-8 become surrogate escapes.
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
        """Return the lower-case names of the attributes in order, without duplicates."""
        return self._values().keys()

    def rename(self, name: bytes, new: bytes) -> None:
        """Rename the attribute ``name``, which must exist; its value keeps its bytes."""
        # Duplicates are renamed as well, or the next one would count in its place.
        written = new if self._entities is None else new.replace(b":", b"-")
        for start, end in self._places_of(name):
            self._edit(start, end, written)

    def set(self, name: bytes, value: str) -> None:
        """Set the attribute ``name`` to ``value``; add it in front of the others if it does not exist."""
        if name in self._values():
            match = next(self._find(name))
            self._edit(match.start(1), match.end(), self._attribute(name, value))
        else:
            self.add(name, value)

    def add(self, name: bytes, value: str) -> None:
        """Add the attribute in front of the others, so that it counts rather than a duplicate."""
        self._edit(self._name_end, self._name_end, b" " + self._attribute(name, value))

    def replace(self, whole: bytes) -> None:
        """Send ``whole`` in place of the tag."""
        self._edits = [(0, len(self.raw), whole)]

    def blank(self) -> None:
        """Remove all attributes; a script is marked as text."""
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
        """Return the values as written, with their quotes."""
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
        """Return the positions of the name of the attribute and of its duplicates."""
        lower = self.raw.lower()
        at = lower.find(name, self._name_end)
        # A word that occurs once in the tag can only be the attribute.
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
