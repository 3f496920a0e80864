"""Tell a page from a fragment by its first tag (HTML standard, section 13.2.5)."""

from __future__ import annotations

import re

__all__ = ["Opening"]

_SPACE = b"\t\n\f\r "
_BOM = b"\xef\xbb\xbf"
_COMMENT_END = re.compile(rb"-->|(?s:..)--!>")
"""Matched from the dashes of ``<!--`` on, which may also be those of the end: ``<!-->`` is a comment."""
_COMMENT_TAIL = 5
"""Bytes to keep between pieces, since the end of a comment may be split."""
_BOGUS_END = re.compile(rb">")
_TAG = re.compile(rb"<([a-z][^\t\n\f\r />]*)[\t\n\f\r />]", re.IGNORECASE)
_PAGE_TAGS = frozenset({b"html", b"head", b"body"})
_DOCTYPE = b"<!doctype"
_LONGEST = 9
"""The number of bytes that decide: the length of ``<!doctype``. The other tags of a page are shorter."""


class Opening:
    """Finds the first tag of a document in UTF-8, after BOM, white space and comments, in constant memory."""

    is_page: bool | None = None
    """Whether the first tag is doctype, html, head or body. None until it has arrived."""

    def __init__(self) -> None:
        self._text = b""
        self._at_start = True
        self._end: re.Pattern[bytes] | None = None  # of the comment that has begun

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        if self.is_page is None:
            self._text = self._text + data if self._text else data
            while self._advances():
                pass
            if self.is_page is not None:
                self._text = b""

    def _advances(self) -> bool:
        """Skip a comment, or decide. Return whether the bytes that are left may be examined further."""
        if self._end is not None:
            found = self._end.search(self._text)
            self._text = self._text[found.end() if found is not None else -_COMMENT_TAIL :]
            if found is not None:
                self._end = None
            return found is not None
        if self._at_start and len(self._text) < len(_BOM) and _BOM.startswith(self._text):
            return False
        text = self._text = (self._text.removeprefix(_BOM) if self._at_start else self._text).lstrip(_SPACE)
        self._at_start = False
        if not text:
            return False
        start = text[:_LONGEST].lower()
        if start == _DOCTYPE:
            self.is_page = True
        elif start.startswith(b"<!--"):
            self._text, self._end = text[2:], _COMMENT_END
            return True
        elif _DOCTYPE.startswith(start) or start in {b"<!-", b"</"}:
            pass  # incomplete: wait for more bytes
        elif start.startswith((b"<!", b"<?")) or (start.startswith(b"</") and not start[2:3].isalpha()):
            self._text, self._end = text[2:], _BOGUS_END  # a comment to browsers, such as an XML declaration
            return True
        else:
            self._decide(text)
        return False

    def _decide(self, text: bytes) -> None:
        tag = _TAG.match(text[:_LONGEST])
        if tag is not None:
            self.is_page = tag[1].lower() in _PAGE_TAGS
        elif len(text) >= _LONGEST or not text.startswith(b"<") or not text[1:].isalnum():
            self.is_page = False
