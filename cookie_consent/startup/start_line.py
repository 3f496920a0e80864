"""The one line that says at the start which policy holds and where choices go."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from cookie_consent.policy import Policy

if TYPE_CHECKING:
    from cookie_consent.ledger import Ledger

__all__ = ["log_start"]

logger = logging.getLogger("cookie_consent")

_SQLITE = "sqlite:///"


def log_start(policy: str | Path | Policy | None, ledger: Ledger, *, dev: bool) -> None:
    """Log which policy was taken, None being the built-in one, and the URL of the log.

    Servers such as uvicorn leave this package's logger as it is, and then Python shows warnings and errors only. So
    the line is a warning where it tells what nobody has asked for: that no policy file was found.
    """
    if dev:
        logger.warning(
            "development mode is on: only browsers on this machine are served, under a name such as localhost"
        )
    place = _place(ledger.url)
    if policy is None:
        logger.warning(
            "no policy file was found, so the built-in policy holds; write consent.toml in %s, or set CONSENT_POLICY. "
            "Choices go to %s",
            _absolute(Path()),
            place,
        )
    elif isinstance(policy, Policy):
        logger.info("the policy is version %s, given by the application; choices go to %s", policy.version, place)
    else:
        logger.info("the policy is %s; choices go to %s", _absolute(Path(policy)), place)


def _place(url: str) -> str:
    """Return the URL with the whole path of a file, which else depends on the working folder."""
    return f"{_SQLITE}{_absolute(Path(url.removeprefix(_SQLITE)))}" if url.startswith(_SQLITE) else url


def _absolute(path: Path) -> Path:
    """Return the whole path, or ``path`` where the working folder is gone."""
    try:
        return path.absolute()
    except OSError:
        return path
