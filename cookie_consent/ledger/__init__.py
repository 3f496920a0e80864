"""The log of choices: its records, the store, the exports, and its proof."""

from cookie_consent.consent.record import ACTIONS, CHANNELS, Action, Channel, ConsentRecord, Notice, time_text
from cookie_consent.consent.record_id import new_record_id
from cookie_consent.ledger.exports.by_record import COLUMNS, FORMATS, export_csv, export_jsonl
from cookie_consent.ledger.exports.stream import EXPORT_FORMATS
from cookie_consent.ledger.filter import RecordFilter
from cookie_consent.ledger.ledger import DEFAULT_URL, Ledger
from cookie_consent.ledger.proof.note import NoteError, Verifier, new_key
from cookie_consent.ledger.proof.prove import check_proof
from cookie_consent.ledger.proof.sealed_export import verify_export
from cookie_consent.ledger.proof.tree_check import Fault
from cookie_consent.ledger.proof.verification import Verification
from cookie_consent.ledger.stats.figures import INTERVALS, Interval, LedgerStats, whole_days
from cookie_consent.ledger.stats.tables import TABLES, StatsTable, make_table, write_csv

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
