"""The moment from which a policy applies: a day, or a time of day."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timezone
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

__all__ = ["Moment", "instant", "moment_text"]

_EXAMPLES = "2026-12-01, or 2026-12-01T12:00:00+01:00 for a time of day"


def _moment(value: Any) -> date:
    """Return a date, or a time with the offset of its zone at that time. One without a zone is in UTC."""
    moment = _parsed(value) if isinstance(value, str) else value
    if not isinstance(moment, date):
        raise ValueError(f"write a date without quotes: {_EXAMPLES}")  # noqa: TRY004 - what pydantic takes
    if not isinstance(moment, datetime):
        return moment
    offset = moment.utcoffset()
    moment = moment.replace(tzinfo=timezone(offset) if offset else UTC)
    try:
        instant(moment)
    except OverflowError:
        raise ValueError(f"is not a time in UTC: write one such as {_EXAMPLES}") from None
    return moment


def _parsed(text: str) -> date | None:
    try:
        is_day = re.fullmatch(r"\d{4}-\d\d-\d\d", text)
        return date.fromisoformat(text) if is_day else datetime.fromisoformat(text)
    except ValueError:
        return None


Moment = Annotated[
    date,  # or a datetime, which is a date too
    PlainValidator(_moment),
    PlainSerializer(lambda moment: moment.isoformat(), when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}),
]
"""A date, or a time, such as ``2026-12-01`` or ``2026-12-01T12:00:00+01:00``; UTC unless an offset is given."""


def instant(moment: date) -> datetime:
    """Return when a moment is reached, in UTC: a day at its midnight in UTC."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    return datetime.combine(moment, time(), UTC)


def moment_text(moment: date) -> str:
    """Return a moment as visitors read it: ``2026-12-01``, or ``2026-12-01 12:00 UTC+01:00``."""
    if not isinstance(moment, datetime):
        return moment.isoformat()
    clock = moment.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds" if moment.second else "minutes")
    return f"{clock} {moment.tzname()}"
