"""The streaming rewriter: bytes of HTML in, the same bytes out but for the tags that a handler changes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cookie_consent.rewriter.foreign import FOREIGN_ROOTS, ForeignContent
from cookie_consent.rewriter.foreign_text import foreign_texts
from cookie_consent.rewriter.grammar import NAME, RAW_TEXT, TAG, TEXT, XML_TAG, raw_text_end
from cookie_consent.rewriter.prefilter import Prefilter
from cookie_consent.rewriter.prefilter_patterns import DRAWING, SHAPES
from cookie_consent.rewriter.raw_text import ScriptData
from cookie_consent.rewriter.readings import INSPECTED_TEXT, Readings, is_bare
from cookie_consent.rewriter.tag import StartTag
from cookie_consent.rewriter.tag_end import TagEnd
from cookie_consent.rewriter.xml_markup import DoctypeGate

if TYPE_CHECKING:
    from collections.abc import Callable

    from cookie_consent.rewriter.foreign_text import ForeignTexts
    from cookie_consent.rewriter.handler import Handler
    from cookie_consent.rewriter.markup_cache import MarkupCache

__all__ = ["MAXIMUM_TAG", "Rewriter"]

MAXIMUM_TAG = 2 * 1024 * 1024
"""Bytes of one tag. A longer one loses its attributes, so that what could not be looked at cannot load anything."""
_LONGEST_MARK = 16
_LONGEST_HEAD_TAG = 16 * 1024
_LONGEST_FOREIGN_TEXT = 64 * 1024
_STRUCTURE = frozenset({b"plaintext", b"body", b"frameset", b"base", b"select", b"template", b"table", b"col"})
_MOST_ENDS = 100
_DECODED = frozenset({b"title", b"noscript", b"iframe", b"noembed", b"noframes"})
"""Elements in whose text a character reference does no harm."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PAGE_ENDS = frozenset({b"</body>", b"</html>"})
_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_XML_LETTERS = frozenset(range(256)) - frozenset(b"\t\n\f\r /!?><=")
_CONTENT = re.compile(
    rb"<(?:img|image|input|video|audio|embed|object|i?frame|svg|picture|body|p|div|table|td)[\t\n\f\r />]",
    re.IGNORECASE,
)
_SPACES = re.compile(rb"[\t\n\f\r ]*+")


