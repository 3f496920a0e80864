"""The addresses to which a ``Refresh`` header or ``<meta http-equiv=refresh>`` leads."""

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
    """Return the addresses to which ``value`` leads in any browser; none if the page only reloads itself."""
    # Firefox and Safari follow the standard, Chromium does not.
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
    """Follow ``ParseHTTPRefresh`` of Chromium, where not the first but the last quote ends the address."""
    match = _CHROMIUM.match(value)
    # Unicode white space around the time is ignored.
    if match is None or _CHROMIUM_TIME.fullmatch(match["time"].strip()) is None:
        return ""
    rest = match["rest"]
    mark = _MARK.match(rest)
    rest = rest[mark.end() :] if mark is not None else rest
    quote = rest[:1]
    if quote not in {'"', "'"}:
        return rest
    end = rest.rfind(quote, 1)
    # Without a second quote, or with nothing between the two, the address is all of the rest.
    return rest[1:end] if end > 1 else rest[1:]
