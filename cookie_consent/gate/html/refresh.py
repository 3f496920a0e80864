"""Where a ``Refresh`` header or ``<meta http-equiv=refresh>`` leads."""

from __future__ import annotations

import re

__all__ = ["refresh_addresses"]

_STANDARD = re.compile(
    r"[\t\n\f\r ]*+(?:[0-9]++|(?=\.))[0-9.]*+(?=[;,\t\n\f\r ])[\t\n\f\r ]*+[;,]?+[\t\n\f\r ]*+(?P<rest>.*)",
    re.DOTALL,
)
_CHROMIUM = re.compile(
    r"[\t\n\f\r ]*+(?P<time>[^;,\t\n\f\r ]++)[\t\n\f\r ]*+[;,]?+[\t\n\f\r ]*+(?P<rest>.*)", re.DOTALL
)
_CHROMIUM_TIME = re.compile(r"(?=\.?[0-9])[0-9]*\.?[0-9]*(?:\.[0-9.]*)?")
_MARK = re.compile(r"[uU][rR][lL][\t\n\f\r ]*+=[\t\n\f\r ]*+")


def refresh_addresses(value: str) -> list[str]:
    """Return the addresses that ``value`` leads to in some browser; empty where the page only loads itself again.

    Two readings count: that of the standard, which Firefox and Safari follow, and Chromium's.
    """
    found = (_standard(value), _chromium(value))
    return list(dict.fromkeys(address for address in found if address))


def _standard(value: str) -> str:
    """Follow the shared declarative refresh steps (HTML standard, section 4.2.5.3 "Refresh state")."""
    match = _STANDARD.match(value)
    if match is None:
        return ""
    rest = match["rest"]
    mark = _MARK.match(rest)
    rest = rest[mark.end() :] if mark is not None else rest
    quote = rest[:1]
    return rest[1:].partition(quote)[0] if quote in {'"', "'"} else rest


def _chromium(value: str) -> str:
    """Follow ``ParseHTTPRefresh``: the time has no other limits, and the last quote ends the address, not the first."""
    match = _CHROMIUM.match(value)
    # The time is read without the white space of Unicode around it.
    if match is None or _CHROMIUM_TIME.fullmatch(match["time"].strip()) is None:
        return ""
    rest = match["rest"]
    mark = _MARK.match(rest)
    rest = rest[mark.end() :] if mark is not None else rest
    quote = rest[:1]
    if quote not in {'"', "'"}:
        return rest
    end = rest.rfind(quote, 1)
    # Without a second quote, or with nothing between the two, all of the rest is taken.
    return rest[1:end] if end > 1 else rest[1:]
