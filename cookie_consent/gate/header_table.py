"""Which response headers a gate looks at: the one table for answers that pass at sight and for all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.gate.headers import ADDRESS_HEADERS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GATED_HEADERS", "PLAIN_HEADERS", "RESPONSE_HEADERS", "Told"]

Told = tuple[tuple[bytes, bytes], ...]
"""Headers that say what is sent in place of the application's; an empty value for none."""

_PLAIN = (
    "access-control-allow-origin age alt-svc cache-control connection content-language content-length "
    "cross-origin-opener-policy cross-origin-resource-policy date expires keep-alive last-modified server "
    "strict-transport-security transfer-encoding vary x-content-type-options x-frame-options x-powered-by "
    "x-process-time x-request-id"
).split()
RESPONSE_HEADERS: Mapping[bytes, bool] = {
    **{name.encode(): False for name in _PLAIN},
    **{name.encode(): True for name in ("set-cookie", "etag", *ADDRESS_HEADERS)},
}
"""Names in lower case, and whether a gate may change the header. What is not in here goes the careful way."""
GATED_HEADERS = frozenset(name for name, is_gated in RESPONSE_HEADERS.items() if is_gated)
PLAIN_HEADERS = frozenset(RESPONSE_HEADERS) - GATED_HEADERS
