"""Sealing: records become leaves of the tree and its root is signed, without blocking writers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from cookie_consent.errors import ConfigurationError, ProofError
from cookie_consent.ledger.events import EventRow, add_event, new_event, recorded_keys, unsealed_events
from cookie_consent.ledger.late import Lateness
from cookie_consent.ledger.proof.canonical import DAMAGED, event_leaf, leaf_hashes
from cookie_consent.ledger.proof.checkpoint import Checkpoint, open_checkpoint
from cookie_consent.ledger.proof.merkle import HASH_SIZE, leaf_hash, verify_consistency
from cookie_consent.ledger.proof.note import NoteError, Verifier, signature_keys
from cookie_consent.ledger.proof.tree_store import read_state, stored_tree
from cookie_consent.ledger.schema import checkpoints, micros, tiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection

    from cookie_consent.ledger.proof.canonical import WalkedRow
    from cookie_consent.ledger.proof.note import Signer
    from cookie_consent.ledger.proof.tiles import TiledTree
    from cookie_consent.ledger.proof.tree_store import TreeState
    from cookie_consent.ledger.store import LeafRow, Store

__all__ = ["SealResult", "Sealer"]

_BATCH = 8192
_ATTEMPTS = 5
_HOUR = 3600 * 1_000_000


@dataclass(frozen=True, kw_only=True)
class SealResult:
    """The number of leaves added, and the log's new size and signed checkpoint."""

    added: int
    size: int
    note: str


