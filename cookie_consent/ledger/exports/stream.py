"""An export as a stream of bytes, in any format, of one state of the log."""

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
    """What there is to know of a format from outside."""

    name: str
    media_type: str
    suffix: str
    """The end of a file's name, with its dot."""
    by_lines: bool = True
    """Made of lines, behind any of which an export can go on."""


EXPORT_FORMATS = {
    kind.name: kind
    for kind in (
        ExportKind(name="csv", media_type="text/csv; charset=utf-8; header=present", suffix=".csv"),
        ExportKind(name="jsonl", media_type="application/jsonl; charset=utf-8", suffix=".jsonl"),
        ExportKind(name="parquet", media_type="application/vnd.apache.parquet", suffix=".parquet", by_lines=False),
        ExportKind(name="iso27560", media_type="application/ld+json", suffix=".jsonld"),
    )
}
"""The formats of the records, by their names."""


class Piece(NamedTuple):
    """A part of an export."""

    data: bytes
    records: int
    """How many records it ends; 0 for what comes before the first one and behind the last."""
    last: str | None
    """The id of the last of them."""


def export_kind(name: str) -> ExportKind:
    """Return the format of that name. Raises ``ConfigurationError``."""
    kind = EXPORT_FORMATS.get(name)
    if kind is None:
        raise ConfigurationError(f"{name[:40]!r} is no format; write one of {', '.join(EXPORT_FORMATS)}")
    return kind


def line_format(name: str, connection: Connection, policy: Policy | None, prefix: str = DEFAULT_PREFIX) -> LineFormat:
    """Return what writes a format of lines; ``policy`` is what consent records of ISO/IEC TS 27560 are filled from.

    Raises ``ConfigurationError`` if that is missing where it is needed.
    """
    if name == "csv":
        return CsvLines()
    if name == "jsonl":
        return JsonLines()
    if policy is None:
        raise ConfigurationError("the consent records of ISO/IEC TS 27560 name the controller; give the policy")
    return Iso27560Lines(policy, connection, prefix)


def line_pieces(
    store: Store, connection: Connection, lines: LineFormat, *, where: RecordFilter, after: str | None, url: str
) -> Generator[Piece]:
    """Yield the lines of the records behind the id ``after``; to be closed before the connection is.

    Raises ``LedgerError``, for a damaged record too.
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
    """Yield an export, whole, in the order of the ids; memory is constant.

    Closing the generator ends the transaction that it reads in. Raises ``ConfigurationError`` for a format that
    is none, or whose package is missing, and ``LedgerError``.
    """
    kind = export_kind(name)
    with store.reading() as connection:
        if not kind.by_lines:
            with closing(paged(store, connection, records_query(where))) as pages:
                for chunk in parquet_chunks(pages, url=url):
                    yield Piece(*chunk)
            return
        lines = line_format(name, connection, policy, prefix)
        yield Piece(lines.head(), 0, None)
        with closing(line_pieces(store, connection, lines, where=where, after=None, url=url)) as pieces:
            yield from pieces
        yield Piece(lines.tail(), 0, None)
