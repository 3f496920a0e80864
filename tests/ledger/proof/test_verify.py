# ruff: noqa: S608 - the statements are the tests' own
from __future__ import annotations

import pickle
import sqlite3
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cookie_consent import Ledger
from cookie_consent.errors import ProofError
from cookie_consent.ledger import Notice
from cookie_consent.ledger.proof import tree_check, verify
from cookie_consent.ledger.proof.checkpoint import Checkpoint
from cookie_consent.ledger.proof.merkle import leaf_hash
from cookie_consent.ledger.proof.note import new_key
from cookie_consent.ledger.proof.tiles import TiledTree
from cookie_consent.ledger.proof.tree_check import TreeCheck
from tests.ledger.making import make

if TYPE_CHECKING:
    from pathlib import Path

    from cookie_consent import ConsentRecord
    from cookie_consent.ledger.proof.verification import Verification

KEY, PUBLIC = new_key("shop.example/consent")
OTHER, OTHER_PUBLIC = new_key("shop.example/consent")
NOTICE = Notice(hash=sha256(b"en\nMay we?").hexdigest(), language="en", policy_version="1", text="May we?")
COUNT = 600


@pytest.fixture
def log(ledger_url: str) -> tuple[Ledger, list[ConsentRecord]]:
    """Return a log of 600 sealed records; the key is leaf 0."""
    ledger = Ledger(ledger_url, key=KEY)
    ledger.open()
    ledger.seal()
    written = [make(at, notice=NOTICE.hash) for at in range(COUNT)]
    ledger.append(written, [NOTICE])
    ledger.seal()
    ledger.close()
    return ledger, written


def tamper(folder: Path, *statements: str) -> None:
    """Change the file as one does who may do anything with it, but has no key."""
    database = sqlite3.connect(folder / "consent.db", isolation_level=None)
    for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        database.execute(statement)
    database.close()


def said(found: Verification) -> set[tuple[str, int | None, str | None]]:
    return {(fault.kind, fault.position, fault.id) for fault in found.faults}


def test_a_log_that_was_not_touched_is_fine(log: tuple[Ledger, list[ConsentRecord]]) -> None:
    ledger, _ = log
    found = ledger.verify()
    assert (found.faults, found.more) == ([], 0)
    assert (found.size, found.records, found.events, found.unsealed) == (COUNT + 1, COUNT, 1, 0)
    assert (found.origin, found.signed_by) == ("shop.example/consent", [PUBLIC.text])
    ledger.append([make(at) for at in range(700, 710)])
    assert ledger.verify().unsealed == 10
    counted: list[int] = []
    ledger.verify(progress=counted.append)
    assert sum(counted) == COUNT + 1
    ledger.close()


@pytest.mark.parametrize(
    "change",
    [
        "granted = 'analytics social'",
        "refused = ''",
        "granted_services = 'youtube'",
        "refused_services = 'youtube'",
        "at = at + 1",
        "action = 'refused'",
        "previous = 'none'",
        "channel = 'phone'",
        "policy_version = '2'",
        "notice = NULL",
        "subject = 'another'",
        "url = '/other'",
        "region = 'DE'",
        "control = 'accept-all'",
        "build = '0123456789abcdef'",
        "edition = 'x'",
        "regime = 'opt-out'",
        "note = 'by phone'",
        "user_agent_family = 'Lynx'",
        "ip = '192.0.2.1'",
        "granted = x'ff'",  # not even a text
        "at = 'noon'",
        "at = 9223372036854775807",
    ],
)
def test_a_changed_record_is_named(log: tuple[Ledger, list[ConsentRecord]], tmp_path: Path, change: str) -> None:
    ledger, written = log
    name = written[299].id
    tamper(tmp_path, f"UPDATE consent_records SET {change} WHERE id = '{name}'")
    assert said(ledger.verify()) == {("changed", 300, name)}
    ledger.close()


