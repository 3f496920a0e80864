"""Where SVG and MathML begin and end, in which ``style``, ``script`` and ``title`` are not raw text.

A small part of the tree construction stage (HTML standard, section 13.2.6.5): a stack of the elements that switch
between HTML and foreign content. It does not hold the elements between them. Where a browser's answer depends on
those, ``lost`` or ``nested`` says so, and the rewriter reads raw text as markup too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cookie_consent.rewriter.outlook import BREAKOUT, FOREIGN_NAMES

if TYPE_CHECKING:
    from cookie_consent.rewriter.tag import StartTag

__all__ = ["FOREIGN_ROOTS", "ForeignContent"]

FOREIGN_ROOTS = frozenset({b"svg", b"math"})
_SVG_INTEGRATION = frozenset({b"foreignobject", b"desc", b"title"})
_MATH_INTEGRATION = frozenset({b"mi", b"mo", b"mn", b"ms", b"mtext"})
_FONT_ATTRIBUTES = frozenset({b"color", b"face", b"size"})
_HTML_ENCODINGS = frozenset({"text/html", "application/xhtml+xml"})


class _Element(NamedTuple):
    name: bytes
    namespace: bytes
    """``svg`` or ``math``: an ``svg`` inside MathML is an element of MathML."""
    holds_html: bool


class ForeignContent:
    """The open elements that decide whether a tag is read as foreign. Depth is bounded; deeper ones are ignored."""

    _MAXIMUM_DEPTH = 512

    def __init__(self) -> None:
        self._open: list[_Element] = []
        self.inside = False
        """Whether what comes next is SVG or MathML, rather than HTML in or outside of it."""
        self.lost = False
        """Whether the tags have been closed in an order that leaves it open what a browser takes itself to be in."""

    @property
    def nested(self) -> bool:
        """Whether what comes next is HTML inside SVG or MathML."""
        return bool(self._open) and not self.inside

    @property
    def depth(self) -> int:
        """How many elements are open."""
        return len(self._open)

    def end_tags(self) -> bytes:
        """Return the end tags of what is open."""
        return b"".join(b"</" + element.name + b">" for element in reversed(self._open))

    def start(self, tag: StartTag) -> bool:
        """Take note of a start tag; return True where it breaks out of foreign content."""
        name = tag.name
        if not self.inside:
            if name in FOREIGN_ROOTS and not tag.self_closing:
                self._push(name, name, holds_html=False)
            return False
        if name in BREAKOUT or (name == b"font" and not _FONT_ATTRIBUTES.isdisjoint(tag.names())):
            self._leave()
            return True
        if tag.self_closing:
            return False
        parent = self._open[-1]
        namespace = parent.namespace
        if name in FOREIGN_ROOTS:
            if parent.name == b"annotation-xml" and name == b"svg":
                namespace = b"svg"
                self.lost = True  # only if nothing else stands between them
            self._push(name, namespace, holds_html=False)
        elif name == b"annotation-xml" or _holds_html(tag, namespace):
            self._push(name, namespace, holds_html=_holds_html(tag, namespace))
        return False

    def end(self, name: bytes) -> None:
        """Take note of an end tag."""
        if self.inside and name in {b"p", b"br"}:
            self.lost = True  # older parsers stay inside
            self._leave()
        elif any(element.name == name for element in self._open):
            # An end tag that crosses HTML content is ignored by a browser that has an element open there.
            self.lost = self.lost or (self.nested and self._open[-1].name != name)
            while self._open.pop().name != name:
                pass
            self._update()
        elif self.inside and name not in FOREIGN_NAMES:
            self.lost = True  # it may close the element that the picture stands in

    def _push(self, name: bytes, namespace: bytes, *, holds_html: bool) -> None:
        if len(self._open) < self._MAXIMUM_DEPTH:
            self._open.append(_Element(name, namespace, holds_html))
        self._update()

    def _leave(self) -> None:
        while self._open and not self._open[-1].holds_html:
            self._open.pop()
        self._update()

    def _update(self) -> None:
        self.inside = bool(self._open) and not self._open[-1].holds_html


def _holds_html(tag: StartTag, namespace: bytes) -> bool:
    """Say whether the element is an integration point."""
    if namespace == b"svg":
        return tag.name in _SVG_INTEGRATION
    if tag.name == b"annotation-xml":
        return (tag.get(b"encoding") or "").lower() in _HTML_ENCODINGS
    return tag.name in _MATH_INTEGRATION
