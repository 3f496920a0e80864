"""The readings of a page that is in doubt; see ``Rewriter``."""

from __future__ import annotations

import re

from cookie_consent.rewriter.foreign import ForeignContent
from cookie_consent.rewriter.grammar import FORM_TEXT, RAW_TEXT
from cookie_consent.rewriter.tag import StartTag
from cookie_consent.rewriter.texts import Texts

__all__ = ["INSPECTED_TEXT", "Readings", "is_bare"]

INSPECTED_TEXT = frozenset({b"script", b"style"})
_BARE = re.compile(rb"<(?!(?:" + rb"|".join(sorted(RAW_TEXT | {b"html", b"base"})) + rb")>)[a-z][a-z0-9]*+>")


class Readings(Texts):
    """Reads on where one reading finds markup and another text, so that none finds a tag that was not shown."""

    _scripting: bool
    _all_tags: bool
    _has_table: bool
    _has_frames: bool
    """Whether a table or a frameset has begun."""
    _has_markup: bool
    """Whether any tag or comment has come."""
    _templates: int
    """How many are open."""
    _select: int | None
    """In how many templates a ``select`` has begun, if one is open."""
    _raw_text_names: frozenset[bytes]
    """The elements with raw text, where there is doubt."""
    _inner_in_doubt = False
    """Whether this reads text as markup that is text to others."""
    _may_go_on = False
    """Whether the text that has begun goes on where the text that is read as markup ends: no end tag is there."""
    _pieces: list[bytes]

    def _look_again(self) -> None:
        raise NotImplementedError

    def _long_tag(self) -> bool:
        raise NotImplementedError

    def _enter_doubt(self) -> None:
        self._in_doubt = True
        self._pending = b""
        if self._foreign.may_be_closed or self._foreign.is_unreliable or self._select is not None or self._has_frames:
            self._foreign = ForeignContent()
        self._look_again()

    def _read_in_doubt(self, at: int) -> bool:
        """Go back to ``at`` and be in doubt from there on."""
        self._enter_doubt()
        self._at = at
        return True

    def _read_as_text(self, at: int) -> bool:
        """Be in doubt from ``at`` on, where the text of an element of SVG turns out to have markup in it."""
        name = self._pending
        self._enter_doubt()
        self._flush(at)
        self._at = at
        if name != FORM_TEXT or self._foreign.is_open:
            foreign, self._foreign = self._foreign, ForeignContent()
            self._inner = self._nested(name, foreign)
        self._begin_text(name)
        return True

    def _doubtful_tag(self, raw: bytes, start: int, end: int) -> bool:
        if b"<" in raw[1:]:
            raw = raw[:1] + raw[1:].replace(b"<", self._escape)
        if not self._all_tags and not self._foreign.is_open and is_bare(raw):
            return False
        tag = StartTag(raw, foreign=True)
        tag.after_content = True
        if tag.name in INSPECTED_TEXT and tag.name not in self._raw_text_names:
            self._replace(start, end, self._escape + raw[1:])  # its text cannot be judged in here
            return False
        tag.may_be_html, tag.in_document = True, None
        wants_text = self._handler.start_tag(tag)
        if tag.changed or len(raw) != end - start:
            self._replace(start, end, tag.to_bytes())
            if not tag.changed:
                start = end
        name = tag.name
        holds_html = name in self._raw_text_names and self._foreign.holds_html
        is_foreign = self._is_surely_foreign(tag)
        is_form = not is_foreign and name == FORM_TEXT
        self._may_go_on = holds_html or not is_foreign
        if is_form or name in self._raw_text_names:
            return self._start_text(tag, start, end, wants_text=wants_text, is_markup=not is_form)
        if name == b"base":
            self._look_again()
        return False

    def _is_surely_foreign(self, tag: StartTag) -> bool:
        """Take note of the tag; say whether it is foreign in every reading that builds a tree."""
        foreign = self._foreign
        if not foreign.is_open:
            return False
        reads = foreign.reads(tag)
        foreign.start(tag, tables=True)
        if foreign.is_unreliable or foreign.may_be_closed or (reads and tag.name in self._raw_text_names):
            self._foreign = ForeignContent()
        return reads

    def _doubtful_end_tag(self, name: bytes, at: int) -> None:
        self._mute(at + 1, self._at)
        if self._foreign.is_open:
            self._foreign.end(name)
            if self._foreign.is_unreliable or self._foreign.may_be_closed:
                self._foreign = ForeignContent()

    @property
    def leaves_doubt(self) -> bool:
        """Whether it depends on the reading of this text how what comes after it is read."""
        if self._inner_in_doubt:
            return self._has_markup
        return self._in_doubt or self._templates > 0 or self._has_frames or self._select is not None

    def _take_in(self, inner: Texts) -> None:
        self._look_again()  # there may be a base in it
        if inner.leaves_doubt and not self._in_doubt:
            self._enter_doubt()

    def _may_be_dropped(self, name: bytes) -> bool:
        """Say whether the start tag of an element with raw text may be ignored, so that its text is markup.

        So it is in a frameset, and older parsers ignore all tags inside ``select`` that do not belong there.
        """
        if self._has_frames:
            return name not in {b"noframes", FORM_TEXT}
        return self._select is not None and name not in {b"script", FORM_TEXT}

    def _base_counts(self) -> bool | None:
        """Say whether a ``base`` that comes next is in the page; None if that, or which one is first, is not sure."""
        if self._templates:
            return False
        is_sure = self._scripting and not (self._foreign.is_open or self._has_table or self._has_frames)
        return True if is_sure and self._select is None else None

    def _end_in_doubt(self, rest: bytes) -> None:
        """Send the rest of a text that was read as markup, but no beginning of a tag."""
        state, out = self._state, self._out
        if state in (self._raw_text, self._script_data):
            self._text_out(rest)
            self._close_text(is_open=self._may_go_on)
        elif state == self._long_tag:
            unfinished = b"".join(self._pieces)
            out.append(self._escape + unfinished[1:].replace(b"<", self._escape) if unfinished else b"")
        elif state == self._markup and rest[:1] == b"<" and rest[1:2] not in {b"!", b"?"}:
            out.append(self._escape + rest[1:].replace(b"<", self._escape) if len(rest) > 1 else rest)
        else:
            out.append(rest[:1] + rest[1:].replace(b"<", self._escape))


def is_bare(raw: bytes) -> bool:
    """Say whether a start tag has no attributes, and no text that matters."""
    return b" " not in raw and _BARE.fullmatch(raw) is not None