def test_removed_records_are_named(log: tuple[Ledger, list[ConsentRecord]], tmp_path: Path) -> None:
    ledger, written = log
    first, last = written[4].id, written[-1].id
    tamper(tmp_path, f"DELETE FROM consent_records WHERE id IN ('{first}', '{last}')")
    assert said(ledger.verify()) == {("removed", 5, first), ("removed", COUNT, last)}
    tamper(tmp_path, f"DELETE FROM consent_leaves WHERE id IN ('{first}')")  # its leaf as well: nobody knows its name
    assert said(ledger.verify()) == {("removed", 5, None), ("removed", COUNT, last)}
    ledger.close()


def test_added_records_are_named(log: tuple[Ledger, list[ConsentRecord]], tmp_path: Path) -> None:
    ledger, written = log
    tamper(
        tmp_path,
        "UPDATE consent_records SET rowid = rowid + 1000 WHERE rowid >= 100",
        "INSERT INTO consent_records SELECT 'added', subject, at, action, granted, refused, granted_services, "
        "refused_services, previous, channel, policy_version, notice, url, region, user_agent_family, ip, "
        "control, build, edition, regime, note "
        f"FROM consent_records WHERE id = '{written[0].id}'",
        "UPDATE consent_records SET rowid = 500 WHERE id = 'added'",
    )
    assert said(ledger.verify()) == {("added", None, "added")}
    tamper(
        tmp_path,
        "UPDATE consent_leaves SET position = -position - 1 WHERE position >= 100",
        "UPDATE consent_leaves SET position = -position WHERE position < 0",
        "INSERT INTO consent_leaves SELECT 100, 'added', salt, NULL FROM consent_leaves WHERE position = 1",
    )
    found = said(ledger.verify())
    assert ("added", 100, "added") in found  # the others behind it stand one place further
    assert {kind for kind, _, _ in found} == {"added", "moved", "removed"}
    assert ("removed", COUNT, None) in found  # the last one was pushed beyond the checkpoint
    assert ("moved", 200, written[198].id) in found
    assert ("added", COUNT + 1, written[-1].id) in found
    ledger.close()


def test_moved_records_are_named(log: tuple[Ledger, list[ConsentRecord]], tmp_path: Path) -> None:
    ledger, written = log
    tamper(
        tmp_path,
        "UPDATE consent_leaves SET position = -1 WHERE position = 10",
        "UPDATE consent_leaves SET position = 10 WHERE position = 400",
        "UPDATE consent_leaves SET position = 400 WHERE position = -1",
    )
    found = ledger.verify()
    assert said(found) == {("moved", 10, written[399].id), ("moved", 400, written[9].id)}
    assert {fault.text for fault in found.faults} == {
        "stands at leaf 10; it was sealed as leaf 400",
        "stands at leaf 400; it was sealed as leaf 10",
    }
    ledger.close()


def test_records_that_only_lie_elsewhere_in_the_file_are_fine(
    log: tuple[Ledger, list[ConsentRecord]], tmp_path: Path
) -> None:
    ledger, written = log
    tamper(tmp_path, f"UPDATE consent_records SET rowid = 5000 WHERE id = '{written[3].id}'")
    assert ledger.verify().faults == []
    ledger.close()


