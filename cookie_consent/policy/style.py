"""The variables by which a site gives the banner its looks: their names, and what may be written for them."""

from __future__ import annotations

import re
from difflib import get_close_matches

__all__ = ["STYLE_VARIABLES", "checked_style"]

_NUMBER = r"(?:[0-9]{1,5}(?:\.[0-9]{1,4})?|\.[0-9]{1,4})"
_LENGTH = rf"(?:0|{_NUMBER}(?:px|em|rem|ch|ex|vw|vh|vmin|vmax|%))"
_OFFSET = rf"-?{_LENGTH}"
_FUNCTION = rf"(?:rgb|hsl|hwb|lab|lch|oklab|oklch)\(-?{_NUMBER}[ ,/%a-z0-9.-]{{0,60}}\)"
_COLOUR = rf"(?:\#[0-9a-fA-F]{{3,8}}|[a-zA-Z]{{3,30}}|{_FUNCTION})"
_KINDS = {
    "colour": (_COLOUR, "a colour, such as '#0a6' or 'rgb(0 0 0 / 0.5)'"),
    "length": (_LENGTH, "a length, such as '12px' or '1.5em'"),
    "lengths": (rf"{_LENGTH}(?: {_LENGTH}){{0,3}}", "one to four lengths, such as '1em 1.5em'"),
    "number": (_NUMBER, "a number, such as '1.5'"),
    "weight": (r"normal|bold|[1-9][0-9]{0,2}", "a weight, such as '600' or 'bold'"),
    "font": (
        r"(?:[\w-]{1,40}|\"[\w .-]{1,60}\")(?:, ?(?:[\w-]{1,40}|\"[\w .-]{1,60}\")){0,9}",
        "font families, such as '\"Open Sans\", sans-serif'",
    ),
    "border": (rf"none|{_LENGTH} (?:solid|dashed|dotted|double) {_COLOUR}", "a border, such as '2px solid #0a6'"),
    "shadow": (rf"none|{_OFFSET}(?: {_OFFSET}){{1,3}} {_COLOUR}", "a shadow, such as '0 4px 20px rgb(0 0 0 / 0.3)'"),
}
_KEYWORDS = {"inherit", "initial", "unset", "revert"}
"""What would be taken from the page's root, where nothing stands."""
_COLOURS = ("background", "text", "muted", "line", "edge", "tint", "link", "accent", "on-accent", "error", "backdrop")
STYLE_VARIABLES: dict[str, str] = {
    **dict.fromkeys(_COLOURS, "colour"),
    **{f"{name}-dark": "colour" for name in _COLOURS},
    "font": "font",
    "font-size": "length",
    "line-height": "number",
    "heading-font": "font",
    "heading-size": "length",
    "radius": "lengths",
    "border-width": "length",
    "shadow": "shadow",
    "padding": "lengths",
    "margin": "length",
    "bar-width": "length",
    "box-width": "length",
    "corner-width": "length",
    "height": "length",
    "button-radius": "lengths",
    "button-border": "border",
    "button-padding": "lengths",
    "button-height": "length",
    "button-weight": "weight",
    "pill-radius": "lengths",
    "pill-size": "length",
    "pill-shadow": "shadow",
}
"""Each name without ``--cookie-consent-``, with what kind of value it takes. Every one holds for both answers alike."""
_PATTERNS = {kind: re.compile(pattern, re.ASCII) for kind, (pattern, _) in _KINDS.items()}


def checked_style(values: dict[str, str]) -> dict[str, str]:
    """Return the variables. Raises ``ValueError`` for an unknown name, and for a value of another kind.

    No value can end a declaration, or make a browser fetch anything.
    """
    for name, value in values.items():
        kind = STYLE_VARIABLES.get(name)
        if kind is None:
            near = get_close_matches(name, STYLE_VARIABLES, 1)
            fix = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(STYLE_VARIABLES)}"
            raise ValueError(f"{name!r} is no variable of the banner's style: {fix}")
        if not _PATTERNS[kind].fullmatch(value) or value.lower() in _KEYWORDS:
            raise ValueError(f"{name}: {value!r} is not {_KINDS[kind][1]}")
    return values
