"""The streaming HTML rewriter. It knows nothing of consent: a handler says what to change."""

from cookie_consent.rewriter.rewriter import MAXIMUM_TAG, MAXIMUM_TEXT, Handler, Rewriter
from cookie_consent.rewriter.tag import StartTag

__all__ = ["MAXIMUM_TAG", "MAXIMUM_TEXT", "Handler", "Rewriter", "StartTag"]
