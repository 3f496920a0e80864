"""The record of a choice: who chose what, when, and under which notice. Built by ``new_record`` alone."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args

from cookie_consent.consent.record_id import new_record_id
from cookie_consent.consent.user_agent import family_of
from cookie_consent.policy.fingerprints import edition_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cookie_consent.policy import Policy

__all__ = [
    "ACTIONS",
    "CHANNELS",
    "CONTROLS",
    "VISIT_LIFETIME",
    "Action",
    "Channel",
    "ConsentRecord",
    "Control",
    "Notice",
    "new_record",
    "parse_time",
    "time_text",
]

Action = Literal["given", "refused", "changed", "withdrawn", "signal", "expired"]
Channel = Literal["banner", "preferences", "api", "visit", "gpc", "phone", "paper", "in-person"]
Control = Literal["", "accept-all", "refuse-all", "close", "save", "service", "placeholder", "preferences", "signal"]
"""What the visitor used; empty where it was none of ours, or is not known."""
ACTIONS: tuple[Action, ...] = get_args(Action)
CHANNELS: tuple[Channel, ...] = get_args(Channel)
CONTROLS: tuple[Control, ...] = get_args(Control)
VISIT_LIFETIME = timedelta(days=1)
"""What is allowed for a visit, on the channel ``visit``, ends then at the latest: some browsers keep their session for
weeks."""
DEFAULT_REGIME = "opt-in"
"""The rules that hold for all visitors: nothing optional before they have agreed."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """The exact text that a visitor was shown, stored once per ``hash`` (SHA-256 of language and text, hex)."""

    hash: str
    language: str
    policy_version: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ConsentRecord:
    """A choice as it is stored. Append-only: a later choice is a new record that names its ``previous`` one.

    ``id`` is a UUIDv7 (RFC 9562, section 5.7), so records sort by time; ``at`` is UTC with microseconds.
    ``granted`` and ``refused`` are sorted category ids; ``granted_services`` and ``refused_services`` are the sorted
    exceptions. A category in neither has no answer yet. ``url`` is a path without a query. ``ip`` is empty unless the
    policy asks for it. ``build`` and ``edition`` are digests of 16 hex digits: of the interface that was shown, and of
    what its notice named. ``note`` is the operator's. Records of older releases have neither of the last five.
    """

    id: str
    subject: str
    at: datetime
    action: Action
    granted: tuple[str, ...]
    refused: tuple[str, ...]
    granted_services: tuple[str, ...] = ()
    refused_services: tuple[str, ...] = ()
    previous: str | None = None
    channel: Channel
    policy_version: str
    notice: str | None = None
    url: str = ""
    region: str = ""
    user_agent_family: str = ""
    ip: str = ""
    control: Control = ""
    build: str = ""
    edition: str = ""
    regime: str = ""
    note: str = ""

    @classmethod
    def from_dict(cls, values: Any) -> ConsentRecord:
        """Return the record from the values of ``as_dict``. Raises ``ValueError`` if they are not a record."""
        try:
            fields_ = dict(values)
            fields_["at"] = parse_time(fields_["at"])
            for name in _LISTS:
                fields_[name] = _ids(fields_[name])
            if not all(isinstance(fields_.get(name), str | None) for name in _TEXTS):
                raise ValueError("it is not a record: a field is not a text")
            return cls(**fields_)
        except (TypeError, KeyError) as error:
            raise ValueError(f"it is not a record: {error}") from None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in order, ready for JSON. The time is ISO 8601 in UTC, with ``Z``."""
        values: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            values[field.name] = list(value) if isinstance(value, tuple) else value
        values["at"] = time_text(self.at)
        return values


def new_record(
    policy: Policy,
    *,
    subject: str,
    at: datetime,
    action: Action,
    channel: Channel,
    granted: Iterable[str],
    refused: Iterable[str],
    services: Mapping[str, bool],
    previous: str | None,
    notice: Notice | None = None,
    url: str = "",
    user_agent: str = "",
    control: Control = "",
    build: str = "",
    names: str = "",
    note: str = "",
) -> ConsentRecord:
    """Return a new record. Of ``granted`` and ``refused`` the optional categories count, and those granted first.

    ``services`` maps each exception to whether it is granted. ``previous`` is the id of the record before. Of
    ``user_agent`` only the browser family is stored, and of ``names``, which is what the notice named, a digest.
    """
    yes = policy.optional_ids.intersection(granted)
    return ConsentRecord(
        id=new_record_id(at),
        subject=subject,
        at=at,
        action=action,
        granted=tuple(sorted(yes)),
        refused=tuple(sorted(policy.optional_ids.intersection(refused) - yes)),
        granted_services=tuple(sorted(name for name, on in services.items() if on)),
        refused_services=tuple(sorted(name for name, on in services.items() if not on)),
        previous=previous,
        channel=channel,
        policy_version=policy.version,
        notice=notice.hash if notice is not None else None,
        url=url,
        user_agent_family=family_of(user_agent),
        control=control,
        build=build,
        edition=edition_digest(names) if names else "",
        regime=DEFAULT_REGIME,
        note=note,
    )


_LISTS = ("granted", "refused", "granted_services", "refused_services")
_TEXTS = tuple(field.name for field in fields(ConsentRecord) if field.name not in {"at", *_LISTS})


def _ids(value: object) -> tuple[str, ...]:
    """Return a list of ids as a tuple. Raises ``ValueError`` if it is not one: if an id contains a space, say."""
    if not isinstance(value, list) or not all(isinstance(item, str) and item.split() == [item] for item in value):
        raise ValueError("it is not a record: a field is not a list of ids")
    return tuple(value)


def time_text(at: datetime) -> str:
    """Return a time in UTC as ISO 8601, with microseconds and ``Z``."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_time(text: object) -> datetime:
    """Parse an ISO 8601 time with a time zone. Raises ``ValueError`` for anything else."""
    if not isinstance(text, str):
        raise ValueError("a time is a text in ISO 8601")  # noqa: TRY004 - one kind of error for wrong input
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"the time {text} has no time zone")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"the time {text} is outside of the calendar") from None
