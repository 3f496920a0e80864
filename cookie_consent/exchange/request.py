"""What the application may see of a request: its consent, and the request headers that the consent allows."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from cookie_consent.consent import HEADER_NAME, HEADER_NAMES, header_value
from cookie_consent.exchange.content_encoding import READABLE
from cookie_consent.gate import CookieGate

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from starlette.types import Scope

    from cookie_consent.consent import Consent, ConsentCookie, ConsentReader
    from cookie_consent.policy.classifier import Classifier

__all__ = [
    "CONDITIONAL_HEADERS",
    "INSPECTED_HEADERS",
    "RANGE_HEADERS",
    "RequestFilter",
    "app_extensions",
    "app_headers",
    "asks_for_page",
]

RANGE_HEADERS = frozenset({b"if-range", b"range"})
CONDITIONAL_HEADERS = RANGE_HEADERS | {b"if-modified-since"}
"""Removed from requests for pages: the application would compare them with the page before it is rewritten.

``RANGE_HEADERS`` are passed on where they may resume a download.
"""
INSPECTED_HEADERS = (
    CONDITIONAL_HEADERS | HEADER_NAMES | {b"accept", b"cookie", b"if-none-match", b"sec-fetch-dest", b"sec-gpc"}
)
"""Request headers for which ``RequestFilter`` is needed; ``Accept`` only if it asks for a page."""
_HIDDEN_EXTENSIONS = frozenset({"http.response.pathsend", "http.response.zerocopysend", "http.response.push"})
"""Ways to send a body past the rewriter. Without them the application sends bytes."""
_SECURE = frozenset({"https", "wss"})
_CACHE_SIZE = 1024
_LONGEST_CACHED = 2048
"""Results for longer ``Cookie`` headers are not cached, so the cache takes a few megabytes at most."""


class RequestFilter:
    """Finds the consent of a request, and the headers that the application may see. Built once per policy.

    Visitors send the same cookies again and again, so the result for each ``Cookie`` header is cached.
    """

    def __init__(self, reader: ConsentReader, classifier: Classifier, own: ConsentCookie) -> None:
        self._reader = reader
        self._undecided = reader.undecided
        self._classifier = classifier
        self._own = own
        self._visit = own.visit_name(secure=False).encode("latin-1")
        self._framed = own.framed_name(secure=False).encode("latin-1")
        self._cached = lru_cache(maxsize=_CACHE_SIZE)(self._decide)
        self._is_told = classifier.policy.signals.header
        self._told: dict[object, bytes] = {}
        self.undecided_headers = self.told(self._undecided)

    def consent(self, scope: Scope) -> Consent:
        """Return the consent of a request."""
        headers = scope["headers"]
        return self._reader.consent(headers, dict(headers), secure=scope.get("scheme") in _SECURE)

    def told(self, consent: Consent) -> list[tuple[bytes, bytes]]:
        """Return the headers that tell the application what a consent allows: one, or none if the policy wants none."""
        if not self._is_told:
            return []
        state = consent.state
        value = self._told.get(state)
        if value is None:
            if len(self._told) >= _CACHE_SIZE:
                self._told.clear()
            value = self._told[state] = header_value(consent)
        return [(HEADER_NAME, value)]

    def telling(self, headers: list[tuple[bytes, bytes]], consent: Consent) -> list[tuple[bytes, bytes]]:
        """Return the request headers with those of ``told``, and without what the client sent under that name."""
        return [header for header in headers if header[0] not in HEADER_NAMES] + self.told(consent)

    def filter(self, scope: Scope, request: Mapping[bytes, bytes]) -> tuple[Consent, list[tuple[bytes, bytes]] | None]:
        """Return the consent and the headers for the application. ``request`` has the last header of each name.

        The headers are None if an ``Exchange`` is needed: a cookie is refused, or the request is conditional.
        """
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        cookie = request.get(b"cookie", b"")
        depends = cookie or b"sec-gpc" in request
        # With repeated headers, ``request`` may lack a cookie. What is allowed for a visit ends with time.
        if self._visit in cookie or len(cookie) > _LONGEST_CACHED or (depends and len(request) != len(headers)):
            return self.consent(scope), None
        consent: Consent = self._undecided
        shown: bytes | None = cookie
        if depends:
            destination = request.get(b"sec-fetch-dest") if self._framed in cookie else None
            request_of = cookie, request.get(b"sec-gpc"), scope.get("scheme"), destination
            consent, shown = self._cached(*request_of, self._reader.basis)
        if shown is None or b"if-none-match" in request:
            return consent, None
        if not CONDITIONAL_HEADERS.isdisjoint(request) and (b"sec-fetch-dest" in request or asks_for_page(request)):
            return consent, None
        codings = request.get(b"accept-encoding")
        is_readable = codings is None or not may_be_rewritten(request) or readable_codings(codings) == codings
        if shown == cookie and is_readable:
            return consent, headers
        return consent, app_headers(headers, request, cookie=lambda _: shown.decode("latin-1"))

    def _decide(
        self,
        cookie: bytes,
        gpc: bytes | None,
        scheme: str | None,
        destination: bytes | None,
        basis: Hashable,  # noqa: ARG002 - it makes the result another one
    ) -> tuple[Consent, bytes | None]:
        """Return the consent and the ``Cookie`` header for the application, which is None if a cookie is refused."""
        headers = [(b"cookie", cookie)] if cookie else []
        if gpc is not None:
            headers.append((b"sec-gpc", gpc))
        if destination is not None:
            headers.append((b"sec-fetch-dest", destination))
        consent = self._reader.consent(headers, dict(headers), secure=scheme in _SECURE)
        gate = CookieGate(self._classifier, consent, self._own)
        shown = gate.request(cookie.decode("latin-1")).encode("latin-1")
        return consent, None if gate.refused or gate.events else shown


def asks_for_page(request: Mapping[bytes, bytes]) -> bool:
    """Return whether the browser accepts HTML, as it does for navigations (RFC 9110, section 12.5.1)."""
    return b"text/html" in request.get(b"accept", b"")


def may_be_rewritten(request: Mapping[bytes, bytes]) -> bool:
    """Return whether the response may be a page or a fragment, which must be decoded to be rewritten."""
    return request.get(b"sec-fetch-dest") == b"empty" or b"text/html" in request.get(b"accept", b"")


def app_extensions(scope: Scope) -> dict[str, object]:
    """Return the ASGI extensions that are offered to the application."""
    return {key: on for key, on in (scope["extensions"] or {}).items() if key not in _HIDDEN_EXTENSIONS}


def app_headers(
    headers: Sequence[tuple[bytes, bytes]],
    request: Mapping[bytes, bytes],
    *,
    cookie: Callable[[str], str],
    if_none_match: Callable[[str], str] | None = None,
    dropped: AbstractSet[bytes] = frozenset(),
) -> list[tuple[bytes, bytes]]:
    """Return the request headers for the application.

    ``cookie`` and ``if_none_match`` return the new value of a header, which is removed if that is empty. Headers in
    ``dropped`` are removed as well. ``Accept-Encoding`` is limited to what can be decoded for rewriting.
    """
    gates = {b"cookie": cookie}
    if if_none_match is not None:
        gates[b"if-none-match"] = if_none_match
    is_to_read = may_be_rewritten(request)
    shown = []
    for name, value in headers:
        gate = gates.get(name)
        if gate is not None:
            new = gate(value.decode("latin-1")).encode("latin-1")
        elif name == b"accept-encoding" and is_to_read:
            new = readable_codings(value)
        elif name in dropped:
            continue
        else:
            new = value
        if new or not value:
            shown.append((name, new))
    return shown


@lru_cache(maxsize=256)
def readable_codings(value: bytes) -> bytes:
    """Return ``Accept-Encoding`` with the codings that can be decoded (RFC 9110, section 12.5.3)."""
    parts = [part.strip() for part in value.decode("latin-1").split(",")]
    kept = [part for part in parts if part.partition(";")[0].strip().lower() in READABLE]
    return ", ".join(kept or ["identity"]).encode("latin-1")
