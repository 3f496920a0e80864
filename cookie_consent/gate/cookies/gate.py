"""Enforce the consent on cookies: those that the browser sends, and those that the site sets (RFC 6265bis)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cookie_consent.gate.cookies.card_numbers import has_card_number
from cookie_consent.gate.cookies.deletion import deletions
from cookie_consent.gate.cookies.set_cookie import SetCookie, parse_set_cookie
from cookie_consent.logs import log_once
from cookie_consent.policy import UNCLASSIFIED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cookie_consent.consent import Consent, ConsentCookie
    from cookie_consent.gate.cookies.deletion import CookieUrl
    from cookie_consent.policy.classifier import Classifier, Verdict

__all__ = ["MAXIMUM_COOKIES", "CookieEvent", "CookieGate", "gated_cookies"]

MAXIMUM_COOKIES = 400
"""Browsers store at most 180 cookies of a site. Any beyond this number are dropped unread."""
_WSP = " \t"
_FOLDED = re.compile(r",[ \t]*([^\s\"(),/:;<=>?@\[\\\]{}]+)[ \t]*=")
_A_DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class CookieEvent:
    """Something about a cookie that the site's operator should know. Never its value.

    ``reason`` is ``refused`` (declared, but not agreed to), ``undeclared``, or what is wrong with a cookie that the
    site sets: ``card-number``, ``malformed``, ``folded`` or ``reserved``.
    """

    name: str
    reason: str
    detail: str
    set_by_site: bool
    dropped: bool


class CookieGate:
    """Filters the cookies of one request and its response. A cookie that cannot be judged is dropped."""

    def __init__(self, classifier: Classifier, consent: Consent, own: ConsentCookie) -> None:
        self._classifier = classifier
        self._consent = consent
        self._own = own
        self._refused: dict[str, str] = {}
        self._count = 0
        self.held: set[tuple[str, str]] = set()
        """The category and service (``-`` for none) of dropped cookies that the site tried to set."""
        self.events: list[CookieEvent] = []
        """What to report to the operator, in order."""

    @property
    def refused(self) -> list[str]:
        """The request's cookies that are not agreed to. ``=VALUE`` stands for a cookie without a name."""
        return list(self._refused)

    def request(self, header: str) -> str:
        """Return the ``Cookie`` header for the application. It may be empty.

        Call it for each such header: HTTP/2 allows several (RFC 9113, section 8.2.3). A header from which nothing is
        removed is returned unchanged.
        """
        pairs = header.split(";")
        kept = [pair for pair in pairs if self._may_come(pair)]
        return header if len(kept) == len(pairs) else "; ".join(pair.strip(_WSP) for pair in kept if pair.strip(_WSP))

    def withdraw(self, header: str, before: Consent) -> None:
        """Refuse the cookies that the consent no longer covers, including those that only ``before`` let persist.

        Their attributes are unknown here, so that they cannot be set again with a shorter lifetime.
        """
        self.request(header)
        was = CookieGate(self._classifier, before, self._own)
        for pair in header.split(";")[:MAXIMUM_COOKIES]:
            key, name = _name_of(pair)
            if not name or self._own.owns(name.strip()):
                continue
            if was.may_persist(name) and not self.may_persist(name):
                self._refuse(key, self._verdict(name))

    def response(self, header: str) -> str | None:
        """Return the ``Set-Cookie`` value to send instead of ``header``, or None to drop it."""
        try:
            return self._response(parse_set_cookie(header), header)
        except Exception:  # noqa: BLE001 - whatever it is, the cookie must not pass
            self._fail()
            return None

    def allows(self, name: str) -> bool:
        """Return whether the consent covers the cookie. Undeclared ones follow ``unknown_cookies``."""
        return self._allows(self._verdict(name))

    def may_persist(self, name: str) -> bool:
        """Return whether the consent lets the cookie outlive the browser session."""
        return self._may_persist(self._verdict(name))

    def deletions(self, url: CookieUrl) -> list[str]:
        """Return a bounded number of ``Set-Cookie`` values that delete the refused cookies."""
        try:
            headers, complete = deletions(self._refused.items(), url)
        except Exception:  # noqa: BLE001 - the page goes on, and the cookies do not reach the application
            self._fail()
            return []
        if not complete:
            log_once("many", "more cookies must be deleted than fit into one response: it takes several responses")
        return headers

    def _may_come(self, pair: str) -> bool:
        self._count += 1
        if self._count > MAXIMUM_COOKIES:
            log_once("count", f"a request had more than {MAXIMUM_COOKIES} cookies: the others were dropped")
            return False
        try:
            key, name = _name_of(pair)
            if self._own.owns(name.strip()):
                return False
            verdict = self._verdict(name)
            if not name or self._allows(verdict) or verdict.category == "login":
                return True
            self._refuse(key, verdict)
        except Exception:  # noqa: BLE001 - whatever it is, the cookie must not pass
            self._fail()
        return False

    def _refuse(self, key: str, verdict: Verdict) -> None:
        if key not in self._refused:
            self._refused[key] = verdict.rule.path if verdict.rule is not None else "/"
            if _is_unknown(verdict):
                self._note(key.lstrip("="), "undeclared", verdict.reason, dropped=True, set_by_site=False)

    def _response(self, cookie: SetCookie, header: str) -> str | None:
        name = cookie.judged_name
        fault = cookie.fault()
        if fault:
            self._drop(name, "malformed", fault)
            return None
        if self._own.owns(name.strip()):
            self._drop(name, "reserved", "the name is that of the consent cookie")
            return None
        if has_card_number(cookie.value):
            self._drop(name, "card-number", "its value holds a payment-card number")
            return None
        folded = self._folded(header)
        if folded is not None:
            self._drop(folded, "folded", "it follows a comma in the header of another cookie")
            return None
        verdict = self._verdict(name)
        lifetime = cookie.lifetime(datetime.now(UTC)) if cookie.names_lifetime else None
        if lifetime is not None and lifetime <= 0:
            # A deletion. The browser's clock may be behind ours: a refused cookie must expire on every clock.
            ends = self._allows(verdict) or "max-age" in cookie.attributes or lifetime < -_A_DAY
            return header if ends else cookie.with_lifetime(0)
        if _is_unknown(verdict):
            self._note(name, "undeclared", verdict.reason, dropped=not self._allows(verdict), set_by_site=True)
        if self._allows(verdict):
            return self._limited(cookie, header, lifetime, verdict)
        if verdict.category == "login":
            return cookie.with_lifetime(None) if cookie.names_lifetime else header
        self._hold(name, verdict)
        return None

    def _hold(self, name: str, verdict: Verdict) -> None:
        """Drop a cookie, and note what the visitor has to agree to for it, unless the policy blocks it."""
        if not _is_unknown(verdict):
            self._drop(name, "refused", f"{verdict.category} is not agreed to")
        elif self._classifier.policy.unknown_cookies == "block":
            return
        self.held.add((verdict.category, verdict.service or "-"))

    def _folded(self, header: str) -> str | None:
        """Return the name of a refused cookie in a folded header.

        To browsers such a header is one cookie, but a proxy or CDN may split it at the comma.
        """
        if "," not in header:
            return None
        return next((name for name in _FOLDED.findall(header) if self._is_refused(name)), None)

    def _is_refused(self, name: str) -> bool:
        verdict = self._verdict(name)
        return self._own.owns(name) or not (_is_unknown(verdict) or self._allows(verdict))

    def _limited(self, cookie: SetCookie, header: str, lifetime: float | None, verdict: Verdict) -> str:
        """Return the header with its lifetime limited to what is declared."""
        if not cookie.names_lifetime:
            return header
        if not self._may_persist(verdict):
            return cookie.with_lifetime(None)
        category = self._classifier.policy.category(verdict.category)
        caps = [
            cap
            for cap in (
                verdict.rule.max_age if verdict.rule is not None else None,
                category.max_age if category is not None else None,
            )
            if cap is not None
        ]
        if not caps:
            return header
        if lifetime is None:
            return cookie.with_lifetime(None)  # nobody can tell how long an unreadable lifetime is
        if lifetime > min(caps):
            return cookie.with_lifetime(min(caps))
        return header if cookie.is_plain else cookie.with_lifetime(int(lifetime))

    def _verdict(self, name: str) -> Verdict:
        verdict = self._classifier.cookie(name)
        if _is_unknown(verdict) and name != name.strip():
            # Browsers strip spaces and tabs only, but servers strip all Unicode white space.
            return self._classifier.cookie(name.strip())
        return verdict

    def _allows(self, verdict: Verdict) -> bool:
        if not _is_unknown(verdict):
            return self._consent.covers(verdict.category, verdict.service)
        rule = self._classifier.policy.unknown_cookies
        return rule in {"session", "allow"} or (rule == "ask" and self._consent.allows(UNCLASSIFIED))

    def _may_persist(self, verdict: Verdict) -> bool:
        if not self._allows(verdict) or verdict.service in self._consent.visit:
            return False
        if _is_unknown(verdict):
            return self._classifier.policy.unknown_cookies == "allow" or self._consent.allows(UNCLASSIFIED)
        if verdict.rule is not None and verdict.rule.persist is not None:
            # Not `covers`: a service's own exception says nothing about staying signed in.
            # Nor `allows`, which takes it for a question of the application's.
            return verdict.rule.persist in self._consent.granted
        return verdict.category != "session"

    def _drop(self, name: str, reason: str, detail: str) -> None:
        self._note(name, reason, detail, dropped=True, set_by_site=True)

    def _note(self, name: str, reason: str, detail: str, *, dropped: bool, set_by_site: bool) -> None:
        self.events.append(
            CookieEvent(name=name, reason=reason, detail=detail, dropped=dropped, set_by_site=set_by_site)
        )

    def _fail(self) -> None:
        log_once("failure", "a cookie could not be judged and was dropped", exc_info=True)


def gated_cookies(
    headers: Iterable[tuple[bytes, bytes]],
    gate: CookieGate,
    *,
    observe: Callable[[str, str | None], None] | None = None,
) -> list[tuple[bytes, bytes]]:
    """Return the response headers, in order, with each ``Set-Cookie`` gated.

    ``observe`` is called with each value that is changed, and with what is sent instead.
    """
    kept = []
    for name, value in headers:
        if name.lower() == b"set-cookie":
            header = value.decode("latin-1")
            sent = gate.response(header)
            if observe is not None and sent != header:
                observe(header, sent)
            if sent is not None:
                kept.append((name, sent.encode("latin-1")))
        else:
            kept.append((name, value))
    return kept


def _name_of(pair: str) -> tuple[str, str]:
    """Return the browser's key for the cookie, and the name under which a server reads it."""
    name, equals, value = pair.partition("=")
    name = name.strip(_WSP)
    if equals and name:
        return name, name
    # A cookie without a name is sent as its bare value. If that contains "=", servers read a name from it.
    name = (value if equals else pair).partition("=")[0].strip(_WSP)
    return f"={name}", name


def _is_unknown(verdict: Verdict) -> bool:
    return not verdict.known and verdict.rule is None
