"""Which colours of a policy's banner are too much alike (WCAG 2.2, 1.4.3 and 1.4.11)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cookie_consent.policy.model import BannerOptions

__all__ = ["LIGHT_AND_DARK", "contrast", "weak_pairs"]

LIGHT_AND_DARK = {
    "background": ("#fff", "#1c2129"),
    "text": ("#1a1f26", "#eef1f5"),
    "muted": ("#535d69", "#b0b9c4"),
    "edge": ("#767f8b", "#8b95a2"),
    "tint": ("#f3f5f8", "#262d37"),
    "link": ("#0b57b7", "#9cc4ff"),
    "accent": ("#1f3a68", "#b9d2fb"),
    "on-accent": ("#fff", "#10213d"),
    "error": ("#a4161a", "#ffb3ae"),
}
"""The style sheet's own colours in both schemes."""
_TEXT, _PARTS = 4.5, 3.0
_PAIRS = (
    ("text", "background", _TEXT),
    ("text", "tint", _TEXT),
    ("muted", "background", _TEXT),
    ("muted", "tint", _TEXT),
    ("link", "background", _TEXT),
    ("on-accent", "accent", _TEXT),
    ("error", "background", _TEXT),
    ("accent", "background", _PARTS),
    ("edge", "background", _PARTS),
)
_NAMED = {"white": "#fff", "black": "#000"}
_RGB = re.compile(r"rgb\(\s*(\d{1,3})[ ,]+(\d{1,3})[ ,]+(\d{1,3})\s*\)")


def weak_pairs(options: BannerOptions) -> Iterator[tuple[str, str]]:
    """Yield the key and a hint for each pair of colours with too little contrast, of which the policy sets one.

    Colours that are not written as ``#rgb``, ``#rrggbb``, ``rgb(…)``, ``black`` or ``white`` are not judged.
    """
    for scheme, is_used in enumerate((options.theme != "dark", options.theme != "light")):
        for front, behind, least in _PAIRS if is_used else ():
            keys = [_key(name, options.style, dark=bool(scheme)) for name in (front, behind)]
            colours = [
                options.style[key] if key else LIGHT_AND_DARK[name][scheme]
                for key, name in zip(keys, (front, behind), strict=True)
            ]
            found = contrast(*colours) if any(keys) else None
            if found is not None and found < least:
                where = "the dark" if scheme else "the light"
                yield (
                    f"banner.style.{keys[0] or keys[1]}",
                    f"{front} on {behind} has a contrast of {found:.1f} to 1 in {where} scheme, and {least:g} to 1 is "
                    f"the least (WCAG 2.2, {'1.4.3' if least == _TEXT else '1.4.11'})",
                )


def contrast(one: str, other: str) -> float | None:
    """Return the contrast ratio of two colours (WCAG 2.2); None if one of them cannot be read."""
    lights = [_luminance(colour) for colour in (one, other)]
    if lights[0] is None or lights[1] is None:
        return None
    low, high = sorted(light for light in lights if light is not None)
    return (high + 0.05) / (low + 0.05)


def _key(name: str, style: Mapping[str, str], *, dark: bool) -> str:
    """Return the variable that the policy sets for a colour of a scheme; empty if it sets none."""
    names = (f"{name}-dark", name) if dark else (name,)
    return next((each for each in names if each in style), "")


def _luminance(colour: str) -> float | None:
    text = _NAMED.get(colour.lower(), colour.lower())
    match = _RGB.fullmatch(text)
    if match is not None:
        parts = [min(int(part), 255) for part in match.groups()]
    elif text.startswith("#") and len(text) in {4, 7}:
        digits = text[1:] if len(text) == 7 else "".join(digit * 2 for digit in text[1:])
        parts = [int(digits[at : at + 2], 16) for at in (0, 2, 4)]
    else:
        return None
    linear = [part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
