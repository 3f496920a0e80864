"""What verification finds in PostgreSQL when someone with all rights has touched the log."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cookie_consent import ConsentRecord, Ledger
from cookie_consent.errors import ProofError
from cookie_consent.ledger import verify_export
from cookie_consent.ledger.proof.note import new_key
from cookie_consent.ledger.proof.prove import check_proof
from tests.ledger.making import make
from tests.ledger.test_ledger import records

if TYPE_CHECKING:
    from tests.postgres_server import PostgresServer

KEY, PUBLIC = new_key("shop.example/consent")
COLUMNS = (
    "subject, at, action, granted, refused, granted_services, refused_services, previous, channel, policy_version, "
    "notice, url, region, user_agent_family, ip"
)


def sealed(url: str) -> tuple[Ledger, list[str]]:
    """Return a log in which records of several transactions and months are sealed, and their ids in order."""
    ledger = Ledger(url, key=KEY)
    written = [make(at * 3000, subject=f"visitor {at}") for at in range(40)]
    for at in range(0, 40, 10):
        ledger.append(written[at : at + 10])
        ledger.seal()
    return ledger, [record.id for record in written]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE consent_records SET granted = 'social' WHERE id = %(a)s", [("changed", "a")]),
        ("UPDATE consent_records SET url = '/other' WHERE id = %(a)s", [("changed", "a")]),
        ("DELETE FROM consent_records WHERE id = %(a)s", [("removed", None)]),
        ("DELETE FROM consent_records WHERE id IN (%(a)s, %(b)s)", [("removed", None), ("removed", None)]),
        (
            f"INSERT INTO consent_records SELECT 'x', {COLUMNS}, place + 1 FROM consent_records WHERE id = %(a)s",  # noqa: S608
            [("added", "x")],
        ),
        (
            "UPDATE consent_leaves SET position = -1 WHERE id = %(a)s; "
            "UPDATE consent_leaves SET position = 5 WHERE id = %(b)s; "
            "UPDATE consent_leaves SET position = 23 WHERE id = %(a)s",
            [("moved", "b"), ("moved", "a")],
        ),
        # Only the order of records was touched; the tree says what it was.
        ("UPDATE consent_records SET place = place + (30::bigint << 20) WHERE id = %(a)s", []),
    ],
)
def test_what_was_touched_is_named(postgres_url: str, statement: str, expected: list[tuple[str, str | None]]) -> None:
    ledger, ids = sealed(postgres_url)
    a, b = ids[5], ids[22]  # leaves 5 and 23, as the key is leaf 10
    with psycopg.connect(postgres_url) as connection:
        connection.execute("SET session_replication_role = replica")  # no triggers
        for part in statement.split("; "):
            connection.execute(
                part.encode(), {name: value for name, value in (("a", a), ("b", b)) if f"({name})" in part}
            )
    names = {"a": a, "b": b}
    found = ledger.verify().faults
    assert [fault.kind for fault in found] == [kind for kind, _ in expected]
    for fault, (_, name) in zip(found, expected, strict=True):
        if name is not None:
            assert names.get(name, name) in {fault.id, *fault.text.split()}
    ledger.close()


def test_the_end_of_the_log_cannot_be_taken_away_unseen(postgres_url: str) -> None:
    ledger, ids = sealed(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM consent_records WHERE id = %s", (ids[-1],))
    ledger.append([make(0)])
    with pytest.raises(ProofError, match="is missing from the log"):
        ledger.seal()
    ledger.close()


def test_proofs_and_exports_are_those_of_any_store(postgres_url: str) -> None:
    ledger, ids = sealed(postgres_url)
    for name in (ids[0], ids[17], ids[39]):
        assert "of the 41 leaves" in check_proof(ledger.prove(name), [PUBLIC]).text
    stream = io.StringIO()
    assert ledger.export_sealed(stream) == 41
    found = verify_export(io.BytesIO(stream.getvalue().encode()), trusted=[PUBLIC])
    assert (found.faults, found.records) == ([], 40)
    ledger.close()


@pytest.fixture(scope="module")
def shared_url(postgres: PostgresServer) -> str:
    return postgres.make_database()


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(records, max_size=8))
def test_what_is_written_is_read(shared_url: str, written: list[ConsentRecord]) -> None:
    ledger = Ledger(shared_url)
    ledger.append(written)
    assert [ledger.record(record.id) for record in written] == written
    ledger.close()
