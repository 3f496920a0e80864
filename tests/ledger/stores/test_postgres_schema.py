# ruff: noqa: S608 - the statements are the tests' own
"""The tables in PostgreSQL: what they allow, who may do what, and how they get there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import inspect, make_url
from typer.testing import CliRunner

from cookie_consent import Ledger, LedgerError
from cookie_consent.cli.main import app
from cookie_consent.endpoints.reports import store as reports
from cookie_consent.ledger import inventory
from cookie_consent.ledger.proof.note import new_key
from cookie_consent.ledger.schema import SCHEMA_VERSION, metadata
from cookie_consent.ledger.stores.postgres import migration
from cookie_consent.ledger.stores.postgres import store as postgres_store
from cookie_consent.ledger.stores.postgres.steps import POSTGRES_STEPS
from cookie_consent.policy import InventoryEvent
from tests.ledger.making import START, make

if TYPE_CHECKING:
    from tests.postgres_server import PostgresServer

KEY, PUBLIC = new_key("shop.example/consent")
DOCS = (Path(__file__).parents[3] / "docs" / "postgresql.md").read_text("utf-8")
BLANK = "subject = '', url = '', region = '', user_agent_family = '', ip = '', note = ''"
EVENT = "INSERT INTO consent_events VALUES ('e', 1, 'erased', '{}', NULL)"
ERASED = "INSERT INTO consent_erasures SELECT id, 'e' FROM consent_records WHERE granted = 'first'"
WITHOUT_SALT = "UPDATE consent_leaves SET salt = NULL, commitment = decode(repeat('00', 32), 'hex') WHERE position = 0"
FIRST = "WHERE granted = 'first'"


@pytest.fixture
def log(postgres_url: str) -> str:
    ledger = Ledger(postgres_url, key=KEY)
    ledger.append([make(0, granted=("first",), url="/a"), make(1, url="/b")])
    ledger.seal()
    ledger.close()
    return postgres_url


@pytest.mark.parametrize(
    "statements",
    [
        [f"UPDATE consent_records SET {BLANK}"],  # no erasure is on record
        [EVENT, ERASED, f"UPDATE consent_records SET {BLANK} {FIRST}"],  # the salt is there still
        [EVENT, ERASED, WITHOUT_SALT, f"UPDATE consent_records SET {BLANK}"],  # another one's too
        [EVENT, ERASED, "UPDATE consent_leaves SET salt = NULL, commitment = '\\x00' WHERE position = 0"],
        [EVENT, ERASED, "UPDATE consent_leaves SET salt = NULL WHERE position = 0"],
        [EVENT, ERASED, WITHOUT_SALT.replace("salt = NULL,", "")],
        [EVENT, ERASED, WITHOUT_SALT.replace("= 0", "= 1")],
        [EVENT, ERASED, WITHOUT_SALT.replace("salt = NULL", "salt = NULL, position = 9")],
        *(
            [EVENT, ERASED, WITHOUT_SALT, f"UPDATE consent_records SET {change} {FIRST}"]
            for change in (
                f"{BLANK}, granted = 'social'",
                f"{BLANK}, at = 1",
                f"{BLANK}, previous = 'x'",
                f"{BLANK}, id = 'x'",
                f"{BLANK}, place = 77",
                f"{BLANK}, control = 'accept-all'",
                f"{BLANK}, edition = 'x'",
                BLANK.replace("note = ''", "note = 'x'"),
                "subject = ''",
                BLANK.replace("url = ''", "url = '/other'"),
            )
        ),
        ["DELETE FROM consent_records"],
        ["DELETE FROM consent_leaves"],
        ["INSERT INTO consent_events VALUES ('e', 1, 'pruned', '{}', 2)", "DELETE FROM consent_records"],
        ["INSERT INTO consent_events VALUES ('e', 1, 'erased', '{}', 9e18)", "DELETE FROM consent_records"],
        ["UPDATE consent_events SET kind = 'erased'"],
        ["DELETE FROM consent_events"],
        [EVENT, ERASED, "UPDATE consent_erasures SET record = 'x'"],
        [EVENT, ERASED, "DELETE FROM consent_erasures"],
        ["INSERT INTO consent_notices VALUES ('a', 'en', '1', 'x')", "UPDATE consent_notices SET text = 'y'"],
        ["TRUNCATE consent_records"],
        ["TRUNCATE consent_records_2026_11"],
        ["TRUNCATE consent_records_earlier"],
        ["TRUNCATE consent_leaves"],
        ["TRUNCATE consent_events CASCADE"],
        ["TRUNCATE consent_notices CASCADE"],
        ["DELETE FROM consent_records_2026_11"],  # a partition by its own name
        ["UPDATE consent_records_2026_11 SET url = ''"],
        [
            "CREATE TEMP TABLE consent_erasures (record text)",
            ERASED.replace(", 'e'", ""),
            f"UPDATE consent_records SET {BLANK}",
        ],
        ["MERGE INTO consent_records USING consent_leaves ON false WHEN NOT MATCHED BY SOURCE THEN DELETE"],
    ],
)
def test_the_triggers_allow_nothing_else(log: str, statements: list[str]) -> None:
    *first, last = statements
    with psycopg.connect(log, autocommit=True) as connection:
        if "MERGE" in last and connection.info.server_version < 170000:
            pytest.skip("is new in PostgreSQL 17")
        month = str(connection.execute("SELECT tableoid::regclass FROM consent_records").fetchall()[0][0])
        for statement in first:
            connection.execute(statement.encode())
        with pytest.raises(psycopg.Error, match="append-only") as refused:
            connection.execute(last.replace("consent_records_2026_11", month).encode())
        assert refused.value.sqlstate == "23001"


def test_the_steps_make_what_the_queries_expect(postgres_url: str) -> None:
    ledger = Ledger(postgres_url)
    ledger.open()
    assert len(POSTGRES_STEPS) == SCHEMA_VERSION
    with ledger.reading() as connection:
        for table in (*metadata.sorted_tables, *reports.metadata.sorted_tables):
            columns = {column["name"]: column for column in inspect(connection).get_columns(table.name)}
            more = {"place"} if table.name == "consent_records" else set()
            assert columns.keys() == {column.name for column in table.columns} | more
            for expected in table.columns:
                assert columns[expected.name]["nullable"] == expected.nullable
                assert issubclass(columns[expected.name]["type"].python_type, expected.type.python_type)
            assert inspect(connection).get_pk_constraint(table.name)["constrained_columns"] == [
                column.name for column in table.primary_key.columns
            ]
    ledger.close()


def test_the_records_of_schema_3_are_kept_by_a_migration(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as old:
        for module in (postgres_store, migration):
            old.setattr(module, "SCHEMA_VERSION", 3)
        Ledger(postgres_url).migrate()
    columns = "id, subject, at, action, granted, refused, granted_services, refused_services, channel, policy_version"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SELECT consent_add_month(2026, 5)")
        connection.execute(
            f"INSERT INTO consent_records ({columns}, url, region, user_agent_family, ip, place) VALUES "
            "('019e0000-0000-7000-8000-000000000001', 'visitor', 1778000000000000, 'given', 'social', '', '', '', "
            "'banner', '1', '/a', '', '', '', 1)".encode()
        )
    ledger = Ledger(postgres_url, key=KEY)
    assert ledger.migrate() == (3, SCHEMA_VERSION)
    ledger.append([make(1, control="save", note="by phone")])
    ledger.seal()
    assert [(record.granted, record.control, record.note) for record in ledger.records()] == [
        (("social",), "", ""),
        (("analytics",), "save", "by phone"),
    ]
    assert ledger.erase("visitor") == 1
    assert ledger.verify().faults == []
    ledger.close()


def test_a_log_of_an_older_schema_is_migrated_only_when_one_asks_for_it(
    log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = SCHEMA_VERSION + 1
    for module in (postgres_store, migration):
        monkeypatch.setattr(module, "SCHEMA_VERSION", newer)
    monkeypatch.setattr(migration, "POSTGRES_STEPS", (*POSTGRES_STEPS, ("CREATE TABLE more ()", "NONSENSE")))
    words = f"has schema {SCHEMA_VERSION}, and this release needs {newer}; .* cookie-consent log migrate"
    with pytest.raises(LedgerError, match=words):
        Ledger(log).append([make(3)])
    with pytest.raises(LedgerError, match="cannot be migrated: syntax error"):
        Ledger(log).migrate()
    monkeypatch.setattr(migration, "POSTGRES_STEPS", (*POSTGRES_STEPS, ("CREATE TABLE more (a text)",)))
    result = CliRunner().invoke(app, ["log", "migrate", "--ledger", log])
    assert (result.exit_code, result.output) == (0, f"the log has schema {newer}, migrated from {SCHEMA_VERSION}\n")
    assert Ledger(log).migrate() == (newer, newer)
    ledger = Ledger(log)
    ledger.append([make(3)])
    assert ledger.count() == 3
    monkeypatch.undo()
    with pytest.raises(LedgerError, match=f"made by a newer release \\(schema {newer}\\)"):
        Ledger(log).count()
    ledger.close()


def test_tables_are_made_for_whoever_writes_and_by_the_command(postgres: PostgresServer, postgres_url: str) -> None:
    with pytest.raises(LedgerError, match=r"there is no log in .*; .* cookie-consent log migrate"):
        Ledger(postgres_url).count()
    with pytest.raises(LedgerError, match="there is no log in"):
        Ledger(postgres_url).open(create=False)
    ledger = Ledger(postgres_url)
    ledger.open()
    assert ledger.count() == 0
    ledger.close()
    other = postgres.make_database()
    for words in ("newly created", "already"):
        result = CliRunner().invoke(app, ["log", "migrate", "--ledger", other])
        assert (result.exit_code, result.output.strip()[-len(words) :]) == (0, words)


def documented_grants(roles: dict[str, str]) -> list[str]:
    """Return the statements of the page "Running the ledger", for other names of the roles."""
    (block,) = re.findall(r"```sql\n(-- the site.*?)```", DOCS, re.DOTALL)
    for name, other in roles.items():
        block = re.sub(rf"\b{name}\b", other, block)
    lines = [line for line in block.splitlines() if not line.startswith("--")]
    return [statement.strip() for statement in "\n".join(lines).split(";") if statement.strip()]


def test_roles_may_do_what_the_documentation_says_and_no_more(postgres: PostgresServer, log: str) -> None:
    name = str(make_url(log).database)
    site, officer = f"site_{name}", f"officer_{name}"
    roles = [f"CREATE ROLE {role} LOGIN PASSWORD 'x'" for role in (site, officer)]
    postgres.execute(name, *roles, *documented_grants({"shop_site": site, "shop_officer": officer}))
    as_site, as_officer = postgres.url(name, site, "x"), postgres.url(name, officer, "x")
    ledger = Ledger(as_site, key=KEY)
    ledger.append([make(200_000, subject="one"), make(500_000)])  # in months that have no partition yet
    assert ledger.seal().added == 2
    assert ledger.verify().faults == []
    reports.ReportStore(ledger).clear()
    met = InventoryEvent(kind="service", name="youtube", at=1)
    inventory.InventoryStore(ledger, None).save([met])
    assert inventory.InventoryStore(Ledger(as_officer), None).read() == [met]
    for refused in (lambda: ledger.erase("one"), lambda: ledger.prune(START.replace(year=2200))):
        with pytest.raises(LedgerError, match=r"permission denied .* docs/postgresql.md"):
            refused()
    with psycopg.connect(as_site, autocommit=True) as connection:
        for statement in (
            "UPDATE consent_records SET url = ''",
            "DELETE FROM consent_records",
            "DELETE FROM consent_leaves",
            "INSERT INTO consent_erasures SELECT id, id FROM consent_records",
            "UPDATE consent_meta SET value = 0",
            "TRUNCATE consent_records",
            "DELETE FROM consent_inventory",
            "ALTER TABLE consent_records DISABLE TRIGGER USER",
            "DROP TABLE consent_records_earlier",
            "CREATE TABLE public.more ()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
    ledger.close()
    rights = Ledger(as_officer, key=KEY)
    assert rights.erase("one") == 1
    assert rights.prune(START.replace(year=2200)).deleted == 4
    rights.seal()
    assert rights.verify().faults == []
    rights.close()
    postgres.execute(name, f"DROP OWNED BY {site}, {officer}", f"DROP ROLE {site}, {officer}")
