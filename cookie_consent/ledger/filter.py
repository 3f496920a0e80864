"""The filter for reading, counting and exporting records."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from cookie_consent.consent.record import ACTIONS, CHANNELS, time_text
from cookie_consent.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Column, ColumnElement, Select

    from cookie_consent.consent.record import Action, Channel

__all__ = ["FILTER_NAMES", "RecordFilter", "moment_named"]

_Query = TypeVar("_Query", bound="Select[Any]")
_LONGEST = 256
_FIELDS = {
    "subject": "subjects",
    "category": "categories",
    "action": "actions",
    "channel": "channels",
    "policy-version": "policy_versions",
    "region": "regions",
}
FILTER_NAMES = ("since", "until", *_FIELDS)
"""The names that ``RecordFilter.parse`` accepts, as written in commands and URLs."""


@dataclass(frozen=True, kw_only=True)
class RecordFilter:
    """Records made at ``since`` or later and before ``until``, with one of the values of each field that has any.

    A record matches a category if it grants or refuses it. Raises ``ConfigurationError`` for an impossible value.
    """

    since: datetime | None = None
    until: datetime | None = None
    subjects: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    channels: tuple[Channel, ...] = ()
    policy_versions: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("since", "until"):
            moment = getattr(self, name)
            if moment is not None and moment.tzinfo is None:
                raise ConfigurationError(f"{name} {moment.isoformat()} has no time zone; add one, such as Z")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ConfigurationError("since is not before until, so no record can match; swap them")
        for name, field in _FIELDS.items():
            for value in getattr(self, field):
                if not value or len(value) > _LONGEST or not value.isprintable():
                    raise ConfigurationError(
                        f"{name} {value[:40]!r} is not a value that a record can have; leave it out, or correct it"
                    )
        _one_of("action", self.actions, ACTIONS)
        _one_of("channel", self.channels, CHANNELS)
        for value in self.categories:
            if value.split() != [value]:
                raise ConfigurationError(f"category {value!r} is not an id; name several one by one")

    @classmethod
    def parse(cls, pairs: Iterable[tuple[str, str]]) -> RecordFilter:
        """Return the filter for pairs of a name of ``FILTER_NAMES`` and a value. All but the times can be repeated.

        Raises ``ConfigurationError`` for an unknown name or an impossible value.
        """
        values: dict[str, Any] = {}
        for given, value in pairs:
            name = given.replace("_", "-")
            if name in _FIELDS:
                values[_FIELDS[name]] = (*values.get(_FIELDS[name], ()), value)
            elif name not in FILTER_NAMES:
                raise ConfigurationError(f"{given[:40]!r} is not a filter; the filters are {', '.join(FILTER_NAMES)}")
            elif name in values:
                raise ConfigurationError(f"{name} is given twice; give it once")
            else:
                values[name] = moment_named(value, name)
        return cls(**values)

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the filter as SQL conditions on ``schema.records``, which every store supports."""
        from sqlalchemy import or_

        from cookie_consent.ledger.schema import micros, records

        found: list[ColumnElement[bool]] = []
        if self.since is not None:
            found.append(records.c.at >= micros(self.since))
        if self.until is not None:
            found.append(records.c.at < micros(self.until))
        for column, values in (
            (records.c.subject, self.subjects),
            (records.c.action, self.actions),
            (records.c.channel, self.channels),
            (records.c.policy_version, self.policy_versions),
            (records.c.region, self.regions),
        ):
            if values:
                found.append(column.in_(values))
        if self.categories:
            lists = (records.c.granted, records.c.refused)
            found.append(or_(*(_has(column, name) for name in self.categories for column in lists)))
        return found

    def apply(self, query: _Query) -> _Query:
        """Return the query with the conditions added."""
        return query.where(*self.conditions())

    def as_dict(self) -> dict[str, Any]:
        """Return the filter ready for JSON, without empty fields."""
        found: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, datetime):
                found[field.name] = time_text(value.astimezone(UTC))
            elif value:
                found[field.name] = sorted(value)
        return found


def moment_named(value: str, name: str) -> datetime:
    """Parse a time; UTC unless it has a zone. Raises ``ConfigurationError``, which mentions ``name``."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ConfigurationError(
            f"{name} {value[:40]!r} is not a time; write 2026-11-24 or 2026-11-24T12:30:00Z"
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _one_of(name: str, values: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    for value in values:
        if value not in allowed:
            raise ConfigurationError(f"{name} {value[:40]!r} is unknown; write one of {', '.join(allowed)}")


def _has(column: Column[str], name: str) -> ColumnElement[bool]:
    """Return the condition that an id is in a column of ids separated by spaces."""
    # ``LIKE`` ignores case in SQLite; ``replace`` does not, and PostgreSQL has it too.
    from sqlalchemy import func, literal

    padded = literal(" ") + column + literal(" ")
    return func.replace(padded, f" {name} ", "") != padded
