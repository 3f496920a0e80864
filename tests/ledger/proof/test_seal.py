from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from cookie_consent import ConfigurationError, Ledger
from cookie_consent.errors import ProofError
from cookie_consent.ledger import periodic
from cookie_consent.ledger.events import read_events, recorded_keys
from cookie_consent.ledger.proof import seal
from cookie_consent.ledger.proof.checkpoint import open_checkpoint
from cookie_consent.ledger.proof.note import NoteError, new_key
from cookie_consent.ledger.proof.seal import Sealer
from tests.ledger.making import NOTICE, make
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cookie_consent.ledger.proof.checkpoint import Checkpoint
    from cookie_consent.ledger.proof.note import Verifier
    from cookie_consent.ledger.proof.seal import SealResult

KEY, PUBLIC = new_key("shop.example/consent")
OTHER, OTHER_PUBLIC = new_key("shop.example/consent")


def checkpoint_of(ledger: Ledger, key: Verifier = PUBLIC) -> Checkpoint:
    return open_checkpoint(ledger.checkpoint() or "", [key])[0]


def test_sealing_makes_leaves_of_what_is_new(ledger_url: str, tmp_path: Path) -> None:
    ledger = Ledger(ledger_url, key=KEY)
    ledger.open()
    assert ledger.checkpoint() is None
    written = [make(at, notice=NOTICE.hash) for at in range(300)]
    ledger.append(written, [NOTICE])
    result = ledger.seal()
    assert (result.added, result.size) == (301, 301)  # the key is on record as well
    assert result.note == ledger.checkpoint()
    first = checkpoint_of(ledger)
    again = ledger.seal()
    assert (again.added, again.note) == (0, result.note)
    ledger.append([make(at) for at in range(300, 1000)])
    assert ledger.seal().size == 1001
    assert checkpoint_of(ledger).root != first.root
    ledger.close()
    database = sqlite3.connect(tmp_path / "consent.db")
    ids = [row[0] for row in database.execute("SELECT id FROM consent_leaves ORDER BY position")]
    assert ids[:300] == [record.id for record in written]
    assert len(set(ids)) == 1001
    salts = {row[0] for row in database.execute("SELECT salt FROM consent_leaves WHERE salt IS NOT NULL")}
    assert len(salts) == 1000
    assert {len(salt) for salt in salts} == {32}
    tiles = database.execute("SELECT level, number, length(data) FROM consent_tiles ORDER BY 1, 2").fetchall()
    assert tiles == [(0, 0, 8192), (0, 1, 8192), (0, 2, 8192), (0, 3, (1001 - 768) * 32), (1, 0, 96)]
    assert database.execute("SELECT count(*) FROM consent_checkpoints").fetchone() == (1,)  # one of an hour
    database.close()


def test_records_are_sealed_after_a_vacuum(ledger_url: str, tmp_path: Path) -> None:
    ledger = Ledger(ledger_url, key=KEY)
    ledger.append([make(at) for at in range(50)])
    ledger.seal()
    ledger.close()
    database = sqlite3.connect(tmp_path / "consent.db")
    database.execute("VACUUM")
    database.close()
    ledger.append([make(at) for at in range(50, 60)])
    assert ledger.seal().added == 10
    ledger.close()


def test_large_batches_and_many_sealers_make_each_leaf_once(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "_BATCH", 64)
    ledgers = [Ledger(store_url, key=KEY) for _ in range(3)]
    ledgers[0].open()
    done = threading.Event()

    def write() -> None:
        for at in range(20):
            ledgers[0].append([make(at * 20 + more) for more in range(20)])
        done.set()

    def keep_sealing(ledger: Ledger) -> None:
        while not done.is_set():
            ledger.seal()

    threads = [threading.Thread(target=write)] + [
        threading.Thread(target=keep_sealing, args=[ledger]) for ledger in ledgers[1:]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledgers[0].seal().size == 401
    for ledger in ledgers:
        ledger.close()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "UPDATE consent_tiles SET data = zeroblob(length(data)) WHERE level = 1",
            "does not match its last checkpoint",
        ),
        (
            "UPDATE consent_tiles SET data = zeroblob(length(data)) WHERE number = 1",
            "does not match its last checkpoint",
        ),
        ("UPDATE consent_tiles SET data = substr(data, 1, 32) WHERE level = 0 AND number = 1", "is damaged"),
        ("DELETE FROM consent_tiles", "is damaged"),
        ("DELETE FROM consent_checkpoints", "checkpoints are missing"),
        ("UPDATE consent_checkpoints SET note = replace(note, '301', '300')", "is wrong"),
        ("UPDATE consent_checkpoints SET note = 'nothing'", "cannot be read"),
        ("UPDATE consent_checkpoints SET size = 300", "does not have its size"),
        ("UPDATE consent_records SET id = 'other' WHERE rowid = 300", "is missing"),
        ("INSERT INTO consent_events VALUES ('1', 2, 'erased', 'no JSON', NULL)", "is damaged"),
        ("UPDATE consent_records SET granted = x'00' WHERE rowid = 301", "cannot be sealed"),
    ],
)
def test_nothing_is_signed_for_another_tree(ledger_url: str, tmp_path: Path, statement: str, words: str) -> None:
    ledger = Ledger(ledger_url, key=KEY)
    ledger.append([make(at) for at in range(300)])
    ledger.seal()
    ledger.append([make(301)])
    ledger.close()
    database = sqlite3.connect(tmp_path / "consent.db", isolation_level=None)
    database.execute("DROP TRIGGER consent_records_no_update")
    database.execute(statement)
    before = database.execute("SELECT size, note FROM consent_checkpoints").fetchall()
    with pytest.raises(ProofError, match=words):
        ledger.seal()
    assert database.execute("SELECT size, note FROM consent_checkpoints").fetchall() == before
    ledger.close()
    database.close()


