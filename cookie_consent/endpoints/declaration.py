"""``GET policy``: the cookie declaration, as a page or a fragment, as JSON, and as Markdown."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING

from starlette.responses import Response

from cookie_consent.banner import as_data, as_markdown
from cookie_consent.endpoints.problem import language_of, page_headers

if TYPE_CHECKING:
    from starlette.requests import Request

    from cookie_consent.banner import Renderer
    from cookie_consent.banner.renderer import DeclarationState
    from cookie_consent.consent import Consent

__all__ = ["DeclarationPage"]

_MEDIA_TYPES = {"page": "text/html", "fragment": "text/html", "json": "application/json", "markdown": "text/markdown"}


class DeclarationPage:
    """Serves the declaration. It also tells who has chosen what has changed since; caches keep that to themselves.

    ``language`` in the query precedes ``Accept-Language``.
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._cached = lru_cache(maxsize=64)(self._made)

    async def page(self, request: Request, consent: Consent) -> Response:
        """Return the page, or with ``fragment=1`` the part of it that belongs into a page of the site."""
        is_part = request.query_params.get("fragment") == "1"
        return self._response(request, consent, "fragment" if is_part else "page")

    async def json(self, request: Request, consent: Consent) -> Response:
        """Return the declaration as JSON."""
        return self._response(request, consent, "json")

    async def markdown(self, request: Request, consent: Consent) -> Response:
        """Return the declaration as Markdown."""
        return self._response(request, consent, "markdown")

    def _response(self, request: Request, consent: Consent, form: str) -> Response:
        language = language_of(request, self._renderer)
        root_path = request.scope.get("root_path", "")
        state = self._renderer.declaration_state(consent)
        body, tag = self._cached(form, language, request.url.scheme == "https", root_path, state)
        headers = {
            **page_headers(None),  # caches share it
            "Cache-Control": "public, no-cache" if state.chosen is None else "private, no-cache",
            "Content-Language": language,
            "ETag": tag,
            "Vary": "Accept-Language, Cookie",
        }
        if _matches(request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=headers)
        return Response(body, headers={**headers, "Content-Type": f"{_MEDIA_TYPES[form]}; charset=utf-8"})

    def _made(  # cached by position
        self,
        form: str,
        language: str,
        secure: bool,  # noqa: FBT001 - as lru_cache passes it
        root_path: str,
        state: DeclarationState,
    ) -> tuple[bytes, str]:
        renderer = self._renderer
        if form == "json":
            text = json.dumps(
                as_data(renderer.declaration(language, secure=secure, state=state)), ensure_ascii=False, indent=2
            )
        elif form == "markdown":
            text = as_markdown(renderer.declaration(language, secure=secure, state=state), renderer.locale(language))
        else:
            is_part = form == "fragment"
            text = renderer.declaration_page(
                language, secure=secure, root_path=root_path, fragment=is_part, state=state
            )
        body = text.encode("utf-8", "replace")
        return body, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def _matches(header: str, tag: str) -> bool:
    """Return whether ``If-None-Match`` names the tag, weak or strong (RFC 9110, section 13.1.2)."""
    return any(value.strip().removeprefix("W/") in {tag, "*"} for value in header[:2000].split(","))