@pytest.mark.parametrize(
    ("statement", "kind", "position"),
    [
        ("UPDATE consent_tiles SET data = zeroblob(8192) WHERE level = 0 AND number = 0", "tree", 0),
        ("UPDATE consent_tiles SET data = zeroblob(64) WHERE level = 1", "tree", 0),
        ("UPDATE consent_tiles SET data = x'00' WHERE level = 0 AND number = 1", "tree", 256),
        ("DELETE FROM consent_tiles WHERE level = 1", "tree", 256),
        (
            "UPDATE consent_checkpoints SET note = replace(note, char(10) || '601', char(10) || '600')",
            "checkpoint",
            601,
        ),
        ("UPDATE consent_checkpoints SET note = 'nothing'", "checkpoint", 601),
        ("INSERT INTO consent_checkpoints SELECT 50, at, note FROM consent_checkpoints", "checkpoint", 50),
        ("UPDATE consent_notices SET text = 'We will.'", "notice", None),
        ("UPDATE consent_events SET detail = '{}'", "event", 0),
        ("UPDATE consent_events SET detail = 'none'", "event", None),
        ("UPDATE consent_leaves SET salt = NULL, commitment = zeroblob(32) WHERE position = 7", "changed", 7),
        ("UPDATE consent_leaves SET salt = zeroblob(32) WHERE position = 7", "changed", 7),
        ("UPDATE consent_leaves SET salt = 'text' WHERE position = 7", "changed", 7),
        ("INSERT INTO consent_leaves VALUES (601, 'more', zeroblob(32), NULL)", "added", 601),
    ],
)
def test_what_else_was_touched(
    log: tuple[Ledger, list[ConsentRecord]], tmp_path: Path, statement: str, kind: str, position: int | None
) -> None:
    ledger, _ = log
    tamper(tmp_path, statement)
    found = ledger.verify()
    assert (kind, position) in {(fault.kind, fault.position) for fault in found.faults}
    ledger.close()


def test_one_who_makes_the_whole_tree_anew_is_caught_by_the_signature(
    log: tuple[Ledger, list[ConsentRecord]], ledger_url: str, tmp_path: Path
) -> None:
    ledger, written = log
    kept = ledger.checkpoint()
    assert kept is not None
    ledger.close()
    tamper(
        tmp_path,
        f"UPDATE consent_records SET granted = 'analytics social' WHERE id = '{written[3].id}'",
        *(f"DELETE FROM consent_{table}" for table in ("leaves", "tiles", "checkpoints", "events")),
    )
    forged = Ledger(ledger_url, key=OTHER)
    forged.seal()
    assert forged.verify(trusted=[OTHER_PUBLIC]).faults == []
    assert said(forged.verify(trusted=[PUBLIC])) == {("checkpoint", COUNT + 1, None)}
    # and one who has the key, by a checkpoint that was kept elsewhere
    again = Ledger(ledger_url, key=KEY)
    tamper(tmp_path, *(f"DELETE FROM consent_{table}" for table in ("leaves", "tiles", "checkpoints", "events")))
    again.seal()
    assert again.verify().faults == []
    assert {fault.kind for fault in again.verify(given=[kept]).faults} == {"tree"}
    for other in (forged, again):
        other.close()


def test_a_log_whose_end_was_cut_off_is_told_by_a_checkpoint_kept_elsewhere(
    log: tuple[Ledger, list[ConsentRecord]], tmp_path: Path
) -> None:
    ledger, _ = log
    shorter = ledger.checkpoint()
    old = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    ledger.append([make(at) for at in range(5)])
    kept = ledger.seal().note
    ledger.close()
    for name, content in old.items():
        (tmp_path / name).write_bytes(content)
    assert ledger.checkpoint() == shorter
    assert ledger.verify().faults == []
    assert said(ledger.verify(given=[kept])) == {("removed", COUNT + 1, None)}
    assert said(ledger.verify(given=["no note"])) == {("checkpoint", None, None)}
    ledger.close()


