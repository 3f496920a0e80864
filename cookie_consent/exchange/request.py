"""What the application may see of a request: the consent that holds for it, and headers without what that excludes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from cookie_consent.exchange.content_encoding import READABLE
from cookie_consent.gate import CookieGate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
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
"""Not shown to the application where a page is request for: what it would compare is the page before the gate.

``RANGE_HEADERS`` are where they may continue a download.
"""
INSPECTED_HEADERS = CONDITIONAL_HEADERS | {b"accept", b"cookie", b"if-none-match", b"sec-fetch-dest", b"sec-gpc"}
"""Headers of requests that ``RequestFilter`` has to see; ``Accept`` only where it asks for a page."""
_HIDDEN_EXTENSIONS = frozenset({"http.response.pathsend", "http.response.zerocopysend", "http.response.push"})
"""Ways to send a body past the rewriter; the application sends bytes where they are not offered."""
_SECURE = frozenset({"https", "wss"})
_CACHED = 1024
_LONGEST_CACHED = 2048
"""The results for so many ``Cookie`` headers are cached, but for very long ones: a few megabytes at most."""


class RequestFilter:
    """Decides which consent holds for a request and which headers the application sees. Built once per policy.

    Visitors send the same cookies again and again, so the result for a ``Cookie`` header is cached.
    """

    def __init__(self, reader: ConsentReader, classifier: Classifier, own: ConsentCookie) -> None:
        self._reader = reader
        self._undecided = reader.undecided
        self._classifier = classifier
        self._own = own
        self._cached = lru_cache(maxsize=_CACHED)(self._decide)

    def consent(self, scope: Scope) -> Consent:
        """Return the consent that holds for a request."""
        headers = scope["headers"]
        return self._reader.consent(headers, dict(headers), secure=scope.get("scheme") in _SECURE)

    def filter(self, scope: Scope, request: Mapping[bytes, bytes]) -> tuple[Consent, list[tuple[bytes, bytes]] | None]:
        """Return the consent and the headers that the application may see; ``request`` has the last of each name.

        The headers are None where the answer depends on what is kept from the application, or on its conditions.
        """
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        cookie = request.get(b"cookie", b"")
        depends = cookie or b"sec-gpc" in request
        if len(cookie) > _LONGEST_CACHED or (depends and len(request) != len(headers)):
            return self.consent(scope), None
        consent: Consent = self._undecided
        shown: bytes | None = cookie
        if depends:
            consent, shown = self._cached(cookie, request.get(b"sec-gpc"), scope.get("scheme"))
        if shown is None or b"if-none-match" in request:
            return consent, None
        if not CONDITIONAL_HEADERS.isdisjoint(request) and (b"sec-fetch-dest" in request or asks_for_page(request)):
            return consent, None
        codings = request.get(b"accept-encoding")
        is_readable = codings is None or not may_be_rewritten(request) or readable_codings(codings) == codings
        if shown == cookie and is_readable:
            return consent, headers
        return consent, app_headers(headers, request, cookie=lambda _: shown.decode("latin-1"))

    def _decide(self, cookie: bytes, gpc: bytes | None, scheme: str | None) -> tuple[Consent, bytes | None]:
        """Return the consent and the ``Cookie`` header that the application may see; None if a cookie is refused."""
        headers = [(b"cookie", cookie)] if cookie else []
        if gpc is not None:
            headers.append((b"sec-gpc", gpc))
        consent = self._reader.consent(headers, dict(headers), secure=scheme in _SECURE)
        gate = CookieGate(self._classifier, consent, self._own)
        shown = gate.request(cookie.decode("latin-1")).encode("latin-1")
        return consent, None if gate.refused or gate.events else shown


def asks_for_page(request: Mapping[bytes, bytes]) -> bool:
    """Say whether a browser would rather have a page than anything else (RFC 9110, section 12.5.1)."""
    return b"text/html" in request.get(b"accept", b"")


def may_be_rewritten(request: Mapping[bytes, bytes]) -> bool:
    """Say whether the answer may be a page, or part of one that a script asks for, so that it has to be decoded."""
    return request.get(b"sec-fetch-dest") == b"empty" or b"text/html" in request.get(b"accept", b"")


def app_extensions(scope: Scope) -> dict[str, object]:
    """Return the extensions that the application sees (ASGI, Extensions)."""
    return {key: on for key, on in (scope["extensions"] or {}).items() if key not in _HIDDEN_EXTENSIONS}


def app_headers(
    headers: Sequence[tuple[bytes, bytes]],
    request: Mapping[bytes, bytes],
    *,
    cookie: Callable[[str], str],
    if_none_match: Callable[[str], str] | None = None,
    dropped: AbstractSet[bytes] = frozenset(),
) -> list[tuple[bytes, bytes]]:
    """Return the request headers that the application sees.

    ``cookie`` and ``if_none_match`` give the new value of a header from the old; one that becomes empty goes, as those
    in ``dropped`` do. What may have to be rewritten is asked for in codings that can be read here.
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
    """Return ``Accept-Encoding`` with the codings that can be read here (RFC 9110, section 12.5.3)."""
    parts = [part.strip() for part in value.decode("latin-1").split(",")]
    kept = [part for part in parts if part.partition(";")[0].strip().lower() in READABLE]
    return ", ".join(kept or ["identity"]).encode("latin-1")
