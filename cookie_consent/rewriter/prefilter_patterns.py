"""The patterns by which the prefilter finds what may be of interest, and why markup can be searched for it.

HTML cannot simply be searched for tags, since a ``<img`` may stand in a quoted value. But it can where no quoted value
holds ``<`` or ``>``: there every ``<`` outside a tag begins markup, and after every ``>`` the tokenizer is back in its
data state. So two searches run ahead of the scanner, and ``re`` runs both from one ``<`` or ``=`` to the next:

- a *candidate* is a tag that may make a browser fetch, a tag that changes how the text after it is read, or a comment;
- a *risky value* follows an ``=`` and may hold ``<`` or ``>``, or belongs to an attribute that may make any element
  fetch (``style``, ``ping``, ``background``).

At the nearer of the two, the last ``>`` before it gives the tokenizer's state, and the tag there is read exactly. Both
patterns may find too much, which only costs time, but never too little.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["BREAKOUT", "DRAWING", "FOREIGN_NAMES", "RISKY_VALUE", "SHAPES", "Patterns", "patterns_for"]

_FETCHING = frozenset(
    b"img image link source video audio track object embed param input frame applet portal fencedframe".split()
)
"""Elements that make a browser fetch, besides ``meta`` and those with raw text."""
_FOREIGN_FETCHING = frozenset(
    b"use feimage set animate animatecolor animatemotion animatetransform mpath textpath pattern lineargradient "
    b"radialgradient mglyph cursor".split()
)
_ALWAYS = frozenset(
    b"script style iframe textarea title xmp noembed noframes noscript svg math plaintext select base body "
    b"frameset template table form consent-banner".split()
)
"""Elements that are always shown; most of them change how what follows is read. The last one is a place of our own."""
_INTEGRATION = frozenset(b"foreignobject desc title mi mo mn ms mtext annotation-xml".split())
BREAKOUT = frozenset(
    b"b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta "
    b"nobr ol p pre ruby s small span strong strike sub sup table tt u ul var".split()
)
"""Start tags that end foreign content (HTML standard, section 13.2.6.5)."""
_END_NAMES = frozenset({b"body", b"html", b"form"})
_NESTED_END_NAMES = _END_NAMES | {b"template", b"select"}
FOREIGN_NAMES = frozenset(
    b"a animate circle clippath defs ellipse g line lineargradient marker mask path pattern polygon polyline "
    b"radialgradient rect script set stop style switch symbol text textpath tspan use view filter image "
    b"mfrac mover mrow msqrt mstyle msub msubsup msup mtable mtd mtr munder munderover semantics annotation".split()
)
"""Elements of SVG and MathML whose end tags are of no interest."""

_DELIMITER = rb"(?=[\t\n\f\r />])"
_ABSOLUTE = rb"(?=[^>:&\\/?]*+(?:/(?![/\\\t\n\r])[^>:&\\/?]*+)*+[:&\\/?])"
"""The rest of the tag holds something that no relative address has, or a query: a beacon may be on the site itself."""
_HTTP_EQUIV = rb"(?=[^>hH]*+(?:[hH](?![tT][tT][pP]-)[^>hH]*+)*+[hH])"
_ABSOLUTE_NEAR = (
    rb"(?=[^>:&\\/?]{0,256}+(?:/(?![/\\\t\n\r])[^>:&\\/?]{0,96}+){0,8}+(?:[:&\\?]|/(?=[/\\\t\n\r])|(?!>)()))"
)
_HTTP_EQUIV_NEAR = rb"(?=[^>hH]{0,256}+(?:[hH](?![tT][tT][pP]-)[^>hH]{0,96}+){0,8}+(?:[hH](?=[tT][tT][pP]-)|(?!>)()))"
"""The same in bounded time, for searches; the group matches where the tag is too long to be sure."""
_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyz")
_PLAIN = rb"""[^"<>(&\\]*+"""
_FUNCTION = rb"\((?<=[lLcCtT]\()"
"""The parenthesis of ``url(``, ``src(`` or ``image-set(``, unless the name is written with escapes."""
_OTHER = rb"(?:\((?<![lLcCtT]\()|&(?![#lb]))"
"""Any other parenthesis, or a reference other than to a parenthesis (``&lpar;``) or a backslash (``&bsol;``)."""
_DOUBLE_QUOTED = (
    rb'"' + _PLAIN + rb'(?!")(?:[<>\\]|&[#lb]|' + _FUNCTION
    + rb"|" + _OTHER + _PLAIN + rb"(?:" + _OTHER + _PLAIN + rb")*+[<>\\&(])"
)  # fmt: skip
_BARE = rb"[^\t\n\f\r >=(&\\]*+"
_UNQUOTED = rb"""(?!["'])""" + _BARE + rb"(?:" + _OTHER + _BARE + rb")*+[(&\\]"
"""An unquoted value up to the next ``=``, from which the search goes on; that keeps it linear."""
_ENDS_NAME = (
    rb"(?<=[gGdD\t\n\f\r ]=)(?<=[pP][iI][nN][gG]=|[oO][uU][nN][dD]=|[\x00-\xff][\x00-\xff][\x00-\xff][\t\n\f\r ]=)"
)
"""After ``ping`` or ``background``, or after a space, since either may come before it."""
_HOLDS_STRING = rb"""(?<=[yY][lL][eE]=)(?:"[^"'&]*+['&]|'[^"'&]*+["&]|(?!["'])[^\t\n\f\r >"'&]*+["'&])"""
"""A value of ``style`` with quotes in it: a string in a custom property may become an address."""
_CSS_NAME = rb"[dDeEhHkKlLrRtT]="
"""The end of any name whose value is read as CSS: ``style``, and in SVG ``fill``, ``mask`` and so on."""
RISKY_VALUE = re.compile(
    rb"=(?:" + _ENDS_NAME
    + rb"|(?<=" + _CSS_NAME + rb")(?:" + _DOUBLE_QUOTED + rb"|" + _DOUBLE_QUOTED.replace(b'"', b"'")
    + rb"|" + _UNQUOTED + rb"|" + _HOLDS_STRING + rb")"
    rb"|(?<!" + _CSS_NAME + rb""")(?:"[^"<>]*+[<>]|'[^'<>]*+[<>])|[\t\n\f\r ])"""
)  # fmt: skip
"""The ``=`` before a value that may hold ``<``, ``>`` or an address in CSS."""
_IN_DOCUMENT = (
    rb"""[\t\n\f\r ]++(?:(?:xlink:)?href="#[^"<>&]*+"|(?:class|height|id|width|x|xmlns|xmlns:xlink|y)="[^"<>&]*+")"""
)
_SHAPES = FOREIGN_NAMES - _FETCHING - _FOREIGN_FETCHING - {b"script", b"style"}
DRAWING = re.compile(
    rb"(?:[^<]*+<(?:/?+(?:" + rb"|".join(sorted(_SHAPES | {b"use"}, reverse=True)) + rb")>"
    rb"|(?:" + rb"|".join(sorted(_SHAPES, reverse=True)) + rb")[\t\n\f\r /][^<>]*+>"
    rb"|use(?:" + _IN_DOCUMENT + rb")*+[\t\n\f\r ]*+/?+>"
    rb"|title(?:>|[\t\n\f\r ][^<>]*+>)[^<]*+</title>))*+[^<]*+</svg>"
)  # fmt: skip
"""The content of an ``svg`` element that only draws, with its end tag. Valid where no risky value is in it."""

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
"""Whole elements of SVG that only draw: after them the same elements are open as before."""


@dataclass(frozen=True, kw_only=True)
class Patterns:
    """Finds what is of interest in one kind of content."""

    candidate: re.Pattern[bytes]
    """Finds candidates. Where the group matches, the tag has capitals or is long, and may turn out to be none."""
    named: re.Pattern[bytes]
    """Matches a lower-case start tag that is shown for its name."""
    attributed: re.Pattern[bytes]
    """Finds in a lower-case start tag an attribute for which it is shown if its value is risky too."""


def patterns_for(*, foreign: bool, relative: bool, nested: bool) -> Patterns:
    """Return the patterns for HTML or foreign content.

    ``relative`` includes tags with relative addresses only, even without a query; ``nested`` includes the end tags of
    ``select`` and ``template``, for content in them.
    """
    return _PATTERNS[foreign, relative, nested]


def _one_of(names: frozenset[bytes]) -> bytes:
    return rb"(?:" + rb"|".join(sorted(names, reverse=True)) + rb")"


def _none_of(first_letters: set[int]) -> bytes:
    return b"[" + bytes(sorted(_LETTERS - first_letters)) + b"]"


def _by_letter(names: frozenset[bytes], condition: bytes = b"") -> bytes:
    """Return a pattern for one of ``names``, grouped by first letter; its group matches where a capital follows."""
    branches = []
    for first in sorted({name[:1] for name in names}):
        rest = _one_of(frozenset(name[1:] for name in names if name[:1] == first))
        branches.append(first + rb"(?:" + rest + _DELIMITER + condition + rb"|[a-z]*+[A-Z]())")
    return rb"|".join(branches)


def _candidate(
    always: frozenset[bytes], conditional: frozenset[bytes], ends: frozenset[bytes] | None, meta: bytes
) -> re.Pattern[bytes]:
    # This negative look-ahead only rejects the most common tags early.
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


def _compiled(*, foreign: bool, relative: bool, nested: bool) -> Patterns:
    attributes = [b"background", b"ping", b"style"]
    ends: frozenset[bytes] | None
    if foreign:
        always = _ALWAYS | _FETCHING | _INTEGRATION | BREAKOUT | _FOREIGN_FETCHING | {b"font"}
        conditional: frozenset[bytes] = frozenset()
        ends = None  # any other than those of SVG, since it may close the element around the picture
        meta = b""
        # Presentation attributes are read as CSS.
        attributes += b"fill stroke filter mask clip-path marker marker-start marker-mid marker-end cursor".split()
    else:
        always = _ALWAYS | (_FETCHING if relative else frozenset()) | ({b"col"} if nested else frozenset())
        conditional = frozenset() if relative else _FETCHING
        ends = _NESTED_END_NAMES if nested else _END_NAMES
        meta = rb"|meta" + _DELIMITER
    absolute = rb"|" + _one_of(conditional) + _DELIMITER + _ABSOLUTE if conditional else b""
    # A tag that was read as a whole may have ">" in its values.
    exact_meta = meta + _HTTP_EQUIV if meta else b""
    named = rb"<(?:" + _one_of(always) + _DELIMITER + (exact_meta + absolute).replace(b"[^>", b"[^") + rb")"
    return Patterns(
        candidate=_candidate(always, conditional, ends, meta + _HTTP_EQUIV_NEAR if meta else b""),
        named=re.compile(named),
        attributed=re.compile(rb"[\t\n\f\r /\"']" + _one_of(frozenset(attributes)) + rb"[\t\n\f\r />=]"),
    )


_PATTERNS = {
    (foreign, relative, nested): _compiled(foreign=foreign, relative=relative, nested=nested)
    for foreign in (False, True)
    for relative in (False, True)
    for nested in (False, True)
}
