"""What browsers take for HTML that comes without a type (MIME Sniffing standard, section 7.1)."""

from __future__ import annotations

import re

__all__ = ["SNIFFED", "is_unknown_type", "looks_like_html", "may_be_html"]

SNIFFED = 1445
"""Bytes that browsers look at."""
_HTML = re.compile(
    rb"[\t\n\x0b\f\r ]*(?:<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|body|br|b|p)|<!--)",
    re.IGNORECASE,
)
_BEGINNING = re.compile(rb"(?:\xef\xbb\xbf)?[\t\n\x0b\f\r ]*(?:<|\Z)|\xef\xbb?\Z")
_UNKNOWN = frozenset({"", "unknown/unknown", "application/unknown", "*/*"})


def is_unknown_type(essence: str) -> bool:
    """Say whether a browser looks at the content to find out its type."""
    return essence in _UNKNOWN


def may_be_html(beginning: bytes) -> bool:
    """Say whether content that begins so may still turn out to be a page."""
    return _BEGINNING.match(beginning) is not None


def looks_like_html(content: bytes) -> bool:
    """Say whether a browser would take ``content``, of which the beginning is enough, for a page.

    Chromium does not ask for the space or ``>`` that the standard wants after the name.
    """
    return _HTML.match(content.removeprefix(b"\xef\xbb\xbf")) is not None
