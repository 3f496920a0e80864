"""The schema of PostgreSQL logs as upgrade steps. A released step is never changed; changes are new steps.

``schema.py`` describes the result for queries; a test compares the two. In addition there is ``place`` in
``consent_records``, the order for sealing (see ``PostgresStore``), and the monthly partitions.

All functions see only the schema in which they were created (``SET search_path``), so tables in another schema cannot
deceive them. The two ``SECURITY DEFINER`` functions are for roles that can only add records; they qualify the functions
of ``pg_catalog``, because one in the log's own schema could match better.
"""

# ruff: noqa: S608 - the statements consist of constants
from __future__ import annotations

from cookie_consent.ledger.stores.postgres.months import EARLIEST, LATEST

__all__ = ["ADD_MONTH", "KEEP_ORDER", "PLACE_BITS", "POSTGRES_STEPS"]

PLACE_BITS = 20
"""A place is the transaction number shifted left by this many bits, plus the number within the transaction."""
ADD_MONTH = "consent_add_month(integer, integer)"
KEEP_ORDER = "consent_keep_order()"
_MONTHS_LOCK = 1_128_222_538  # this package's advisory lock for adding months; the second key is the table

_TABLES = (
    "CREATE TABLE consent_meta (key varchar(32) NOT NULL PRIMARY KEY, value bigint NOT NULL)",
    'CREATE TABLE consent_notices (hash varchar(64) COLLATE "C" NOT NULL PRIMARY KEY, language text NOT NULL, '
    "policy_version text NOT NULL, text text NOT NULL)",
    'CREATE TABLE consent_records (id varchar(36) COLLATE "C" NOT NULL PRIMARY KEY, '
    'subject varchar(36) COLLATE "C" NOT NULL, at bigint NOT NULL, action text NOT NULL, granted text NOT NULL, '
    "refused text NOT NULL, granted_services text NOT NULL, refused_services text NOT NULL, previous varchar(36), "
    "channel text NOT NULL, policy_version text NOT NULL, "
    'notice varchar(64) COLLATE "C" REFERENCES consent_notices (hash), url text NOT NULL, region text NOT NULL, '
    "user_agent_family text NOT NULL, ip text NOT NULL, place bigint NOT NULL) PARTITION BY RANGE (id)",
    "CREATE INDEX consent_records_subject ON consent_records (subject, id)",
    "CREATE INDEX consent_records_at ON consent_records (at)",
    "CREATE INDEX consent_records_place ON consent_records (place)",
    f"CREATE TABLE consent_records_earlier PARTITION OF consent_records FOR VALUES FROM (MINVALUE) TO ('{EARLIEST}')",
    f"CREATE TABLE consent_records_beyond PARTITION OF consent_records FOR VALUES FROM ('{LATEST}') TO (MAXVALUE)",
    'CREATE TABLE consent_events (id varchar(36) COLLATE "C" NOT NULL PRIMARY KEY, at bigint NOT NULL, '
    "kind text NOT NULL, detail text NOT NULL, before bigint)",
    "CREATE INDEX consent_events_before ON consent_events (kind, before)",
    'CREATE TABLE consent_erasures (record varchar(36) COLLATE "C" NOT NULL PRIMARY KEY, '
    'event varchar(36) COLLATE "C" NOT NULL REFERENCES consent_events (id))',
    'CREATE TABLE consent_leaves (position bigint NOT NULL PRIMARY KEY, id varchar(36) COLLATE "C" NOT NULL UNIQUE, '
    "salt bytea, commitment bytea)",
    "CREATE TABLE consent_tiles (level integer NOT NULL, number bigint NOT NULL, data bytea NOT NULL, "
    "PRIMARY KEY (level, number))",
    "CREATE TABLE consent_checkpoints (size bigint NOT NULL PRIMARY KEY, at bigint NOT NULL, note text NOT NULL)",
    # The site's reports (see reports/store.py), created here because a write-only role cannot create tables.
    "CREATE TABLE IF NOT EXISTS consent_findings (kind varchar(253), name varchar(253), directive varchar(253), "
    'service varchar(253), reason varchar(253), "count" integer NOT NULL, "first" varchar(10) NOT NULL, '
    '"last" varchar(10) NOT NULL, PRIMARY KEY (kind, name, directive, service, reason))',
    "CREATE TABLE IF NOT EXISTS consent_finding_pages (kind varchar(253), name varchar(253), directive varchar(253), "
    "service varchar(253), reason varchar(253), path varchar(253), "
    "PRIMARY KEY (kind, name, directive, service, reason, path))",
    "INSERT INTO consent_meta VALUES ('base', 0)",
)

