"""The log of choices: its records, the store, the exports, and its proof.

Names that only the commands and the operator's pages use are imported on first access.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from cookie_consent.consent.record import ACTIONS, CHANNELS, Action, Channel, ConsentRecord, Notice, time_text
from cookie_consent.consent.record_id import new_record_id
from cookie_consent.ledger.filter import RecordFilter
from cookie_consent.ledger.ledger import Ledger
from cookie_consent.ledger.store import DEFAULT_URL

if TYPE_CHECKING:
    from cookie_consent.ledger.exports.by_record import COLUMNS, FORMATS, export_csv, export_jsonl
    from cookie_consent.ledger.exports.stream import EXPORT_FORMATS
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

_LAZY = {
    "exports.by_record": ("COLUMNS", "FORMATS", "export_csv", "export_jsonl"),
    "exports.stream": ("EXPORT_FORMATS",),
    "proof.note": ("NoteError", "Verifier", "new_key"),
    "proof.prove": ("check_proof",),
    "proof.sealed_export": ("verify_export",),
    "proof.tree_check": ("Fault",),
    "proof.verification": ("Verification",),
    "stats.figures": ("INTERVALS", "Interval", "LedgerStats", "whole_days"),
    "stats.tables": ("TABLES", "StatsTable", "make_table", "write_csv"),
}
_MODULES = {name: f"{__name__}.{module}" for module, names in _LAZY.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
