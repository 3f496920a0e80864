"""Hold cookies to the consent: those that the browser sends and those that the site sets (RFC 6265bis)."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from cookie_consent.policy import UNCLASSIFIED

if TYPE_CHECKING:
    from cookie_consent.classify import Classifier, Verdict
    from cookie_consent.consent import Consent, ConsentCookie

__all__ = ["CookieGate"]

_EXPIRED = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
_DIGITS = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_LIFETIME = frozenset({"max-age", "expires"})


class CookieGate:
    """Filters the cookies of one exchange. ``expire`` gathers what the answer must take from the browser."""

    def __init__(self, classifier: Classifier, consent: Consent, own: ConsentCookie) -> None:
        self._classifier = classifier
        self._consent = consent
        self._own = own
        self.refused: list[str] = []
        """The names of the cookies that came with the request and are not agreed to."""

    def request(self, header: str) -> str:
        """Return the ``Cookie`` header that the application may see; it may be empty.

        The header keeps its bytes if nothing is taken out.
        """
        kept = []
        pairs = header.split(";")
        for pair in pairs:
            name = pair.partition("=")[0].strip() if "=" in pair else ""
            if self._own.owns(name):
                continue
            if self.allows(name) or self.is_login(name):
                kept.append(pair.strip())
            elif name and name not in self.refused:
                self.refused.append(name)
        return header if len(kept) == len(pairs) else "; ".join(pair for pair in kept if pair)

    def response(self, header: str) -> str | None:
        """Return the ``Set-Cookie`` value to send in place of ``header``, or None to drop it."""
        pair, *attributes = header.split(";")
        name, equals, value = pair.partition("=")
        name = name.strip() if equals else ""
        if self._own.owns(name) or has_card_number(value if equals else pair):
            return None
        if not self.allows(name) and not _deletes(attributes):
            return _as_session(pair, attributes) if self.is_login(name) else None
        return self._limited(pair, attributes, self._classifier.cookie(name))

    def allows(self, name: str) -> bool:
        """Say whether the visitor's consent covers the cookie; an undeclared one follows ``unknown_cookies``."""
        verdict = self._classifier.cookie(name)
        if verdict.service is not None and verdict.service in self._consent.services:
            return self._consent.services[verdict.service]
        if verdict.known or verdict.rule is not None:
            return self._consent.allows(verdict.category)
        rule = self._classifier.policy.unknown_cookies
        return rule in {"session", "allow"} or (rule == "ask" and self._consent.allows(UNCLASSIFIED))

    def is_login(self, name: str) -> bool:
        """Say whether the cookie keeps a visitor signed in; without consent it lasts until the browser closes."""
        return self._classifier.cookie(name).category == "login"

    def expired(self, name: str, host: str) -> list[str]:
        """Return the ``Set-Cookie`` values that delete the cookie: for the host, its parent domains, known paths."""
        rule = self._classifier.cookie(name).rule
        paths = dict.fromkeys(["/", rule.path if rule is not None else "/"])
        suffix = "; Secure" if name.startswith(("__Secure-", "__Host-")) else ""
        domains = [""] if name.startswith("__Host-") else ["", *_parent_domains(host)]
        return [
            f"{name}=; {_EXPIRED}; Path={path}{f'; Domain={domain}' if domain else ''}{suffix}"
            for domain in domains
            for path in paths
        ]

    def expire_refused(self, host: str) -> list[str]:
        """Return the ``Set-Cookie`` values that delete every refused cookie."""
        return [value for name in self.refused for value in self.expired(name, host)]

    def _limited(self, pair: str, attributes: list[str], verdict: Verdict) -> str:
        """Cut the lifetime down to what is declared."""
        unknown = not verdict.known and verdict.rule is None
        if verdict.category == "session" or (unknown and self._classifier.policy.unknown_cookies == "session"):
            return ";".join([pair, *attributes]) if _deletes(attributes) else _as_session(pair, attributes)
        cap = verdict.rule.max_age if verdict.rule is not None else None
        if cap is None or not _outlives(attributes, cap):
            return ";".join([pair, *attributes])
        kept = [part for part in attributes if part.partition("=")[0].strip().lower() not in _LIFETIME]
        return ";".join([pair, *kept, f" Max-Age={cap}"])


def has_card_number(value: str) -> bool:
    """Say whether ``value`` holds a payment-card number: 13 to 19 digits that pass the Luhn check."""
    return any(_luhn([int(digit) for digit in match[0] if digit.isdigit()]) for match in _DIGITS.finditer(value))


def _luhn(digits: list[int]) -> bool:
    # A card number begins with 2 to 6 (ISO/IEC 7812-1); an epoch time in milliseconds begins with 1.
    if digits[0] not in {2, 3, 4, 5, 6}:
        return False
    doubled = [
        digit if at % 2 == 0 else (digit * 2 - 9 if digit > 4 else digit * 2)
        for at, digit in enumerate(reversed(digits))
    ]
    return sum(doubled) % 10 == 0


def _as_session(pair: str, attributes: list[str]) -> str:
    kept = [part for part in attributes if part.partition("=")[0].strip().lower() not in _LIFETIME]
    return ";".join([pair, *kept])


def _max_age(attributes: list[str]) -> int | None:
    age = None
    for part in attributes:
        name, _, value = part.partition("=")
        if name.strip().lower() == "max-age" and re.fullmatch(r"-?[0-9]{1,18}", value.strip()):
            age = int(value)
    return age


def _has_expires(attributes: list[str]) -> str | None:
    found = [part.partition("=")[2] for part in attributes if part.partition("=")[0].strip().lower() == "expires"]
    return found[-1].strip() if found else None


def _expires_in(attributes: list[str]) -> float | None:
    """Return the seconds until ``Expires``, or None if there is none that can be read."""
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    text = _has_expires(attributes)
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text.replace("-", " "))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime.now(UTC)).total_seconds()


def _deletes(attributes: list[str]) -> bool:
    age = _max_age(attributes)
    if age is not None:
        return age <= 0
    seconds = _expires_in(attributes)
    return seconds is not None and seconds <= 0


def _outlives(attributes: list[str], cap: int) -> bool:
    age = _max_age(attributes)
    if age is not None:
        return age > cap
    if _has_expires(attributes) is None:
        return False
    seconds = _expires_in(attributes)
    return seconds is None or seconds > cap


def _parent_domains(host: str) -> list[str]:
    """Return the host and its parents that may be a cookie's Domain; browsers ignore public suffixes themselves."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        labels = host.split(".")
        return [".".join(labels[at:]) for at in range(max(len(labels) - 1, 0))]
    return []
