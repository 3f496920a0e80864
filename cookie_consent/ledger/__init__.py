"""The log of choices: its records, the store and the exports."""

from cookie_consent.ledger.export import COLUMNS, FORMATS, export_csv, export_jsonl
from cookie_consent.ledger.ids import new_record_id
from cookie_consent.ledger.ledger import DEFAULT_URL, Ledger
from cookie_consent.ledger.record import ACTIONS, CHANNELS, Action, Channel, ConsentRecord, Notice, time_text
from cookie_consent.ledger.stats import LedgerStats

__all__ = [
    "ACTIONS",
    "CHANNELS",
    "COLUMNS",
    "DEFAULT_URL",
    "FORMATS",
    "Action",
    "Channel",
    "ConsentRecord",
    "Ledger",
    "LedgerStats",
    "Notice",
    "export_csv",
    "export_jsonl",
    "new_record_id",
    "time_text",
]
