"""What the application may see of a request: the consent that holds for it, and headers without what that excludes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from cookie_consent.exchange.content_encoding import READABLE
from cookie_consent.gate import CookieGate

if TYPE_CHECKING:
    from starlette.types import Scope

    from cookie_consent.consent import Consent, ConsentCookie, ConsentReader
    from cookie_consent.policy.classifier import Classifier

__all__ = [
    "CONDITIONS",
    "LOOKED_INTO",
    "PARTS",
    "Admission",
    "asks_for_page",
    "is_to_be_read",
    "readable_codings",
    "shown_extensions",
]

PARTS = frozenset({b"if-range", b"range"})
CONDITIONS = PARTS | {b"if-modified-since"}
"""Not shown to the application where a page is asked for: what it would compare is the page before the gate.

``PARTS`` are where they may continue a download.
"""
LOOKED_INTO = CONDITIONS | {b"accept", b"cookie", b"if-none-match", b"sec-fetch-dest", b"sec-gpc"}
"""Headers of requests that ``Admission`` has to see; ``Accept`` only where it asks for a page."""
_HIDDEN_EXTENSIONS = frozenset({"http.response.pathsend", "http.response.zerocopysend", "http.response.push"})
"""Ways to send a body past the rewriter; the application sends bytes where they are not offered."""
_SECURE = frozenset({"https", "wss"})
_KEPT = 1024
_LONGEST_KEPT = 2048
"""What the latest ``Cookie`` headers come to is kept, unless they are longer than most: some megabytes at the most."""


class Admission:
    """Reads requests, most of which ask for nothing that concerns a gate. Built once per policy.

    Visitors send the same cookies again and again, so what a ``Cookie`` header comes to is kept for a while.
    """

    def __init__(self, reader: ConsentReader, classifier: Classifier, own: ConsentCookie) -> None:
        self._reader = reader
        self._undecided = reader.undecided
        self._classifier = classifier
        self._own = own
        self._kept = lru_cache(maxsize=_KEPT)(self._weigh)

    def consent(self, scope: Scope) -> Consent:
        """Return the consent that holds for a request."""
        headers = scope["headers"]
        return self._reader.consent(headers, dict(headers), secure=scope.get("scheme") in _SECURE)

    def admit(self, scope: Scope, asked: dict[bytes, bytes]) -> tuple[Consent, list[tuple[bytes, bytes]] | None]:
        """Return the consent and the headers that the application may see; ``asked`` has the last of each name.

        The headers are None where the answer depends on what is kept from the application, or on its conditions.
        """
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        cookie = asked.get(b"cookie", b"")
        depends = cookie or b"sec-gpc" in asked
        if len(cookie) > _LONGEST_KEPT or (depends and len(asked) != len(headers)):
            return self.consent(scope), None
        consent: Consent = self._undecided
        shown: bytes | None = cookie
        if depends:
            consent, shown = self._kept(cookie, asked.get(b"sec-gpc"), scope.get("scheme"))
        if shown is None or b"if-none-match" in asked:
            return consent, None
        if not CONDITIONS.isdisjoint(asked) and (b"sec-fetch-dest" in asked or asks_for_page(asked)):
            return consent, None
        if shown != cookie:
            headers = _with_value(headers, b"cookie", shown)
        codings = asked.get(b"accept-encoding")
        if codings is not None and is_to_be_read(asked):
            readable = readable_codings(codings)
            if readable != codings:
                headers = _with_value(headers, b"accept-encoding", readable)
        return consent, headers

    def _weigh(self, cookie: bytes, gpc: bytes | None, scheme: str | None) -> tuple[Consent, bytes | None]:
        """Return the consent and the ``Cookie`` header that the application may see; None if a cookie is refused."""
        headers = [(b"cookie", cookie)] if cookie else []
        if gpc is not None:
            headers.append((b"sec-gpc", gpc))
        consent = self._reader.consent(headers, dict(headers), secure=scheme in _SECURE)
        gate = CookieGate(self._classifier, consent, self._own)
        shown = gate.request(cookie.decode("latin-1")).encode("latin-1")
        return consent, None if gate.refused or gate.events else shown


def asks_for_page(asked: dict[bytes, bytes]) -> bool:
    """Say whether a browser would rather have a page than anything else (RFC 9110, section 12.5.1)."""
    return b"text/html" in asked.get(b"accept", b"")


def is_to_be_read(asked: dict[bytes, bytes]) -> bool:
    """Say whether the answer may be a page, or part of one that a script asks for, so that it has to be decoded."""
    return asked.get(b"sec-fetch-dest") == b"empty" or b"text/html" in asked.get(b"accept", b"")


def shown_extensions(scope: Scope) -> dict[str, object]:
    """Return the extensions that the application sees (ASGI, Extensions)."""
    return {key: on for key, on in (scope["extensions"] or {}).items() if key not in _HIDDEN_EXTENSIONS}


def _with_value(headers: list[tuple[bytes, bytes]], name: bytes, value: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers with another value for one of them, or without it where the value is empty."""
    return [(key, value) if key == name else (key, old) for key, old in headers if value or key != name]


@lru_cache(maxsize=256)
def readable_codings(value: bytes) -> bytes:
    """Return ``Accept-Encoding`` with the codings that can be read here (RFC 9110, section 12.5.3)."""
    parts = [part.strip() for part in value.decode("latin-1").split(",")]
    kept = [part for part in parts if part.partition(";")[0].strip().lower() in READABLE]
    return ", ".join(kept or ["identity"]).encode("latin-1")
