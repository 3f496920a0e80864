"""Export records as CSV or JSON Lines, one record at a time."""

from __future__ import annotations

import csv
import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from cookie_consent.consent.record import ConsentRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TextIO

__all__ = ["COLUMNS", "FEW", "FORMATS", "LISTS", "export_csv", "export_jsonl"]

COLUMNS = tuple(field.name for field in fields(ConsentRecord))
LISTS = frozenset({"granted", "refused", "granted_services", "refused_services"})
FEW = frozenset("action channel policy_version notice region user_agent_family control build edition regime".split())
"""Columns with few different values."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export_csv(records: Iterable[ConsentRecord], stream: TextIO) -> int:
    """Write CSV (RFC 4180) with a header, to a stream opened with ``newline=""``; return the number of records.

    Lists are joined by spaces. A cell that a spreadsheet would read as a formula is prefixed with an apostrophe.
    """
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    count = 0
    for record in records:
        writer.writerow([_cell(value) for value in record.as_dict().values()])
        count += 1
    return count


def export_jsonl(records: Iterable[ConsentRecord], stream: TextIO) -> int:
    """Write one JSON object per line (https://jsonlines.org); return the number of records."""
    count = 0
    for record in records:
        stream.write(json.dumps(record.as_dict(), ensure_ascii=False, separators=(",", ":")) + "\n")
        count += 1
    return count


FORMATS: dict[str, Callable[[Iterable[ConsentRecord], TextIO], int]] = {
    "csv": export_csv,
    "jsonl": export_jsonl,
}


def _cell(value: Any) -> str:
    text = " ".join(value) if isinstance(value, list) else "" if value is None else str(value)
    return "'" + text if text.startswith(_FORMULA) else text
