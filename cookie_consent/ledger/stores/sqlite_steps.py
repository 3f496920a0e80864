"""The schema of SQLite logs as upgrade steps. A released step is never changed; changes are new steps.

``schema.py`` describes the result for queries; a test compares the two.
"""

# ruff: noqa: S608 - the statements consist of constants
from __future__ import annotations

__all__ = ["SQLITE_STEPS"]

_NEVER = "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"

_RECORDS = (
    'CREATE TABLE consent_meta ("key" VARCHAR(32) NOT NULL, value INTEGER NOT NULL, PRIMARY KEY ("key"))',
    "CREATE TABLE consent_notices (hash VARCHAR(64) NOT NULL, language VARCHAR(35) NOT NULL, "
    "policy_version VARCHAR(32) NOT NULL, text TEXT NOT NULL, PRIMARY KEY (hash))",
    "CREATE TABLE consent_records (id VARCHAR(36) NOT NULL, subject VARCHAR(36) NOT NULL, at BIGINT NOT NULL, "
    "action VARCHAR(16) NOT NULL, granted TEXT NOT NULL, refused TEXT NOT NULL, granted_services TEXT NOT NULL, "
    "refused_services TEXT NOT NULL, previous VARCHAR(36), channel VARCHAR(16) NOT NULL, "
    "policy_version VARCHAR(32) NOT NULL, notice VARCHAR(64), url TEXT NOT NULL, region VARCHAR(16) NOT NULL, "
    "user_agent_family VARCHAR(32) NOT NULL, ip VARCHAR(64) NOT NULL, PRIMARY KEY (id), "
    "FOREIGN KEY (notice) REFERENCES consent_notices (hash))",
    "CREATE INDEX consent_records_subject ON consent_records (subject, id)",
    "CREATE INDEX consent_records_at ON consent_records (at)",
    f"CREATE TRIGGER consent_records_no_update BEFORE UPDATE ON consent_records {_NEVER}",
    f"CREATE TRIGGER consent_records_no_delete BEFORE DELETE ON consent_records {_NEVER}",
)

_KEPT = "id at action granted refused granted_services refused_services previous channel policy_version notice".split()
_BLANK = "subject url region user_agent_family ip".split()
_SAME = " AND ".join(f'NEW."{name}" IS OLD."{name}"' for name in _KEPT)
_BLANKED = " AND ".join(f"NEW.\"{name}\" = ''" for name in _BLANK)

