"""The command ``cookie-consent``."""

from cookie_consent.cli.main import app, main

__all__ = ["app", "main"]
