"""Entity tags of pages (RFC 9110, section 8.8.3), which differ for each state of consent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Validators"]

_MARK = "-cc"
_TAG = re.compile(r'(?:W/)?"[^"]*"')
_ITEM = re.compile(r'(?:W/)?"[^"]*"|[^\s,]+')
"""An entity tag in practice: some servers omit the quotes. ``*`` stands for any."""
_OURS = re.compile(r'((?:W/)?"[^"]*)-cc([0-9a-f]{16})"')


class Validators:
    """Adds the variant, 16 hexadecimal digits, to the entity tags of a visitor's pages.

    If a browser sends back a tag of the same variant, the application gets its own tag. So 304 responses work, but
    never for a page that was made for another consent.
    """

    def __init__(self, variant: Callable[[], str]) -> None:
        self._variant = variant
        self._known: set[str] = set()

    def request(self, header: str, *, is_page: bool) -> str:
        """Return ``If-None-Match`` for the application; empty if no tag is left.

        In requests for pages, tags without a variant are removed: their pages may date from before this middleware.
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
        """Return whether a header contains an entity tag with a variant."""
        return _MARK in header and any(_OURS.fullmatch(tag) for tag in _TAG.findall(header))

    @property
    def is_of_page(self) -> bool:
        """Whether the browser has a page of this variant, to which a 304 response would refer."""
        return bool(self._known)

    def page(self, etag: str) -> str:
        """Return a page's entity tag with its variant, or an empty string if the application's tag is malformed."""
        return f'{etag[:-1]}-cc{self._variant()}"' if _TAG.fullmatch(etag) else ""

    def not_modified(self, etag: str) -> str:
        """Return the entity tag for a 304 response, with the variant if the browser's tag had it."""
        return self.page(etag) if _opaque(etag) in self._known else etag


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/")