_PROOF = (
    "CREATE TABLE consent_events (id VARCHAR(36) NOT NULL, at BIGINT NOT NULL, kind VARCHAR(16) NOT NULL, "
    'detail TEXT NOT NULL, "before" BIGINT, PRIMARY KEY (id))',
    "CREATE TABLE consent_erasures (record VARCHAR(36) NOT NULL, event VARCHAR(36) NOT NULL, PRIMARY KEY (record), "
    "FOREIGN KEY (event) REFERENCES consent_events (id))",
    "CREATE TABLE consent_leaves (position INTEGER NOT NULL PRIMARY KEY, id VARCHAR(36) NOT NULL UNIQUE, "
    "salt BLOB, commitment BLOB)",
    "CREATE TABLE consent_tiles (level INTEGER NOT NULL, number INTEGER NOT NULL, data BLOB NOT NULL, "
    "PRIMARY KEY (level, number))",
    "CREATE TABLE consent_checkpoints (size INTEGER NOT NULL PRIMARY KEY, at BIGINT NOT NULL, note TEXT NOT NULL)",
    # A record can only be erased, or deleted by its age, and only after the event for that is recorded.
    "DROP TRIGGER IF EXISTS consent_records_no_update",
    "DROP TRIGGER IF EXISTS consent_records_no_delete",
    f"CREATE TRIGGER consent_records_no_update BEFORE UPDATE ON consent_records WHEN NOT ({_SAME} AND {_BLANKED} "
    "AND NEW.rowid = OLD.rowid AND EXISTS (SELECT 1 FROM consent_erasures WHERE record = OLD.id) "
    f"AND NOT EXISTS (SELECT 1 FROM consent_leaves WHERE id = OLD.id AND salt IS NOT NULL)) {_NEVER}",
    "CREATE TRIGGER consent_records_no_delete BEFORE DELETE ON consent_records WHEN NOT EXISTS "
    f"(SELECT 1 FROM consent_events WHERE kind = 'pruned' AND \"before\" > OLD.at) {_NEVER}",
    "CREATE TRIGGER consent_leaves_no_update BEFORE UPDATE ON consent_leaves WHEN NOT (NEW.position = OLD.position "
    "AND NEW.id = OLD.id AND OLD.salt IS NOT NULL AND NEW.salt IS NULL AND length(NEW.commitment) = 32 "
    f"AND EXISTS (SELECT 1 FROM consent_erasures WHERE record = OLD.id)) {_NEVER}",
    "CREATE TRIGGER consent_leaves_no_delete BEFORE DELETE ON consent_leaves WHEN "
    "(OLD.salt IS NULL AND OLD.commitment IS NULL) OR EXISTS (SELECT 1 FROM consent_records WHERE id = OLD.id) "
    f"{_NEVER}",
    *(
        f"CREATE TRIGGER consent_{table}_no_{action.lower()} BEFORE {action} ON consent_{table} {_NEVER}"
        for table in ("events", "erasures")
        for action in ("UPDATE", "DELETE")
    ),
    f"CREATE TRIGGER consent_notices_no_update BEFORE UPDATE ON consent_notices {_NEVER}",
    'CREATE INDEX consent_events_before ON consent_events (kind, "before")',
)

_COUNTS = (
    "CREATE TABLE consent_rollups (day INTEGER NOT NULL, measure VARCHAR(16) NOT NULL, value VARCHAR(255) NOT NULL, "
    "policy_version VARCHAR(32) NOT NULL, language VARCHAR(35) NOT NULL, number BIGINT NOT NULL, "
    "PRIMARY KEY (day, measure, value, policy_version, language)) WITHOUT ROWID",
    "CREATE TABLE consent_counted (what VARCHAR(16) NOT NULL, last VARCHAR(36), version BIGINT NOT NULL, "
    "PRIMARY KEY (what))",
)

_ADDED = ("control", "build", "edition", "regime")
_ALL_SAME = " AND ".join([_SAME, *(f"NEW.{name} IS OLD.{name}" for name in _ADDED)])
_FIELDS = (
    *(
        f"ALTER TABLE consent_records ADD COLUMN {name} {kind} NOT NULL DEFAULT ''"
        for name, kind in (*((name, "VARCHAR(16)") for name in _ADDED), ("note", "TEXT"))
    ),
    "DROP TRIGGER consent_records_no_update",
    f"CREATE TRIGGER consent_records_no_update BEFORE UPDATE ON consent_records WHEN NOT ({_ALL_SAME} "
    f"AND {_BLANKED} AND NEW.note = '' "
    "AND NEW.rowid = OLD.rowid AND EXISTS (SELECT 1 FROM consent_erasures WHERE record = OLD.id) "
    f"AND NOT EXISTS (SELECT 1 FROM consent_leaves WHERE id = OLD.id AND salt IS NOT NULL)) {_NEVER}",
)

_INVENTORY = (
    "CREATE TABLE consent_inventory (site VARCHAR(253) NOT NULL, kind VARCHAR(16) NOT NULL, "
    "name VARCHAR(253) NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (site, kind, name))",
    *(
        f"CREATE TRIGGER consent_inventory_no_{action.lower()} BEFORE {action} ON consent_inventory {_NEVER}"
        for action in ("UPDATE", "DELETE")
    ),
)

SQLITE_STEPS = (_RECORDS, _PROOF, _COUNTS, _FIELDS, _INVENTORY)
"""The statements of each step; the first creates version 1 in an empty file."""
