"""Where an engine differs from Chromium, with the reason. An entry that holds no more must go."""

from __future__ import annotations

LIMITS: dict[str, dict[str, str]] = {
    "chromium": {},
    "firefox": {},
    "webkit": {
        "location": "WebKitGTK 2.50 has no Navigation API, by which the guard sees where a page is led",
    },
}
"""What an engine lets pass that Chromium does not, by case."""
_RULES = (
    "rules, before",
    "rules, after",
    "rules with one that is none",
    "rules with an escape of Chromium's",
    "rules for all links of the document",
    "rules in a fragment",
    "rules in an SVG",
    "rules that are written",
    "rules as a text beside",
    "rules for all links",
)
_NO_RULES = dict.fromkeys(_RULES, "it has no speculation rules")
_NO_LATER = "it has no fetchLater()"
_NO_WORKLET = "it has no paint worklets"
_NO_HINTS = dict.fromkeys(
    ("a hint in markup", "a hint in a frame's document"),
    "it makes no connection ahead of a request where it has a proxy, as here",
)
IDLE: dict[str, dict[str, str]] = {
    "chromium": {},
    "firefox": {
        **_NO_RULES,
        **_NO_HINTS,
        "fetch-later": _NO_LATER,
        "paint-worklet": _NO_WORKLET,
        "coding-of-browsers": "it shows no page in the coding dcz without a dictionary",
    },
    "webkit": {
        **_NO_RULES,
        "a window": "it opens no window that the visitor has not asked for",
        "create-prefetch": "it does not prefetch",
        "fetch-later": _NO_LATER,
        "paint-worklet": _NO_WORKLET,
        "odd-cookie": "it rejects a cookie with a tab before its name",
        "turn": "Debian's build has no WebRTC",
    },
}
"""What an engine does not do even without a gate, by case."""
