"""Choices that were made elsewhere: by phone, on paper, in person."""

from __future__ import annotations

import difflib
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from cookie_consent.consent import action_between, notice_hash
from cookie_consent.consent.record import ConsentRecord, Notice, new_record
from cookie_consent.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.consent.record import Action, Channel
    from cookie_consent.policy import Policy

__all__ = ["OTHER_CHANNELS", "checked_subject", "made_elsewhere", "notice_of"]

OTHER_CHANNELS: tuple[Channel, ...] = ("phone", "paper", "in-person")
"""The channels of choices that are entered by hand."""
_LONGEST_NOTICE = 256 * 1024


def made_elsewhere(
    policy: Policy,
    *,
    channel: Channel,
    subject: str,
    granted: Iterable[str],
    refused: Iterable[str],
    at: datetime,
    previous: ConsentRecord | None,
    notice: Notice | None,
) -> ConsentRecord:
    """Return the record of a choice; ``granted`` and ``refused`` are ids of categories and services.

    Categories that are not named are refused, as in a choice on the site. Raises ``ConfigurationError`` for an id that
    the policy does not know or of what cannot be refused, for one that is named twice, another channel, or a time to
    come.
    """
    if channel not in OTHER_CHANNELS:
        raise ConfigurationError(f"{channel!r} is no channel of this command; write one of {', '.join(OTHER_CHANNELS)}")
    if at.tzinfo is None or at > datetime.now(UTC):
        raise ConfigurationError(f"{at.isoformat()} is no time in the past, with a zone")
    yes, no = set(granted), set(refused)
    if both := sorted(yes & no):
        raise ConfigurationError(f"{both[0]!r} cannot be granted and refused at once")
    for name in sorted(yes | no):
        _check_name(policy, name)
    services = {name: name in yes for name in (yes | no) - policy.optional_ids}
    chosen = yes & policy.optional_ids, yes - policy.optional_ids
    return new_record(
        policy,
        subject=subject,
        at=at.astimezone(UTC),
        action=_action(previous, *chosen),
        channel=channel,
        granted=yes,
        services=services,
        previous=previous.id if previous is not None else None,
        notice=notice,
    )


def checked_subject(subject: str | None) -> str:
    """Return the consent id as it is written in the log, or a new one for None. Raises ``ConfigurationError``."""
    if subject is None:
        return str(uuid4())
    try:
        return str(UUID(subject))
    except ValueError:
        raise ConfigurationError(
            f"{subject!r} is no consent id, which is a random UUID and never a name; leave it out to get a new one"
        ) from None


def notice_of(text: str, *, language: str, policy: Policy) -> Notice:
    """Return the text that was read out or printed, as the log keeps it. Raises ``ConfigurationError``."""
    if not text.strip() or len(text) > _LONGEST_NOTICE or not 0 < len(language) <= 35:
        raise ConfigurationError("a notice needs a text, 256 KiB at most, and its language, such as 'en'")
    return Notice(hash=notice_hash(language, text), language=language, policy_version=policy.version, text=text)


def _check_name(policy: Policy, name: str) -> None:
    category = policy.category(name)
    if category is not None:
        if category.required:
            raise ConfigurationError(f"{name!r} is necessary and always on; it is neither granted nor refused")
        return
    service = policy.known_service(name)
    if service is None:
        close = difflib.get_close_matches(name, [*policy.optional_ids, *(known.id for known in policy.services)], n=1)
        fix = f"did you mean {close[0]!r}?" if close else f"the categories are {', '.join(sorted(policy.optional_ids))}"
        raise ConfigurationError(f"{name!r} is no category and no service of this policy; {fix}")
    if service.category not in policy.optional_ids:
        raise ConfigurationError(f"{name!r} is necessary and always on; it is neither granted nor refused")


def _action(previous: ConsentRecord | None, granted: Iterable[str], services: Iterable[str]) -> Action:
    old = _allowed(previous.granted, previous.granted_services) if previous is not None else None
    return action_between(old, _allowed(granted, services))


def _allowed(granted: Iterable[str], services: Iterable[str]) -> set[str]:
    return {*granted, *(f"service:{name}" for name in services)}
