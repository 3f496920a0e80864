"""The configuration of the Django application."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["CookieConsentConfig"]


class CookieConsentConfig(AppConfig):  # type: ignore[misc] # Django has no types
    """Names the application, which has no models."""

    name = "cookie_consent.contrib.django"
    label = "cookie_consent"
    verbose_name = "Cookie consent"