def test_keys_are_trusted_by_those_before_them(store_url: str) -> None:
    ledger = Ledger(store_url, key=KEY)
    ledger.append([make()])
    ledger.seal()
    Ledger(store_url, key=f"{OTHER} {KEY}").seal()
    new = Ledger(store_url, key=OTHER)
    new.append([make(1)])
    new.seal()
    for trusted in ([PUBLIC], [OTHER_PUBLIC], [PUBLIC, OTHER_PUBLIC], None):
        found = new.verify(trusted=trusted)
        assert (found.faults, found.signed_by[0] == OTHER_PUBLIC.text) == ([], True)
    stranger = new_key("shop.example/consent")[1]
    assert {fault.kind for fault in new.verify(trusted=[stranger]).faults} == {"checkpoint"}
    ledger.close()
    new.close()


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.server)])
def test_parts_are_verified_on_their_own(
    log: tuple[Ledger, list[ConsentRecord]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    monkeypatch.setattr(verify, "SPAN", 256)
    monkeypatch.setattr(verify, "_WORTH", 1)
    ledger, written = log
    ledger.append([make(at) for at in range(5)])
    fine = ledger.verify(processes=processes)
    assert (fine.faults, fine.records, fine.unsealed) == ([], COUNT, 6)  # and that they came late
    first = written[255]  # leaf 256, with which a part begins
    tamper(
        tmp_path,
        f"DELETE FROM consent_records WHERE id = '{written[20].id}'",
        f"UPDATE consent_records SET id = 'added' WHERE id = '{first.id}'",
        f"UPDATE consent_records SET rowid = 5000 WHERE id = '{written[254].id}'",
        f"UPDATE consent_records SET channel = 'api' WHERE id = '{written[400].id}'",
    )
    ledger.append([make(9)])
    found = said(ledger.verify(processes=processes))
    assert found == {
        ("removed", 21, written[20].id),
        ("removed", 256, first.id),
        ("added", None, "added"),
        ("added", None, None),  # a sealed one lies among those that are not
        ("changed", 401, written[400].id),
    }
    ledger.close()


def test_a_record_before_all_others_is_named(log: tuple[Ledger, list[ConsentRecord]], tmp_path: Path) -> None:
    ledger, _ = log
    extra = make(1)
    ledger.append([extra])
    tamper(tmp_path, f"UPDATE consent_records SET rowid = -7 WHERE id = '{extra.id}'")
    assert ("added", None, extra.id) in said(ledger.verify())
    ledger.close()


def test_errors_pass_between_processes() -> None:
    error = pickle.loads(pickle.dumps(ProofError("it is damaged", url="sqlite:///a.db")))  # noqa: S301 - our own
    assert (type(error), str(error), error.url) == (ProofError, "it is damaged", "sqlite:///a.db")


def test_what_is_not_sealed_cannot_be_verified(store_url: str) -> None:
    ledger = Ledger(store_url)
    ledger.append([make()])
    with pytest.raises(ProofError, match="log seal"):
        ledger.verify()
    ledger.close()


def test_only_so_many_faults_are_kept(
    log: tuple[Ledger, list[ConsentRecord]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, _ = log
    monkeypatch.setattr(tree_check, "MOST_FINDINGS", 10)
    tamper(tmp_path, "UPDATE consent_records SET channel = 'api'")
    found = ledger.verify()
    assert len(found.faults) + found.more == COUNT
    assert len(found.faults) <= 20
    ledger.close()


sizes = st.integers(1, 1500)


@given(sizes, st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_the_check_finds_exactly_what_differs(size: int, data: st.DataObject) -> None:
    hashes = [leaf_hash(b"%d" % at) for at in range(size)]
    tree = TiledTree(0, lambda _level, _number: b"")
    tree.append(hashes)
    marks = data.draw(st.sets(st.integers(0, size), max_size=4)) | {size}
    signed = [Checkpoint("a", mark, tree.root(mark)) for mark in marks]
    bad = data.draw(st.sets(st.integers(0, size - 1), max_size=5))
    ours = [leaf_hash(b"x%d" % at) if at in bad else value for at, value in enumerate(hashes)]
    upper = {key: bytes(tile) for key, tile in tree.changed.items()}
    check = TreeCheck(signed, upper=lambda level, number: upper[level, number])
    piece = data.draw(st.sampled_from([256, 512, 2048]))
    for first in range(0, size, piece):
        part = ours[first : first + piece]
        check.add([None] * len(part), part, b"".join(hashes[first : first + piece]))
    found, more = check.faults()
    assert ({fault.position for fault in found}, more) == (bad, 0)
    wrong = TreeCheck([replace(signed[0], root=b"\x01" * 32)])
    wrong.add([None] * size, ours, None)
    assert [fault.kind for fault in wrong.faults()[0]] == ["tree"]
