"""The visitor's consent in Jinja templates, of any framework that puts the request into their context.

::

    templates.env.globals |= {"consent": consent, "consent_declaration": consent_declaration}

    {% if consent().allows("analytics") %}…{% endif %}
    {{ consent_declaration() }}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import pass_context

from cookie_consent.consent import consent_of
from cookie_consent.contrib.declaration import declaration_of
from cookie_consent.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from markupsafe import Markup

    from cookie_consent.consent import Consent

__all__ = ["consent", "consent_declaration"]


@pass_context
def consent(context: Mapping[str, Any]) -> Consent:
    """Return the consent of the request that the template is rendered for.

    The context needs a ``request``, as Starlette, FastAPI, Litestar, Flask, Quart and Django's Jinja backend put it
    there. Raises ``ConfigurationError`` without one, and as ``consent_of`` does.
    """
    return consent_of(_request(context))


@pass_context
def consent_declaration(context: Mapping[str, Any], language: str = "") -> Markup:
    """Return the cookie declaration, in the visitor's language unless one is given. Raises as ``consent`` does."""
    return declaration_of(_request(context), language)


def _request(context: Mapping[str, Any]) -> Any:
    request = context.get("request")
    if request is None:
        raise ConfigurationError(
            "the template has no request, from which the consent could be read: pass request=… to it, and import "
            "macros 'with context'"
        )
    return request
