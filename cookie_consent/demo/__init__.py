"""The demo: a shop and its third parties, on two origins."""

from cookie_consent.demo.server import run

__all__ = ["run"]