def test_keys_are_rotated_on_record(store_url: str) -> None:
    ledger = Ledger(store_url, key=KEY)
    ledger.append([make()])
    ledger.seal()
    both = Ledger(store_url, key=f"{OTHER}\n{KEY}")
    assert both.seal().size == 3  # the new key is a leaf, under both signatures
    assert checkpoint_of(both) == checkpoint_of(both, OTHER_PUBLIC)
    new = Ledger(store_url, key=OTHER)
    new.append([make(1)])
    new.seal()
    assert checkpoint_of(new, OTHER_PUBLIC).size == 4
    with pytest.raises(NoteError, match="none of the trusted keys"):
        checkpoint_of(new, PUBLIC)
    ledger.append([make(2)])
    with pytest.raises(ProofError, match="give that one along"):
        ledger.seal()  # the old one does not go on by itself
    third, _ = new_key("shop.example/consent")
    assert Ledger(store_url, key=third).seal().added == 2  # the others are lost: the new one is on record all the same
    with ledger.reading() as connection:
        assert [event.kind for event in read_events(connection)] == ["key"] * 3
        assert recorded_keys(connection)[:2] == [PUBLIC.text, OTHER_PUBLIC.text]
    wrong, _ = new_key("other.example")
    with pytest.raises(ConfigurationError, match=r"log key shop\.example/consent"):
        Ledger(store_url, key=wrong).seal()


def test_without_key_one_is_told_how_to_make_it(ledger_url: str) -> None:
    with pytest.raises(ConfigurationError, match="cookie-consent log key"):
        Ledger(ledger_url).seal()


def test_a_server_seals_from_time_to_time_and_at_its_end(store_url: str) -> None:
    ledger = Ledger(store_url, key=KEY, seal_every=0.05)
    ledger.start()
    ledger.start()  # once more does no harm
    asyncio.run(ledger.write(make()))
    until(lambda: ledger.checkpoint() is not None and checkpoint_of(ledger).size >= 2)
    ledger.close()
    assert not [thread for thread in threading.enumerate() if "sealer" in thread.name]
    late = Ledger(store_url, key=KEY, seal_every=1000)
    late.start()
    asyncio.run(late.write(make(1)))
    late.close()
    assert checkpoint_of(late).size == 3
    late.close()


def test_what_stops_the_sealing_is_logged_once(
    ledger_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Sealer] = []
    real = Sealer.seal

    def counted(sealer: Sealer, enough: Callable[[], bool] = lambda: False) -> SealResult:
        tried.append(sealer)
        return real(sealer, enough)

    monkeypatch.setattr(Sealer, "seal", counted)
    ledger = Ledger(ledger_url, key=KEY, seal_every=0.02)
    ledger.append([make()])
    ledger.seal()
    database = sqlite3.connect(tmp_path / "consent.db")
    database.execute("DELETE FROM consent_tiles")
    database.commit()
    database.close()
    ledger.append([make(1)])
    with caplog.at_level(logging.ERROR):
        ledger.start()
        until(lambda: len(tried) >= 6)
        ledger.close()
    assert len([record for record in caplog.records if "is not sealed until" in record.getMessage()]) == 1


def test_a_long_backlog_does_not_hold_up_the_end_of_a_server(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periodic, "_LONGEST_END", -1.0)
    ledger = Ledger(store_url, key=KEY, seal_every=1000)
    ledger.append([make(at) for at in range(3000)])
    ledger.start()
    ledger.close()
    assert checkpoint_of(ledger).size == 1025  # one batch, and the key
    assert ledger.seal().size == 3001
    ledger.close()
