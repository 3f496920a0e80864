"""What XML has beside tags: the document type declaration with its entities, and processing instructions (XML 1.0)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cookie_consent.rewriter.references import decode_references
from cookie_consent.rewriter.tag import StartTag

if TYPE_CHECKING:
    from collections.abc import Callable

    from cookie_consent.rewriter.handler import Handler

__all__ = ["DOCTYPE", "LONGEST_DECLARATION", "DoctypeGate", "gate_instruction"]

LONGEST_DECLARATION = 64 * 1024
"""Bytes of a document type declaration or a processing instruction that are looked at."""
_QUOTED = rb"\"[^\"]*+\"|'[^']*+'"
_ASIDE = rb"<!--(?s:.)*?-->|<\?(?s:.)*?\?>"
_OUTSIDE = rb"[^\"'\[>]*+(?:(?:" + _QUOTED + rb")[^\"'\[>]*+)*+"
DOCTYPE = re.compile(
    rb"<![dD][oO][cC][tT][yY][pP][eE]" + _OUTSIDE
    + rb"(?:\[(?:[^\]\"'<]++|" + _QUOTED + rb"|" + _ASIDE + rb"|<(?!!--|\?))*+\][^>\"']*+)?+>"
)  # fmt: skip
"""A whole document type declaration, with its internal subset."""
_DECLARATION = re.compile(
    _ASIDE + rb"|<!ENTITY[\t\n\r ]++(?P<parameter>%[\t\n\r ]++)?+(?P<name>[^\t\n\r \"'>]++)[\t\n\r ]++(?P<value>"
    + _QUOTED + rb")|<!ATTLIST(?P<attributes>(?:" + _QUOTED + rb"|[^>\"'])*+)>"
)  # fmt: skip
_DEFAULT = re.compile(_QUOTED)
_STYLE_SHEET = re.compile(rb"<\?xml-stylesheet(?=[\t\n\r ])")
_NUMERIC = re.compile(r"&#(?:x[0-9a-fA-F]++|[0-9]++);")


class DoctypeGate:
    """Gates what the internal subset of one document declares. ``gate`` gates markup."""

    def __init__(self, handler: Handler, gate: Callable[[bytes], bytes]) -> None:
        self._handler = handler
        self._gate = gate
        self.entities: dict[str, str] = {}
        """What stands for a reference to each."""

    def __call__(self, doctype: bytes) -> bytes:
        """Return the declaration to send."""
        return _DECLARATION.sub(self._declaration, doctype)

    def _declaration(self, match: re.Match[bytes]) -> bytes:
        if match["attributes"] is not None:
            values = [_text(found[0][1:-1]) for found in _DEFAULT.finditer(match["attributes"])]
            return b"" if any(map(self._is_held, values)) else match[0]
        if match["value"] is None:
            return match[0]
        # Character references in it are decoded when it is declared, others when it is referred to (section 4.4).
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
        """Say whether an address, or a style, could not stand in the page."""
        tag = StartTag(b"<img>", entities=self.entities)
        tag.add(b"src", value)
        tag.add(b"style", value)
        probe = StartTag(tag.to_bytes(), entities=self.entities)
        self._handler.start_tag(probe)
        return probe.changed


def gate_instruction(raw: bytes, handler: Handler) -> bytes:
    """Return a processing instruction to send: one for a style sheet is judged as a link to it."""
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
