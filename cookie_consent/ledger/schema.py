"""The tables of the log, and the conversion between rows and records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text

from cookie_consent.ledger.record import ConsentRecord

if TYPE_CHECKING:
    from sqlalchemy import Row

__all__ = ["SCHEMA_VERSION", "from_row", "meta", "metadata", "micros", "notices", "records", "to_row"]

SCHEMA_VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

metadata = MetaData()
meta = Table(
    "consent_meta",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("value", Integer, nullable=False),
)
notices = Table(
    "consent_notices",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("language", String(35), nullable=False),
    Column("policy_version", String(32), nullable=False),
    Column("text", Text, nullable=False),
)
records = Table(
    "consent_records",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("subject", String(36), nullable=False),
    Column("at", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("action", String(16), nullable=False),
    Column("granted", Text, nullable=False),  # ids, which hold no space, joined by one
    Column("refused", Text, nullable=False),
    Column("granted_services", Text, nullable=False),
    Column("refused_services", Text, nullable=False),
    Column("previous", String(36)),
    Column("channel", String(16), nullable=False),
    Column("policy_version", String(32), nullable=False),
    Column("notice", String(64), ForeignKey(notices.c.hash)),
    Column("url", Text, nullable=False),
    Column("region", String(16), nullable=False),
    Column("user_agent_family", String(32), nullable=False),
    Column("ip", String(64), nullable=False),
)
Index("consent_records_subject", records.c.subject, records.c.id)
Index("consent_records_at", records.c.at)
_LISTS = ("granted", "refused", "granted_services", "refused_services")


def micros(moment: datetime) -> int:
    """Return the moment as whole microseconds since 1970 (UTC). ``ValueError`` for a time without zone."""
    if moment.tzinfo is None:
        raise ValueError("the time needs a time zone")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def to_row(record: ConsentRecord) -> tuple[str | int | None, ...]:
    """Return the record as a row of ``records``, in the order of its columns."""
    return (
        record.id,
        record.subject,
        micros(record.at),
        record.action,
        " ".join(record.granted),
        " ".join(record.refused),
        " ".join(record.granted_services),
        " ".join(record.refused_services),
        record.previous,
        record.channel,
        record.policy_version,
        record.notice,
        record.url,
        record.region,
        record.user_agent_family,
        record.ip,
    )


def from_row(row: Row[Any]) -> ConsentRecord:
    """Return the record that a row of ``records`` holds."""
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    values["at"] = _EPOCH + timedelta(microseconds=values["at"])
    for name in _LISTS:
        values[name] = tuple(values[name].split())
    return ConsentRecord(**values)
