"""One row of the log: who chose what, when, and under which notice."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["ACTIONS", "CHANNELS", "Action", "Channel", "ConsentRecord", "Notice"]

Action = Literal["given", "refused", "changed", "withdrawn", "signal", "expired"]
Channel = Literal["banner", "preferences", "api", "gpc", "phone", "paper", "in-person"]
ACTIONS: tuple[Action, ...] = get_args(Action)
CHANNELS: tuple[Channel, ...] = get_args(Channel)


@dataclass(frozen=True, kw_only=True)
class Notice:
    """The exact text that a visitor was shown, kept once per ``hash`` (SHA-256 of language and text, hex)."""

    hash: str
    language: str
    policy_version: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ConsentRecord:
    """A choice, as it is kept. Append-only: a later choice is a later record that names its ``previous``.

    ``id`` is a UUIDv7 (RFC 9562, section 5.7), so records sort by time; ``at`` is UTC with microseconds.
    ``granted`` and ``refused`` are sorted category ids, ``granted_services`` and ``refused_services`` the sorted
    exceptions. ``url`` is a path without query. ``ip`` is empty unless the policy asks for it.
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

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in order, ready for JSON: lists as lists, the time as ISO 8601 in UTC with ``Z``."""
        values: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            values[field.name] = list(value) if isinstance(value, tuple) else value
        values["at"] = self.at.isoformat(timespec="microseconds").replace("+00:00", "Z")
        return values