class Sealer:
    """Seals a store with the given keys, ``batch`` records at a time. Several processes can do so.

    Nothing is signed unless it is a continuation of the last valid checkpoint. Sealing stops before an unexplained late
    record.
    """

    def __init__(self, store: Store, signers: Sequence[Signer], *, url: str, batch: int | None = None) -> None:
        if not signers:
            raise ConfigurationError(
                "sealing needs a key; make one with `cookie-consent log key NAME -o FILE`, "
                "and set CONSENT_LEDGER_KEY to that file"
            )
        self._store = store
        self._signers = list(signers)
        self._own = [signer.verifier for signer in self._signers]
        self._origin = self._own[0].name
        self._url = url
        self._batch = batch if batch is not None else _BATCH
        self._lateness: Lateness | None = None
        self._stops = False

    def seal(self, enough: Callable[[], bool] = lambda: False) -> SealResult:
        """Seal all new records and events. Raises ``ProofError`` and ``LedgerError``.

        ``enough`` is called after each batch: if true, the rest is left for next time.
        """
        added = missed = 0
        self._lateness = None
        while True:
            step = self._step()
            if step is None:
                missed += 1
                if (
                    missed == _ATTEMPTS or enough()
                ):  # other processes keep sealing or amending; leave the rest for next time
                    state, _, _, _ = self._read()
                    return SealResult(added=added, size=state.size, note=state.note or "")
                continue
            missed = 0
            added += step.added
            if self._stops:
                continue  # the next step raises the error
            if step.added < self._batch or enough():
                return SealResult(added=added, size=step.size, note=step.note)

    def _read(self) -> tuple[TreeState, list[WalkedRow], list[EventRow], list[str]]:
        with self._store.reading() as connection:
            rows = self._store.unsealed(connection, self._batch)
            found = unsealed_events(connection) if len(rows) < self._batch else []
            if self._lateness is None:  # once per run, which may seal the backlog in several batches
                self._lateness = Lateness(connection)
            return read_state(connection), rows, found, recorded_keys(connection)

    def _step(self) -> SealResult | None:
        """Seal a batch, or return None if another process changed the log meanwhile."""
        state, rows, found, recorded = self._read()
        old = self._checked(state, recorded)
        taken = len(rows)
        rows = self._in_order(rows)
        self._stops = len(rows) < taken
        new_keys = [key.text for key in self._own if key.text not in recorded]
        if not rows and not found and not new_keys and state.note is not None:
            return SealResult(added=0, size=state.size, note=state.note)
        random = os.urandom(HASH_SIZE * len(rows))
        salts = [random[at : at + HASH_SIZE] for at in range(0, len(random), HASH_SIZE)]
        added = [new_event("key", {"key": key}) for key in new_keys]  # sealed under their own first signature
        hashes = [*self._record_hashes(rows, salts), *self._event_hashes([*found, *added])]
        with self._store.reading() as connection:
            tree = stored_tree(connection, old, self._url)
            tree.append(hashes)
            note = self._sign(tree, old)
        made: list[LeafRow] = [
            *((state.size + at, row[0], salts[at], None) for at, row in enumerate(rows)),
            *((at, row[0], None, None) for at, row in enumerate([*found, *added], state.size + len(rows))),
        ]
        with self._store.writing() as connection:
            if read_state(connection) != state:
                return None
            for event in added:
                add_event(connection, event)
            self._store.save_leaves(connection, made)
            _save(connection, state, tree, note)
        return SealResult(added=len(made), size=tree.size, note=note)

    def _in_order(self, rows: list[WalkedRow]) -> list[WalkedRow]:
        """Return the rows before the first unexplained late record. Raises ``ProofError`` if there are none."""
        lateness = self._lateness
        for at, row in enumerate(rows):
            if lateness is None or not lateness.is_unexplained(row[0], row[2]):
                continue
            with self._store.reading() as connection:
                lateness.look_again(connection)  # its event may have been added since this run started
            if lateness.is_unexplained(row[0], row[2]):
                if at:
                    return rows[:at]
                raise ProofError(
                    f"the record {row[0]} says that it was made long before what was sealed last, and nothing on "
                    "record explains why it came late: neither it nor later records are signed. If you know where it "
                    f"comes from, vouch for it with `cookie-consent log admit {row[0]}`",
                    url=self._url,
                )
        return rows

    def _record_hashes(self, rows: Sequence[WalkedRow], salts: Sequence[bytes]) -> list[bytes]:
        hashes = leaf_hashes(rows, salts, [None] * len(rows))
        if DAMAGED in hashes:
            damaged = rows[hashes.index(DAMAGED)][0]
            message = f"the record {damaged!r} cannot be sealed: one of its fields is invalid"
            raise ProofError(message, url=self._url)
        return hashes

    def _event_hashes(self, found: Iterable[EventRow]) -> list[bytes]:
        try:
            return [leaf_hash(event_leaf(*row)) for row in found]
        except (ValueError, TypeError, OverflowError, RecursionError):
            raise ProofError("an event of the log cannot be sealed: it is damaged", url=self._url) from None

    def _checked(self, state: TreeState, recorded: Sequence[str]) -> Checkpoint | None:
        """Return the last checkpoint, after verifying that a key of this log signed it."""
        if state.note is None:
            if recorded:
                raise ProofError(
                    "the log was sealed before, but its checkpoints are missing; restore it from a backup",
                    url=self._url,
                )
            return None
        claimed = state.checkpoint(self._url)
        if claimed is not None and claimed.origin != self._origin:
            raise ConfigurationError(
                f"the log is sealed as {claimed.origin}, but the key is named {self._origin}; "
                f"create a key with the log's name: cookie-consent log key {claimed.origin}"
            )
        known = [key for key in self._own if key.text in recorded]
        try:
            trusted = known or [Verifier.parse(text) for text in recorded]
            checkpoint, _ = open_checkpoint(state.note, trusted)
        except (NoteError, ConfigurationError) as error:
            raise ProofError(
                f"the last checkpoint of the log is not signed by its keys: {error}; "
                "if another key signed it, give that one along with this one",
                url=self._url,
            ) from None
        if checkpoint.size != state.size:
            raise ProofError("the last checkpoint of the log does not have its size", url=self._url)
        return checkpoint

    def _sign(self, tree: TiledTree, old: Checkpoint | None) -> str:
        new = Checkpoint(self._origin, tree.size, tree.root(tree.size))
        if old is not None and old.size:
            proof = tree.consistency(old.size, new.size)
            if not verify_consistency(old.size, new.size, proof, old.root, new.root):
                raise ProofError("the new tree is not a continuation of the last checkpoint", url=self._url)
        return new.sign(self._signers)


def _save(connection: Connection, state: TreeState, tree: TiledTree, note: str) -> None:
    for (level, number), data in tree.changed.items():
        same = (tiles.c.level == level, tiles.c.number == number)
        connection.execute(delete(tiles).where(*same))
        connection.execute(insert(tiles).values(level=level, number=number, data=bytes(data)))
    now = micros(datetime.now(UTC))
    before = connection.execute(select(checkpoints).where(checkpoints.c.size == state.size)).first()
    if (
        before is not None
        and before.at // _HOUR == now // _HOUR
        and set(signature_keys(before.note)) == set(signature_keys(note))
    ):
        connection.execute(delete(checkpoints).where(checkpoints.c.size == state.size))  # one per hour is enough
    connection.execute(insert(checkpoints).values(size=tree.size, at=now, note=note))
