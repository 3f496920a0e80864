"""Offline choices: made by phone, on paper or in person."""

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
"""The channels of offline choices."""
_LONGEST_NOTICE = 256 * 1024
_LONGEST_NOTE = 2000


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
    note: str = "",
) -> ConsentRecord:
    """Return the record of an offline choice. ``granted`` and ``refused`` are ids of categories and services.

    Unnamed categories are refused, if the policy declares something in them. Raises ``ConfigurationError`` for an
    unknown or required id, an id that is both granted and refused, another channel, a time in the future, or a note
    that cannot be stored.
    """
    if channel not in OTHER_CHANNELS:
        raise ConfigurationError(f"{channel!r} is not an offline channel; write one of {', '.join(OTHER_CHANNELS)}")
    if at.tzinfo is None or at > datetime.now(UTC):
        fault = "has no time zone" if at.tzinfo is None else "has yet to come; a choice is recorded after it was made"
        raise ConfigurationError(f"the time {at.isoformat()} {fault}")
    if len(note) > _LONGEST_NOTE or not note.replace("\n", " ").isprintable():
        raise ConfigurationError(f"a note has at most {_LONGEST_NOTE:,} characters, none of them a control character")
    yes, no = set(granted), set(refused)
    if both := sorted(yes & no):
        raise ConfigurationError(f"{both[0]!r} cannot be both granted and refused")
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
        refused=policy.names.offered() | no,
        services=services,
        previous=previous.id if previous is not None else None,
        notice=notice,
        note=note,
    )


def checked_subject(subject: str | None) -> str:
    """Return the consent id in its canonical form, or a new one for None. Raises ``ConfigurationError``."""
    if subject is None:
        return str(uuid4())
    try:
        return str(UUID(subject))
    except ValueError:
        raise ConfigurationError(
            f"{subject!r} is not a consent id, which is a random UUID and never a name; leave it out to get a new one"
        ) from None


def notice_of(text: str, *, language: str, policy: Policy) -> Notice:
    """Return a notice for the text that was read out or printed. Raises ``ConfigurationError``."""
    if not text.strip() or len(text) > _LONGEST_NOTICE or not 0 < len(language) <= 35:
        raise ConfigurationError("a notice needs a text of at most 256 KiB, and its language, such as 'en'")
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
        raise ConfigurationError(f"{name!r} is neither a category nor a service of this policy; {fix}")
    if service.category not in policy.optional_ids:
        raise ConfigurationError(f"{name!r} is necessary and always on; it is neither granted nor refused")


def _action(previous: ConsentRecord | None, granted: Iterable[str], services: Iterable[str]) -> Action:
    old = _allowed(previous.granted, previous.granted_services) if previous is not None else None
    return action_between(old, _allowed(granted, services))


def _allowed(granted: Iterable[str], services: Iterable[str]) -> set[str]:
    return {*granted, *(f"service:{name}" for name in services)}
