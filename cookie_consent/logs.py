"""Log an error once rather than with every request."""

from __future__ import annotations

import logging

__all__ = ["log_once"]

logger = logging.getLogger("cookie_consent")

_logged: set[str] = set()


def log_once(key: str, message: str, *args: object, exc_info: bool = False) -> None:
    """Log an error, unless one with the same ``key`` has been logged in this process."""
    if key not in _logged:
        _logged.add(key)
        logger.error(message, *args, exc_info=exc_info)
