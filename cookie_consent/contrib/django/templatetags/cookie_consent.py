"""Filters of a request that ask for the visitor's consent, and a tag for the cookie declaration.

::

    {% load cookie_consent %}
    {% if request|allows:"analytics" %}…{% endif %}
    {% consent_declaration %}
"""

from __future__ import annotations

from typing import Any

from django.template import Library
from django.utils.safestring import mark_safe

from cookie_consent.consent import consent_of
from cookie_consent.contrib.declaration import declaration_of
from cookie_consent.errors import ConfigurationError

__all__ = ["allows", "allows_service", "consent_declaration", "register"]

register = Library()


def allows(request: Any, category: str) -> bool:
    """Return whether a category is granted. Raises ``ConfigurationError`` as ``consent_of`` does."""
    return consent_of(request).allows(category)


def allows_service(request: Any, service: str) -> bool:
    """Return whether a service is granted, by its category or by itself. Raises as ``allows`` does."""
    return consent_of(request).allows_service(service)


def consent_declaration(context: Any, language: str = "") -> Any:
    """Return the cookie declaration, in the visitor's language unless one is given.

    Raises ``ConfigurationError`` without a request, and as ``allows`` does.
    """
    request = context.get("request")
    if request is None:
        raise ConfigurationError("the template has no request: add the context processor 'request', or render with it")
    return mark_safe(declaration_of(request, language))  # noqa: S308 - our own template, which escapes


register.filter("allows", allows)
register.filter("allows_service", allows_service)
register.simple_tag(consent_declaration, takes_context=True)
