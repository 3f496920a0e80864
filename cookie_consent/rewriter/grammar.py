"""The regular expressions of the scanner: tags as the HTML standard's tokenizer has them (section 13.2.5).

Every repetition is possessive, so no input makes them backtrack, and none has a capture group inside a possessive
group (CPython issue 101955 gives wrong spans there).
"""

from __future__ import annotations

import re

__all__ = [
    "ATTRIBUTE",
    "CARRIER_ATTRIBUTES",
    "CARRIER_TAGS",
    "COMMENT_END",
    "FOREIGN_BREAKOUT",
    "FOREIGN_SKIP",
    "HTML_SKIP",
    "NAME",
    "RAW_TEXT",
    "SCRIPT_STEP",
    "TAG",
    "raw_text_end",
]

_SPACE = rb"[\t\n\f\r ]"
_VALUE = rb"""(?:"[^"]*+"|'[^']*+'|[^\t\n\f\r >"'][^\t\n\f\r >]*+|(?=>))"""
_VALUE_PART = rb"(?:" + _SPACE + rb"*+=" + _SPACE + rb"*+" + _VALUE + rb"|(?!" + _SPACE + rb"*+=))"
_ATTRIBUTE = rb"[\t\n\f\r /]*+[^\t\n\f\r />][^\t\n\f\r />=]*+" + _VALUE_PART

NAME = re.compile(rb"</?+[A-Za-z][^\t\n\f\r />]*+")
TAG = re.compile(rb"</?+[A-Za-z][^\t\n\f\r />]*+(?:" + _ATTRIBUTE + rb")*+[\t\n\f\r /]*+>")
ATTRIBUTE = re.compile(
    rb"[\t\n\f\r /]*+(?P<name>[^\t\n\f\r />][^\t\n\f\r />=]*+)"
    rb"(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+"
    rb"""(?:"(?P<double>[^"]*+)"|'(?P<single>[^']*+)'|(?P<bare>[^\t\n\f\r >"'][^\t\n\f\r >]*+)|(?P<none>)(?=>)))?+"""
)
COMMENT_END = re.compile(rb"--!?+>")
SCRIPT_STEP = re.compile(rb"<!--|-->|<(/?)script(?=[\t\n\f\r />])", re.IGNORECASE)

RAW_TEXT = frozenset(
    {b"style", b"textarea", b"title", b"xmp", b"iframe", b"noembed", b"noframes", b"script", b"noscript"}
)
CARRIER_TAGS = frozenset(
    {
        b"img",
        b"image",
        b"link",
        b"source",
        b"video",
        b"audio",
        b"track",
        b"object",
        b"embed",
        b"input",
        b"frame",
    }
    | {b"applet", b"base", b"meta", b"portal", b"fencedframe"}
)
CARRIER_ATTRIBUTES = frozenset({b"background", b"ping", b"style", b"srcset", b"poster"})

FOREIGN_BREAKOUT = frozenset(
    b"b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta "
    b"nobr ol p pre ruby s small span strong strike sub sup table tt u ul var".split()
)
"""Start tags that end foreign content (section 13.2.6.5)."""

_STRUCTURE = frozenset({b"svg", b"math", b"plaintext"})
_INTEGRATION = frozenset(b"foreignobject desc title mi mo mn ms mtext annotation-xml".split())


def raw_text_end(name: bytes) -> re.Pattern[bytes]:
    """Return the pattern of the end tag that closes raw text of the element ``name``, up to the name's end."""
    return _RAW_TEXT_ENDS[name]


_RAW_TEXT_ENDS = {name: re.compile(rb"</" + name + rb"(?=[\t\n\f\r />])", re.IGNORECASE) for name in sorted(RAW_TEXT)}


def _skip(
    start_names: frozenset[bytes], end_names: frozenset[bytes], attributes: frozenset[bytes]
) -> re.Pattern[bytes]:
    """Return a pattern for the longest run of text, tags and end tags that are of no interest."""
    delimiter = rb"(?=[\t\n\f\r />])"
    starts = rb"|".join(sorted(start_names, reverse=True))
    ends = rb"|".join(sorted(end_names, reverse=True))
    held = rb"|".join(sorted(attributes, reverse=True))
    plain = rb"[\t\n\f\r /]*+(?!(?:" + held + rb")[\t\n\f\r />=])[^\t\n\f\r />][^\t\n\f\r />=]*+" + _VALUE_PART
    rest = rb"[^\t\n\f\r />]*+(?:" + plain + rb")*+[\t\n\f\r /]*+>"
    return re.compile(
        rb"(?:[^<]++"
        rb"|<(?!(?:" + starts + rb")" + delimiter + rb")[A-Za-z]" + rest +
        rb"|</(?!(?:" + ends + rb")" + delimiter + rb")[A-Za-z]" + rest +
        rb"|<(?=[^A-Za-z/!?]))*+",
        re.IGNORECASE,
    )  # fmt: skip


HTML_SKIP = _skip(
    RAW_TEXT | CARRIER_TAGS | _STRUCTURE,
    frozenset({b"body", b"html", b"svg", b"math"} | _INTEGRATION),
    CARRIER_ATTRIBUTES,
)
FOREIGN_SKIP = _skip(
    RAW_TEXT | CARRIER_TAGS | _STRUCTURE | _INTEGRATION | FOREIGN_BREAKOUT | {b"font", b"use", b"feimage", b"a"},
    frozenset({b"svg", b"math", b"p", b"br", b"body", b"html"} | _INTEGRATION),
    CARRIER_ATTRIBUTES | {b"href", b"xlink:href"},
)
