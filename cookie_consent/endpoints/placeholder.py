"""``GET placeholder``: what a frame shows that a script has inserted and the guard holds, or a held script's place."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, TypedDict

from cookie_consent.banner import address_of
from cookie_consent.consent.local_path import local_path
from cookie_consent.endpoints.problem import language_of, visitors_page
from cookie_consent.errors import ChoiceError
from cookie_consent.gate import target
from cookie_consent.policy import UNCLASSIFIED

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from cookie_consent.banner import Renderer
    from cookie_consent.consent import Consent
    from cookie_consent.policy.classifier import Classifier

__all__ = ["PlaceholderPage"]

_LONGEST_ADDRESS = 2048


class _Held(TypedDict):
    category: str
    service: str | None
    address: str


class PlaceholderPage:
    """Serves the placeholder for an address or a service. It says what the policy says of it, and fetches nothing."""

    def __init__(self, classifier: Classifier, renderer: Renderer) -> None:
        self._classifier = classifier
        self._renderer = renderer

    async def get(self, request: Request, consent: Consent) -> Response:
        """Return the document. The query has an http(s) ``address`` or the id of a ``service``, in Base64.

        With ``for=form`` it is the notice at the button of a form that needs the service. Raises ``ChoiceError`` (400).
        """
        query = request.query_params
        held = self._of_service(query["service"]) if "service" in query else self._of_address(query.get("address", ""))
        document = self._renderer.placeholder(
            consent,
            language=language_of(request, self._renderer),
            return_to=local_path(query.get("return_to") or "/"),
            root_path=request.scope.get("root_path", ""),
            form=query.get("for") == "form",
            **held,
        )
        return visitors_page(request, document)

    def _of_address(self, text: str) -> _Held:
        address = _decoded(text)
        found = target(address, "")
        if found is None or not address.lower().startswith(("http://", "https://")) or not found[0]:
            raise ChoiceError("address must be an http(s) address", status=400, code="unreadable")
        verdict = self._classifier.host(*found)
        is_blocked = not verdict.known and self._classifier.policy.unknown_hosts == "block"
        category = "blocked" if is_blocked else verdict.category if verdict.known else UNCLASSIFIED
        return {"category": category, "service": verdict.party, "address": f"//{found[0]}"}

    def _of_service(self, text: str) -> _Held:
        policy = self._classifier.policy
        service = policy.known_service(_decoded(text))
        if service is None:
            raise ChoiceError("service must be a service of this site", status=400, code="unreadable")
        category = service.category if policy.category(service.category) is not None else UNCLASSIFIED
        return {"category": category, "service": service.id, "address": address_of(service)}


def _decoded(text: str) -> str:
    """Return the text in Base64 (RFC 4648, section 4), or an empty string if it is not that, or too long."""
    try:
        return b64decode(text, validate=True).decode("ascii") if len(text) <= _LONGEST_ADDRESS else ""
    except ValueError:  # binascii.Error and UnicodeError are subclasses
        return ""
