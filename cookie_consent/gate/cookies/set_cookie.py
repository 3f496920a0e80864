"""Parse a ``Set-Cookie`` header as browsers do (RFC 6265bis, sections 5.6 and 5.7)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cookie_consent.gate.cookies.dates import parse_cookie_date
from cookie_consent.policy.cookie_prefix import cookie_prefix

if TYPE_CHECKING:
    from datetime import datetime

    from cookie_consent.policy.cookie_prefix import CookiePrefix

__all__ = ["MAXIMUM_PAIR", "SetCookie", "parse_set_cookie"]

MAXIMUM_PAIR = 4096
"""Browsers ignore a cookie whose name and value together have more bytes."""
MAXIMUM_ATTRIBUTE = 1024
"""Browsers ignore an attribute whose value has more bytes."""
BROWSERS_LONGEST = 400 * 86_400
"""The longest lifetime that browsers allow, in seconds."""
_WSP = " \t"
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_MAX_AGE = re.compile(r"-?[0-9]+")
_LIFETIME = frozenset({"max-age", "expires"})


@dataclass(frozen=True, kw_only=True)
class SetCookie:
    """A cookie as browsers read it. ``name`` may be empty; such a cookie is sent back as its bare value."""

    name: str
    value: str
    pair: str
    """The header up to the first semicolon, unchanged."""
    parts: tuple[str, ...]
    """The attributes between the semicolons, unchanged."""
    attributes: dict[str, str]
    """The effective attributes by lower-case name: the last valid one of each."""

    @property
    def judged_name(self) -> str:
        """The name under which servers will read it. Without a name, they read its value up to ``=`` as one."""
        return self.name or self.value.partition("=")[0].rstrip(_WSP)

    def fault(self) -> str:
        """Return why browsers reject the cookie, or an empty string if they accept it."""
        if not self.name and not self.value:
            return "it has neither a name nor a value"
        if _CONTROL.search(self.pair) or any(_CONTROL.search(part) for part in self.parts):
            return "it contains a control character"
        if len(self.name) + len(self.value) > MAXIMUM_PAIR:
            return f"its name and value have more than {MAXIMUM_PAIR} bytes"
        prefix = cookie_prefix(self.name or self.value)
        return self._prefix_fault(prefix) if prefix is not None else ""

    def _prefix_fault(self, prefix: CookiePrefix) -> str:
        if not self.name:
            return "it has no name, and its value begins with a cookie name prefix"
        if "secure" not in self.attributes:
            return "its name has a prefix that needs Secure"
        if prefix.needs_http_only and "httponly" not in self.attributes:
            return "its name has a prefix that needs HttpOnly"
        if prefix.needs_host and (self.attributes.get("domain") or self.attributes.get("path") != "/"):
            return "its name has the prefix __Host-, which needs Path=/ and forbids Domain"
        return ""

    def lifetime(self, now: datetime) -> float | None:
        """Return for how many seconds a browser keeps it, at most 400 days. None means until it closes."""
        if "max-age" in self.attributes:
            text = self.attributes["max-age"]
            # A hundred digits are more than enough, and Python refuses to parse thousands.
            return min(float(text[:100]), BROWSERS_LONGEST)
        moment = parse_cookie_date(self.attributes["expires"]) if "expires" in self.attributes else None
        return min((moment - now).total_seconds(), BROWSERS_LONGEST) if moment is not None else None

    @property
    def names_lifetime(self) -> bool:
        """Whether it has ``Max-Age`` or ``Expires``, valid or not."""
        return any(_is_lifetime(part) for part in self.parts)

    @property
    def is_plain(self) -> bool:
        """Whether all browsers agree on the lifetime: no attribute of it is repeated or invalid."""
        return sum(map(_is_lifetime, self.parts)) == len(_LIFETIME & self.attributes.keys())

    def with_lifetime(self, seconds: int | None) -> str:
        """Return the header value with this lifetime. None makes it a session cookie."""
        kept = [part for part in self.parts if not _is_lifetime(part)]
        return ";".join([self.pair, *kept, *([f" Max-Age={seconds}"] if seconds is not None else [])])


def parse_set_cookie(header: str) -> SetCookie:
    """Parse a header value, decoded as Latin-1 so that each character is a byte.

    A comma is an ordinary character: browsers do not split a header into which a proxy has folded several.
    """
    pair, *parts = header.split(";")
    name, equals, value = pair.partition("=")
    if not equals:  # a cookie without a name
        name, value = "", pair
    attributes: dict[str, str] = {}
    for part in parts:
        key, _, text = part.partition("=")
        key, text = key.strip(_WSP).lower(), text.strip(_WSP)
        # As in browsers, an invalid attribute is ignored, and an earlier valid one stays in force.
        if len(text) > MAXIMUM_ATTRIBUTE:
            continue
        if key == "max-age" and not _MAX_AGE.fullmatch(text):
            continue
        if key == "expires" and parse_cookie_date(text) is None:
            continue
        attributes[key] = text
    return SetCookie(
        name=name.strip(_WSP), value=value.strip(_WSP), pair=pair, parts=tuple(parts), attributes=attributes
    )


def _is_lifetime(part: str) -> bool:
    # This strips more white space than browsers do, to catch what only some of them take for a lifetime.
    return part.partition("=")[0].strip().lower() in _LIFETIME
