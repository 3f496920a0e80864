"""``GET placeholder``: what a frame shows that a script has inserted and the guard holds."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, Response

from cookie_consent.consent.local_path import local_path
from cookie_consent.endpoints.problem import PAGE_HEADERS, language_of
from cookie_consent.errors import ChoiceError
from cookie_consent.gate import target
from cookie_consent.policy import UNCLASSIFIED

if TYPE_CHECKING:
    from starlette.requests import Request

    from cookie_consent.banner import Renderer
    from cookie_consent.consent import Consent
    from cookie_consent.policy.classifier import Classifier

__all__ = ["PlaceholderPage"]

_LONGEST_ADDRESS = 2048


class PlaceholderPage:
    """Serves the placeholder for an address. It says what the policy says of its host, and fetches nothing."""

    def __init__(self, classifier: Classifier, renderer: Renderer) -> None:
        self._classifier = classifier
        self._renderer = renderer

    async def get(self, request: Request, consent: Consent) -> Response:
        """Return the document. ``address`` in the query is an http(s) address in Base64; else ``ChoiceError`` (400)."""
        address = _decoded(request.query_params.get("address", ""))
        found = target(address, "")
        if found is None or not address.lower().startswith(("http://", "https://")) or not found[0]:
            raise ChoiceError("address must be an http(s) address", status=400, code="unreadable")
        verdict = self._classifier.host(*found)
        is_blocked = not verdict.known and self._classifier.policy.unknown_hosts == "block"
        document = self._renderer.placeholder(
            consent,
            language=language_of(request, self._renderer),
            return_to=local_path(request.query_params.get("return_to") or "/"),
            category="blocked" if is_blocked else verdict.category if verdict.known else UNCLASSIFIED,
            service=verdict.service,
            address=f"//{found[0]}",
            root_path=request.scope.get("root_path", ""),
        )
        return HTMLResponse(document, headers={**PAGE_HEADERS, "Vary": "Cookie, Accept-Language, Sec-GPC"})


def _decoded(text: str) -> str:
    """Return the text in Base64 (RFC 4648, section 4), or an empty string if it is not that, or too long."""
    try:
        return b64decode(text, validate=True).decode("ascii") if len(text) <= _LONGEST_ADDRESS else ""
    except ValueError:  # binascii.Error and UnicodeError are subclasses
        return ""
