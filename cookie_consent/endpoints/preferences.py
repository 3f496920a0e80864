"""``GET preferences``: the page where a choice is made, changed or withdrawn, with or without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.consent.local_path import local_path
from cookie_consent.endpoints.problem import language_of, visitors_page
from cookie_consent.gate import guard_tag
from cookie_consent.policy import host_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from cookie_consent.banner import Renderer
    from cookie_consent.consent import Consent
    from cookie_consent.endpoints.origin import SiteOrigin
    from cookie_consent.policy.classifier import Classifier

__all__ = ["PreferencesPage"]


class PreferencesPage:
    """Serves the page. ``guard`` is the path of the guard's script; empty if the policy switches it off."""

    def __init__(self, classifier: Classifier, renderer: Renderer, origin: SiteOrigin, *, guard: str) -> None:
        self._classifier = classifier
        self._renderer = renderer
        self._origin = origin
        self._guard = guard

    async def get(self, request: Request, consent: Consent) -> Response:
        """Return the page in the visitor's language."""
        return_to = request.query_params.get("return_to") or self._origin.referer_path(request) or "/"
        page = self._renderer.preferences(
            consent,
            language=language_of(request, self._renderer),
            return_to=local_path(return_to),
            saved=request.query_params.get("saved") == "1",
            root_path=request.scope.get("root_path", ""),
            head=self._guard_tag(request, consent),
            secure=request.url.scheme == "https",
        )
        return visitors_page(request, page)

    def _guard_tag(self, request: Request, consent: Consent) -> str:
        """Return the guard's tag. Most withdrawals happen on this page, and the guard tells the other open pages."""
        if not self._guard:
            return ""
        domain = self._classifier.own_domain(host_of(request.headers.get("host", "")))
        return guard_tag(self._guard, consent, domain=domain, root_path=request.scope.get("root_path", ""))
