"""The scanner: bytes of HTML in, the same bytes out except for the tags that a handler changes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cookie_consent.rewriter.buffer import Buffer
from cookie_consent.rewriter.first_content import FirstContent
from cookie_consent.rewriter.foreign import FOREIGN_ROOTS, ForeignContent
from cookie_consent.rewriter.foreign_text import ForeignTextReader
from cookie_consent.rewriter.grammar import (
    CDATA_STEP,
    COMMENT_END,
    FORM_TEXT,
    NAME,
    RAW_TEXT,
    TAG,
    TEXT,
    XML_TAG,
    raw_text_end,
)
from cookie_consent.rewriter.long_tag import MAXIMUM_TAG, LongTag
from cookie_consent.rewriter.prefilter import Prefilter
from cookie_consent.rewriter.prefilter_patterns import DRAWING, SHAPES
from cookie_consent.rewriter.prolog import Prolog
from cookie_consent.rewriter.raw_text import MAXIMUM_TEXT, RawText, TextCapture
from cookie_consent.rewriter.tag import StartTag
from cookie_consent.rewriter.tree_state import TreeState
from cookie_consent.rewriter.xml_markup import XmlMarkup

if TYPE_CHECKING:
    from collections.abc import Callable

    from cookie_consent.rewriter.handler import Handler
    from cookie_consent.rewriter.markup_cache import MarkupCache

__all__ = ["Rewriter"]

_STRUCTURE = frozenset({b"plaintext", b"body", b"frameset", b"base", b"select", b"template", b"table", b"col", b"form"})
_PLACES = frozenset({b"body", b"consent-banner"})
"""Elements at whose beginning something may be inserted."""
_NEEDS_PATTERNS = frozenset({b"base", b"select", b"template"})
"""Those after which other tags are of interest."""
_DECODED = frozenset({b"title", b"noscript", b"iframe", b"noembed", b"noframes"})
"""Elements in whose text a ``<`` can be written as a character reference."""
_JUDGED_TEXT = frozenset({b"script", b"style"})
"""Elements whose text the handler may ask for."""
_PAGE_ENDS = frozenset({b"</body>", b"</html>"})
_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_XML_LETTERS = frozenset(range(256)) - frozenset(b"\t\n\f\r /!?><=")
_CDATA = b"<![CDATA["
_BARE = re.compile(rb"<(?!(?:" + rb"|".join(sorted(RAW_TEXT | {b"html", b"base"})) + rb")>)[a-z][a-z0-9]*+>")


class Rewriter:
    """Rewrites one HTML document given in pieces of any size; the output does not depend on how it is split.

    Memory is bounded by ``MAXIMUM_TAG`` plus ``MAXIMUM_TEXT`` plus one piece; time is linear in the input.
    """

    # This is the tokenizer of the HTML standard (section 13.2.5), as far as it matters where tags begin and end, with
    # as much of tree construction (13.2.6) as decides how text is read. A *state* is a method that reads on from
    # `_buffer.at`. It returns False if more data has to come, else the loop in `feed` calls the current state.
    #
    # How an element is read may depend on everything that is open around it, which is not kept, and on the browser.
    # Where that would change how the text after it is read, the page is *in doubt* from there to its end:
    #
    # - it is read as HTML, and every tag is shown as one of HTML and of SVG;
    # - raw text is read both as text and, by a nested scanner (an *alternative* reading), as markup;
    # - no `<` is left in a comment, in an attribute, or in front of a tag that raw text would end.
    #
    # So no other reading finds a tag that was not shown. Only the text of `textarea` is left as it is: a form sends it.

    def __init__(
        self,
        handler: Handler,
        *,
        after_head_start: Callable[[], bytes] | None = None,
        before_body_end: Callable[[], bytes] | None = None,
        after_start: Callable[[bytes], bytes] | None = None,
        scripting: bool = True,
        all_tags: bool = False,
        xml: bool = False,
        in_doubt: bool = False,
        markup_cache: MarkupCache | None = None,
    ) -> None:
        """Make a rewriter for one document.

        - ``after_head_start`` returns what to insert first in the head, wherever a browser begins it.
        - ``before_body_end`` returns what to insert before ``</body>``, or at the end if there is no such tag.
        - ``after_start`` returns what to insert at the beginning of a ``body`` or ``consent-banner``, given its name.
          It is asked where browsers surely have that element in the page, and outside of forms.
        - ``scripting`` reads the text of ``noscript`` twice: as text, and as the markup that it is without scripts.
        - ``all_tags`` shows the handler every start tag, not only those that may make a browser fetch.
        - ``xml`` is for XHTML: no element has raw text, and a tag may be of any namespace.
        - ``in_doubt`` reads the document in every way that a browser may.
        - ``markup_cache`` is shared by the pages of a site; with None, all markup is searched.
        """
        self._handler = handler
        self._xml = xml
        self._scripting = scripting
        self._all_tags = all_tags
        self._after_head_start = after_head_start
        self._before_body_end = before_body_end
        self._after_start = after_start
        self._tag_pattern = XML_TAG if xml else TAG
        self._letters = _XML_LETTERS if xml else _LETTERS
        self._buffer = Buffer()
        self._prolog = Prolog()
        self._first_content = FirstContent(is_page=scripting and not in_doubt)
        self._tree = TreeState()
        self._foreign = ForeignContent()
        self._foreign_text = ForeignTextReader(handler, self._buffer, may_be_raw=not xml)
        self._xml_markup = XmlMarkup(handler, self._gate_entity)
        self._prefilter = Prefilter(all_tags=all_tags, cache=markup_cache)
        self._foreign_prefilter = Prefilter(all_tags=all_tags, cache=None)
        self._foreign_prefilter.choose(every=True, foreign=True, relative=True, nested=False)

        self._state: Callable[[], bool] = self._data if in_doubt else self._before_head
        self._markup: Callable[[], bool] = self._state
        """The state that reads markup; the others return to it."""
        self._is_waiting = False
        """Whether more data has to come, although the state would go on."""
        self._is_retried = False
        """Whether the unfinished tag at hand has been read from its beginning twice."""
        self._is_first_tag = True
        self._has_markup = False
        """Whether any tag or comment has come."""
        self._long_tag = LongTag()
        self._text = RawText(b"script", capture=None, nested=None)
        """The raw text being read."""
        self._mark = b""
        """What ends the construct being skipped."""
        self._cdata_has_end = False
        """Whether the CDATA section has a ``>`` in it, which ends it for those who take it for a comment."""
        self._foreign_raw_text = b""
        """The element of SVG whose text is being read, if other readings take that for raw text."""

        self._in_doubt = in_doubt
        self._is_alternative = False
        """Whether this reads as markup what is text in another reading."""
        self._raw_text_names = RAW_TEXT
        """The elements with raw text, for a page in doubt."""
        self._escape = b"&lt;"
        """What replaces a ``<`` that is no markup, in a page in doubt."""
        self._text_goes_on = False
        """Whether no end tag closes the raw text at hand, where the text that is read as markup ends."""
        self._choose_patterns()

    @property
    def is_too_long(self) -> bool:
        """Whether a declaration of XML was too long to be judged."""
        return self._xml_markup.is_too_long

    @property
    def leaves_doubt(self) -> bool:
        """Whether its reading, as the nested scanner of a text, changes how the markup after the text is read."""
        if self._is_alternative:
            return self._has_markup
        return self._in_doubt or self._tree.templates > 0 or self._tree.is_ambiguous

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the document; return what can be sent of it."""
        buffer = self._buffer
        self._first_content.feed(data)
        self._prefilter.begin(buffer.begin(data))
        while buffer.at < len(buffer.data) and self._state() and not self._is_waiting:
            pass
        self._is_waiting = False
        return buffer.finish()

    def end(self) -> bytes:
        """Finish the document; return the rest of it."""
        buffer = self._buffer
        result = b""
        if buffer.rest and self._state == self._markup:
            buffer.is_final = True
            result = self.feed(b"")
        rest, buffer.rest = buffer.rest, b""
        # What is still open is closed, so that what is inserted below becomes part of the document.
        if self._is_alternative:
            self._end_alternative(rest)
        else:
            self._end_state(rest)
        self._state = self._markup
        self._insert_head()
        if not (self._scripting or self._is_alternative):
            buffer.send(self._foreign.end_tags())
        if self._before_body_end is not None:
            banner, self._before_body_end = self._before_body_end(), None
            if banner:
                buffer.send(self._tree.end_tags + banner)
        return result + buffer.take_output()

    def _end_state(self, rest: bytes) -> None:
        state, send = self._state, self._buffer.send
        if state == self._markup:
            send(_unfinished(rest))
        elif self._xml:
            send(rest)
        elif state == self._in_comment:
            send(rest + b"-->")
        elif state == self._until_mark:
            send(rest + self._mark)
        elif state == self._in_cdata:
            send(rest + b"]]>")
        elif state == self._in_raw_text:
            send(self._text.feed(rest))
            self._end_text()
            send(self._text.end_tag)

    # The prolog of a page

    def _before_head(self) -> bool:
        """Look for the beginning of the head."""
        buffer = self._buffer
        found = self._prolog.next(buffer.data, buffer.at)
        buffer.at = found.at
        if found.kind == "more":
            return False
        if found.kind == "declaration":
            return self._declaration()
        if found.kind == "tag":
            tag = self._start_tag_of(found.raw)
            # Only a page has something to insert; a part of one, such as noscript, has no root of its own.
            tag.is_root = self._is_first_tag and self._after_head_start is not None and tag.name == b"html"
            self._is_first_tag = False
            self._handler.start_tag(tag)
            buffer.at = found.at + len(found.raw)
            buffer.replace(found.at, buffer.at, tag.to_bytes())
            if tag.name == b"html":
                return True
        buffer.flush(buffer.at)
        self._insert_head()
        self._state = self._markup = self._data
        return True

    def _insert_head(self) -> None:
        if self._after_head_start is not None:
            self._buffer.send(self._after_head_start())
            self._after_head_start = None

    # Markup

    def _data(self) -> bool:
        """Go from one piece of markup that has to be read to the next."""
        buffer, prefilter, letters = self._buffer, self._prefilter, self._letters
        data = buffer.data
        size = len(data)
        while True:
            buffer.at = at = prefilter.next_markup(buffer.at)
            if at + 2 >= size:
                return False
            second = data[at + 1]
            if second in letters or (second == 0x2F and data[at + 2] in _LETTERS):  # "/"
                # Most tags end at the next ">". Only one with a risky value has to be read by the whole grammar.
                end = data.find(b">", at) + 1
                if end == 0 or not prefilter.is_plain(at, end):
                    match = self._tag_pattern.match(data, at)
                    end = match.end() if match is not None else 0
                if end == 0 or end - at > MAXIMUM_TAG:
                    return self._unfinished_tag()
                self._is_retried = False
                buffer.at = end
                if self._take_tag(data[at:end], at, end, is_end=second == 0x2F):
                    return True
            elif not self._no_tag(at, second):
                return False
            elif self._state != self._data:
                return True

    def _take_tag(self, raw: bytes, start: int, end: int, *, is_end: bool) -> bool:
        """Take a whole tag; return True if another state has to go on."""
        if is_end:
            return self._end_tag(raw, start)
        return (self._sees_every_tag or self._prefilter.is_shown(raw, start)) and self._start_tag(raw, start, end)

    @property
    def _sees_every_tag(self) -> bool:
        return self._in_doubt or self._xml or self._foreign.is_open

    def _choose_patterns(self) -> None:
        """Let the prefilter search for what is of interest now."""
        self._prefilter.choose(
            every=self._sees_every_tag, foreign=False, relative=self._handler.relative, nested=self._tree.is_nested
        )

    def _no_tag(self, at: int, second: int) -> bool:
        """Take a ``<`` that begins no tag; return False if more data has to come."""
        buffer = self._buffer
        if second in b"!?/":
            is_cdata = buffer.data.startswith(_CDATA, at) and self._foreign.takes_cdata
            if self._foreign_raw_text and not is_cdata:
                head = buffer.data[at : at + 9]
                if len(head) < 9 and _CDATA.startswith(head) and not buffer.is_final:
                    return False
                return self._doubt_from_text(at)
            self._has_markup = True
            return self._declaration()
        match = TEXT.match(buffer.data, at)
        buffer.at = match.end() if match is not None else at + 1
        return True

    def _unfinished_tag(self) -> bool:
        """Wait for the rest of a tag."""
        buffer = self._buffer
        # When more has come, it is read from its beginning once more; if it is still unfinished, then piece by piece.
        if not self._is_retried and len(buffer.data) - buffer.at <= MAXIMUM_TAG:
            self._is_retried = True
            return False
        self._is_retried = False
        buffer.flush(buffer.at)
        self._long_tag = LongTag()
        buffer.drop(buffer.at + 1)
        self._state = self._in_long_tag
        return True

    def _in_long_tag(self) -> bool:
        buffer = self._buffer
        end = self._long_tag.feed(buffer.data, buffer.at)
        buffer.drop(end if end >= 0 else len(buffer.data))
        if end < 0:
            return False
        # Go on as if the tag had come with what follows it.
        self._prefilter.begin(buffer.put_back(self._long_tag.to_bytes()))
        self._state = self._data
        return True

    # Start tags: each returns True if another state has to go on

    def _start_tag(self, raw: bytes, start: int, end: int) -> bool:
        """Show a start tag to the handler."""
        self._has_markup = True
        if self._in_doubt:
            return self._tag_in_doubt(raw, start, end)
        if self._xml:
            return (self._all_tags or not _is_bare(raw)) and self._xml_tag(self._start_tag_of(raw), start, end)
        tag = self._start_tag_of(raw)
        if self._foreign.is_open or tag.name in FOREIGN_ROOTS:
            if self._foreign_raw_text:
                return self._doubt_from_text(start)
            return self._tag_around_foreign(tag, start, end)
        return self._html_tag(tag, start, end)

    def _start_tag_of(self, raw: bytes) -> StartTag:
        return StartTag(raw, entities=self._xml_markup.entities if self._xml else None)

    def _html_tag(self, tag: StartTag, start: int, end: int) -> bool:
        name = tag.name
        if name == b"base":
            tag.in_document = self._base_is_in_document()
            tag.after_content = self._first_content.is_before(self._buffer.start + start)
        wants_text = self._handler.start_tag(tag)
        if name in RAW_TEXT:
            is_markup = name == b"noscript" or self._tree.may_ignore(name)
            if is_markup or not self._take_whole_text(tag, start, end, wants_text=wants_text):
                return self._start_text(tag, start, end, wants_text=wants_text, is_markup=is_markup)
            return False
        if tag.changed:
            self._buffer.replace(start, end, tag.to_bytes())
        if name in _PLACES and self._after_start is not None:
            self._insert_at(name, end)
        return name in _STRUCTURE and self._take_structure(name)

    def _insert_at(self, name: bytes, end: int) -> None:
        """Insert what belongs at the beginning of the element whose tag has just been read."""
        tree = self._tree
        is_elsewhere = tree.is_nested or tree.has_frames or tree.has_table or tree.has_form
        is_sure = not (is_elsewhere or self._foreign.is_open)
        if self._after_start is not None and is_sure and not (name == b"body" and tree.has_body):
            self._buffer.flush(end)
            self._buffer.send(self._after_start(name))

    def _base_is_in_document(self) -> bool | None:
        """Say whether a ``base`` that comes next is in the page; None if that, or which one is first, is uncertain."""
        tree = self._tree
        if tree.templates:
            return False
        is_sure = self._scripting and not (self._foreign.is_open or tree.has_table or tree.is_ambiguous)
        return True if is_sure else None

    def _take_structure(self, name: bytes) -> bool:
        """Take note of a tag that decides how what follows is read."""
        tree = self._tree
        if name == b"plaintext":
            if not (self._foreign.is_open or tree.is_ambiguous):
                self._state = self._in_plain_text
                return True
            self._enter_doubt()
            return False
        if name == b"col":
            # In a template a col makes browsers ignore everything that does not belong in a column group.
            if tree.templates and not tree.has_table:
                self._enter_doubt()
            return False
        tree.start(name)
        if name == b"frameset" and not tree.has_body:
            self._before_body_end = None  # a page of frames has no body to insert anything in
        if name in _NEEDS_PATTERNS:
            self._choose_patterns()
        return False

    def _xml_tag(self, tag: StartTag, start: int, end: int) -> bool:
        if tag.name in _JUDGED_TEXT and not self._has_foreign_text(tag.name, start, end):
            return True
        tag.after_content = self._first_content.is_before(self._buffer.start + start)
        if self._handler.start_tag(tag) and not tag.self_closing:
            self._foreign_text.show(tag, end, is_unsure=self._foreign.may_be_closed)
        if tag.changed:
            self._buffer.replace(start, end, tag.to_bytes())
        return False

    def _gate_entity(self, markup: bytes) -> bytes:
        """Return the markup of an entity, gated."""
        rewriter = Rewriter(self._handler, xml=True)
        rewriter._xml_markup.entities = self._xml_markup.entities
        return rewriter.feed(markup) + rewriter.end()

    # SVG and MathML

    def _tag_around_foreign(self, tag: StartTag, start: int, end: int) -> bool:
        """Show a start tag in foreign content, or one that begins it."""
        name, foreign = tag.name, self._foreign
        was_open = foreign.is_open
        is_foreign = was_open and foreign.reads(tag)
        if is_foreign and name in _JUDGED_TEXT and not self._has_foreign_text(name, start, end):
            return True
        foreign.start(tag, tables=self._tree.has_table or self._tree.templates > 0)
        if foreign.is_unreliable:
            return self._doubt_from(start)
        if foreign.is_open != was_open:
            self._choose_patterns()
        if not is_foreign and name not in FOREIGN_ROOTS:  # HTML in an integration point, or a tag that breaks out
            return (self._prefilter.is_of_interest(tag.raw) or self._all_tags) and self._html_tag(tag, start, end)
        return self._foreign_tag(tag, start, end)

    def _foreign_tag(self, tag: StartTag, start: int, end: int) -> bool:
        name, foreign = tag.name, self._foreign
        tag.foreign, tag.may_be_html = True, foreign.may_be_closed or self._tree.is_ambiguous
        tag.in_document = None  # Chromium's preload scanner does not see where it stands
        tag.after_content = True
        if name in RAW_TEXT:
            self._foreign_raw_text = name
        if self._all_tags or name in _JUDGED_TEXT or self._is_of_interest_in_foreign(tag):
            wants_text = self._handler.start_tag(tag)
            if wants_text and not tag.self_closing:
                self._foreign_text.show(tag, end, is_unsure=foreign.may_be_closed)
            if tag.changed:
                self._buffer.replace(start, end, tag.to_bytes())
            if name == b"base":
                self._choose_patterns()
        if name == b"svg" and foreign.depth == 1 and self._skip_drawing(end):
            foreign.end(name)
            self._choose_patterns()
        else:
            self._skip_shapes(end)
        return False

    def _is_of_interest_in_foreign(self, tag: StartTag) -> bool:
        raw = tag.raw
        if b"=" not in raw:
            return False
        prefilter = self._foreign_prefilter
        return prefilter.has_risky_attribute(raw) if tag.name in FOREIGN_ROOTS else prefilter.is_of_interest(raw)

    def _has_foreign_text(self, name: bytes, start: int, end: int) -> bool:
        """Say whether enough of the text after the tag has come; if not, go back to the tag and wait."""
        if self._foreign_text.is_ready(name, end, is_unsure=self._foreign.may_be_closed):
            return True
        self._buffer.at = start
        self._is_waiting = True
        return False

    def _skip_drawing(self, end: int) -> bool:
        """Skip the whole picture that has just begun, if nothing in it can be of interest."""
        if self._all_tags or self._handler.relative or self._tree.is_ambiguous:
            return False
        match = DRAWING.match(self._buffer.data, end)
        if match is None or not self._prefilter.is_plain(end, match.end()):
            return False
        self._buffer.at = match.end()
        return True

    def _skip_shapes(self, at: int) -> None:
        """Skip elements of SVG that only draw."""
        if self._foreign.is_drawing and not (self._foreign_raw_text or self._all_tags):
            match = SHAPES.match(self._buffer.data, at, self._prefilter.plain_end(at))
            if match is not None:
                self._buffer.at = match.end()

    # End tags

    def _end_tag(self, raw: bytes, at: int) -> bool:
        """Take note of an end tag; return True if another state has to go on."""
        self._has_markup = True
        if self._xml:
            return False
        match = NAME.match(raw)
        name = match[0][2:].lower() if match is not None else b""
        if self._in_doubt:
            self._end_tag_in_doubt(name, at)
            return False
        if self._foreign.is_open:
            if self._foreign_raw_text and name != self._foreign_raw_text:
                # The ends of the page are text in one reading and ignored in the others.
                return raw.lower() not in _PAGE_ENDS and self._doubt_from_text(at)
            self._foreign_raw_text = b""
            if self._end_foreign_tag(name, at):
                return True
        if name in {b"body", b"html"}:
            self._end_body(at)
        elif self._tree.end(name):
            self._choose_patterns()
        elif name == b"template" and not self._scripting:
            self._enter_doubt()  # it may close a template around this noscript
        return False

    def _end_foreign_tag(self, name: bytes, at: int) -> bool:
        foreign = self._foreign
        foreign.end(name)
        if foreign.is_unreliable:
            return self._doubt_from(at)
        if not foreign.is_open:
            self._choose_patterns()
        self._skip_shapes(self._buffer.at)
        return False

    def _end_body(self, at: int) -> None:
        if self._before_body_end is not None and not (self._foreign.is_open or self._tree.is_nested):
            banner, self._before_body_end = self._before_body_end(), None
            self._buffer.replace(at, at, self._tree.end_tags + banner if banner else b"")

    # Comments, declarations and CDATA (section 13.2.5.41 and following)

    def _declaration(self) -> bool:
        """Begin a comment, a bogus comment, a DOCTYPE or CDATA; return False if more data has to come."""
        if self._xml:
            return self._xml_declaration()
        buffer = self._buffer
        at = buffer.at
        head = buffer.data[at : at + 9]
        takes_cdata = self._foreign.takes_cdata
        if head[1:2] != b"!":
            self._skip_until(b">", at + 2)
        elif head.startswith(b"<!--"):
            return self._start_comment(head)
        elif b"<!--".startswith(head) or (takes_cdata and len(head) < 9 and _CDATA.startswith(head)):
            return False
        elif takes_cdata and not self._in_doubt and head == _CDATA:
            buffer.at = at + 9
            self._cdata_has_end = False
            self._state = self._in_cdata
        else:
            if self._in_doubt:
                self._foreign = ForeignContent()  # to foreign content this may be CDATA, with tags in it
            self._skip_until(b">", at + 2)
        return True

    def _skip_until(self, mark: bytes, at: int) -> None:
        self._mark, self._buffer.at, self._state = mark, at, self._until_mark

    def _until_mark(self) -> bool:
        mark = self._mark
        found = self._buffer.data.find(mark, self._buffer.at)
        return self._return_to_markup(found + len(mark) if found >= 0 else -1, keep=len(mark) - 1)

    def _start_comment(self, head: bytes) -> bool:
        buffer = self._buffer
        at = buffer.at
        if len(head) < 6 and head != b"<!-->":
            return False
        if head[4:5] == b">":  # "<!-->" and "<!--->" are whole comments
            buffer.at = at + 5
        elif head[4:6] == b"->":
            buffer.at = at + 6
        else:
            buffer.at = at + 4
            match = COMMENT_END.search(buffer.data, at + 4)
            if match is None:
                self._state = self._in_comment
            else:
                buffer.at = match.end()
                self._escape_markup(at + 4, buffer.at)
        return True

    def _in_comment(self) -> bool:
        match = COMMENT_END.search(self._buffer.data, self._buffer.at)
        return self._return_to_markup(match.end() if match is not None else -1, keep=3)

    def _return_to_markup(self, end: int, *, keep: int) -> bool:
        """Return to markup at ``end``, or wait with the last ``keep`` bytes if ``end`` is -1."""
        buffer = self._buffer
        until = end if end >= 0 else max(buffer.at, len(buffer.data) - keep)
        self._escape_markup(buffer.at, until)
        buffer.at = until
        if end >= 0:
            self._state = self._markup
        return end >= 0

    def _in_cdata(self) -> bool:
        # Chromium's preload scanner takes a CDATA section for a comment that ends at its first ">".
        buffer = self._buffer
        data, at = buffer.data, buffer.at
        match = CDATA_STEP.search(data, at)
        end = match.start() if match is not None else max(at, len(data) - 2)
        self._cdata_has_end = self._cdata_has_end or data.find(b">", at, end) >= 0
        if match is None:
            buffer.at = end
            return False
        if match[0] == b"]]>":
            buffer.at = match.end()
            self._state = self._markup
            return True
        # There is a tag in it, which that reading would find.
        buffer.at = end
        if self._foreign_raw_text == FORM_TEXT:
            return self._doubt_from_text(end)
        self._enter_doubt()
        if self._cdata_has_end:
            self._state = self._markup
        else:
            self._skip_until(b">", end)
        return True

    def _in_plain_text(self) -> bool:
        self._buffer.at = len(self._buffer.data)
        return False

    def _xml_declaration(self) -> bool:
        buffer = self._buffer
        at = buffer.at
        found = self._xml_markup.read(buffer.data, at, is_final=buffer.is_final)
        if found is None:
            return False
        if found.mark:
            self._skip_until(found.mark, found.end)
            return True
        if found.replacement is not None:
            buffer.replace(at, found.end, found.replacement)
        buffer.at = found.end
        return True

    # Elements whose text holds no tags: raw text, RCDATA and script data

    def _take_whole_text(self, tag: StartTag, start: int, end: int, *, wants_text: bool) -> bool:
        """Take the text at once if all of it has come, as it mostly has; else return False."""
        data = self._buffer.data
        match = raw_text_end(tag.name).search(data, end)
        if match is None or match.start() - end > MAXIMUM_TEXT:
            return False
        stop = match.start()
        if tag.name == b"script" and data.find(b"<!--", end, stop) >= 0:  # the end may be in an escaped part
            return False
        if wants_text:
            text = data[end:stop]
            changed = self._handler.text(tag, text, more=False)
            if tag.changed or changed != text:
                self._buffer.replace(start, stop, tag.to_bytes() + changed)
        elif tag.changed:
            self._buffer.replace(start, end, tag.to_bytes())
        self._buffer.at = stop
        return True

    def _start_text(self, tag: StartTag, start: int, end: int, *, wants_text: bool, is_markup: bool) -> bool:
        """Begin the text of an element that holds no tags; with ``is_markup`` some browsers read markup in it."""
        buffer = self._buffer
        if tag.name == b"noscript" and not self._scripting:
            if tag.changed:
                buffer.replace(start, end, tag.to_bytes())
            return False
        capture = TextCapture(self._handler, tag) if wants_text else None
        if capture is not None:
            buffer.replace(start, end, b"")
        elif tag.changed:
            buffer.replace(start, end, tag.to_bytes())
        if is_markup:
            buffer.flush(end)
        self._text = RawText(tag.name, capture=capture, nested=self._nested(tag.name) if is_markup else None)
        self._state = self._in_raw_text
        return True

    def _in_raw_text(self) -> bool:
        buffer, text = self._buffer, self._text
        end, keep = text.find_end(buffer.data, buffer.at)
        until = end if end >= 0 else keep
        if text.is_read:
            buffer.flush(buffer.at)
            buffer.send(text.feed(buffer.data[buffer.at : until]))
            buffer.drop(until)
        else:
            buffer.at = until
        if end < 0:
            return False
        self._end_text()
        self._state = self._markup
        return True

    def _end_text(self, *, is_open: bool = False) -> None:
        """Take the end of the text; with ``is_open`` it goes on in the reading that this one is part of."""
        text = self._text
        self._buffer.send(text.end(is_open=is_open))
        nested, text.nested = text.nested, None
        if nested is not None:
            self._choose_patterns()  # there may be a base in it
            if nested.leaves_doubt and not self._in_doubt:
                self._enter_doubt()

    def _nested(self, name: bytes, foreign: ForeignContent | None = None) -> Rewriter:
        """Return a scanner that reads the text of an element as markup; ``foreign`` is what it stands in."""
        in_doubt = name != b"noscript" or self._in_doubt or self._tree.may_ignore(name) or self._foreign.is_open
        nested = Rewriter(self._handler, scripting=False, all_tags=self._all_tags, in_doubt=in_doubt)
        if in_doubt:
            nested._is_alternative = True
            nested._escape = b"&lt;" if name in _DECODED else b"< "
            # It captures the text of scripts, which is read as markup once more; in that nothing is raw text.
            nested._raw_text_names = frozenset() if self._is_alternative else _JUDGED_TEXT
            nested._foreign = foreign or nested._foreign
        return nested

    # A page in doubt

    def _enter_doubt(self) -> None:
        self._in_doubt = True
        self._foreign_raw_text = b""
        if self._foreign.may_be_closed or self._foreign.is_unreliable or self._tree.is_ambiguous:
            self._foreign = ForeignContent()
        self._choose_patterns()

    def _doubt_from(self, at: int) -> bool:
        """Go back to ``at`` and be in doubt from there on."""
        self._enter_doubt()
        self._buffer.at = at
        return True

    def _doubt_from_text(self, at: int) -> bool:
        """Be in doubt from ``at`` on, because the text of an element of SVG turns out to have markup in it."""
        name = self._foreign_raw_text
        self._enter_doubt()
        self._buffer.flush(at)
        self._buffer.at = at
        nested = None
        if name != FORM_TEXT or self._foreign.is_open:
            foreign, self._foreign = self._foreign, ForeignContent()
            nested = self._nested(name, foreign)
        self._text = RawText(name, capture=None, nested=nested)
        self._state = self._in_raw_text
        return True

    def _tag_in_doubt(self, raw: bytes, start: int, end: int) -> bool:
        """Show a start tag as one of HTML and of SVG; return True if another state has to go on."""
        buffer = self._buffer
        if b"<" in raw[1:]:
            raw = raw[:1] + raw[1:].replace(b"<", self._escape)
        if not self._all_tags and not self._foreign.is_open and _is_bare(raw):
            return False
        tag = StartTag(raw, foreign=True)
        tag.after_content = True
        if tag.name in _JUDGED_TEXT and tag.name not in self._raw_text_names:
            buffer.replace(start, end, self._escape + raw[1:])  # its text cannot be judged in here
            return False
        tag.may_be_html, tag.in_document = True, None
        wants_text = self._handler.start_tag(tag)
        if tag.changed or len(raw) != end - start:
            buffer.replace(start, end, tag.to_bytes())
            if not tag.changed:  # the escaped tag is sent already: nothing is left to replace
                start = end
        name = tag.name
        holds_html = name in self._raw_text_names and self._foreign.holds_html
        is_foreign = self._is_surely_foreign(tag)
        is_form = not is_foreign and name == FORM_TEXT
        self._text_goes_on = holds_html or not is_foreign
        if is_form or name in self._raw_text_names:
            return self._start_text(tag, start, end, wants_text=wants_text, is_markup=not is_form)
        if name == b"base":
            self._choose_patterns()
        return False

    def _is_surely_foreign(self, tag: StartTag) -> bool:
        """Take note of the tag; say whether it is foreign in every reading that builds a tree."""
        foreign = self._foreign
        if not foreign.is_open:
            return False
        is_foreign = foreign.reads(tag)
        foreign.start(tag, tables=True)
        is_raw = is_foreign and tag.name in self._raw_text_names
        if foreign.is_unreliable or foreign.may_be_closed or is_raw:
            self._foreign = ForeignContent()
        return is_foreign

    def _end_tag_in_doubt(self, name: bytes, at: int) -> None:
        self._escape_markup(at + 1, self._buffer.at)
        if self._foreign.is_open:
            self._foreign.end(name)
            if self._foreign.is_unreliable or self._foreign.may_be_closed:
                self._foreign = ForeignContent()

    def _escape_markup(self, start: int, end: int) -> None:
        """In doubt, let no other reading find markup in what is text from ``start`` to ``end``."""
        if self._in_doubt:
            text = self._buffer.data[start:end]
            if b"<" in text:
                self._buffer.replace(start, end, text.replace(b"<", self._escape))

    def _end_alternative(self, rest: bytes) -> None:
        """Send the rest of a text that was read as markup, but not as the beginning of a tag."""
        state, send = self._state, self._buffer.send
        if state == self._in_raw_text:
            send(self._text.feed(rest))
            self._end_text(is_open=self._text_goes_on)
            return
        if state == self._in_long_tag:
            rest = self._long_tag.unfinished
        elif state != self._markup or rest[:1] != b"<" or len(rest) < 2 or rest[1:2] in {b"!", b"?"}:
            send(rest[:1] + rest[1:].replace(b"<", self._escape))
            return
        send(rest.replace(b"<", self._escape))


def _is_bare(raw: bytes) -> bool:
    """Say whether a start tag has no attributes, and no text that matters."""
    return b" " not in raw and _BARE.fullmatch(raw) is not None


def _unfinished(rest: bytes) -> bytes:
    """Return what becomes of ``rest`` at the end of the document."""
    second = rest[1:2]
    if rest[:1] != b"<":
        return rest
    if second in {b"!", b"?"} or (second == b"/" and len(rest) > 2 and rest[2] not in _LETTERS):
        return rest + (b"-->" if rest.startswith(b"<!--") else b">")
    # A tag that never ends is no tag and is left out, as browsers do.
    return b"" if second.isalpha() or second == b"/" else rest
