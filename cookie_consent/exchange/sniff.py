"""Sniff HTML without a content type as browsers do (MIME Sniffing standard, section 7.1)."""

from __future__ import annotations

import re

__all__ = ["SNIFFED", "is_unknown_type", "looks_like_html", "may_be_html"]

SNIFFED = 1445
"""The number of bytes that browsers sniff."""
_HTML = re.compile(
    rb"[\t\n\x0b\f\r ]*(?:<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|body|br|b|p)|<!--)",
    re.IGNORECASE,
)
_BEGINNING = re.compile(rb"(?:\xef\xbb\xbf)?[\t\n\x0b\f\r ]*(?:<|\Z)|\xef\xbb?\Z")
_UNKNOWN = frozenset({"", "unknown/unknown", "application/unknown", "*/*"})


def is_unknown_type(essence: str) -> bool:
    """Return whether browsers sniff content of this type."""
    return essence in _UNKNOWN


def may_be_html(beginning: bytes) -> bool:
    """Return whether content with this beginning may still turn out to be a page."""
    return _BEGINNING.match(beginning) is not None


def looks_like_html(content: bytes) -> bool:
    """Return whether a browser would take ``content`` for a page. Its beginning is enough.

    Chromium does not require the space or ``>`` that the standard demands after the tag name.
    """
    return _HTML.match(content.removeprefix(b"\xef\xbb\xbf")) is not None
