"""The demo: a shop, and the third parties that it calls, each on an origin of its own."""

from cookie_consent.demo.server import run

__all__ = ["run"]
