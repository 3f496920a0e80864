"""Entity tags of pages (RFC 9110, section 8.8.3): one page has as many as there are states of consent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Validators"]

_MARK = "-cc"
_TAG = re.compile(r'(?:W/)?"[^"]*"')
_ITEM = re.compile(r'(?:W/)?"[^"]*"|[^\s,]+')
"""An entity tag as it is met: some servers leave out the quotes; ``*`` is any."""
_OURS = re.compile(r'((?:W/)?"[^"]*)-cc([0-9a-f]{16})"')


class Validators:
    """Marks the entity tags of one visitor's pages with what ``variant`` gives: 16 hexadecimal digits.

    What a browser sends back is shown to the application as it made it, if it is of the same variant. So the answer
    304 works, and never brings back a page of another consent.
    """

    def __init__(self, variant: Callable[[], str]) -> None:
        self._variant = variant
        self._known: set[str] = set()

    def request(self, header: str, *, is_page: bool) -> str:
        """Return ``If-None-Match`` as the application may see it; empty if nothing is left.

        A tag without a mark may be of a page from before the gate, so where a page is asked for it is left out.
        """
        if not is_page and _MARK not in header:
            return header
        kept = []
        for tag in _ITEM.findall(header):
            ours = _OURS.fullmatch(tag)
            if ours is None:
                if not is_page:
                    kept.append(tag)
            elif ours[2] == self._variant():
                kept.append(f'{ours[1]}"')
                self._known.add(_opaque(kept[-1]))
        return ", ".join(kept)

    @staticmethod
    def has_mark(header: str) -> bool:
        """Say whether a header holds the entity tag of a page."""
        return _MARK in header and any(_OURS.fullmatch(tag) for tag in _TAG.findall(header))

    @property
    def is_of_page(self) -> bool:
        """Whether the browser has named a page of this variant, to which the answer 304 then belongs."""
        return bool(self._known)

    def page(self, etag: str) -> str:
        """Return the entity tag of a page with its mark; empty where the application's own is not well-formed."""
        return f'{etag[:-1]}-cc{self._variant()}"' if _TAG.fullmatch(etag) else ""

    def not_modified(self, etag: str) -> str:
        """Return the entity tag for the answer 304, marked if the browser's was."""
        return self.page(etag) if _opaque(etag) in self._known else etag


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/")
