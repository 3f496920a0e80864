"""Error responses of the endpoints, as JSON or as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, JSONResponse, Response

if TYPE_CHECKING:
    from starlette.requests import Request

    from cookie_consent.banner import Renderer
    from cookie_consent.endpoints.origin import SiteOrigin
    from cookie_consent.errors import ChoiceError

__all__ = ["ProblemResponses", "language_of", "page_headers", "visitors_page", "wants_json"]

_POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'none'"


def page_headers(request: Request | None) -> dict[str, str]:
    """Return the headers of our own pages; without a request those that are right for every request.

    Other sites must not frame them: a click that was tricked out of a visitor is no consent. A page of this site that
    is in such a frame already may lead there, since a choice in the frame counts nowhere else.
    """
    is_led_to = (
        request is not None
        and request.headers.getlist("sec-fetch-site") == ["same-origin"]
        and request.headers.getlist("sec-fetch-dest") == ["iframe"]
    )
    return {
        "Content-Security-Policy": _POLICY if is_led_to else f"{_POLICY}; frame-ancestors 'self'",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }


def visitors_page(request: Request, markup: str | bytes) -> HTMLResponse:
    """Return one of our own pages that depends on the visitor's choice and language."""
    return HTMLResponse(markup, headers={**page_headers(request), "Vary": "Cookie, Accept-Language, Sec-GPC"})


class ProblemResponses:
    """Makes error responses in the format that the client accepts."""

    def __init__(self, renderer: Renderer, origin: SiteOrigin) -> None:
        self._renderer = renderer
        self._origin = origin

    def response(self, request: Request, error: ChoiceError) -> Response:
        """Return the response for ``error``."""
        response: Response
        if wants_json(request):
            response = JSONResponse({"error": error.code, "message": str(error)}, status_code=error.status)
        else:
            page = self._renderer.problem(
                language=language_of(request, self._renderer, posted=error.language),
                status=error.status,
                title_key_or_code=error.code,
                message=str(error),
                return_to=self._origin.referer_path(request) or "/",
                root_path=request.scope.get("root_path", ""),
            )
            response = HTMLResponse(page, status_code=error.status, headers=page_headers(request))
        if error.retry_after is not None:
            response.headers["Retry-After"] = str(error.retry_after)
        return response


def wants_json(request: Request) -> bool:
    """Return whether the client wants JSON rather than a page: it posts JSON, or does not accept HTML."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return False
    return kind == "application/json" or "text/html" not in request.headers.get("accept", "")


def language_of(request: Request, renderer: Renderer, *, posted: str = "") -> str:
    """Return the visitor's language: that of the page that they came from, of the site's cookie, or the browser's.

    Forms have sent it as ``posted``, and links name it as ``language`` in the query.
    """
    headers = request.headers
    page = posted or request.query_params.get("language", "")
    return renderer.language(headers.get("accept-language", ""), page, headers.get("cookie", ""))
