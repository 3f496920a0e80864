"""The log of choices: its records, the store, the exports, and its proof."""

from cookie_consent.ledger.exports.by_record import COLUMNS, FORMATS, export_csv, export_jsonl
from cookie_consent.ledger.exports.stream import EXPORT_FORMATS
from cookie_consent.ledger.filter import RecordFilter
from cookie_consent.ledger.ids import new_record_id
from cookie_consent.ledger.ledger import DEFAULT_URL, Ledger
from cookie_consent.ledger.note import NoteError, Verifier, new_key
from cookie_consent.ledger.proof import check_proof
from cookie_consent.ledger.record import ACTIONS, CHANNELS, Action, Channel, ConsentRecord, Notice, time_text
from cookie_consent.ledger.sealed_export import verify_export
from cookie_consent.ledger.stats import INTERVALS, Interval, LedgerStats, whole_days
from cookie_consent.ledger.stats_tables import TABLES, StatsTable, make_table, write_csv
from cookie_consent.ledger.tree_check import Fault
from cookie_consent.ledger.verification import Verification

__all__ = [
    "ACTIONS",
    "CHANNELS",
    "COLUMNS",
    "DEFAULT_URL",
    "EXPORT_FORMATS",
    "FORMATS",
    "INTERVALS",
    "TABLES",
    "Action",
    "Channel",
    "ConsentRecord",
    "Fault",
    "Interval",
    "Ledger",
    "LedgerStats",
    "NoteError",
    "Notice",
    "RecordFilter",
    "StatsTable",
    "Verification",
    "Verifier",
    "check_proof",
    "export_csv",
    "export_jsonl",
    "make_table",
    "new_key",
    "new_record_id",
    "time_text",
    "verify_export",
    "whole_days",
    "write_csv",
]
