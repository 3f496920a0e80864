"""The one line that says at the start which policy holds and where choices go."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from cookie_consent.policy import Policy, instant, moment_text

if TYPE_CHECKING:
    from datetime import datetime

    from cookie_consent.ledger import Ledger

__all__ = ["log_revision", "log_start", "log_takeover"]

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


def log_revision(policy: Policy, now: datetime, *, has_taken_over: bool) -> None:
    """Log what the policy in force says of dates, and which one is announced.

    ``has_taken_over`` is whether it stands where the next policy does.
    """
    if has_taken_over:
        log_takeover(policy)
    elif policy.effective is not None and instant(policy.effective) > now:
        logger.warning(
            "the policy says that it is effective from %s, but there is none before it, so it applies now; to announce "
            "it, keep the present policy, and save this one beside it as consent.next.toml",
            moment_text(policy.effective),
        )
    if policy.next is not None and policy.next.effective is not None:
        logger.info(
            "version %s of the policy is announced, and takes over at %s",
            policy.next.version,
            moment_text(policy.next.effective),
        )


def log_takeover(policy: Policy) -> None:
    """Log that the next policy is in force, and what is to be tidied up."""
    logger.warning(
        "version %s of the policy is in force since %s: put it in the place of the one before it, which is no longer "
        "used (rename consent.next.toml to consent.toml, or move what [next] holds to the top)",
        policy.version,
        moment_text(policy.effective) if policy.effective is not None else "its date",
    )


def _place(url: str) -> str:
    """Return the URL with the whole path of a file, which else depends on the working folder."""
    return f"{_SQLITE}{_absolute(Path(url.removeprefix(_SQLITE)))}" if url.startswith(_SQLITE) else url


def _absolute(path: Path) -> Path:
    """Return the whole path, or ``path`` where the working folder is gone."""
    try:
        return path.absolute()
    except OSError:
        return path
