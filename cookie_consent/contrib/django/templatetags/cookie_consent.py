"""Filters of a request that ask for the visitor's consent.

::

    {% load cookie_consent %}
    {% if request|allows:"analytics" %}…{% endif %}
"""

from __future__ import annotations

from typing import Any

from django.template import Library

from cookie_consent.consent import consent_of

__all__ = ["allows", "allows_service", "register"]

register = Library()


def allows(request: Any, category: str) -> bool:
    """Return whether a category is granted. Raises ``ConfigurationError`` as ``consent_of`` does."""
    return consent_of(request).allows(category)


def allows_service(request: Any, service: str) -> bool:
    """Return whether a service is granted, by its category or by itself. Raises as ``allows`` does."""
    return consent_of(request).allows_service(service)


register.filter("allows", allows)
register.filter("allows_service", allows_service)
