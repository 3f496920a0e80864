"""The streaming rewriter: bytes of HTML in, the same bytes out but for the tags that a handler changes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cookie_consent.rewriter.foreign import FOREIGN_ROOTS, ForeignContent
from cookie_consent.rewriter.foreign_text import foreign_texts
from cookie_consent.rewriter.grammar import NAME, RAW_TEXT, TAG, TEXT, raw_text_end
from cookie_consent.rewriter.look_ahead import LookAhead
from cookie_consent.rewriter.outlook import DRAWING
from cookie_consent.rewriter.raw_text import ScriptData
from cookie_consent.rewriter.tag import StartTag
from cookie_consent.rewriter.tag_end import TagEnd
from cookie_consent.rewriter.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from cookie_consent.rewriter.foreign_text import ForeignTexts
    from cookie_consent.rewriter.handler import Handler
    from cookie_consent.rewriter.quiet import QuietMarkup

__all__ = ["MAXIMUM_TAG", "Rewriter"]

MAXIMUM_TAG = 2 * 1024 * 1024
"""Bytes of one tag. A longer one loses its attributes, so that what could not be looked at cannot load anything."""
_LONGEST_MARK = 16
_LONGEST_HEAD_TAG = 16 * 1024
_LONGEST_FOREIGN_TEXT = 64 * 1024
_STRUCTURE = frozenset({b"plaintext", b"body", b"frameset", b"base", b"select"})
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_SPACES = re.compile(rb"[\t\n\f\r ]*+")


class Rewriter(Texts):
    """Rewrites one HTML document given in any pieces; the result does not depend on how it is split.

    Memory is bounded by ``MAXIMUM_TAG`` plus ``MAXIMUM_TEXT`` plus one piece; time is linear in the input.
    ``after_head_start`` gives the bytes to insert first in the head, wherever a browser begins it, and
    ``before_body_end`` those to insert before ``</body>``, or at the end where there is no such tag.
    With ``scripting`` the text of ``noscript`` is read twice, as text and as the markup that it is without.
    With ``all_tags`` the handler is shown every start tag, not only those that may make a browser fetch.
    With ``xml`` (XHTML) an element without content ends with its start tag, whatever it is.
    With ``loose`` no element but script has raw text: for content that some browsers read as markup.
    What rewriters that share ``quiet`` have found to hold nothing of interest is not searched again.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        after_head_start: Callable[[], bytes] | None = None,
        before_body_end: Callable[[], bytes] | None = None,
        scripting: bool = True,
        all_tags: bool = False,
        loose: bool = False,
        xml: bool = False,
        quiet: QuietMarkup | None = None,
    ) -> None:
        self._handler = handler
        self._loose = loose
        self._xml = xml
        self._scripting = scripting
        self._all_tags = all_tags
        self._after_head_start = after_head_start
        self._before_body_end = before_body_end
        self._state: Callable[[], bool] = self._prolog
        self._markup: Callable[[], bool] = self._prolog
        self._buffer = b""
        self._at = 0
        self._sent = 0
        self._rest = b""
        self._out: list[bytes] = []
        self._ahead = LookAhead(all_tags=all_tags, quiet=quiet)
        self._foreign = ForeignContent()
        self._in_select = False
        self._after_body_start = False
        self._at_start = self._is_first = True
        self._offset = 0  # where the buffer begins in the document
        self._foreign_text_shown = 0
        self._found_text: ForeignTexts | None = None
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
        self._held = None
        self._inner = None

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the document; return what can be sent of it."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        self._buffer, self._at, self._sent = data, 0, 0
        self._ahead.begin(data)
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
        if self._rest and self._state == self._data:
            self._is_final = True
            self._out.append(self.feed(b""))
        rest, out, state = self._rest, self._out, self._state
        if state == self._markup:
            out.append(_unfinished(rest))
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
        self._rest, self._state = b"", self._markup
        self._insert_head()
        out.append(self._foreign.end_tags() if not self._scripting else b"")
        if self._before_body_end is not None:
            out.append(self._before_body_end())
            self._before_body_end = None
        result = b"".join(out)
        out.clear()
        return result

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
                start_tag = StartTag(tag)
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
        buffer, ahead = self._buffer, self._ahead
        size = len(buffer)
        while True:
            self._at = at = ahead.next_markup(self._at)
            if at + 2 >= size:
                return False
            second = buffer[at + 1]
            if second in _LETTERS or (second == 0x2F and buffer[at + 2] in _LETTERS):  # "/"
                end = buffer.find(b">", at) + 1
                if end == 0 or not ahead.is_calm(at, end):
                    match = TAG.match(buffer, at)
                    end = match.end() if match is not None else 0
                if end == 0 or end - at > MAXIMUM_TAG:
                    return self._unfinished_tag()
                self._retried = False
                self._at = end
                raw = buffer[at:end]
                if second == 0x2F:
                    self._end_tag(raw, at)
                elif ahead.is_shown(raw, at) and self._start_tag(raw, at, end):
                    return True
            elif not self._no_tag(at, second):
                return False
            elif self._state != self._data:
                return True

    def _no_tag(self, at: int, second: int) -> bool:
        """Take a ``<`` that begins no tag; return False if more has to come."""
        if second in b"!?/":
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
        self._ahead.begin(self._buffer)
        self._state = self._data
        return True

    def _start_tag(self, raw: bytes, start: int, end: int) -> bool:
        """Show the tag to the handler; return True if another state has to go on."""
        was_inside = self._foreign.inside
        tag = StartTag(raw, foreign=was_inside)
        name = tag.name
        if was_inside or name in FOREIGN_ROOTS:
            return self._foreign_tag(tag, start, end)
        wants_text = self._handler.start_tag(tag)
        if name in RAW_TEXT and self._has_raw_text(tag):
            is_markup = name == b"noscript" or (name != b"script" and self._is_unsure)
            if is_markup or not self._take_whole_text(tag, start, end, wants_text=wants_text):
                return self._start_text(tag, start, end, wants_text=wants_text, is_markup=is_markup)
            return False
        if tag.changed:
            self._replace(start, end, tag.to_bytes())
        return name in _STRUCTURE and self._take_structure(name)

    def _foreign_tag(self, tag: StartTag, start: int, end: int) -> bool:
        """Show a tag in foreign content, or one that begins it, to the handler."""
        name, was_inside = tag.name, tag.foreign
        if was_inside and name in {b"style", b"script"} and not self._has_foreign_text(name, end):
            self._at = start
            return True
        if self._foreign.start(tag):
            tag.foreign = False
        wants_text = self._handler.start_tag(tag)
        if tag.foreign and wants_text and not tag.self_closing:
            self._show_foreign_text(tag, end)
        if tag.changed:
            self._replace(start, end, tag.to_bytes())
        if not tag.foreign and name in _STRUCTURE:
            return self._take_structure(name)
        if self._foreign.inside != was_inside:
            if name == b"svg" and not was_inside and self._skip_drawing(end):
                self._foreign.end(name)
            else:
                self._look_again()
        return False

    def _skip_drawing(self, end: int) -> bool:
        """Go behind the end tag of a picture that has just begun, if nothing in it can be of interest."""
        if self._all_tags or self._foreign.depth > 1 or self._handler.relative:
            return False
        match = DRAWING.match(self._buffer, end)
        if match is None or not self._ahead.is_calm(end, match.end()):
            return False
        self._at = match.end()
        return True

    def _has_raw_text(self, tag: StartTag) -> bool:
        return (not self._loose or tag.name == b"script") and not (self._xml and tag.self_closing)

    def _take_structure(self, name: bytes) -> bool:
        """Take note of a tag that decides how what follows is read; return True if another state has to go on."""
        if name == b"plaintext":
            if not self._is_unsure:
                self._state = self._plain_text
                return True
        elif name == b"body":
            self._after_body_start = True
        elif name == b"frameset":
            if not self._after_body_start:
                self._before_body_end = None  # a page of frames has no body to put anything into
        else:
            self._in_select = self._in_select or name == b"select"
            self._look_again()
        return False

    def _has_foreign_text(self, name: bytes, end: int) -> bool:
        """Say whether the text of a style or script element in SVG is there, or as much of it as is looked at."""
        self._found_text = None
        if self._is_final or len(self._buffer) - end >= _LONGEST_FOREIGN_TEXT or self._has_shown_too_much:
            return True
        found = foreign_texts(self._buffer, end, len(self._buffer), name, is_unsure=self._foreign.lost)
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
            found = foreign_texts(self._buffer, end, stop, tag.name, is_unsure=self._foreign.lost)
        is_all = self._is_final and stop == len(self._buffer)
        more = found.is_nested or not (found.is_whole or is_all)
        for text in found.texts:
            self._foreign_text_shown += len(text)
            self._handler.text(tag, text, more=more)

    @property
    def _has_shown_too_much(self) -> bool:
        """Whether texts in SVG overlap, as those of elements without end tags do: to show each would take too long."""
        return self._foreign_text_shown > self._offset + self._at + _LONGEST_FOREIGN_TEXT

    def _end_tag(self, raw: bytes, at: int) -> None:
        match = NAME.match(raw)
        name = match[0][2:].lower() if match is not None else b""
        if name in {b"body", b"html"}:
            if not self._foreign.inside and self._before_body_end is not None:
                self._replace(at, at, self._before_body_end())
                self._before_body_end = None
        elif name == b"select":
            self._in_select = False
            self._look_again()
        elif self._foreign.inside or self._foreign.nested:
            self._foreign.end(name)
            self._look_again()

    def _look_again(self) -> None:
        """Search anew, because what is of interest has changed."""
        nested = self._in_select or self._foreign.nested
        self._ahead.choose(foreign=self._foreign.inside, relative=self._handler.relative, nested=nested)

    def _nested(self, name: bytes) -> Rewriter:
        """Return what reads the text of an element of that name as markup."""
        loose = name != b"noscript" or self._is_unsure
        return Rewriter(self._handler, scripting=False, all_tags=self._all_tags, loose=loose)

    @property
    def _is_unsure(self) -> bool:
        """Whether some browser takes what looks like raw text for markup.

        Older parsers ignore all tags inside ``select`` that do not belong there. And in HTML inside SVG it depends
        on every open element what an end tag closes.
        """
        return self._in_select or self._loose or self._foreign.lost or self._foreign.nested


def _unfinished(rest: bytes) -> bytes:
    """Return what becomes of ``rest`` at the end: a comment is closed, text stays, a tag that never ends is no tag."""
    second = rest[1:2]
    if rest[:1] != b"<":
        return rest
    if second in {b"!", b"?"} or (second == b"/" and len(rest) > 2 and rest[2] not in _LETTERS):
        return rest + (b"-->" if rest.startswith(b"<!--") else b">")
    return b"" if second.isalpha() or second == b"/" else rest
