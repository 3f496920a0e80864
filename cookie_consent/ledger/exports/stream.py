"""An export of a snapshot of the log as a stream of bytes, in any format."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger.exports.columns import as_whole
from cookie_consent.ledger.exports.iso27560 import Iso27560Lines
from cookie_consent.ledger.exports.lines import CsvLines, JsonLines
from cookie_consent.ledger.exports.parquet import parquet_chunks
from cookie_consent.ledger.exports.rows import paged, records_query
from cookie_consent.policy import DEFAULT_PREFIX

if TYPE_CHECKING:
    from collections.abc import Generator

    from sqlalchemy import Connection

    from cookie_consent.ledger.exports.lines import LineFormat
    from cookie_consent.ledger.filter import RecordFilter
    from cookie_consent.ledger.store import Store
    from cookie_consent.policy import Policy

__all__ = ["EXPORT_FORMATS", "ExportKind", "Piece", "export_kind", "export_pieces", "line_format", "line_pieces"]


@dataclass(frozen=True, kw_only=True)
class ExportKind:
    """The properties of an export format."""

    name: str
    media_type: str
    suffix: str
    """The file name extension, with its dot."""
    by_lines: bool = True
    """Whether the format has lines, after any of which an export can be resumed."""


EXPORT_FORMATS = {
    kind.name: kind
    for kind in (
        ExportKind(name="csv", media_type="text/csv; charset=utf-8; header=present", suffix=".csv"),
        ExportKind(name="jsonl", media_type="application/jsonl; charset=utf-8", suffix=".jsonl"),
        ExportKind(name="parquet", media_type="application/vnd.apache.parquet", suffix=".parquet", by_lines=False),
        ExportKind(name="iso27560", media_type="application/ld+json", suffix=".jsonld"),
    )
}
"""The export formats by name."""


class Piece(NamedTuple):
    """A part of an export."""

    data: bytes
    records: int
    """The number of records in it; 0 for the head and the tail."""
    last: str | None
    """The id of the last record in it."""


def export_kind(name: str) -> ExportKind:
    """Return the format with a name. Raises ``ConfigurationError``."""
    kind = EXPORT_FORMATS.get(name)
    if kind is None:
        raise ConfigurationError(f"{name[:40]!r} is not a format; write one of {', '.join(EXPORT_FORMATS)}")
    return kind


def line_format(name: str, connection: Connection, policy: Policy | None, prefix: str = DEFAULT_PREFIX) -> LineFormat:
    """Return the writer for a line format. ``policy`` and ``prefix`` are for ``iso27560``.

    Raises ``ConfigurationError`` if the policy is needed and missing.
    """
    if name == "csv":
        return CsvLines(policy)
    if name == "jsonl":
        return JsonLines(policy)
    if policy is None:
        raise ConfigurationError("ISO/IEC TS 27560 consent records name the controller; give the policy")
    return Iso27560Lines(policy, connection, prefix)


def line_pieces(
    store: Store, connection: Connection, lines: LineFormat, *, where: RecordFilter, after: str | None, url: str
) -> Generator[Piece]:
    """Yield the lines of records after the id ``after``. Close the generator before the connection.

    Raises ``LedgerError``, also for a damaged record.
    """
    with closing(paged(store, connection, records_query(where, after))) as pages:
        for rows in pages:
            yield Piece(as_whole(rows, lines.lines, url), len(rows), rows[-1][0])


def export_pieces(
    store: Store,
    name: str,
    *,
    where: RecordFilter,
    policy: Policy | None,
    url: str,
    prefix: str = DEFAULT_PREFIX,
) -> Generator[Piece]:
    """Yield a complete export, ordered by id, in constant memory. Closing the generator ends its transaction.

    Raises ``ConfigurationError`` for an unknown format or a missing package, and ``LedgerError``.
    """
    kind = export_kind(name)
    with store.reading() as connection:
        if not kind.by_lines:
            with closing(paged(store, connection, records_query(where))) as pages:
                for chunk in parquet_chunks(pages, policy=policy, url=url):
                    yield Piece(*chunk)
            return
        lines = line_format(name, connection, policy, prefix)
        yield Piece(lines.head(), 0, None)
        with closing(line_pieces(store, connection, lines, where=where, after=None, url=url)) as pieces:
            yield from pieces
        yield Piece(lines.tail(), 0, None)
