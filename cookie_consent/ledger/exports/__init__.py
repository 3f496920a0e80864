"""Export formats: CSV, JSON Lines, Parquet and ISO/IEC TS 27560."""

from cookie_consent.ledger.exports.by_record import COLUMNS, FORMATS, export_csv, export_jsonl

__all__ = ["COLUMNS", "FORMATS", "export_csv", "export_jsonl"]