class Rewriter(Readings):
    """Rewrites one HTML document given in any pieces; the result does not depend on how it is split.

    Memory is bounded by ``MAXIMUM_TAG`` plus ``MAXIMUM_TEXT`` plus one piece; time is linear in the input.
    ``after_head_start`` gives the bytes to insert first in the head, wherever a browser begins it, and
    ``before_body_end`` those to insert before ``</body>``, or at the end where there is no such tag.
    With ``scripting`` the text of ``noscript`` is read twice, as text and as the markup that it is without.
    With ``all_tags`` the handler is shown every start tag, not only those that may make a browser fetch.
    With ``xml`` (XHTML) no element has raw text, and a tag is shown as one of any namespace, whatever its prefix.
    What rewriters that share ``markup_cache`` have found to hold nothing of interest is not searched again.

    What some element means can depend on all that is open around it, which is not kept, and on the browser. Where that
    would change how the text after it is read, the page is *in doubt* from there to its end (``in_doubt``): it is read
    as HTML, every tag is shown as one of HTML and of SVG, raw text is read as text and as markup, and no ``<`` is left
    in a comment, in an attribute or in front of a tag that raw text would end: so other readings find no tag but those
    that were shown. What a form sends, the text of ``textarea``, is left as it is.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        after_head_start: Callable[[], bytes] | None = None,
        before_body_end: Callable[[], bytes] | None = None,
        scripting: bool = True,
        all_tags: bool = False,
        xml: bool = False,
        in_doubt: bool = False,
        markup_cache: MarkupCache | None = None,
    ) -> None:
        self._handler = handler
        self._xml = xml
        self._scripting = scripting
        self._all_tags = all_tags
        self._after_head_start = after_head_start
        self._before_body_end = before_body_end
        self._doctype = DoctypeGate(handler, self._gate_fragment)
        self._tags = XML_TAG if xml else TAG
        self._letters = _XML_LETTERS if xml else _LETTERS
        self._in_doubt = in_doubt
        self._raw_text_names = RAW_TEXT
        self._state: Callable[[], bool] = self._prolog if not in_doubt else self._data
        self._markup: Callable[[], bool] = self._state
        self._buffer = b""
        self._at = 0
        self._sent = 0
        self._rest = b""
        self._out: list[bytes] = []
        self._prefilter = Prefilter(all_tags=all_tags, cache=markup_cache)
        self._foreign_prefilter = Prefilter(all_tags=all_tags, cache=None)
        self._foreign_prefilter.choose(every=True, foreign=True, relative=True, nested=False)
        self._foreign = ForeignContent()
        self._select: int | None = None
        """In how many templates a ``select`` has begun, if one is open."""
        self._templates = 0
        """How many are open."""
        self._has_table = self._has_frames = self._has_markup = False
        """Whether a table or a frameset has begun, or any tag or comment."""
        self._after_body_start = False
        self._at_start = self._is_first = True
        self._offset = 0  # where the buffer begins in the document
        self._foreign_text_shown = 0
        self._found_text: ForeignTexts | None = None
        self._tail, self._fed = b"", 0
        self._content_at = -1 if in_doubt or not scripting else None
        """Where the first content of the body stands."""
        self._look_again()
        self._retried = False
        self._waiting = self._is_final = False
        self._tag_end = TagEnd()
        self._pieces: list[bytes] = []
        self._pieces_size = 0
        self._oversized = b""
        self._text_name = b""
        self._text_end: re.Pattern[bytes] = raw_text_end(b"script")
        self._script = ScriptData()

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the document; return what can be sent of it."""
        if self._content_at is None:
            self._find_content(data)
        if self._rest:
            data = self._rest + data
            self._rest = b""
        self._buffer, self._at, self._sent = data, 0, 0
        self._prefilter.begin(data)
        while self._at < len(self._buffer) and self._state() and not self._waiting:
            pass
        self._waiting = False
        data, size = self._buffer, len(self._buffer)
        self._offset += self._at
        if self._at < size:
            self._rest = data[self._at :]
        self._flush(self._at)  # all of it, where nothing has changed
        out = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        return out

    def end(self) -> bytes:
        """Finish the document; return the rest of it.

        An unfinished tag is left out, as in a browser, and an open comment or raw text is closed, so that what is
        inserted after it stands in the document.
        """
        if self._rest and self._state == self._markup:
            self._is_final = True
            self._out.append(self.feed(b""))
        out = self._out
        if self._inner_in_doubt:
            self._end_in_doubt(self._rest)
        else:
            self._end_state(self._rest)
        self._rest, self._state = b"", self._markup
        self._insert_head()
        if not (self._scripting or self._inner_in_doubt):
            out.append(self._foreign.end_tags())
        if self._before_body_end is not None:
            banner, self._before_body_end = self._before_body_end(), None
            if banner:
                out += [self._open_ends(), banner]
        result = b"".join(out)
        out.clear()
        return result

    def _end_state(self, rest: bytes) -> None:
        state, out = self._state, self._out
        if state == self._markup:
            out.append(_unfinished(rest))
        elif self._xml:
            out.append(rest)
        elif state == self._comment:
            out.append(rest + b"-->")
        elif state == self._bogus_comment:
            out.append(rest + b">")
        elif state == self._cdata:
            out.append(rest + b"]]>")
        elif state in (self._raw_text, self._script_data):
            self._text_out(rest)
            self._close_text()
            if self._script.depth:
                out.append(b"-->")
            out.append(b"</" + self._text_name + b">")

    def _open_ends(self) -> bytes:
        """Return the end tags of what would hide that which is inserted at the end."""
        select = b"</select>" if self._select is not None else b""
        return select + b"</template>" * min(self._templates, _MOST_ENDS)

    def _find_content(self, data: bytes) -> None:
        """Look for the first content of the body; too much may be found, in the text of a script."""
        text = self._tail + data
        match = _CONTENT.search(text)
        if match is not None:
            self._content_at = self._fed - len(self._tail) + match.start()
        self._fed += len(data)
        self._tail = text[-_LONGEST_MARK:]

    def _insert_head(self) -> None:
        if self._after_head_start is not None:
            self._out.append(self._after_head_start())
            self._after_head_start = None

    def _prolog(self) -> bool:
        """Look for where the head begins (HTML standard, sections 13.2.6.4.1 to 13.2.6.4.3)."""
        buffer = self._buffer
        if self._at_start and buffer[:3] == _BYTE_ORDER_MARK[: len(buffer)]:
            if len(buffer) < 3:
                return False
            self._at = 3
        self._at_start = False
        match = _SPACES.match(buffer, self._at)
        self._at = at = match.end() if match is not None else self._at
        if at == len(buffer):
            return False
        if buffer[at] == 0x3C:  # "<"
            if at + 2 >= len(buffer):
                return False
            if buffer[at + 1] in b"!?":
                return self._declaration()
            tag = self._head_tag(at)
            if tag is None:
                return False
            if tag:
                start_tag = self._tag(tag)
                # What stands inside of the page, such as noscript, is given nothing to insert.
                start_tag.is_root = self._is_first and self._after_head_start is not None and start_tag.name == b"html"
                self._is_first = False
                self._handler.start_tag(start_tag)
                self._at = at + len(tag)
                self._replace(at, self._at, start_tag.to_bytes())
                if start_tag.name == b"html":
                    return True
        self._flush(self._at)
        self._insert_head()
        self._state = self._markup = self._data
        return True

    def _head_tag(self, at: int) -> bytes | None:
        """Return the tag at ``at`` if it is that of ``html`` or ``head``, else nothing; None if more has to come."""
        buffer = self._buffer
        name = NAME.match(buffer, at, at + _LONGEST_MARK)
        if name is not None and name[0].lower() in {b"<html", b"<head"}:
            match = TAG.match(buffer, at, at + _LONGEST_HEAD_TAG)
            if match is not None:
                return match[0]
            return None if len(buffer) - at < _LONGEST_HEAD_TAG else b""
        may_be = name is not None and name.end() == len(buffer) and len(name[0]) < 5
        return None if may_be else b""

    def _data(self) -> bool:
        """Go from one piece of markup that has to be looked at to the next."""
        buffer, prefilter, letters = self._buffer, self._prefilter, self._letters
        size = len(buffer)
        while True:
            self._at = at = prefilter.next_markup(self._at)
            if at + 2 >= size:
                return False
            second = buffer[at + 1]
            if second in letters or (second == 0x2F and buffer[at + 2] in _LETTERS):  # "/"
                end = buffer.find(b">", at) + 1
                if end == 0 or not prefilter.is_plain(at, end):
                    match = self._tags.match(buffer, at)
                    end = match.end() if match is not None else 0
                if end == 0 or end - at > MAXIMUM_TAG:
                    return self._unfinished_tag()
                self._retried = False
                self._at = end
                raw = buffer[at:end]
                if self._take_tag(raw, at, end, is_end=second == 0x2F):
                    return True
            elif not self._no_tag(at, second):
                return False
            elif self._state != self._data:
                return True

    def _take_tag(self, raw: bytes, start: int, end: int, *, is_end: bool) -> bool:
        """Take a whole tag; return True if another state has to go on."""
        if is_end:
            return self._end_tag(raw, start)
        return (self._sees_every or self._prefilter.is_shown(raw, start)) and self._start_tag(raw, start, end)

    def _no_tag(self, at: int, second: int) -> bool:
        """Take a ``<`` that begins no tag; return False if more has to come."""
        if second in b"!?/":
            is_cdata = self._buffer.startswith(b"<![CDATA[", at) and self._foreign.takes_cdata
            if self._pending and not is_cdata:
                head = self._buffer[at : at + 9]
                if len(head) < 9 and b"<![CDATA[".startswith(head) and not self._is_final:
                    return False
                return self._read_as_text(at)
            self._has_markup = True
            return self._declaration()
        match = TEXT.match(self._buffer, at)
        self._at = match.end() if match is not None else at + 1
        return True

    def _unfinished_tag(self) -> bool:
        """Wait for the rest of a tag: look at it as a whole once more, and after that only at what is new."""
        if not self._retried and len(self._buffer) - self._at <= MAXIMUM_TAG:
            self._retried = True
            return False
        self._retried = False
        self._flush(self._at)
        self._sent = self._at
        self._tag_end, self._pieces, self._pieces_size, self._oversized = TagEnd(), [b"<"], 1, b""
        self._at += 1
        self._state = self._long_tag
        return True

    def _long_tag(self) -> bool:
        buffer, at = self._buffer, self._at
        end = self._tag_end.find(buffer, at)
        self._at = self._sent = end if end >= 0 else len(buffer)
        self._pieces_size += self._at - at
        if not self._oversized:
            self._pieces.append(buffer[at : self._at])
            if self._pieces_size > MAXIMUM_TAG:
                match = NAME.match(b"".join(self._pieces)[:64])
                self._oversized, self._pieces = match[0] if match is not None else b"<a", []
        if end < 0:
            return False
        raw, self._pieces = b"".join(self._pieces), []
        if self._oversized:
            raw = self._oversized + (b' type="text/plain">' if self._oversized.lower() == b"<script" else b">")
        # Go on as if the tag had come with what follows it.
        self._buffer = raw + buffer[end:]
        self._offset += end - len(raw)
        self._at = self._sent = 0
        self._prefilter.begin(self._buffer)
        self._state = self._data
        return True

    def _start_tag(self, raw: bytes, start: int, end: int) -> bool:
        """Show the tag to the handler; return True if another state has to go on."""
        self._has_markup = True
        if self._in_doubt:
            return self._doubtful_tag(raw, start, end)
        if self._xml:
            return (self._all_tags or not is_bare(raw)) and self._xml_tag(self._tag(raw), start, end)
        tag = self._tag(raw)
        name = tag.name
        if self._foreign.is_open or name in FOREIGN_ROOTS:
            if self._pending:
                return self._read_as_text(start)
            return self._tag_around_foreign(tag, start, end)
        return self._html_tag(tag, start, end)

    def _tag(self, raw: bytes) -> StartTag:
        return StartTag(raw, entities=self._doctype.entities if self._xml else None)

    def _xml_tag(self, tag: StartTag, start: int, end: int) -> bool:
        """Show a tag of XML, in which nothing is raw text; what it is of is judged in every namespace."""
        if tag.name in INSPECTED_TEXT and not self._has_foreign_text(tag.name, end):
            self._at = start
            return True
        tag.after_content = self._content_at is not None and self._content_at < self._offset + start
        if self._handler.start_tag(tag) and not tag.self_closing:
            self._show_foreign_text(tag, end)
        if tag.changed:
            self._replace(start, end, tag.to_bytes())
        return False

    def _gate_fragment(self, markup: bytes) -> bytes:
        """Return markup that stands for an entity, gated."""
        rewriter = Rewriter(self._handler, xml=True)
        rewriter._doctype.entities = self._doctype.entities
        return rewriter.feed(markup) + rewriter.end()

    def _html_tag(self, tag: StartTag, start: int, end: int) -> bool:
        """Show a tag of HTML."""
        name = tag.name
        if name == b"base":
            tag.in_document = self._base_counts()
            tag.after_content = self._content_at is not None and self._content_at < self._offset + start
        wants_text = self._handler.start_tag(tag)
        if name in RAW_TEXT:
            is_markup = name == b"noscript" or self._may_be_dropped(name)
            if is_markup or not self._take_whole_text(tag, start, end, wants_text=wants_text):
                return self._start_text(tag, start, end, wants_text=wants_text, is_markup=is_markup)
            return False
        if tag.changed:
            self._replace(start, end, tag.to_bytes())
        return name in _STRUCTURE and self._take_structure(name)

    def _tag_around_foreign(self, tag: StartTag, start: int, end: int) -> bool:
        """Show a tag in foreign content, or one that begins it, to the handler."""
        name, foreign = tag.name, self._foreign
        was_open = foreign.is_open
        reads = was_open and foreign.reads(tag)
        if reads and name in {b"style", b"script"} and not self._has_foreign_text(name, end):
            self._at = start
            return True
        foreign.start(tag, tables=self._has_table or self._templates > 0)
        if foreign.is_unreliable:
            return self._read_in_doubt(start)
        if foreign.is_open != was_open:
            self._look_again()
        if not reads and name not in FOREIGN_ROOTS:
            return (self._prefilter.is_of_interest(tag.raw) or self._all_tags) and self._html_tag(tag, start, end)
        return self._foreign_tag(tag, start, end)

    def _foreign_tag(self, tag: StartTag, start: int, end: int) -> bool:
        name = tag.name
        tag.foreign, tag.may_be_html = True, self._foreign.may_be_closed or self._has_frames or self._select is not None
        tag.in_document = None  # Chromium's preload scanner does not see where it stands
        tag.after_content = True
        if name in RAW_TEXT:
            self._pending = name
        if self._all_tags or name in INSPECTED_TEXT or self._is_of_interest(tag):
            wants_text = self._handler.start_tag(tag)
            if wants_text and not tag.self_closing:
                self._show_foreign_text(tag, end)
            if tag.changed:
                self._replace(start, end, tag.to_bytes())
            if name == b"base":
                self._look_again()
        if name == b"svg" and self._foreign.depth == 1 and self._skip_drawing(end):
            self._foreign.end(name)
            self._look_again()
        else:
            self._skip_shapes(end)
        return False

    def _skip_shapes(self, at: int) -> None:
        """Go behind elements of SVG that only draw."""
        if self._foreign.is_drawing and not (self._pending or self._all_tags):
            match = SHAPES.match(self._buffer, at, self._prefilter.plain_end(at))
            if match is not None:
                self._at = match.end()

    def _is_of_interest(self, tag: StartTag) -> bool:
        """Say whether a tag in foreign content is to be shown."""
        raw = tag.raw
        if b"=" not in raw:
            return False
        prefilter = self._foreign_prefilter
        return prefilter.has_risky_attribute(raw) if tag.name in FOREIGN_ROOTS else prefilter.is_of_interest(raw)

    @property
    def _sees_every(self) -> bool:
        return self._in_doubt or self._xml or self._foreign.is_open

    def _skip_drawing(self, end: int) -> bool:
        """Go behind the end tag of a picture that has just begun, if nothing in it can be of interest."""
        if self._all_tags or self._handler.relative or self._select is not None or self._has_frames:
            return False
        match = DRAWING.match(self._buffer, end)
        if match is None or not self._prefilter.is_plain(end, match.end()):
            return False
        self._at = match.end()
        return True

    def _take_structure(self, name: bytes) -> bool:
        """Take note of a tag that decides how what follows is read; return True if another state has to go on."""
        if name == b"plaintext":
            if not (self._foreign.is_open or self._has_frames or self._select is not None):
                self._state = self._plain_text
                return True
            self._enter_doubt()
            return False
        if name == b"body":
            self._after_body_start = True
        elif name == b"frameset":
            self._has_frames = True
            if not self._after_body_start:
                self._before_body_end = None  # a page of frames has no body to put anything into
        elif name == b"table":
            self._has_table = True
        elif name == b"col":
            if self._templates and not self._has_table:  # then all but more of these is ignored in the template
                self._enter_doubt()
        else:
            if name == b"select" and self._select is None:
                self._select = self._templates
            self._templates += name == b"template"
            self._look_again()
        return False

    def _has_foreign_text(self, name: bytes, end: int) -> bool:
        """Say whether the text of a style or script element in SVG is there, or as much of it as is looked at."""
        self._found_text = None
        if self._is_final or len(self._buffer) - end >= _LONGEST_FOREIGN_TEXT or self._has_shown_too_much:
            return True
        found = self._foreign_texts(name, end, len(self._buffer))
        if found.is_whole or found.is_nested:
            self._found_text = found
            return True
        self._waiting = True
        return False

    def _show_foreign_text(self, tag: StartTag, end: int) -> None:
        """Show the handler the text, which is markup and stays as it is: only the tag can be changed for it."""
        if self._has_shown_too_much:
            self._handler.text(tag, b"", more=True)
            return
        stop = min(len(self._buffer), end + _LONGEST_FOREIGN_TEXT)
        found = self._found_text
        if found is None:
            found = self._foreign_texts(tag.name, end, stop)
        is_all = self._is_final and stop == len(self._buffer)
        more = found.is_nested or not (found.is_whole or is_all)
        for text in found.texts:
            self._foreign_text_shown += len(text)
            self._handler.text(tag, text, more=more)

    def _foreign_texts(self, name: bytes, start: int, stop: int) -> ForeignTexts:
        is_unsure = self._foreign.may_be_closed
        return foreign_texts(self._buffer, start, stop, name, is_unsure=is_unsure, may_be_raw=not self._xml)

    @property
    def _has_shown_too_much(self) -> bool:
        """Whether texts in SVG overlap, as those of elements without end tags do: to show each would take too long."""
        return self._foreign_text_shown > self._offset + self._at + _LONGEST_FOREIGN_TEXT

    def _end_tag(self, raw: bytes, at: int) -> bool:
        """Take note of an end tag; return True if another state has to go on."""
        self._has_markup = True
        if self._xml:
            return False
        match = NAME.match(raw)
        name = match[0][2:].lower() if match is not None else b""
        if self._in_doubt:
            self._doubtful_end_tag(name, at)
            return False
        if self._foreign.is_open:
            if self._pending and name != self._pending:
                # The ends of the page are text to some, and others ignore them.
                return raw.lower() not in _PAGE_ENDS and self._read_as_text(at)
            self._pending = b""
            self._foreign.end(name)
            if self._foreign.is_unreliable:
                return self._read_in_doubt(at)
            if not self._foreign.is_open:
                self._look_again()
            self._skip_shapes(self._at)
        if name in {b"body", b"html"}:
            self._end_body(at)
        elif name == b"select" and self._select == self._templates:
            self._select = None
            self._look_again()
        elif name == b"template":
            self._end_template()
        return False

    def _end_body(self, at: int) -> None:
        is_end = not (self._foreign.is_open or self._templates or self._select is not None)
        if is_end and self._before_body_end is not None:
            self._replace(at, at, self._before_body_end())
            self._before_body_end = None

    def _end_template(self) -> None:
        if self._templates:
            self._templates -= 1
            if self._select is not None and self._select > self._templates:
                self._select = None
            self._look_again()
        elif not self._scripting:
            self._enter_doubt()  # it may close one around the noscript

    def _look_again(self) -> None:
        """Search anew, because what is of interest has changed."""
        nested = self._select is not None or self._templates > 0
        relative = self._handler.relative
        self._prefilter.choose(every=self._sees_every, foreign=False, relative=relative, nested=nested)

    def _nested(self, name: bytes, foreign: ForeignContent | None = None) -> Rewriter:
        """Return what reads the text of an element of that name as markup; ``foreign`` is what that stands in."""
        in_doubt = name != b"noscript" or self._in_doubt or self._may_be_dropped(name) or self._foreign.is_open
        inner = Rewriter(self._handler, scripting=False, all_tags=self._all_tags, in_doubt=in_doubt)
        if in_doubt:
            inner._inner_in_doubt = True
            inner._escape = b"&lt;" if name in _DECODED else b"< "
            # Of scripts in it the text is wanted, which is read once more as markup; in that there is nothing raw.
            inner._raw_text_names = frozenset() if self._inner_in_doubt else INSPECTED_TEXT
            inner._foreign = foreign or inner._foreign
        return inner


def _unfinished(rest: bytes) -> bytes:
    """Return what becomes of ``rest`` at the end: a comment is closed, text stays, a tag that never ends is no tag."""
    second = rest[1:2]
    if rest[:1] != b"<":
        return rest
    if second in {b"!", b"?"} or (second == b"/" and len(rest) > 2 and rest[2] not in _LETTERS):
        return rest + (b"-->" if rest.startswith(b"<!--") else b">")
    return b"" if second.isalpha() or second == b"/" else rest
