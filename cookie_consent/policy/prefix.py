"""The path below which the endpoints are served."""

from __future__ import annotations

from cookie_consent.errors import ConfigurationError

__all__ = ["DEFAULT_PREFIX", "checked_prefix"]

DEFAULT_PREFIX = "/_consent"


def checked_prefix(prefix: str) -> str:
    """Return the prefix. Raises ``ConfigurationError`` if it is not a path."""
    if not prefix.startswith("/") or prefix.endswith("/"):
        raise ConfigurationError(f"prefix is {prefix!r}; write a path such as {DEFAULT_PREFIX!r}")
    return prefix
