"""``GET settings``: the banner's panel with the visitor's choice, which the script opens on the page where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.consent.local_path import local_path
from cookie_consent.endpoints.problem import language_of, visitors_page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from cookie_consent.banner import Renderer
    from cookie_consent.consent import Consent

__all__ = ["SettingsPanel"]


class SettingsPanel:
    """Serves the panel as a fragment. Without JavaScript there is the preferences page."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    async def get(self, request: Request, consent: Consent) -> Response:
        """Return the panel in the visitor's language."""
        markup = self._renderer.banner(
            consent,
            language=language_of(request, self._renderer),
            return_to=local_path(request.query_params.get("return_to") or "/"),
            root_path=request.scope.get("root_path", ""),
            reopened=True,
        )
        return visitors_page(request, markup)
