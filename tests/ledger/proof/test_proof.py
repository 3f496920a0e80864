from __future__ import annotations

import copy
import json
import sqlite3
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent import ConsentRecord, Ledger
from cookie_consent.errors import ProofError
from cookie_consent.ledger.proof.note import NoteError, new_key
from cookie_consent.ledger.proof.prove import check_proof
from tests.ledger.making import make

if TYPE_CHECKING:
    from pathlib import Path

KEY, PUBLIC = new_key("shop.example/consent")
OTHER, OTHER_PUBLIC = new_key("shop.example/consent")


@pytest.fixture(scope="module")
def proofs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return a proof of each type, as somebody reads them who has nothing else."""
    ledger = Ledger(f"sqlite:///{tmp_path_factory.mktemp('proofs')}/consent.db", key=KEY)
    ledger.append([make(at) for at in range(5)])
    older = ledger.seal().note
    written = [make(at, previous='a "b"', url="/ä?") for at in range(300)]
    ledger.append(written)
    ledger.seal()
    with ledger.reading() as connection:
        event = connection.exec_driver_sql("SELECT id FROM consent_events").scalar()
    found = {
        "record": ledger.prove(written[17].id),
        "event": ledger.prove(str(event)),
        "consistency": ledger.prove_growth(older),
    }
    ledger.close()
    return {name: json.loads(json.dumps(value)) for name, value in found.items()}


def test_proofs_say_what_they_show(proofs: dict[str, dict[str, Any]]) -> None:
    record = proofs["record"]
    checked = check_proof(record, [PUBLIC])
    name = record["record"]["id"]
    assert checked.text == f"the record {name} is leaf 23 of the 306 leaves of shop.example/consent"
    assert (checked.key, checked.key_is_given) == (PUBLIC, True)
    assert not check_proof(record).key_is_given
    assert record["record"]["url"] == "/ä?"
    assert check_proof(proofs["event"]).text.startswith("the event ")
    assert "begins with the 6 leaves" in check_proof(proofs["consistency"]).text


def nested(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all that stands in the value."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += nested(inner, (*path, key))
    return found


strange: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 2**70, 1.5, "", "x", "\ud800", [], ["a b"], {}, [[]], "AAAA"]
)


@given(st.sampled_from(["record", "event", "consistency"]), st.data())
def test_a_proof_that_was_touched_is_refused(proofs: dict[str, dict[str, Any]], kind: str, data: st.DataObject) -> None:
    proof = copy.deepcopy(proofs[kind])
    *path, last = data.draw(st.sampled_from(nested(proof)))
    place = proof
    for key in path:
        place = place[key]
    change = data.draw(st.sampled_from(["value", "character", "gone"]))
    before = place[last]
    if change == "gone":
        del place[last]
    elif change == "character" and isinstance(before, str) and before:
        at = data.draw(st.integers(0, len(before) - 1))
        place[last] = before[:at] + chr(ord(before[at]) ^ 1) + before[at + 1 :]
    else:
        place[last] = data.draw(strange)
    try:
        check_proof(proof, [PUBLIC])
    except NoteError:
        return
    assert meaning(proof) == meaning(proofs[kind])  # only what says nothing has changed


def meaning(proof: dict[str, Any]) -> object:
    """Return what a proof says, as values: base64 has bits that say nothing, and empty fields may be left out."""
    record = ConsentRecord.from_dict(proof["record"]) if "record" in proof else None
    notes = [proof[name].partition("\n\n")[0] for name in ("checkpoint", "old", "new") if name in proof]
    secrets = [b64decode(proof.get(name, "")) for name in ("salt", "commitment")]
    hashes = b64decode(proof["proof"])
    return proof["type"], proof.get("index"), record, proof.get("event"), notes, secrets, hashes


@pytest.mark.parametrize(
    "proof",
    [None, [], "x", {}, {"type": "record"}, {"type": "other", "key": PUBLIC.text, "proof": ""}, {"key": "+"}],
)
def test_what_is_no_proof_is_refused(proof: object) -> None:
    with pytest.raises(NoteError):
        check_proof(proof)


def test_a_proof_of_another_key_is_refused(proofs: dict[str, dict[str, Any]]) -> None:
    for proof in proofs.values():
        with pytest.raises(NoteError, match="none of the trusted keys"):
            check_proof(proof, [OTHER_PUBLIC])


def test_what_cannot_be_proved(ledger_url: str, tmp_path: Path) -> None:
    ledger = Ledger(ledger_url, key=KEY)
    first, second = make(), make(1)
    ledger.append([first])
    assert ledger.prove("nobody") is None
    with pytest.raises(ProofError, match="is not sealed yet"):
        ledger.prove(first.id)
    note = ledger.seal().note
    ledger.append([second])
    with pytest.raises(ProofError, match="is not sealed yet"):
        ledger.prove(second.id)
    check_proof(ledger.prove_growth(note), [PUBLIC])  # from itself
    ledger.seal()
    with pytest.raises(NoteError, match="not a signed note"):
        ledger.prove_growth("nonsense")
    ledger.close()
    database = sqlite3.connect(tmp_path / "consent.db", isolation_level=None)
    database.execute("DROP TRIGGER consent_records_no_update")
    database.execute("UPDATE consent_records SET url = '/elsewhere'")
    with pytest.raises(ProofError, match="is not what was sealed"):
        ledger.prove(first.id)
    database.execute("UPDATE consent_tiles SET data = x'00'")
    with pytest.raises(ProofError, match="tree is damaged"):
        ledger.prove(second.id)
    with pytest.raises(ProofError, match="tree is damaged"):
        ledger.prove_growth(note)
    database.execute("UPDATE consent_checkpoints SET note = 'nothing'")
    with pytest.raises(ProofError, match="is not valid"):
        ledger.prove(second.id)
    database.close()
    ledger.close()


def test_growth_across_a_rotation(ledger_url: str) -> None:
    ledger = Ledger(ledger_url, key=KEY)
    ledger.append([make()])
    old = ledger.seal().note
    Ledger(ledger_url, key=f"{OTHER} {KEY}").seal()
    new = Ledger(ledger_url, key=OTHER)
    new.append([make(1)])
    new.seal()
    proof = new.prove_growth(old)
    check_proof(proof, [PUBLIC, OTHER_PUBLIC])
    assert not check_proof(proof).key_is_given
    forked = Ledger(f"{ledger_url}.2", key=KEY)
    forked.append([make(), make()])
    with pytest.raises(ProofError, match="is not a continuation"):
        new.prove_growth(forked.seal().note)
    for each in (ledger, new, forked):
        each.close()
