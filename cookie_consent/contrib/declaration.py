"""The cookie declaration as a part of a site's own page, for the template languages."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from cookie_consent.consent import RENDERER, scope_of
from cookie_consent.errors import ConfigurationError

__all__ = ["declaration_of"]


def declaration_of(request: Any, language: str = "") -> Markup:
    """Return the declaration's markup. Without a ``language`` it is in the visitor's.

    Raises ``ConfigurationError`` where the request has not passed through ``ConsentMiddleware``.
    """
    scope = scope_of(request)
    found = scope.get(RENDERER)
    if found is None:
        raise ConfigurationError(
            "the request has no cookie declaration: wrap the application in ConsentMiddleware, outside the templates"
        )
    renderer, root_path = found
    headers = {name: value.decode("latin-1") for name, value in scope.get("headers", ())}
    chosen = renderer.language(headers.get(b"accept-language", ""), language, headers.get(b"cookie", ""))
    secure = scope.get("scheme") in {"https", "wss"}
    state = renderer.declaration_state(scope.get("consent"))
    page = renderer.declaration_page(chosen, secure=secure, root_path=root_path, fragment=True, state=state)
    return Markup(page)  # noqa: S704 - our own template, which escapes
