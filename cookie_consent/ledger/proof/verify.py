"""Verification of a whole store against its signed checkpoints."""

from __future__ import annotations

import gc
import multiprocessing
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from cookie_consent.consent import notice_hash
from cookie_consent.ledger.events import unsealed_events
from cookie_consent.ledger.late import Lateness
from cookie_consent.ledger.proof.checkpoint import open_checkpoint
from cookie_consent.ledger.proof.note import NoteError
from cookie_consent.ledger.proof.tree_check import MOST_FINDINGS, Fault, TreeCheck
from cookie_consent.ledger.proof.tree_store import amendments, read_sealed, tile_loader
from cookie_consent.ledger.proof.verification import Verification, open_all
from cookie_consent.ledger.proof.verify_span import BEFORE_ALL, SPAN, SpanChecker, read_amendments
from cookie_consent.ledger.schema import checkpoints, events, leaves, notices, records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from sqlalchemy import Connection

    from cookie_consent.ledger.proof.checkpoint import Checkpoint
    from cookie_consent.ledger.proof.note import Verifier
    from cookie_consent.ledger.proof.tree_store import TreeState
    from cookie_consent.ledger.proof.verify_span import SpanResult
    from cookie_consent.ledger.store import Store

__all__ = ["verify_store"]

_WORTH = 4


def verify_store(
    store: Store,
    *,
    url: str,
    trusted: Sequence[Verifier] | None = None,
    given: Sequence[str] = (),
    progress: Callable[[int], object] | None = None,
    processes: int = 1,
) -> Verification:
    """Recompute every leaf and compare it with the tree, and the tree with every checkpoint.

    ``trusted`` defaults to the keys on record in the log. ``given`` are checkpoints kept elsewhere, as signed notes.
    ``progress`` is called with the number of leaves in each span. Raises ``ProofError`` if the log is not sealed, and
    ``LedgerError``.
    """
    with store.reading() as connection:
        return _StoreCheck(store, connection, url).run(trusted, given, progress or (lambda _count: None), processes)


