# ruff: noqa: S608 - the statements are the tests' own
from __future__ import annotations

import io
import json
import sqlite3
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cookie_consent import ConfigurationError, Ledger, Policy
from cookie_consent.errors import ProofError
from cookie_consent.ledger import erasure
from cookie_consent.ledger.proof import canonical, seal
from cookie_consent.ledger.proof.note import new_key
from cookie_consent.ledger.proof.prove import check_proof
from cookie_consent.ledger.proof.sealed_export import verify_export
from tests.ledger.making import START, make

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cookie_consent import ConsentRecord
    from cookie_consent.ledger.proof.tree_check import Fault

KEY, PUBLIC = new_key("shop.example/consent")
WHO = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


@pytest.fixture
def ledger(ledger_url: str) -> Ledger:
    return Ledger(ledger_url, key=KEY)


@pytest.fixture
def any_ledger(store_url: str) -> Ledger:
    return Ledger(store_url, key=KEY)


def of_one(at: int, **values: object) -> ConsentRecord:
    fields = {
        "subject": WHO,
        "url": "/private-page",
        "user_agent_family": "Netscape",
        "ip": "192.0.2.77",
        "note": "Jo rang",
    }
    return make(at, **{**fields, "region": "DE-BY", **values})


def faults_of(ledger: Ledger) -> list[Fault]:
    """Return what verification finds in the log and, if all is sealed, in its export."""
    found = ledger.verify()
    if found.unsealed == 0:
        stream = io.StringIO()
        ledger.export_sealed(stream)
        exported = verify_export(io.BytesIO(stream.getvalue().encode()), trusted=[PUBLIC])
        assert [(fault.kind, fault.position) for fault in exported.faults] == [
            (fault.kind, fault.position) for fault in found.faults
        ]
        for name in ("size", "records", "erased", "pruned", "events", "root", "signed_by"):
            assert getattr(exported, name) == getattr(found, name)
    return found.faults


def test_erasing_removes_what_identifies_and_nothing_else(ledger: Ledger, tmp_path: Path) -> None:
    kept = [make(at, subject="other") for at in range(300)]
    first, second = of_one(1), of_one(2, previous="x", notice=None)
    ledger.append([*kept[:150], first, *kept[150:]])
    ledger.seal()
    ledger.append([second])  # not sealed yet
    before = ledger.prove(first.id)
    assert ledger.erase(WHO) == 2
    assert list(ledger.records(subject=WHO)) == []
    erased = ledger.record(first.id)
    assert erased is not None
    blank = dict.fromkeys(("subject", "url", "user_agent_family", "ip", "region", "note"), "")
    assert erased.as_dict() == {**first.as_dict(), **blank}
    assert list(ledger.records(subject="other")) == kept
    assert faults_of(ledger) == []
    ledger.seal()
    assert faults_of(ledger) == []
    found = ledger.verify()
    assert (found.records, found.erased, found.events) == (301, 1, 2 + 2)
    event = ledger.erasure_of(first.id)
    assert event is not None
    assert (event.kind, event.detail) == ("erased", {"records": sorted([first.id, second.id])})
    assert ledger.erasure_of(kept[0].id) is None
    proof = ledger.prove(first.id)  # still in the log, but nobody's
    assert proof is not None
    assert "salt" not in proof
    check_proof(proof, [PUBLIC])
    check_proof(ledger.prove(event.id), [PUBLIC])
    check_proof(before, [PUBLIC])  # what the visitor has himself stays valid
    assert ledger.erase(WHO) == 0
    ledger.close()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for word in (WHO, "/private-page", "Netscape", "192.0.2.77", "DE-BY"):
        assert word.encode() not in content
    with pytest.raises(ConfigurationError, match="is empty"):
        ledger.erase("")
    ledger.close()


def test_pruning_leaves_a_log_that_can_be_verified(any_ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "_BATCH", 100)
    written = [make(at) for at in range(600)]
    any_ledger.append(written[:300])
    any_ledger.seal()
    any_ledger.append([make(5), *written[300:]])  # one that came late
    any_ledger.seal()
    assert any_ledger.prune(START) == erasure.Pruning(deleted=0, unsealed=0)
    done = any_ledger.prune(START + timedelta(minutes=450))
    assert (done.deleted, done.unsealed) == (451, 0)
    assert any_ledger.count() == 150
    assert faults_of(any_ledger) == []
    check_proof(any_ledger.prove(written[500].id), [PUBLIC])
    assert any_ledger.prove(written[3].id) is None
    any_ledger.append([make(700)])
    any_ledger.seal()
    assert faults_of(any_ledger) == []
    found = any_ledger.verify()
    assert (found.records, found.pruned, found.events) == (151, 451, 1 + 1 + 5)
    pruned = [event for event in any_ledger.events() if event.kind == "pruned"]
    assert sum(event.detail["records"] for event in pruned) == 451
    any_ledger.prune(START + timedelta(days=9))  # all, the record that was sealed last among them
    any_ledger.append([make(800)])
    any_ledger.seal()
    assert faults_of(any_ledger) == []
    assert any_ledger.verify().records == 1
    any_ledger.close()


