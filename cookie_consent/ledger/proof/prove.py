"""Proofs for third parties, without the log: that a record is in it, and that it has only grown.

The proof of a record is a JSON object. ``proof`` is the path: its hashes of 32 bytes each, concatenated, in base64, as
is the salt::

    {"type": "record", "index": 17, "record": {…}, "salt": "…", "proof": "…", "checkpoint": "…", "key": "…"}

``record`` has the format of ``log export --format jsonl``. An erased one has a ``commitment`` instead of a ``salt``; an
event is in ``event``. Leaves are described in ``canonical.py``, hashing in RFC 6962, section 2.1. ``checkpoint`` is a
signed note (https://c2sp.org/tlog-checkpoint). The proof that the log has only grown has two checkpoints::

    {"type": "consistency", "old": "…", "new": "…", "proof": "…", "key": "…"}
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from cookie_consent.consent.record import ConsentRecord, time_text
from cookie_consent.errors import ConfigurationError, ProofError
from cookie_consent.ledger.events import LogEvent, event_of, recorded_keys
from cookie_consent.ledger.proof.canonical import commitment_of, record_leaf
from cookie_consent.ledger.proof.checkpoint import open_checkpoint
from cookie_consent.ledger.proof.encoding import decode_hash, encode_bytes
from cookie_consent.ledger.proof.merkle import HASH_SIZE, leaf_hash, verify_consistency, verify_inclusion
from cookie_consent.ledger.proof.note import NoteError, Verifier
from cookie_consent.ledger.proof.tree_store import read_sealed, stored_tree
from cookie_consent.ledger.schema import events, from_row, leaves, records, to_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from cookie_consent.ledger.proof.checkpoint import Checkpoint
    from cookie_consent.ledger.proof.tiles import TiledTree

__all__ = ["CheckedProof", "check_proof", "prove", "prove_growth"]

_MOST_HASHES = 128


@dataclass(frozen=True, kw_only=True)
class CheckedProof:
    """A valid proof: ``text`` says what it shows, and ``key`` signed it.

    ``key_is_given`` is false if the key comes only from the proof itself.
    """

    text: str
    key: Verifier
    key_is_given: bool


def prove(connection: Connection, name: str, *, url: str) -> dict[str, Any] | None:
    """Return the proof of the record or event with an id, or None.

    Raises ``ProofError`` if it is not sealed, or the stored tree is not the one that was signed.
    """
    row = connection.execute(select(records).where(records.c.id == name)).first()
    event = connection.execute(select(events).where(events.c.id == name)).first() if row is None else None
    if row is None and event is None:
        return None
    leaf = connection.execute(select(leaves).where(leaves.c.id == name)).first()
    if leaf is None:
        raise ProofError(f"{name} is not sealed yet; seal the log with `cookie-consent log seal`", url=url)
    tree, checkpoint, note, key = _current(connection, url)
    content: dict[str, Any]
    if row is not None:
        content = {"record": from_row(row).as_dict()}
        if leaf.salt is not None:
            content["salt"] = encode_bytes(leaf.salt)
        else:
            content["commitment"] = encode_bytes(leaf.commitment or b"")
    else:
        content = {"event": event_of(event).as_dict()}
    try:
        path = tree.inclusion(leaf.position, checkpoint.size)
    except (KeyError, ValueError) as error:
        raise ProofError(f"the log's tree is damaged ({error}); see `cookie-consent log verify`", url=url) from None
    proof = {
        "type": "record" if row is not None else "event",
        "index": leaf.position,
        **content,
        "proof": encode_bytes(b"".join(path)),
        "checkpoint": note,
        "key": key.text,
    }
    try:
        check_proof(proof, [key])
    except NoteError as error:
        raise ProofError(f"{name} is not what was sealed ({error}); see `cookie-consent log verify`", url=url) from None
    return proof


def prove_growth(connection: Connection, old_note: str, *, url: str) -> dict[str, Any]:
    """Return the proof that the log extends an older checkpoint, a signed note.

    Raises ``ProofError`` if it does not, and ``NoteError`` if the checkpoint is not signed by a key of this log.
    """
    tree, checkpoint, note, key = _current(connection, url)
    old, by = open_checkpoint(old_note, [Verifier.parse(text) for text in recorded_keys(connection)])
    try:
        path = tree.consistency(old.size, checkpoint.size) if 0 < old.size < checkpoint.size else []
    except (KeyError, ValueError) as error:
        raise ProofError(f"the log's tree is damaged ({error}); see `cookie-consent log verify`", url=url) from None
    if not verify_consistency(old.size, checkpoint.size, path, old.root, checkpoint.root):
        raise ProofError(
            f"the log of {checkpoint.size} leaves is not a continuation of the checkpoint of {old.size} leaves", url=url
        )
    keys = [key.text, *(other.text for other in by if other != key)]
    return {
        "type": "consistency",
        "old": old_note,
        "new": note,
        "proof": encode_bytes(b"".join(path)),
        "key": " ".join(keys),
    }


def check_proof(proof: object, trusted: Sequence[Verifier] | None = None) -> CheckedProof:
    """Check a proof, parsed from JSON. ``trusted`` are the log's keys, by default those that the proof names.

    Raises ``NoteError``, which says why the proof does not hold.
    """
    if not isinstance(proof, dict):
        raise NoteError("it is not a proof, which is a JSON object")
    keys = _keys(proof) if trusted is None else list(trusted)
    kind = proof.get("type")
    path = _hashes(proof)
    if kind == "consistency":
        old, _ = open_checkpoint(_string(proof, "old"), keys)
        new, by = open_checkpoint(_string(proof, "new"), keys)
        if old.origin != new.origin:
            raise NoteError(f"the checkpoints are of two logs, {old.origin} and {new.origin}")
        if not verify_consistency(old.size, new.size, path, old.root, new.root):
            raise NoteError("the newer checkpoint is not a continuation of the older one")
        text = f"the log {new.origin} of {new.size} leaves begins with the {old.size} leaves of the older checkpoint"
        return CheckedProof(text=text, key=by[0], key_is_given=trusted is not None)
    if not isinstance(kind, str) or kind not in {"record", "event"}:
        raise NoteError("it is not a proof, whose type is record, event or consistency")
    index = proof.get("index")
    if type(index) is not int:
        raise NoteError("its index is not a number")
    checkpoint, by = open_checkpoint(_string(proof, "checkpoint"), keys)
    content = proof.get(kind)
    leaf = _record_leaf(content, proof) if kind == "record" else _event_leaf(content)
    if not verify_inclusion(leaf_hash(leaf), index, checkpoint.size, path, checkpoint.root):
        raise NoteError(f"the {kind} is not leaf {index} of the log that was signed")
    name = content["id"] if isinstance(content, dict) else ""
    text = f"the {kind} {name} is leaf {index} of the {checkpoint.size} leaves of {checkpoint.origin}"
    return CheckedProof(text=text, key=by[0], key_is_given=trusted is not None)


def _current(connection: Connection, url: str) -> tuple[TiledTree, Checkpoint, str, Verifier]:
    """Return the stored tree, its checkpoint, the signed note, and a key that signed it."""
    _, note = read_sealed(connection, url)
    try:
        checkpoint, by = open_checkpoint(note, [Verifier.parse(text) for text in recorded_keys(connection)])
    except (NoteError, ConfigurationError, ValueError) as error:
        raise ProofError(f"the last checkpoint of the log is not valid: {error}", url=url) from None
    return stored_tree(connection, checkpoint, url), checkpoint, note, by[0]


def _record_leaf(content: object, proof: dict[str, Any]) -> bytes:
    try:
        row = to_row(ConsentRecord.from_dict(content))
        if "salt" in proof:
            return record_leaf(row, commitment_of(row, _bytes(proof["salt"], "the salt")))
        return record_leaf(row, _bytes(proof.get("commitment"), "the commitment"))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise NoteError(f"its record cannot be read: {error}") from None


def _event_leaf(content: object) -> bytes:
    try:
        event = LogEvent.from_dict(content)
        leaf = event.leaf()
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise NoteError(f"its event cannot be read: {error}") from None
    if not isinstance(content, dict) or time_text(event.at) != content["at"]:
        raise NoteError("its event cannot be read: the time is not written in the form that was signed")
    return leaf


def _keys(proof: dict[str, Any]) -> list[Verifier]:
    try:
        return [Verifier.parse(text) for text in _string(proof, "key").split()]
    except ConfigurationError as error:
        raise NoteError(str(error)) from None


def _string(proof: dict[str, Any], name: str) -> str:
    value = proof.get(name)
    if not isinstance(value, str):
        raise NoteError(f"it has no {name!r}")
    return value


def _hashes(proof: dict[str, Any]) -> list[bytes]:
    try:
        joined = b64decode(_string(proof, "proof"), validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("its hashes are not base64") from None
    if len(joined) % HASH_SIZE or len(joined) > _MOST_HASHES * HASH_SIZE:
        raise NoteError(f"its hashes are not of {HASH_SIZE} bytes each")
    return [joined[at : at + HASH_SIZE] for at in range(0, len(joined), HASH_SIZE)]


def _bytes(value: object, what: str) -> bytes:
    raw = decode_hash(value)
    if raw is None:
        raise NoteError(f"{what} is not {HASH_SIZE} bytes in base64")
    return raw
