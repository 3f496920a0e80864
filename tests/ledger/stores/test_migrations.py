from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import inspect

from cookie_consent import Ledger
from cookie_consent.ledger import Notice
from cookie_consent.ledger.schema import SCHEMA_VERSION, metadata
from tests.ledger.making import make

FIRST_SCHEMA = """
CREATE TABLE consent_meta ("key" VARCHAR(32) NOT NULL, value INTEGER NOT NULL, PRIMARY KEY ("key"));
CREATE TABLE consent_notices (hash VARCHAR(64) NOT NULL, language VARCHAR(35) NOT NULL,
    policy_version VARCHAR(32) NOT NULL, text TEXT NOT NULL, PRIMARY KEY (hash));
CREATE TABLE consent_records (id VARCHAR(36) NOT NULL, subject VARCHAR(36) NOT NULL, at BIGINT NOT NULL,
    action VARCHAR(16) NOT NULL, granted TEXT NOT NULL, refused TEXT NOT NULL, granted_services TEXT NOT NULL,
    refused_services TEXT NOT NULL, previous VARCHAR(36), channel VARCHAR(16) NOT NULL,
    policy_version VARCHAR(32) NOT NULL, notice VARCHAR(64), url TEXT NOT NULL, region VARCHAR(16) NOT NULL,
    user_agent_family VARCHAR(32) NOT NULL, ip VARCHAR(64) NOT NULL, PRIMARY KEY (id),
    FOREIGN KEY(notice) REFERENCES consent_notices (hash));
CREATE INDEX consent_records_subject ON consent_records (subject, id);
CREATE INDEX consent_records_at ON consent_records (at);
CREATE TRIGGER consent_records_no_update BEFORE UPDATE ON consent_records
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER consent_records_no_delete BEFORE DELETE ON consent_records
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
INSERT INTO consent_meta VALUES ('schema', 1);
INSERT INTO consent_notices VALUES ('0f', 'de', '7', 'Dürfen wir?');
INSERT INTO consent_records VALUES ('019e0000-0000-7000-8000-000000000001', 'visitor', 1700000000000001, 'given',
    'analytics social', 'advertising', '', 'youtube', NULL, 'banner', '7', '0f', '/a', '', 'Firefox', '');
INSERT INTO consent_records VALUES ('019e0000-0000-7000-8000-000000000002', 'visitor', 1700000000000002, 'withdrawn',
    '', 'advertising analytics social', '', '', '019e0000-0000-7000-8000-000000000001', 'preferences', '7', '0f', '/b',
    '', 'Firefox', '');
"""
"""A log as release 0.1.0 made it."""

KEY = "PRIVATE+KEY+shop.example+f9896ed8+Abjjnm74ZDVGcp10p5FqO6YXLcAlkWcWamjqxwD41nAo"
"""The key of the log in ``schema_3.sql``, made for it."""
CHECKPOINT = (
    "shop.example\n6\nsoJteiLxu8q/xhsv9DrPJPgEBODmmW3gBmM1rYuZ97w=\n\n"
    "— shop.example +Ylu2Ok02M0bHJxHSw08ZIT5WKlaivF5OCOJ/2EjDxH2d1b2W/ozvln4ERrP1RSklbfyhKTt5elutabVp8SiNOC6pAw=\n"
)
"""What was kept elsewhere of that log."""


@pytest.fixture
def old_log(tmp_path: Path) -> Path:
    path = tmp_path / "consent.db"
    database = sqlite3.connect(path)
    database.executescript(FIRST_SCHEMA)
    database.close()
    return path


def schema_of(path: Path) -> list[tuple[str, ...]]:
    database = sqlite3.connect(path)
    found = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name").fetchall()
    database.close()
    return [(*row[:3], " ".join(str(row[3]).replace('"', "").split()).replace("( ", "(")) for row in found]


def test_a_log_of_the_first_release_is_migrated_when_it_is_opened(old_log: Path, tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{old_log}")
    first, second = ledger.records()
    assert (first.subject, first.granted, first.refused_services) == ("visitor", ("analytics", "social"), ("youtube",))
    assert second.previous == first.id
    assert ledger.notice("0f") == Notice(hash="0f", language="de", policy_version="7", text="Dürfen wir?")
    ledger.append([make(subject="visitor")])
    assert ledger.count() == 3
    assert ledger.migrate() == (1, SCHEMA_VERSION)
    ledger.close()
    fresh = Ledger(f"sqlite:///{tmp_path}/fresh.db")
    fresh.append([make()])
    fresh.close()
    ours, theirs = (
        [tuple(text.replace("(notice)", " (notice)").replace("KEY  (", "KEY (") for text in row) for row in rows]
        for rows in (schema_of(old_log), schema_of(tmp_path / "fresh.db"))
    )
    assert ours == theirs


def test_a_sealed_log_of_the_schema_before_is_migrated_and_verified(tmp_path: Path) -> None:
    path = tmp_path / "consent.db"
    database = sqlite3.connect(path)
    database.executescript((Path(__file__).parent / "schema_3.sql").read_text("utf-8"))
    database.close()
    ledger = Ledger(f"sqlite:///{path}", key=KEY)
    before = ledger.verify()
    assert (before.records, before.erased, before.size, before.faults) == (3, 1, 6, [])
    first = next(iter(ledger.records()))
    assert (first.control, first.build, first.edition, first.regime, first.note) == ("", "", "", "", "")
    ledger.append([make(subject=first.subject, control="save", edition="0123456789abcdef", note="by phone")])
    assert ledger.seal().added
    assert ledger.erase(first.subject) == 4
    assert ledger.seal().added
    after = ledger.verify(given=[CHECKPOINT])
    assert (after.erased, after.faults) == (5, [])
    ledger.close()


def test_a_migration_that_fails_leaves_the_log_as_it_was(old_log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = schema_of(old_log)
    broken = (("SELECT 1",), ("CREATE TABLE consent_half (a)", "CREATE NONSENSE"))
    monkeypatch.setattr("cookie_consent.ledger.stores.sqlite.SQLITE_STEPS", broken)
    with pytest.raises(Exception, match="cannot be opened"):
        Ledger(f"sqlite:///{old_log}").open()
    assert schema_of(old_log) == before


def test_the_steps_make_what_the_queries_expect(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    ledger.open()
    with ledger.reading() as connection:
        for table in metadata.sorted_tables:
            columns = inspect(connection).get_columns(table.name)
            assert [column["name"] for column in columns] == [column.name for column in table.columns]
            assert [column["nullable"] for column in columns] == [column.nullable for column in table.columns]
            assert [str(column["type"]) for column in columns] == [
                column.type.compile(connection.dialect) for column in table.columns
            ]
    ledger.close()


def test_a_log_that_is_up_to_date_is_read_while_another_writes(ledger_url: str, tmp_path: Path) -> None:
    ledger = Ledger(ledger_url)
    ledger.append([make()])
    ledger.close()
    held = sqlite3.connect(tmp_path / "consent.db", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    assert ledger.count() == 1
    ledger.close()
    held.close()