def test_what_is_not_sealed_is_pruned_later_in_a_log_that_is(any_ledger: Ledger) -> None:
    any_ledger.append([make(0)])
    any_ledger.seal()
    any_ledger.append([make(1)])
    done = any_ledger.prune(START + timedelta(days=1))
    assert (done.deleted, done.unsealed) == (1, 1)
    any_ledger.seal()
    assert any_ledger.prune(START + timedelta(days=1)).deleted == 1
    any_ledger.close()


def test_a_log_without_proof_is_erased_and_pruned_as_well(store_url: str) -> None:
    ledger = Ledger(store_url)
    ledger.append([of_one(0), make(1), make(2)])
    assert ledger.erase(WHO) == 1
    assert ledger.prune(START + timedelta(minutes=2)).deleted == 2
    assert [event.kind for event in ledger.events()] == ["erased", "pruned"]
    sealed = Ledger(store_url, key=KEY)  # the proof may begin later
    sealed.seal()
    assert faults_of(sealed) == []
    ledger.close()
    sealed.close()


@pytest.mark.parametrize("change", ["erase", "prune"])
def test_a_row_that_is_amended_while_it_is_sealed(
    any_ledger: Ledger, store_url: str, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    any_ledger.append([make(at) for at in range(3)])
    any_ledger.seal()
    any_ledger.append([of_one(4), make(5)])
    other = Ledger(store_url, key=KEY)
    compute = canonical.leaf_hashes
    done: list[bool] = []

    def amended(*arguments: object) -> list[bytes]:
        if not done:
            done.append(True)
            if change == "erase":
                other.erase(WHO)
            else:
                other.prune(START + timedelta(minutes=2))
        return compute(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(seal, "leaf_hashes", amended)
    any_ledger.seal()
    assert done
    assert faults_of(any_ledger) == []
    any_ledger.close()
    other.close()


def test_sealing_erasing_and_pruning_at_the_same_time(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "_BATCH", 16)
    monkeypatch.setattr(erasure, "_BATCH", 16)
    Ledger(store_url, key=KEY).enter(Policy(version="1"), channel="phone")
    Ledger(store_url, key=KEY).seal()
    failed: list[Exception] = []

    def verified(own: Ledger) -> None:
        assert own.verify().faults == []

    def repeat(work: Callable[[Ledger, int], object]) -> threading.Thread:
        def run() -> None:
            own = Ledger(store_url, key=KEY)
            try:
                for number in range(15):
                    work(own, number)
            except Exception as error:  # noqa: BLE001 - shown below
                failed.append(error)
            own.close()

        return threading.Thread(target=run)

    threads = [
        repeat(lambda own, number: own.append([make(number * 9 + at, subject=f"s{at}") for at in range(9)])),
        repeat(lambda own, _number: own.seal()),
        repeat(lambda own, _number: own.seal()),
        repeat(lambda own, _number: verified(own)),
        repeat(lambda own, number: own.erase(f"s{number % 9}")),
        repeat(lambda own, number: own.prune(START + timedelta(minutes=number * 4))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    ledger = Ledger(store_url, key=KEY)
    ledger.seal()
    assert faults_of(ledger) == []
    ledger.close()


def test_a_record_that_was_changed_is_not_made_right_by_erasing_it(ledger: Ledger, tmp_path: Path) -> None:
    ledger.append([of_one(0), make(1)])
    ledger.seal()
    ledger.close()
    database = sqlite3.connect(tmp_path / "consent.db", isolation_level=None)
    database.execute("DROP TRIGGER consent_records_no_update")
    database.execute("DROP TRIGGER consent_leaves_no_update")
    database.execute("UPDATE consent_records SET url = '/other' WHERE rowid = 1")
    ledger.erase(WHO)
    assert [fault.kind for fault in ledger.verify().faults] == ["changed"]
    database.execute("UPDATE consent_leaves SET salt = x'00' WHERE position = 1")
    database.execute("UPDATE consent_records SET subject = 'else' WHERE rowid = 2")
    with pytest.raises(ProofError, match="is not what was sealed"):
        ledger.erase("else")
    database.close()
    ledger.close()


def test_removals_that_are_not_on_record_are_named(ledger: Ledger, tmp_path: Path) -> None:
    ledger.append([make(at) for at in range(10)])
    ledger.seal()
    ledger.close()
    database = sqlite3.connect(tmp_path / "consent.db", isolation_level=None)
    for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {name}")
    database.execute("DELETE FROM consent_records WHERE rowid = 4")
    database.execute("DELETE FROM consent_leaves WHERE position = 3")
    database.close()
    assert [(fault.kind, fault.position) for fault in faults_of(ledger)] == [("removed", 3)]
    ledger.close()


BLANK = "subject = '', url = '', region = '', user_agent_family = '', ip = '', note = ''"
ERASED = "INSERT INTO consent_erasures SELECT r.id, e.id FROM consent_records r, consent_events e LIMIT 1"


@pytest.mark.parametrize(
    "statements",
    [
        [f"UPDATE consent_records SET {BLANK}"],  # no erasure is on record
        [ERASED, f"UPDATE consent_records SET {BLANK}"],  # the salt is there still
        [ERASED, "UPDATE consent_leaves SET salt = NULL, commitment = x'00' WHERE position = 0"],
        [ERASED, "UPDATE consent_leaves SET commitment = zeroblob(32) WHERE position = 0"],
        [ERASED, "UPDATE consent_leaves SET salt = NULL, commitment = zeroblob(32) WHERE position = 1"],
        [ERASED, "UPDATE consent_leaves SET salt = NULL, commitment = zeroblob(32), position = 9 WHERE position = 0"],
        *(
            [
                ERASED,
                "UPDATE consent_leaves SET salt = NULL, commitment = zeroblob(32) WHERE position = 0",
                f"UPDATE consent_records SET {change} WHERE rowid = 1",
            ]
            for change in (
                f"{BLANK}, granted = 'social'",
                f"{BLANK}, at = 1",
                f"{BLANK}, notice = 'x'",
                f"{BLANK}, previous = 'x'",
                f"{BLANK}, id = 'x'",
                f"{BLANK}, rowid = 77",
                f"{BLANK}, control = 'accept-all'",
                f"{BLANK}, build = 'x'",
                f"{BLANK}, edition = 'x'",
                f"{BLANK}, regime = 'x'",
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
        [ERASED, "UPDATE consent_erasures SET record = 'x'"],
        [ERASED, "DELETE FROM consent_erasures"],
    ],
)
def test_the_triggers_allow_nothing_else(ledger: Ledger, tmp_path: Path, statements: list[str]) -> None:
    ledger.append([of_one(0), of_one(1)])
    ledger.seal()
    ledger.close()
    database = sqlite3.connect(tmp_path / "consent.db", isolation_level=None)
    *first, last = statements
    for statement in first:
        database.execute(statement)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        database.execute(last)
    database.close()


def damaged(lines: list[dict[str, object]]) -> dict[str, list[dict[str, object]]]:
    """Return exports that differ from the one given, by what was done to them."""
    head, *leaves = lines
    numbered = [{**leaf, "position": at} for at, leaf in enumerate([*leaves[:2], *leaves[3:]])]
    swapped = [{**leaves[at], "position": place} for place, at in enumerate((0, 2, 1, 3, 4, 5))]
    return {
        "removed": [head, *leaves[:2], *leaves[3:]],
        "removed and renumbered": [head, *numbered],
        "cut off": [head, *leaves[:-1]],
        "added": [*lines, {**leaves[0], "position": 6}],
        "twice": [head, leaves[0], leaves[0], *leaves[1:]],
        "swapped": [head, *swapped],
        "out of order": [head, leaves[1], leaves[0], *leaves[2:]],
        "record gone": [head, {"position": 0, "hash": leaves[0]["hash"]}, *leaves[1:]],
        "salt gone": [head, {**leaves[0], "salt": 7}, *leaves[1:]],
        "no record": [head, {**leaves[0], "record": [1]}, *leaves[1:]],
        "no event": [head, *leaves[:5], {**leaves[5], "event": "x"}],
        "no hash": [head, {**leaves[0], "hash": None}, *leaves[1:]],
        "no leaf": [head, {"a": 1}, *leaves[1:]],
        "far away": [head, {**leaves[0], "position": 10**30}, *leaves[1:]],
        "no checkpoint": [{**head, "checkpoint": 1}, *leaves],
        "no leaves": [head],
        "commitment": [
            head,
            {key: value for key, value in {**leaves[0], "commitment": leaves[0]["hash"]}.items() if key != "salt"},
            *leaves[1:],
        ],
    }


def test_exports_that_were_touched_are_found_out(any_ledger: Ledger) -> None:
    any_ledger.append([make(at) for at in range(5)])
    any_ledger.seal()
    stream = io.StringIO()
    assert any_ledger.export_sealed(stream) == 6
    any_ledger.close()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines) == 7
    for name, touched in damaged(lines).items():
        content = "".join(json.dumps(line) + "\n" for line in touched)
        found = verify_export(io.BytesIO(content.encode()), trusted=[PUBLIC])
        assert found.faults, name
    named = verify_export(io.BytesIO(stream.getvalue().encode()))
    assert (named.faults, named.signed_by) == ([], [PUBLIC.text])
