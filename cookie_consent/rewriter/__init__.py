"""The streaming HTML rewriter. It knows nothing of consent: a handler says what to change."""

from cookie_consent.rewriter.css import CssRewriter, Replacement, rewrite_css
from cookie_consent.rewriter.handler import Handler
from cookie_consent.rewriter.long_tag import MAXIMUM_TAG
from cookie_consent.rewriter.markup_cache import MarkupCache
from cookie_consent.rewriter.raw_text import MAXIMUM_TEXT
from cookie_consent.rewriter.scanner import Rewriter
from cookie_consent.rewriter.tag import StartTag

__all__ = [
    "MAXIMUM_TAG",
    "MAXIMUM_TEXT",
    "CssRewriter",
    "Handler",
    "MarkupCache",
    "Replacement",
    "Rewriter",
    "StartTag",
    "rewrite_css",
]