_KEPT = "id at action granted refused granted_services refused_services previous channel policy_version notice place"
_BLANK = "subject url region user_agent_family ip"
_SAME = " AND ".join(f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in _KEPT.split())
_BLANKED = " AND ".join(f"NEW.{name} = ''" for name in _BLANK.split())
_PINNED = "SET search_path FROM CURRENT"
_REFUSE = "RAISE EXCEPTION 'the log is append-only' USING ERRCODE = 'restrict_violation'"


def _guard_record(same: str, blanked: str) -> str:
    """Return the function by which a record can only be erased, or deleted by its age, after the event for that."""
    return f"""consent_guard_record() RETURNS trigger LANGUAGE plpgsql {_PINNED} AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF EXISTS (SELECT FROM consent_events WHERE kind = 'pruned' AND before > OLD.at) THEN
                RETURN OLD;
            END IF;
        ELSIF {same} AND {blanked} AND EXISTS (SELECT FROM consent_erasures WHERE record = OLD.id)
            AND NOT EXISTS (SELECT FROM consent_leaves WHERE id = OLD.id AND salt IS NOT NULL) THEN
            RETURN NEW;
        END IF;
        {_REFUSE};
    END $$"""


_GUARDS = (
    f"CREATE FUNCTION consent_refuse() RETURNS trigger LANGUAGE plpgsql {_PINNED} AS $$ BEGIN {_REFUSE}; END $$",
    f"CREATE FUNCTION {_guard_record(_SAME, _BLANKED)}",
    f"""CREATE FUNCTION consent_guard_leaf() RETURNS trigger LANGUAGE plpgsql {_PINNED} AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF (OLD.salt IS NOT NULL OR OLD.commitment IS NOT NULL)
                AND NOT EXISTS (SELECT FROM consent_records WHERE id = OLD.id) THEN
                RETURN OLD;
            END IF;
        ELSIF NEW.position = OLD.position AND NEW.id = OLD.id AND OLD.salt IS NOT NULL AND NEW.salt IS NULL
            AND length(NEW.commitment) = 32 AND EXISTS (SELECT FROM consent_erasures WHERE record = OLD.id) THEN
            RETURN NEW;
        END IF;
        {_REFUSE};
    END $$""",
    "CREATE TRIGGER consent_guard BEFORE UPDATE OR DELETE ON consent_records "
    "FOR EACH ROW EXECUTE FUNCTION consent_guard_record()",
    "CREATE TRIGGER consent_guard BEFORE UPDATE OR DELETE ON consent_leaves "
    "FOR EACH ROW EXECUTE FUNCTION consent_guard_leaf()",
    *(
        f"CREATE TRIGGER consent_guard BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION consent_refuse()"
        for table in ("consent_events", "consent_erasures")
    ),
    "CREATE TRIGGER consent_guard BEFORE UPDATE ON consent_notices FOR EACH ROW EXECUTE FUNCTION consent_refuse()",
    *(  # partitions do not inherit triggers for statements
        f"CREATE TRIGGER consent_no_truncate BEFORE TRUNCATE ON consent_{table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION consent_refuse()"
        for table in ("records", "records_earlier", "records_beyond", "leaves", "events", "erasures", "notices")
    ),
)

