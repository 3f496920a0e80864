"""Tracks where SVG and MathML begin and end. In them ``style``, ``script`` and ``title`` are not raw text.

This is a small part of tree construction (HTML standard, section 13.2.6.5): a stack of the elements that are open
since the outermost ``svg`` or ``math``. The elements around that one are not known. Where the answer depends on them,
or on rules that are not followed here, ``may_be_closed`` or ``is_unreliable`` says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cookie_consent.rewriter.prefilter_patterns import BREAKOUT

if TYPE_CHECKING:
    from cookie_consent.rewriter.tag import StartTag

__all__ = ["FOREIGN_ROOTS", "ForeignContent"]

FOREIGN_ROOTS = frozenset({b"svg", b"math"})
_SVG_POINTS = frozenset({b"foreignobject", b"desc", b"title"})
_MATH_POINTS = frozenset({b"mi", b"mo", b"mn", b"ms", b"mtext"})
_HTML_POINTS = frozenset({b"html", b"text"})
"""The kinds of integration points in which most HTML elements may be."""
_GLYPHS = frozenset({b"mglyph", b"malignmark"})
"""Start tags that are MathML even in its text integration points."""
_FONT_ATTRIBUTES = frozenset({b"color", b"face", b"size"})
_HTML_ENCODINGS = frozenset({"text/html", "application/xhtml+xml"})
_WITHOUT_CONTENT = frozenset(
    b"area base basefont bgsound body br col embed frame frameset head hr html image img input keygen link meta param "
    b"source track wbr".split()
)
"""Start tags that leave nothing open in HTML content: void elements and tags that are ignored there."""
_TABLE_PARTS = frozenset(b"caption col colgroup tbody td tfoot th thead tr".split())
_TABLE_ENDS = _TABLE_PARTS | {b"table", b"template", b"select"}
"""End tags that close elements around an integration point from inside it."""
_PARENTS = {
    b"caption": frozenset({b"table"}),
    b"colgroup": frozenset({b"table"}),
    b"col": frozenset({b"colgroup"}),
    **dict.fromkeys((b"tbody", b"thead", b"tfoot"), frozenset({b"table"})),
    b"tr": frozenset({b"table", b"tbody", b"thead", b"tfoot"}),
    **dict.fromkeys((b"td", b"th"), frozenset({b"tr"})),
}
"""The parents in which a part of a table needs nothing to be closed or implied for it."""
_CELLS = frozenset({b"td", b"th", b"caption"})
_IMPLIED = frozenset(b"dd dt li optgroup option p rb rp rt rtc".split())
"""Elements whose end tags are implied by the end of their parent (section 13.2.6.3)."""


class _Element(NamedTuple):
    name: bytes
    namespace: bytes
    """``html``, ``svg`` or ``math``."""
    point: bytes = b""
    """The kind of integration point, ``html`` or ``text``; ``svg`` for an ``annotation-xml`` that can only hold SVG."""


class ForeignContent:
    """The stack of elements that are open since the outermost ``svg`` or ``math``, of bounded depth."""

    _MAXIMUM_DEPTH = 100

    def __init__(self) -> None:
        self._open: list[_Element] = []
        self.may_be_closed = False
        """Whether an end tag may have closed all of it or nothing, depending on the elements around it."""
        self.is_unreliable = False
        """Whether the elements that are open are no longer known."""

    @property
    def is_open(self) -> bool:
        """Whether what comes next is in SVG or MathML, or in HTML inside it."""
        return bool(self._open)

    @property
    def depth(self) -> int:
        """How many elements are open."""
        return len(self._open)

    @property
    def holds_html(self) -> bool:
        """Whether an HTML element is open in it, so that end tags do not close what is around that element."""
        return any(element.namespace == b"html" for element in self._open)

    @property
    def takes_cdata(self) -> bool:
        """Whether a CDATA section may come next (section 13.2.5.42)."""
        return bool(self._open) and self._open[-1].namespace != b"html"

    @property
    def is_drawing(self) -> bool:
        """Whether the next element is foreign, whatever its name."""
        return bool(self._open) and self._open[-1].namespace != b"html" and not self._open[-1].point

    def end_tags(self) -> bytes:
        """Return the end tags of the open elements."""
        return b"".join(b"</" + element.name + b">" for element in reversed(self._open))

    def reads(self, tag: StartTag) -> bool:
        """Say whether a start tag that comes next is foreign."""
        if not self._open or not self._is_foreign(tag.name):
            return False
        return not (tag.name in BREAKOUT or (tag.name == b"font" and not _FONT_ATTRIBUTES.isdisjoint(tag.names())))

    def start(self, tag: StartTag, *, tables: bool) -> None:
        """Take note of a start tag; ``tables`` says that all of it may be in a table."""
        name = tag.name
        if self.reads(tag):
            self._start_foreign(tag)
            return
        if self._open and self._is_foreign(name):
            self._leave()
        if name in FOREIGN_ROOTS:
            if not tag.self_closing:
                self._push(_Element(name, name))
        elif self._open:
            self._start_html(name, tables=tables)

    def end(self, name: bytes) -> None:
        """Take note of an end tag."""
        top = self._open[-1]
        if top.namespace == b"html":
            self._end_html(name)
        elif name in {b"p", b"br"}:
            if top.point not in _HTML_POINTS:
                self._may_close()  # older parsers stay inside
        else:
            self._end_foreign(name)

    def _is_foreign(self, name: bytes) -> bool:
        """Say whether the rules for foreign content apply to a start tag of that name (section 13.2.6)."""
        top = self._open[-1]
        if top.namespace == b"html" or top.point == b"html":
            return False
        if top.point == b"text":
            return name in _GLYPHS
        return not (top.point == b"svg" and name == b"svg")

    def _start_foreign(self, tag: StartTag) -> None:
        name, namespace = tag.name, self._open[-1].namespace
        point = _point(tag, namespace)
        if self.may_be_closed and (point or name in FOREIGN_ROOTS):
            self.is_unreliable = True
        if not tag.self_closing:
            self._push(_Element(name, namespace, point))

    def _start_html(self, name: bytes, *, tables: bool) -> None:
        around = self._open[-1]
        if name in _GLYPHS and any(element.point == b"text" for element in self._open):
            self.is_unreliable = True  # an element that seems open may have been closed without an end tag
        elif name in _TABLE_PARTS and (around.namespace != b"html" or around.name not in _PARENTS[name]):
            self.is_unreliable = True
        elif name == b"table":
            self.is_unreliable = self.is_unreliable or not self._may_begin_table(tables=tables)
        if name not in _WITHOUT_CONTENT:
            self._push(_Element(name, b"html"))

    def _may_begin_table(self, *, tables: bool) -> bool:
        for element in reversed(self._open):
            if element.namespace != b"html":
                break
            if element.name in _CELLS:
                return True
            if element.name == b"table":
                return False
        return not tables

    def _end_html(self, name: bytes) -> None:
        at = len(self._open)
        for element in reversed(self._open):
            at -= 1
            if element.namespace != b"html":
                break
            if element.name == name:
                del self._open[at:]
                return
            if element.name not in _IMPLIED:
                break
        known = any(element.name == name for element in self._open)
        self.is_unreliable = self.is_unreliable or known or name in _TABLE_ENDS

    def _end_foreign(self, name: bytes) -> None:
        at = len(self._open)
        holds = False
        for element in reversed(self._open):
            at -= 1
            if element.namespace == b"html":
                break
            if element.name == name:
                del self._open[at:]
                self.may_be_closed = self.may_be_closed and bool(self._open)
                return
            holds = holds or bool(element.point)
        if not holds:
            self._may_close()
        elif name in _TABLE_ENDS:
            self.is_unreliable = True

    def _may_close(self) -> None:
        if self.holds_html or any(element.point for element in self._open):
            self.is_unreliable = True
        self.may_be_closed = True

    def _push(self, element: _Element) -> None:
        self.is_unreliable = self.is_unreliable or len(self._open) >= self._MAXIMUM_DEPTH
        self._open.append(element)

    def _leave(self) -> None:
        """Close the elements that a start tag breaks out of."""
        while self._open and self._open[-1].namespace != b"html" and self._open[-1].point not in _HTML_POINTS:
            self._open.pop()
        self.may_be_closed = self.may_be_closed and bool(self._open)


def _point(tag: StartTag, namespace: bytes) -> bytes:
    """Return the kind of integration point that the element is, or nothing."""
    name = tag.name
    if namespace == b"svg":
        return b"html" if name in _SVG_POINTS else b""
    if name == b"annotation-xml":
        return b"html" if (tag.get(b"encoding") or "").lower() in _HTML_ENCODINGS else b"svg"
    return b"text" if name in _MATH_POINTS else b""
