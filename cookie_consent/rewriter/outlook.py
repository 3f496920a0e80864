"""What lies ahead in markup: where the next tag is that has to be looked at.

HTML cannot be searched for tags, since a ``<img`` may stand in a quoted value. But a stretch of markup can be
searched that has no quoted value with ``<`` or ``>`` in it: there every ``<`` outside a tag begins markup, and after
every ``>`` the tokenizer is back in its data state. So two searches go ahead of the scanner, both of which the engine
of ``re`` runs from one ``<`` or ``=`` to the next:

- a *candidate* is a tag that may make a browser fetch or that changes how the text after it is read, and any comment;
- a *suspect* is an ``=`` whose value may hold ``<`` or ``>``, or that stands in an attribute of any element that may
  fetch (``style``, ``ping``, ``background``).

Where the nearer of the two stands, the tokenizer's state is known from the last ``>`` before it, and the tag there is
read exactly. Both patterns may find too much and never too little; what is found too much costs time only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["BREAKOUT", "DRAWING", "FOREIGN_NAMES", "SHAPES", "SUSPECT", "Outlook", "outlook"]

_CARRIERS = frozenset(
    b"img image link source video audio track object embed param input frame applet portal fencedframe".split()
)
"""Elements that make a browser fetch, besides those of raw text and ``meta``."""
_FOREIGN_CARRIERS = frozenset(
    b"use feimage set animate animatecolor animatemotion animatetransform mpath textpath pattern lineargradient "
    b"radialgradient mglyph cursor".split()
)
_ALWAYS = frozenset(
    b"script style iframe textarea title xmp noembed noframes noscript svg math plaintext select base body "
    b"frameset template table".split()
)
"""Elements that change how what follows is read, and others that are always shown."""
_INTEGRATION = frozenset(b"foreignobject desc title mi mo mn ms mtext annotation-xml".split())
BREAKOUT = frozenset(
    b"b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta "
    b"nobr ol p pre ruby s small span strong strike sub sup table tt u ul var".split()
)
"""Start tags that end foreign content (section 13.2.6.5)."""
_END_NAMES = frozenset({b"body", b"html"})
_NESTED_END_NAMES = _END_NAMES | {b"template", b"select"}
FOREIGN_NAMES = frozenset(
    b"a animate circle clippath defs ellipse g line lineargradient marker mask path pattern polygon polyline "
    b"radialgradient rect script set stop style switch symbol text textpath tspan use view filter image "
    b"mfrac mover mrow msqrt mstyle msub msubsup msup mtable mtd mtr munder munderover semantics annotation".split()
)
"""Elements of SVG and MathML whose end tags are of no interest inside foreign content."""

_DELIMITER = rb"(?=[\t\n\f\r />])"
_ABSOLUTE = rb"(?=[^>:&\\/]*+(?:/(?![/\\\t\n\r])[^>:&\\/]*+)*+[:&\\/])"
"""Ahead in the tag there is something that no relative address has."""
_HTTP_EQUIV = rb"(?=[^>hH]*+(?:[hH](?![tT][tT][pP]-)[^>hH]*+)*+[hH])"
_ABSOLUTE_NEAR = rb"(?=[^>:&\\/]{0,256}+(?:/(?![/\\\t\n\r])[^>:&\\/]{0,96}+){0,8}+(?:[:&\\]|/(?=[/\\\t\n\r])|(?!>)()))"
_HTTP_EQUIV_NEAR = rb"(?=[^>hH]{0,256}+(?:[hH](?![tT][tT][pP]-)[^>hH]{0,96}+){0,8}+(?:[hH](?=[tT][tT][pP]-)|(?!>)()))"
"""The same for searches, in linear time: a group takes part where the tag is too long to say."""
_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyz")
_PLAIN = rb"""[^"<>(&\\]*+"""
_FUNCTION = rb"\((?<=[lLcCtT]\()"
"""The parenthesis of ``url(``, ``src(`` and ``image-set(``, unless the name is written with escapes."""
_OTHER = rb"(?:\((?<![lLcCtT]\()|&(?![#lb]))"
"""Another parenthesis, or a reference that is none to a parenthesis (``&lpar;``) or a backslash (``&bsol;``)."""
_DOUBLE_QUOTED = (
    rb'"' + _PLAIN + rb'(?!")(?:[<>\\]|&[#lb]|' + _FUNCTION
    + rb"|" + _OTHER + _PLAIN + rb"(?:" + _OTHER + _PLAIN + rb")*+[<>\\&(])"
)  # fmt: skip
_BARE = rb"[^\t\n\f\r >=(&\\]*+"
_UNQUOTED = rb"""(?!["'])""" + _BARE + rb"(?:" + _OTHER + _BARE + rb")*+[(&\\]"
"""A value without quotes; what follows another ``=`` in it is judged from there, which keeps the search linear."""
_ENDS_NAME = (
    rb"(?<=[gGdD\t\n\f\r ]=)(?<=[pP][iI][nN][gG]=|[oO][uU][nN][dD]=|[\x00-\xff][\x00-\xff][\x00-\xff][\t\n\f\r ]=)"
)
"""After ``ping`` or ``background``, or a space, before which either of them may stand."""
_HOLDS_STRING = rb"""(?<=[yY][lL][eE]=)(?:"[^"'&]*+['&]|'[^"'&]*+["&]|(?!["'])[^\t\n\f\r >"'&]*+["'&])"""
"""Quotes within a value of ``style``: a string in a custom property may become an address."""
_CSS_NAME = rb"[dDeEhHkKlLrRtT]="
"""The end of any name whose value is read as CSS: ``style``, and in SVG ``fill``, ``mask`` and so on."""
SUSPECT = re.compile(
    rb"=(?:" + _ENDS_NAME
    + rb"|(?<=" + _CSS_NAME + rb")(?:" + _DOUBLE_QUOTED + rb"|" + _DOUBLE_QUOTED.replace(b'"', b"'")
    + rb"|" + _UNQUOTED + rb"|" + _HOLDS_STRING + rb")"
    rb"|(?<!" + _CSS_NAME + rb""")(?:"[^"<>]*+[<>]|'[^'<>]*+[<>])|[\t\n\f\r ])"""
)  # fmt: skip
"""``=`` before a value that may hold ``<``, ``>`` or an address in CSS."""
_IN_DOCUMENT = (
    rb"""[\t\n\f\r ]++(?:(?:xlink:)?href="#[^"<>&]*+"|(?:class|height|id|width|x|xmlns|xmlns:xlink|y)="[^"<>&]*+")"""
)
_SHAPES = FOREIGN_NAMES - _CARRIERS - _FOREIGN_CARRIERS - {b"script", b"style"}
DRAWING = re.compile(
    rb"(?:[^<]*+<(?:/?+(?:" + rb"|".join(sorted(_SHAPES | {b"use"}, reverse=True)) + rb")>"
    rb"|(?:" + rb"|".join(sorted(_SHAPES, reverse=True)) + rb")[\t\n\f\r /][^<>]*+>"
    rb"|use(?:" + _IN_DOCUMENT + rb")*+[\t\n\f\r ]*+/?+>"
    rb"|title(?:>|[\t\n\f\r ][^<>]*+>)[^<]*+</title>))*+[^<]*+</svg>"
)  # fmt: skip
"""The content of an ``svg`` element that only draws, with its end tag, if there is no suspect in it."""

_PLAIN_ATTRIBUTES = rb"(?:[\t\n\f\r ]++[a-zA-Z:_-]++=\"[^\"<>]*+\")*+[\t\n\f\r ]*+"
_LEAF_NAMES = b"path circle ellipse line polygon polyline rect stop".split()
_LEAF = rb"<(?:title>[^<]*+</title>|" + rb"|".join(
    name + _PLAIN_ATTRIBUTES + rb"(?:/>|>[\t\n\f\r ]*+</" + name + rb">)" for name in _LEAF_NAMES
) + rb")"  # fmt: skip
_GROUP = rb"|".join(
    rb"<" + name + _PLAIN_ATTRIBUTES + rb">(?:[^<]*+" + _LEAF + rb")*+[^<]*+</" + name + rb">"
    for name in (b"g", b"symbol")
)
SHAPES = re.compile(rb"(?:[^<]*+(?:" + _LEAF + rb"|" + _GROUP + rb"))*+")
"""Elements of SVG that only draw, each with its end: nothing is open behind them that was not before."""


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What is of interest in one kind of content."""

    candidate: re.Pattern[bytes]
    """Finds candidates; where a group takes part, the tag has capitals or is long, and may turn out to be none."""
    named: re.Pattern[bytes]
    """Matches a start tag, in lower case, that is shown for its name."""
    attributed: re.Pattern[bytes]
    """Finds in a start tag, in lower case, an attribute for which it is shown if it is a suspect too."""


def outlook(*, foreign: bool, relative: bool, nested: bool) -> Outlook:
    """Return what is of interest in HTML or in foreign content.

    With ``relative`` so are tags whose addresses are all relative. ``nested`` is content of ``select`` and
    ``template``, where the end tags that lead out of it matter.
    """
    return _OUTLOOKS[foreign, relative, nested]


def _one_of(names: frozenset[bytes]) -> bytes:
    return rb"(?:" + rb"|".join(sorted(names, reverse=True)) + rb")"


def _none_of(first_letters: set[int]) -> bytes:
    return b"[" + bytes(sorted(_LETTERS - first_letters)) + b"]"


def _by_letter(names: frozenset[bytes], condition: bytes = b"") -> bytes:
    """Return a pattern for one of ``names``, by the first letter; a group takes part where a capital follows."""
    branches = []
    for first in sorted({name[:1] for name in names}):
        rest = _one_of(frozenset(name[1:] for name in names if name[:1] == first))
        branches.append(first + rb"(?:" + rest + _DELIMITER + condition + rb"|[a-z]*+[A-Z]())")
    return rb"|".join(branches)


def _candidate(
    always: frozenset[bytes], conditional: frozenset[bytes], ends: frozenset[bytes] | None, meta: bytes
) -> re.Pattern[bytes]:
    # The look-ahead only keeps the most common tags out early.
    common = _none_of({name[0] for name in always | conditional | {b"meta"}})
    if ends is None:
        common_end, end = _one_of(FOREIGN_NAMES) + _DELIMITER, b""
    else:
        common_end = _none_of({name[0] for name in ends})
        end = rb"(?:" + _one_of(ends) + _DELIMITER + rb"|[^a-z]|[a-z]++[A-Z])"
    starts = [
        _by_letter(names, condition) for names, condition in ((always, b""), (conditional, _ABSOLUTE_NEAR)) if names
    ]
    return re.compile(
        rb"<(?!/" + common_end + rb"|" + common + rb")"
        rb"(?:!(?!--[^<>-]++-->)|\?|[A-Z]()|/" + end +
        rb"|" + rb"|".join(starts) + meta + rb")"
    )  # fmt: skip


def _outlook(*, foreign: bool, relative: bool, nested: bool) -> Outlook:
    attributes = [b"background", b"ping", b"style"]
    ends: frozenset[bytes] | None
    if foreign:
        always = _ALWAYS | _CARRIERS | _INTEGRATION | BREAKOUT | _FOREIGN_CARRIERS | {b"font"}
        conditional: frozenset[bytes] = frozenset()
        ends = None  # any that does not belong there, since it may close the element around the picture
        meta = b""
        # Presentation attributes are read as CSS.
        attributes += b"fill stroke filter mask clip-path marker marker-start marker-mid marker-end cursor".split()
    else:
        always = _ALWAYS | (_CARRIERS if relative else frozenset()) | ({b"col"} if nested else frozenset())
        conditional = frozenset() if relative else _CARRIERS
        ends = _NESTED_END_NAMES if nested else _END_NAMES
        meta = rb"|meta" + _DELIMITER
    absolute = rb"|" + _one_of(conditional) + _DELIMITER + _ABSOLUTE if conditional else b""
    # A tag that has been read as a whole may have ">" in its values.
    exact_meta = meta + _HTTP_EQUIV if meta else b""
    named = rb"<(?:" + _one_of(always) + _DELIMITER + (exact_meta + absolute).replace(b"[^>", b"[^") + rb")"
    return Outlook(
        candidate=_candidate(always, conditional, ends, meta + _HTTP_EQUIV_NEAR if meta else b""),
        named=re.compile(named),
        attributed=re.compile(rb"[\t\n\f\r /\"']" + _one_of(frozenset(attributes)) + rb"[\t\n\f\r />=]"),
    )


_OUTLOOKS = {
    (foreign, relative, nested): _outlook(foreign=foreign, relative=relative, nested=nested)
    for foreign in (False, True)
    for relative in (False, True)
    for nested in (False, True)
}