_FUNCTIONS = (
    # ATTACH rather than PARTITION OF, which would wait for all readers and block everyone else meanwhile.
    f"""CREATE FUNCTION consent_add_month(year integer, month integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER {_PINNED} AS $$
    DECLARE
        name text := pg_catalog.format('consent_records_%s_%s', year, pg_catalog.lpad(month::text, 2, '0'));
        first timestamptz := pg_catalog.make_timestamptz(year, month, 1, 0, 0, 0, 'UTC');
        next timestamptz := pg_catalog.make_timestamptz(year + month / 12, month % 12 + 1, 1, 0, 0, 0, 'UTC');
        edges text[];
    BEGIN
        SELECT pg_catalog.array_agg(pg_catalog.lpad(pg_catalog.to_hex(ms >> 16), 8, '0') || '-'
                || pg_catalog.lpad(pg_catalog.to_hex(ms & 65535::bigint), 4, '0') ORDER BY ms)
            INTO edges FROM (SELECT extract(epoch FROM edge)::bigint * 1000::bigint
                FROM pg_catalog.unnest(ARRAY[first, next]) AS edge) AS edge (ms);
        IF edges[1] < '{EARLIEST}' COLLATE "C" OR edges[2] > '{LATEST}' COLLATE "C" THEN
            RAISE EXCEPTION 'no month of its own for % %', year, month;
        END IF;
        PERFORM pg_catalog.pg_advisory_xact_lock(
            {_MONTHS_LOCK}, 'consent_records'::regclass::oid::bigint::bit(32)::integer);
        IF NOT EXISTS (SELECT FROM pg_class JOIN pg_inherits ON inhrelid = oid
            WHERE relname = name AND inhparent = 'consent_records'::regclass) THEN
            EXECUTE pg_catalog.format('CREATE TABLE %I (LIKE consent_records INCLUDING ALL)', name);
            EXECUTE pg_catalog.format('CREATE TRIGGER consent_no_truncate BEFORE TRUNCATE ON %I '
                'FOR EACH STATEMENT EXECUTE FUNCTION consent_refuse()', name);
            EXECUTE pg_catalog.format('ALTER TABLE consent_records ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                name, edges[1], edges[2]);
        END IF;
    END $$""",
    # In another cluster, transaction numbers may be lower than those in the places of a restored log.
    f"""CREATE FUNCTION consent_keep_order() RETURNS void LANGUAGE plpgsql SECURITY DEFINER {_PINNED} AS $$
    DECLARE
        highest bigint;
    BEGIN
        IF pg_is_in_recovery() THEN
            RETURN;
        END IF;
        FOR attempt IN 1..2 LOOP
            SELECT max(place) >> {PLACE_BITS} INTO highest FROM consent_records;
            IF highest IS NULL OR highest < (SELECT value FROM consent_meta WHERE key = 'base')
                + pg_snapshot_xmax(pg_current_snapshot())::text::bigint THEN
                RETURN;
            END IF;
            LOCK TABLE consent_records IN SHARE ROW EXCLUSIVE MODE;
        END LOOP;
        UPDATE consent_meta SET value = highest + 1 - pg_snapshot_xmin(pg_current_snapshot())::text::bigint
            WHERE key = 'base';
    END $$""",
    f"REVOKE ALL ON FUNCTION {ADD_MONTH}, {KEEP_ORDER} FROM PUBLIC",
)

_COUNTS = (
    "CREATE TABLE consent_rollups (day integer NOT NULL, measure text NOT NULL, value text NOT NULL, "
    "policy_version text NOT NULL, language text NOT NULL, number bigint NOT NULL, "
    "PRIMARY KEY (day, measure, value, policy_version, language))",
    "CREATE TABLE consent_counted (what text NOT NULL PRIMARY KEY, "
    'last varchar(36) COLLATE "C", version bigint NOT NULL)',
)

_ADDED = ("control", "build", "edition", "regime")
_FIELDS = (
    *(f"ALTER TABLE consent_records ADD COLUMN {name} text NOT NULL DEFAULT ''" for name in (*_ADDED, "note")),
    "CREATE OR REPLACE FUNCTION "
    + _guard_record(
        " AND ".join([_SAME, *(f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in _ADDED)]),
        f"{_BLANKED} AND NEW.note = ''",
    ),
)

_INVENTORY = (
    "CREATE TABLE consent_inventory (site varchar(253) NOT NULL, kind varchar(16) NOT NULL, "
    "name varchar(253) NOT NULL, at bigint NOT NULL, PRIMARY KEY (site, kind, name))",
    "CREATE TRIGGER consent_guard BEFORE UPDATE OR DELETE ON consent_inventory "
    "FOR EACH ROW EXECUTE FUNCTION consent_refuse()",
    "CREATE TRIGGER consent_no_truncate BEFORE TRUNCATE ON consent_inventory "
    "FOR EACH STATEMENT EXECUTE FUNCTION consent_refuse()",
)

POSTGRES_STEPS: tuple[tuple[str, ...], ...] = (
    (),
    (*_TABLES, *_GUARDS, *_FUNCTIONS),
    _COUNTS,
    _FIELDS,
    _INVENTORY,
)
"""The statements of each step; version 1 never existed for PostgreSQL."""
