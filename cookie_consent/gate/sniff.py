"""What browsers take for HTML that comes without a type (MIME Sniffing standard, section 7.1)."""

from __future__ import annotations

import re

__all__ = ["SNIFFED", "is_unknown_type", "looks_like_html"]

SNIFFED = 1445
"""Bytes that browsers look at."""
_HTML = re.compile(
    rb"[\t\n\f\r ]*(?:<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|body|br|b|p)[ >]|<!--)",
    re.IGNORECASE,
)
_UNKNOWN = frozenset({"", "unknown/unknown", "application/unknown", "*/*"})


def is_unknown_type(content_type: str) -> bool:
    """Say whether a browser looks at the content to find out its type."""
    essence = content_type.partition(";")[0].strip().lower()
    return essence in _UNKNOWN or "/" not in essence


def looks_like_html(content: bytes) -> bool:
    """Say whether a browser would take ``content``, of which the beginning is enough, for a page."""
    return _HTML.match(content.removeprefix(b"\xef\xbb\xbf")) is not None
