"""The tables of the log, and the conversion between rows and records.

``records`` and ``notices`` hold what is logged, ``events`` and ``erasures`` what was done to the log itself. The proof
is in ``leaves`` (which record is which leaf of the tree), ``tiles`` (the hashes of the tree) and ``checkpoints``.
``rollups`` holds the statistics, ``counted`` how far the records are counted. ``inventory`` holds what the site's pages
were found to use, so that its processes name the same in their notices.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, Text

from cookie_consent.consent.record import ConsentRecord

if TYPE_CHECKING:
    from sqlalchemy import Row

__all__ = [
    "SCHEMA_VERSION",
    "checkpoints",
    "counted",
    "erasures",
    "events",
    "from_row",
    "inventory",
    "leaves",
    "meta",
    "metadata",
    "micros",
    "moment",
    "notices",
    "records",
    "rollups",
    "tiles",
    "to_row",
]

SCHEMA_VERSION = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Position = BigInteger().with_variant(Integer, "sqlite")

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
    Column("granted", Text, nullable=False),  # ids separated by spaces
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
    Column("control", String(16), nullable=False),
    Column("build", String(16), nullable=False),
    Column("edition", String(16), nullable=False),
    Column("regime", String(16), nullable=False),
    Column("note", Text, nullable=False),
)
Index("consent_records_subject", records.c.subject, records.c.id)
Index("consent_records_at", records.c.at)
events = Table(
    "consent_events",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),  # see ``LogEvent``
    Column("detail", Text, nullable=False),  # canonical JSON
    Column("before", BigInteger),  # only for "pruned": records older than this can be deleted
)
erasures = Table(
    "consent_erasures",
    metadata,
    Column("record", String(36), primary_key=True),
    Column("event", String(36), ForeignKey(events.c.id), nullable=False),
)
leaves = Table(
    "consent_leaves",
    metadata,
    Column("position", _Position, primary_key=True, autoincrement=False),
    Column("id", String(36), nullable=False, unique=True),  # of a record or an event
    Column("salt", LargeBinary),  # 32 bytes; of a record that is not erased
    Column("commitment", LargeBinary),  # 32 bytes; of an erased record
)
tiles = Table(
    "consent_tiles",
    metadata,
    Column("level", Integer, primary_key=True),
    Column("number", _Position, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)
checkpoints = Table(
    "consent_checkpoints",
    metadata,
    Column("size", _Position, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
)
rollups = Table(
    "consent_rollups",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),  # since 1970, UTC
    Column("measure", String(16), primary_key=True),  # see ``rollup.Measure``
    Column("value", String(255), primary_key=True),  # such as a category
    Column("policy_version", String(32), primary_key=True),
    Column("language", String(35), primary_key=True),  # of the notice; empty without one
    Column("number", BigInteger, nullable=False),
)
counted = Table(
    "consent_counted",
    metadata,
    Column("what", String(16), primary_key=True),  # "records"
    Column("last", String(36)),  # the id of the last counted record, in the store's order
    Column("version", BigInteger, nullable=False),  # grows with each change
)
inventory = Table(
    "consent_inventory",
    metadata,
    Column("site", String(253), primary_key=True),  # of the policy; empty without one
    Column("kind", String(16), primary_key=True),  # see ``InventoryKind``
    Column("name", String(253), primary_key=True),
    Column("at", BigInteger, nullable=False),
)
_LISTS = ("granted", "refused", "granted_services", "refused_services")


def micros(moment: datetime) -> int:
    """Return microseconds since 1970 (UTC). Raises ``ValueError`` for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError("the time needs a time zone")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(value: int) -> datetime:
    """Return the time (UTC) for microseconds since 1970. Raises ``OverflowError`` beyond the year 9999."""
    return _EPOCH + timedelta(microseconds=value)


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
        record.control,
        record.build,
        record.edition,
        record.regime,
        record.note,
    )


def from_row(row: Row[Any]) -> ConsentRecord:
    """Return the record in a row of ``records``."""
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    values["at"] = moment(values["at"])
    for name in _LISTS:
        values[name] = tuple(values[name].split())
    return ConsentRecord(**values)
