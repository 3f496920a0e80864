"""The streaming rewriter: bytes of HTML in, the same bytes out but for the tags that a handler changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cookie_consent.rewriter.foreign import ForeignContent
from cookie_consent.rewriter.grammar import (
    COMMENT_END,
    FOREIGN_SKIP,
    HTML_SKIP,
    NAME,
    RAW_TEXT,
    SCRIPT_STEP,
    TAG,
    raw_text_end,
)
from cookie_consent.rewriter.tag import StartTag
from cookie_consent.rewriter.tag_end import TagEnd

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

__all__ = ["MAXIMUM_TAG", "MAXIMUM_TEXT", "Handler", "Rewriter"]

MAXIMUM_TAG = 2 * 1024 * 1024
"""Bytes of one tag. A longer one loses its attributes, so that what could not be looked at cannot load anything."""
MAXIMUM_TEXT = 512 * 1024
"""Bytes of one script or style element that are held while they are looked at; the rest passes as it is."""
_LONGEST_MARK = 16


class Handler(Protocol):
    """What decides about tags. The rewriter calls it in document order."""

    def start_tag(self, tag: StartTag) -> bool:
        """Change ``tag`` as needed. Return True to be given the text of a script or style element as well."""

    def text(self, tag: StartTag, text: bytes) -> bytes:
        """Return the text to send for the script or style element ``tag``, which may still be changed."""


class Rewriter:
    """Rewrites one HTML document given in any pieces; the result does not depend on how it is split.

    Memory is bounded by ``MAXIMUM_TAG`` plus ``MAXIMUM_TEXT`` plus one piece; time is linear in the input.
    ``before_body_end`` gives the bytes to insert before ``</body>``, or at the end where there is no such tag.
    With ``scripting`` the text of ``noscript`` is read twice, as text and as the markup that it is without.
    """

    def __init__(
        self, handler: Handler, *, before_body_end: Callable[[], bytes] | None = None, scripting: bool = True
    ) -> None:
        self._handler = handler
        self._scripting = scripting
        self._before_body_end = before_body_end
        self._state: Callable[[], bool] = self._data
        self._buffer: bytes | bytearray = b""
        self._at = 0
        self._out: list[bytes] = []
        self._foreign = ForeignContent()
        self._tag_end: TagEnd | None = None
        self._oversized = b""
        self._text_end: re.Pattern[bytes] = raw_text_end(b"script")
        self._text_name = b""
        self._held: tuple[StartTag, list[bytes]] | None = None
        self._held_size = 0
        self._script_depth = 0
        self._noscript: Rewriter | None = None

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the document; return what can be sent of it."""
        if isinstance(self._buffer, bytearray):
            self._buffer += data
        else:
            self._buffer = data
        while self._at < len(self._buffer) and self._state():
            pass
        rest = len(self._buffer) - self._at
        if rest == 0:
            self._buffer = b""
        elif isinstance(self._buffer, bytearray):
            del self._buffer[: self._at]
        else:
            self._buffer = bytearray(self._buffer[self._at :])
        self._at = 0
        return self._take()

    def end(self) -> bytes:
        """Finish the document; return the rest of it.

        An unfinished tag is left out, as in a browser, and an open comment or raw text is closed, so that what is
        inserted after it stands in the document.
        """
        if self._state == self._data:
            if self._tag_end is None and not self._oversized and self._buffer[:1] == b"<":
                self._flush_unfinished()
        elif self._state == self._comment:
            self._emit(len(self._buffer))
            self._out.append(b"-->")
        elif self._state == self._bogus_comment:
            self._emit(len(self._buffer))
            self._out.append(b">")
        elif self._state == self._cdata:
            self._emit(len(self._buffer))
            self._out.append(b"]]>")
        elif self._state != self._plain_text:
            self._text_out(bytes(self._buffer))
            self._release()
            if self._noscript is not None:
                self._out.append(self._noscript.end())
                self._noscript = None
            if self._script_depth:
                self._out.append(b"-->")
            self._out.append(b"</" + self._text_name + b">")
        self._buffer, self._at, self._state = b"", 0, self._data
        self._insert()
        return self._take()

    # -- output ------------------------------------------------------------------------------------------------

    def _take(self) -> bytes:
        out = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        return out

    def _emit(self, until: int) -> None:
        """Send the buffer up to ``until`` as it is."""
        if until > self._at:
            whole = self._at == 0 and until == len(self._buffer) and isinstance(self._buffer, bytes)
            self._out.append(bytes(self._buffer) if whole else bytes(self._buffer[self._at : until]))
            self._at = until

    def _insert(self) -> None:
        if self._before_body_end is not None:
            self._out.append(self._before_body_end())
            self._before_body_end = None

    def _flush_unfinished(self) -> None:
        """Send what looks like the beginning of a comment or is text; a tag that never ends is no tag."""
        rest = bytes(self._buffer)
        if rest[1:2] == b"!" or rest[1:2] == b"?" or (rest[1:2] == b"/" and not rest[2:3].isalpha()):
            self._out.append(rest + (b"-->" if rest.startswith(b"<!--") else b">"))
        elif not rest[1:2].isalpha() and rest[1:2] != b"/":
            self._out.append(rest)

    # -- markup ------------------------------------------------------------------------------------------------

    def _data(self) -> bool:
        if self._tag_end is not None:
            return self._unfinished_tag()
        match = self._skip().match(self._buffer, self._at)
        if match is not None:
            self._emit(match.end())
        at, buffer = self._at, self._buffer
        if len(buffer) - at < 3:
            return False
        second = buffer[at + 1]
        if second == 0x21:  # "!"
            return self._markup_declaration()
        if second == 0x3F or (second == 0x2F and not _is_letter(buffer[at + 2])):  # "?" and "</" before no letter
            self._emit(at + 2)
            self._state = self._bogus_comment
            return True
        tag = TAG.match(buffer, at)
        if tag is None or tag.end() - at > MAXIMUM_TAG:
            self._tag_end = TagEnd()
            return self._unfinished_tag()
        return self._tag(bytes(tag[0]), tag.end())

    def _skip(self) -> re.Pattern[bytes]:
        return FOREIGN_SKIP if self._foreign.inside else HTML_SKIP

    def _unfinished_tag(self) -> bool:
        """Take a tag that began in an earlier chunk, once its end is there."""
        tag_end = self._tag_end
        if tag_end is None:
            return True
        end = tag_end.find(self._buffer, self._at)
        size = (end if end >= 0 else len(self._buffer)) - self._at
        if self._oversized or size > MAXIMUM_TAG:
            self._drop_attributes(tag_end, end)
            return end >= 0
        if end < 0:
            return False
        self._tag_end = None
        raw = bytes(self._buffer[self._at : end])
        if self._skip().fullmatch(raw):
            self._emit(end)
            return True
        return self._tag(raw, end)

    def _drop_attributes(self, tag_end: TagEnd, end: int) -> None:
        if not self._oversized:
            match = NAME.match(self._buffer, self._at, self._at + 64)
            self._oversized = bytes(match[0]) if match is not None else b"<a"
        if end < 0:
            tag_end.forget(len(self._buffer) - self._at)
            tag_end.at = max(tag_end.at, 0)
            self._at = len(self._buffer)
            return
        bare = self._oversized + (b' type="text/plain">' if self._oversized.lower() == b"<script" else b">")
        self._oversized, self._tag_end = b"", None
        self._tag(bare, end)

    def _tag(self, raw: bytes, end: int) -> bool:
        self._at = end
        if raw[1] == 0x2F:  # "/"
            self._end_tag(raw)
            return True
        tag = StartTag(raw, foreign=self._foreign.inside)
        if self._foreign.start(tag):
            tag.foreign = False
        wants_text = self._handler.start_tag(tag)
        if tag.foreign or tag.name not in RAW_TEXT:
            self._out.append(tag.to_bytes())
            if tag.name == b"plaintext" and not tag.foreign:
                self._state = self._plain_text
            return True
        if tag.name == b"noscript":
            self._out.append(tag.to_bytes())
            if self._scripting:
                self._start_noscript()
            return True
        if wants_text:
            self._held, self._held_size = (tag, []), 0
        else:
            self._out.append(tag.to_bytes())
        self._text_name, self._text_end = tag.name, raw_text_end(tag.name)
        self._state = self._script if tag.name == b"script" else self._raw_text
        return True

    def _end_tag(self, raw: bytes) -> None:
        match = NAME.match(raw)
        name = match[0][2:].lower() if match is not None else b""
        self._foreign.end(name)
        if name in {b"body", b"html"} and not self._foreign.inside:
            self._insert()
        self._out.append(raw)

    def _markup_declaration(self) -> bool:
        buffer, at = self._buffer, self._at
        head = bytes(buffer[at : at + 9])
        if head.startswith(b"<!--"):
            if len(head) < 6:
                if head != b"<!-->":
                    return False
                self._emit(at + 5)
            elif head[4:5] == b">":
                self._emit(at + 5)
            elif head[4:6] == b"->":
                self._emit(at + 6)
            else:
                self._emit(at + 4)
                self._state = self._comment
            return True
        if b"<!--".startswith(head) or (self._foreign.inside and b"<![CDATA[".startswith(head) and len(head) < 9):
            return False
        if self._foreign.inside and head == b"<![CDATA[":
            self._emit(at + 9)
            self._state = self._cdata
        else:
            self._emit(at + 2)
            self._state = self._bogus_comment
        return True

    def _comment(self) -> bool:
        match = COMMENT_END.search(self._buffer, self._at)
        return self._leave(match.end() if match is not None else -1, keep=3)

    def _bogus_comment(self) -> bool:
        return self._leave(self._buffer.find(b">", self._at) + 1 or -1, keep=0)

    def _cdata(self) -> bool:
        found = self._buffer.find(b"]]>", self._at)
        return self._leave(found + 3 if found >= 0 else -1, keep=2)

    def _plain_text(self) -> bool:
        self._emit(len(self._buffer))
        return False

    def _leave(self, end: int, *, keep: int) -> bool:
        """Send up to ``end`` and go back to markup, or send all but the last ``keep`` bytes if it has not come."""
        if end >= 0:
            self._emit(end)
            self._state = self._data
            return True
        self._emit(max(self._at, len(self._buffer) - keep))
        return False

    # -- raw text ----------------------------------------------------------------------------------------------

    def _raw_text(self) -> bool:
        return self._close_text(self._text_end.search(self._buffer, self._at))

    def _script(self) -> bool:
        """Script data with its escaped and double escaped states (sections 13.2.5.15 to 13.2.5.31)."""
        search_from = self._at
        while (match := SCRIPT_STEP.search(self._buffer, search_from)) is not None:
            mark = match[0].lower()
            search_from = match.end()
            if mark == b"<!--":
                self._script_depth = max(self._script_depth, 1)
                search_from -= 2  # the dashes may belong to "-->" as well
            elif mark == b"-->":
                self._script_depth = 0
            elif mark == b"<script":
                self._script_depth = 2 if self._script_depth else 0
            elif self._script_depth == 2:
                self._script_depth = 1
            else:
                return self._close_text(match)
        # Keep what may be the beginning of a mark, and look at nothing else again.
        tail = max(search_from, len(self._buffer) - _LONGEST_MARK)
        cut = self._buffer.find(b"<", tail)
        dash = self._buffer.find(b"-", tail)
        keep = min([at for at in (cut, dash) if at >= 0], default=len(self._buffer))
        self._text_until(keep)
        return False

    def _close_text(self, match: re.Match[bytes] | None) -> bool:
        if match is None:
            self._text_until(max(self._at, len(self._buffer) - _LONGEST_MARK))
            return False
        self._text_until(match.start())
        self._release()
        self._script_depth = 0
        if self._noscript is not None:
            self._out.append(self._noscript.end())
            self._noscript = None
        self._state = self._data
        return True

    def _text_until(self, end: int) -> None:
        text = bytes(self._buffer[self._at : end])
        self._at = end
        self._text_out(text)

    def _text_out(self, text: bytes) -> None:
        if self._noscript is not None:
            self._out.append(self._noscript.feed(text))
        elif self._held is None:
            self._out.append(text)
        else:
            room = MAXIMUM_TEXT - self._held_size
            self._held[1].append(text[:room])
            self._held_size += len(text)
            if len(text) > room:
                self._release()
                self._out.append(text[room:])

    def _release(self) -> None:
        """Let the handler look at the text that was held back, and send it."""
        if self._held is not None:
            tag, parts = self._held
            self._held = None
            text = self._handler.text(tag, b"".join(parts))
            self._out += [tag.to_bytes(), text]

    def _start_noscript(self) -> None:
        """Read what is inside as markup of its own: a browser without script does, one with script skips it."""
        self._noscript = Rewriter(self._handler, scripting=False)
        self._text_name, self._text_end = b"noscript", raw_text_end(b"noscript")
        self._state = self._raw_text


def _is_letter(byte: int) -> bool:
    return 0x41 <= byte <= 0x5A or 0x61 <= byte <= 0x7A