class _StoreCheck:
    """One verification of a snapshot of the store."""

    def __init__(self, store: Store, connection: Connection, url: str) -> None:
        self._store = store
        self._connection = connection
        self._url = url
        self._result = Verification()

    def run(
        self,
        trusted: Sequence[Verifier] | None,
        given: Sequence[str],
        progress: Callable[[int], object],
        processes: int,
    ) -> Verification:
        result = self._result
        state, _ = read_sealed(self._connection, self._url)
        result.size = state.size
        for fault in read_amendments(self._connection)[1]:
            result.fault(fault)
        check = TreeCheck(self._signed(trusted, given), upper=_cached(tile_loader(self._connection)))
        for span in self._spans(state.size, check.sizes, processes):
            check.take(span.tree)
            _add(result, span.found)
            progress(span.tree.end - span.tree.first)
        added = sum(fault.kind == "added" for fault in result.faults)
        faults, more = check.faults()
        result.faults[:0] = faults[: MOST_FINDINGS - len(result.faults)]
        result.more += more
        self._beyond(state, added)
        self._check_notices()
        return result

    def _spans(self, size: int, sizes: Sequence[int], processes: int) -> Iterator[SpanResult]:
        """Check the spans and yield the results in order, several processes at a time."""
        parts = [(first, min(SPAN, size - first)) for first in range(0, size, SPAN)]
        count = min(processes, len(parts) // _WORTH)  # starting a process takes as long as checking a few spans
        if count < 2:
            checker = SpanChecker(self._store)
            for first, length in parts:
                yield checker.check(first, length, sizes)
            return
        context = multiprocessing.get_context("spawn")  # a fork would share connections and locks
        with ProcessPoolExecutor(count, context, _begin_process, (self._store,)) as pool:
            waiting: deque[Future[SpanResult]] = deque()
            for first, length in parts:
                waiting.append(pool.submit(_check_there, first, length, sizes))
                if len(waiting) > 2 * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _signed(self, trusted: Sequence[Verifier] | None, given: Sequence[str]) -> list[Checkpoint]:
        """Return the stored and given checkpoints signed by trusted keys; others become faults."""
        rows = self._connection.execute(select(checkpoints.c.size, checkpoints.c.note).order_by(checkpoints.c.size))
        notes = [(row.size, row.note) for row in rows]
        query = select(leaves.c.position, events.c.detail).join(events, events.c.id == leaves.c.id)
        recorded = [(row[0], row[1]) for row in self._connection.execute(query.where(events.c.kind == "key"))]
        found, keys, faults = open_all(notes, recorded, trusted)
        for fault in faults:
            self._result.fault(fault)
        self._result.checkpoints = len(found)
        if found:
            last, by = found[-1]
            self._result.origin, self._result.root = last.origin, last.root.hex()
            self._result.signed_by = [key.text for key in by]
        kept = [checkpoint for checkpoint, _ in found]
        for note in given:
            try:
                checkpoint, _ = open_checkpoint(note, keys)
            except NoteError as error:
                self._result.fault(
                    Fault(kind="checkpoint", text=f"the checkpoint that was given is not valid: {error}")
                )
                continue
            kept.append(checkpoint)
        return kept

    def _beyond(self, state: TreeState, added: int) -> None:
        """Report leaves that no checkpoint covers, and count what is not sealed yet."""
        query = select(leaves.c.position, leaves.c.id).where(leaves.c.position >= state.size).limit(MOST_FINDINGS)
        for position, name in self._connection.execute(query):
            text = f"stands at leaf {position}, beyond the last checkpoint: it was added"
            self._result.fault(Fault(kind="added", position=position, id=name, text=text))
        behind = self._behind_the_last()
        total = int(self._connection.execute(select(func.count()).select_from(records)).scalar_one())
        waiting = max(0, total - self._result.records - self._result.erased - added)
        self._result.unsealed = waiting + len(unsealed_events(self._connection))
        with self._store.reading() as connection:
            is_same = amendments(connection) == state.amendments  # else the counts belong to different snapshots
        if waiting and is_same and waiting != behind:
            text = "the records behind the last sealed one are not those that are not sealed: some were added or moved"
            self._result.fault(Fault(kind="added", text=text))

    def _behind_the_last(self) -> int:
        """Count the records that the next sealing will take, and report those that it will not sign."""
        query = select(leaves.c.id).where(leaves.c.salt.is_not(None) | leaves.c.commitment.is_not(None))
        last = self._connection.execute(query.order_by(leaves.c.position.desc()).limit(1)).scalar()
        after = self._store.orders(self._connection, [str(last)]) if last is not None else []
        lateness = Lateness(self._connection)
        count = 0
        for rows in self._store.walk(self._connection, after[0] if after else BEFORE_ALL):
            count += len(rows)
            late = [row[0] for row in rows if lateness.is_unexplained(row[0], row[2])]
            sealed = set(self._connection.execute(select(leaves.c.id).where(leaves.c.id.in_(late))).scalars())
            for name in late:
                if name not in sealed:  # if rows were moved, sealed ones may be here
                    text = "says that it was made long before what was sealed last: it was added"
                    self._result.fault(Fault(kind="added", id=name, text=text))
        return count

    def _check_notices(self) -> None:
        for name, language, words in self._connection.execute(
            select(notices.c.hash, notices.c.language, notices.c.text)
        ):
            if notice_hash(language, words) != name:
                self._result.fault(Fault(kind="notice", id=name, text="is not the text that has this hash"))


_checkers: list[SpanChecker] = []
"""The checker of a worker process."""


def _begin_process(store: Store) -> None:
    gc.disable()  # verifying makes no cycles, and looking for them takes a tenth of the time
    _checkers.append(SpanChecker(store))


def _check_there(first: int, count: int, sizes: Sequence[int]) -> SpanResult:
    return _checkers[0].check(first, count, sizes)


def _cached(load: Callable[[int, int], bytes]) -> Callable[[int, int], bytes]:
    """Cache the last loaded tile of each level."""
    kept: dict[int, tuple[int, bytes]] = {}

    def cached(level: int, number: int) -> bytes:
        held = kept.get(level)
        if held is None or held[0] != number:
            held = kept[level] = (number, load(level, number))
        return held[1]

    return cached


def _add(result: Verification, part: Verification) -> None:
    for name in ("records", "erased", "pruned", "events", "more"):
        setattr(result, name, getattr(result, name) + getattr(part, name))
    for fault in part.faults:
        result.fault(fault)
