"""Where SVG and MathML begin and end, in which ``style``, ``script`` and ``title`` are not raw text.

A small part of the tree construction stage (HTML standard, section 13.2.6.5): a stack of the elements that switch
between HTML and foreign content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.rewriter.grammar import FOREIGN_BREAKOUT

if TYPE_CHECKING:
    from cookie_consent.rewriter.tag import StartTag

__all__ = ["ForeignContent"]

_ROOTS = frozenset({b"svg", b"math"})
_SVG_INTEGRATION = frozenset({b"foreignobject", b"desc", b"title"})
_MATH_INTEGRATION = frozenset({b"mi", b"mo", b"mn", b"ms", b"mtext"})
_FONT_ATTRIBUTES = frozenset({b"color", b"face", b"size"})
_HTML_ENCODINGS = frozenset({"text/html", "application/xhtml+xml"})


class ForeignContent:
    """The open elements that decide whether a tag is read as foreign. Depth is bounded; deeper ones are ignored."""

    _MAXIMUM_DEPTH = 512

    def __init__(self) -> None:
        self._open: list[bytes] = []
        self.inside = False

    def start(self, tag: StartTag) -> bool:
        """Take note of a start tag; return True where it breaks out of foreign content."""
        name = tag.name
        if not self.inside:
            if name in _ROOTS and not tag.self_closing:
                self._push(name)
            return False
        if name in FOREIGN_BREAKOUT or (name == b"font" and not _FONT_ATTRIBUTES.isdisjoint(tag.names())):
            self._leave()
            return True
        if tag.self_closing:
            return False
        if name in _ROOTS or self._is_integration_point(tag):
            self._push(name)
        return False

    def end(self, name: bytes) -> None:
        """Take note of an end tag."""
        if self.inside and name in {b"p", b"br"}:
            self._leave()
        elif name in self._open:
            while self._open.pop() != name:
                pass
            self._update()

    def _is_integration_point(self, tag: StartTag) -> bool:
        root = self._open[-1]
        if root == b"svg":
            return tag.name in _SVG_INTEGRATION
        if tag.name == b"annotation-xml":
            return (tag.get(b"encoding") or "").lower() in _HTML_ENCODINGS
        return tag.name in _MATH_INTEGRATION

    def _push(self, name: bytes) -> None:
        if len(self._open) < self._MAXIMUM_DEPTH:
            self._open.append(name)
        self._update()

    def _leave(self) -> None:
        while self._open and self._open[-1] in _ROOTS:
            self._open.pop()
        self._update()

    def _update(self) -> None:
        self.inside = bool(self._open) and self._open[-1] in _ROOTS
