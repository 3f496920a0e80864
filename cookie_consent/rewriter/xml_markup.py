"""What XML has besides tags: comments, CDATA, processing instructions and the DOCTYPE (XML 1.0, 2.5 to 2.8)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from cookie_consent.rewriter.references import decode_references
from cookie_consent.rewriter.tag import StartTag

if TYPE_CHECKING:
    from collections.abc import Callable

    from cookie_consent.rewriter.handler import Handler

__all__ = ["Construct", "XmlMarkup"]

_LONGEST_DECLARATION = 64 * 1024
"""The longest DOCTYPE or processing instruction that is judged."""
_QUOTED = rb"\"[^\"]*+\"|'[^']*+'"
_ASIDE = rb"<!--(?s:.)*?-->|<\?(?s:.)*?\?>"
_OUTSIDE = rb"[^\"'\[>]*+(?:(?:" + _QUOTED + rb")[^\"'\[>]*+)*+"
_DOCTYPE = re.compile(
    rb"<![dD][oO][cC][tT][yY][pP][eE]" + _OUTSIDE
    + rb"(?:\[(?:[^\]\"'<]++|" + _QUOTED + rb"|" + _ASIDE + rb"|<(?!!--|\?))*+\][^>\"']*+)?+>"
)  # fmt: skip
"""A whole DOCTYPE with its internal subset."""
_DECLARATION = re.compile(
    _ASIDE + rb"|<!ENTITY[\t\n\r ]++(?P<parameter>%[\t\n\r ]++)?+(?P<name>[^\t\n\r \"'>]++)[\t\n\r ]++(?P<value>"
    + _QUOTED + rb")|<!ATTLIST(?P<attributes>(?:" + _QUOTED + rb"|[^>\"'])*+)>"
)  # fmt: skip
_DEFAULT = re.compile(_QUOTED)
_STYLE_SHEET = re.compile(rb"<\?xml-stylesheet(?=[\t\n\r ])")
_NUMERIC = re.compile(r"&#(?:x[0-9a-fA-F]++|[0-9]++);")


class Construct(NamedTuple):
    """A piece of markup that is no tag."""

    end: int
    """The position to go on from."""
    mark: bytes = b""
    """What ends it, where its end has yet to be found; else it is whole."""
    replacement: bytes | None = None
    """What to send in place of a whole one, if that is to be changed."""


class XmlMarkup:
    """Reads and gates the markup of one XML document that is no tag.

    ``gate`` returns markup gated, that of an entity.
    """

    def __init__(self, handler: Handler, gate: Callable[[bytes], bytes]) -> None:
        self._handler = handler
        self._doctype = _DoctypeGate(handler, gate)
        self.is_too_long = False
        """Whether a declaration was too long to be judged."""

    @property
    def entities(self) -> dict[str, str]:
        """The entities that the document declares, with their gated values."""
        return self._doctype.entities

    @entities.setter
    def entities(self, entities: dict[str, str]) -> None:
        self._doctype.entities = entities

    def read(self, data: bytes, at: int, *, is_final: bool) -> Construct | None:
        """Return what begins at ``at`` with ``<!`` or ``<?``, or None if more data is needed."""
        head = data[at : at + 9]
        may_wait = not is_final and len(data) - at < _LONGEST_DECLARATION
        if len(head) < 9 and may_wait:
            return None
        if head.startswith(b"<!--"):
            return Construct(at + 4, b"-->")
        if head == b"<![CDATA[":
            return Construct(at + 9, b"]]>")
        is_instruction = head.startswith(b"<?")
        if is_instruction:
            found = data.find(b"?>", at + 2)
            end = found + 2 if found >= 0 else -1
        elif head.lower() == b"<!doctype":
            match = _DOCTYPE.match(data, at)
            end = match.end() if match is not None else -1
        else:
            return Construct(at + 2, b">")
        if end < 0:
            if may_wait:
                return None
            self.is_too_long = True
            return Construct(at + 2, b"?>" if is_instruction else b">")
        raw = data[at:end]
        changed = _gate_instruction(raw, self._handler) if is_instruction else self._doctype(raw)
        return Construct(end, replacement=changed if changed != raw else None)


class _DoctypeGate:
    """Gates what the internal subset of a DOCTYPE declares."""

    def __init__(self, handler: Handler, gate: Callable[[bytes], bytes]) -> None:
        self._handler = handler
        self._gate = gate
        self.entities: dict[str, str] = {}
        """The gated text of each entity."""

    def __call__(self, doctype: bytes) -> bytes:
        """Return the declaration to send."""
        return _DECLARATION.sub(self._declaration, doctype)

    def _declaration(self, match: re.Match[bytes]) -> bytes:
        if match["attributes"] is not None:
            values = [_text(found[0][1:-1]) for found in _DEFAULT.finditer(match["attributes"])]
            return b"" if any(map(self._is_held, values)) else match[0]
        if match["value"] is None:
            return match[0]
        # Character references are decoded in the declaration, all others where the entity is used (section 4.4).
        value = _NUMERIC.sub(lambda found: decode_references(found[0]), _text(match["value"][1:-1]))
        if match["parameter"] is not None:
            gated = "" if any(mark in value for mark in "<%&") else value  # it may declare more
        elif self._is_held(value):
            gated = ""
        else:
            gated = _text(self._gate(value.encode("utf-8", "surrogateescape")))
        name = _text(match["name"])
        if match["parameter"] is None and name not in self.entities:  # of several the first counts
            self.entities[name] = gated
        if gated == value:
            return match[0]
        before = match[0][: match.start("value") - match.start()]
        return before + b'"' + _literal(gated) + b'"'

    def _is_held(self, value: str) -> bool:
        """Say whether the handler would change it as an address or a style."""
        tag = StartTag(b"<img>", entities=self.entities)
        tag.add(b"src", value)
        tag.add(b"style", value)
        probe = StartTag(tag.to_bytes(), entities=self.entities)
        self._handler.start_tag(probe)
        return probe.changed


def _gate_instruction(raw: bytes, handler: Handler) -> bytes:
    """Return the processing instruction to send; one for a style sheet is judged as a link to it."""
    match = _STYLE_SHEET.match(raw)
    if match is None:
        return raw
    tag = StartTag(b"<link rel='stylesheet'" + raw[match.end() : -2].replace(b">", b"&gt;") + b">", entities={})
    handler.start_tag(tag)
    return b"<?consent-xml-stylesheet" + raw[match.end() :] if tag.changed else raw


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _literal(value: str) -> bytes:
    for mark in '&%"':
        value = value.replace(mark, f"&#{ord(mark)};")
    return value.encode("utf-8", "surrogateescape")
