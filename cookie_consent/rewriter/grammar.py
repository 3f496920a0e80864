"""The regular expressions of the scanner, after the tokenizer of the HTML standard (section 13.2.5).

Every repetition is possessive, so no input makes them backtrack, and none has a capture group inside a possessive
group (CPython issue 101955 gives wrong spans there).
"""

from __future__ import annotations

import re

__all__ = [
    "ATTRIBUTE",
    "CDATA_STEP",
    "COMMENT_END",
    "FORM_TEXT",
    "NAME",
    "RAW_TEXT",
    "SCRIPT_END",
    "SCRIPT_STEP",
    "TAG",
    "TEXT",
    "XML_NAME",
    "XML_TAG",
    "raw_text_end",
]

_SPACE = rb"[\t\n\f\r ]"
_VALUE = rb"""(?:"[^"]*+"|'[^']*+'|[^\t\n\f\r >"'][^\t\n\f\r >]*+|(?=>))"""
_VALUE_PART = rb"(?:" + _SPACE + rb"*+=" + _SPACE + rb"*+" + _VALUE + rb"|(?!" + _SPACE + rb"*+=))"
_ATTRIBUTE = rb"[\t\n\f\r /]*+[^\t\n\f\r />][^\t\n\f\r />=]*+" + _VALUE_PART

_XML_NAME = rb"<[^\t\n\f\r />!?<=][^\t\n\f\r />]*+"
XML_NAME = re.compile(_XML_NAME)
XML_TAG = re.compile(_XML_NAME + rb"(?:" + _ATTRIBUTE + rb")*+[\t\n\f\r /]*+>")
"""A start tag in XML, whose name need not begin with a letter."""
NAME = re.compile(rb"</?+[A-Za-z][^\t\n\f\r />]*+")
TAG = re.compile(rb"</?+[A-Za-z][^\t\n\f\r />]*+(?:" + _ATTRIBUTE + rb")*+[\t\n\f\r /]*+>")
ATTRIBUTE = re.compile(
    rb"[\t\n\f\r /]*+([^\t\n\f\r />][^\t\n\f\r />=]*+)"
    rb"(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+"
    rb"""("[^"]*+"|'[^']*+'|[^\t\n\f\r >"'][^\t\n\f\r >]*+|(?=>|\Z)))?"""
)
"""One attribute. The groups are its name and its value with quotes."""
TEXT = re.compile(rb"(?:[^<]*+<(?=[^A-Za-z/!?]))*+[^<]*+")
"""Text up to the next ``<`` that begins markup."""
CDATA_STEP = re.compile(rb"\]\]>|<[A-Za-z/!?]")
COMMENT_END = re.compile(rb"--!?+>")
SCRIPT_STEP = re.compile(rb"<!--|-->|<(/?)script(?=[\t\n\f\r />])", re.IGNORECASE)
SCRIPT_END = re.compile(rb"</[sS][cC][rR][iI][pP][tT](?=[\t\n\f\r />])")

FORM_TEXT = b"textarea"
"""The element whose text is sent with a form."""
RAW_TEXT = frozenset(
    {b"style", b"textarea", b"title", b"xmp", b"iframe", b"noembed", b"noframes", b"script", b"noscript"}
)


def raw_text_end(name: bytes) -> re.Pattern[bytes]:
    """Return the pattern of the end tag that closes the raw text of ``name``, up to the end of the name."""
    return _RAW_TEXT_ENDS[name]


def _either_case(name: bytes) -> bytes:
    """Return a pattern for ``name`` in any case. Unlike IGNORECASE it lets ``re`` search for the ``</`` first."""
    return b"".join(b"[%c%c]" % (letter, letter - 32) for letter in name)


_RAW_TEXT_ENDS = {name: re.compile(rb"</" + _either_case(name) + rb"(?=[\t\n\f\r />])") for name in sorted(RAW_TEXT)}
