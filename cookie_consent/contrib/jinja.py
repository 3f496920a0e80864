"""The visitor's consent in Jinja templates, of any framework that puts the request into their context.

::

    templates.env.globals["consent"] = consent

    {% if consent().allows("analytics") %}…{% endif %}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import pass_context

from cookie_consent.consent import consent_of
from cookie_consent.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cookie_consent.consent import Consent

__all__ = ["consent"]


@pass_context
def consent(context: Mapping[str, Any]) -> Consent:
    """Return the consent of the request that the template is rendered for.

    The context needs a ``request``, as Starlette, FastAPI, Litestar, Flask, Quart and Django's Jinja backend put it
    there. Raises ``ConfigurationError`` without one, and as ``consent_of`` does.
    """
    request = context.get("request")
    if request is None:
        raise ConfigurationError(
            "the template has no request, from which the consent could be read: pass request=… to it, and import "
            "macros 'with context'"
        )
    return consent_of(request)
