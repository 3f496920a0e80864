"""The writer thread: concurrent choices share a commit, and go to the spool while the store is unavailable."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from cookie_consent.errors import LedgerError, RecordRefusedError
from cookie_consent.forks import reset_after_fork
from cookie_consent.ledger.writing.framing import encode_frame
from cookie_consent.ledger.writing.waiter import make_waiter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cookie_consent.consent.record import ConsentRecord
    from cookie_consent.ledger.store import ChoiceSink, Entry
    from cookie_consent.ledger.writing.spool import Spool, SpoolFolder

__all__ = ["Writer"]

logger = logging.getLogger("cookie_consent")

QUEUE = 10_000
LONGEST_WAIT = 15.0
_BATCH = 1024
_CARRY = 2048
_PATIENCE = 2.0
_PROBE = 0.05  # seconds; the longest delay for choices that go to the spool, when the store is tried again
_RETRY = (0.1, 5.0)
_ADOPT_EVERY = 30.0
_CLOSE = 10.0


class Writer:
    """Writes choices in one thread per process, all that are waiting in one commit.

    At most ``queue`` choices wait at a time, each at most ``longest_wait`` seconds. ``mark`` is called before records
    are appended. ``others`` are stores whose connections must also be abandoned after a fork.
    """

    def __init__(
        self,
        store: ChoiceSink,
        folder: SpoolFolder,
        *,
        url: str,
        queue: int = QUEUE,
        longest_wait: float = LONGEST_WAIT,
        others: Sequence[ChoiceSink] = (),
        mark: Mark | None = None,
    ) -> None:
        self._store = store
        self._others = others
        self._mark: Mark = mark if mark is not None else _mark_nothing
        self._folder = folder
        self._url = url
        self._limit = queue
        self._longest_wait = longest_wait
        self._backlog: deque[Spool] = deque()
        self._own: Spool | None = None
        self._reset()
        reset_after_fork(self)

    async def write(self, entry: Entry) -> None:
        """Return once the entry is durable, in the store or the spool. Raises ``LedgerError`` if it is not saved."""
        pending = _Pending(entry)
        with self._changed:
            if len(self._queue) >= self._limit:
                raise self._error(f"{self._limit} choices are waiting already; the disk is too slow")
            self._queue.append(pending)
            self._ensure_thread()
            self._changed.notify()
        if not await pending.waiter.wait(self._longest_wait):
            with self._changed:
                if pending in self._queue:
                    self._queue.remove(pending)
            raise self._error(f"a choice was not written within {self._longest_wait:g} seconds")
        if pending.error is not None:
            kind = RecordRefusedError if isinstance(pending.error, RecordRefusedError | ValueError) else LedgerError
            raise kind(str(pending.error), url=self._url) from pending.error

    def start(self) -> None:
        """Start the thread, which also replays the spools of processes that have ended."""
        with self._changed:
            self._ensure_thread()

    def close(self) -> None:
        """Write what is queued, replay what can be, and end the thread. The next write starts another."""
        with self._changed:
            thread = self._thread
            self._closing = thread is not None
            self._changed.notify()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_CLOSE)
            if thread.is_alive():
                logger.error(
                    "the log %s is still being written; choices that were not acknowledged yet may be lost", self._url
                )

    def _reset(self) -> None:
        """Set the initial state, also after a fork, which inherits no thread and no usable lock."""
        self._changed = threading.Condition()
        self._queue: deque[_Pending] = deque()
        self._thread: threading.Thread | None = None
        self._closing = False
        for spool in self._backlog:
            spool.close()  # the parent process has the file open too, and keeps the lock
        self._backlog.clear()
        self._own = None
        self._away = False
        self._delay = _RETRY[0]
        self._retry_at = 0.0
        self._adopt_at = 0.0

    def after_fork(self) -> None:
        """Start over in a fork, without using the parent's connections."""
        self._reset()
        for store in {self._store, *self._others}:
            store.forget()

    def _ensure_thread(self) -> None:
        if self._thread is None:
            self._adopt_at = 0.0
            self._thread = threading.Thread(target=self._run, name="cookie-consent-writer", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            batch: list[_Pending] = []
            try:
                self._adopt()
                batch = self._take()
                if batch:
                    self._keep(batch)
                self._carry()
            except Exception as error:
                logger.exception("unexpected error in the log's writer")
                self._finish(batch, error)
                self._retry_later()
            if not batch and self._ends():
                return

    def _take(self) -> list[_Pending]:
        with self._changed:
            if not self._queue and not self._closing:
                until = min(self._adopt_at, self._retry_at) if self._backlog else self._adopt_at
                self._changed.wait(max(0.0, until - time.monotonic()))
            return [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]

    def _ends(self) -> bool:
        with self._changed:
            if not self._closing or self._queue:
                return False
            self._thread = None
            self._closing = False
            backlog, self._own = [*self._backlog], None
            self._backlog.clear()
            for spool in backlog:
                spool.close()
            return True

    def _keep(self, batch: list[_Pending]) -> None:
        """Make the batch durable and wake the waiting tasks."""
        if self._backlog:  # new choices queue behind spooled ones, so that the log keeps their order
            try:
                self._spool(batch)
            except OSError as error:
                if not self._carry(at_once=True):
                    self._finish(batch, self._both("choices are in the spool, because the log was unavailable", error))
                    return
            else:
                return
        refused: list[tuple[_Pending, Exception]] = []
        try:
            self._append(batch, lambda pending: pending.entry, _PATIENCE, refused)
        except LedgerError as away:
            self._refuse(batch, refused)
            try:
                self._spool(batch)
            except OSError as error:
                self._finish(batch, self._both(str(away), error))
                return
            self._say_away(away)
            return
        self._refuse(batch, refused)
        self._finish(batch, None)

    def _append(
        self,
        items: Sequence[Any],
        entry_of: Callable[[Any], Entry],
        patience: float,
        refused: list[tuple[Any, Exception]],
    ) -> None:
        """Append the entries to the store; collect in ``refused`` the items that it will never accept."""
        try:
            entries = [entry_of(item) for item in items]
            self._mark([entry.record for entry in entries], patience=patience)
            self._store.append(entries, patience=patience)
        except RecordRefusedError as error:
            if len(items) == 1:
                refused.append((items[0], error))
                return
            middle = len(items) // 2  # halve the batch until the refused records are found
            self._append(items[:middle], entry_of, patience, refused)
            self._append(items[middle:], entry_of, patience, refused)

    def _spool(self, batch: list[_Pending]) -> None:
        """Write the batch to this process's spool and acknowledge it. Raises ``OSError`` with none acknowledged."""
        if self._own is None:
            self._own = self._folder.create()
            self._backlog.append(self._own)
        try:
            self._own.append([pending.entry for pending in batch])
        except ValueError as odd:
            if len(batch) == 1:
                self._finish(batch, odd)
                return
            middle = len(batch) // 2
            self._spool(batch[:middle])
            self._spool(batch[middle:])
            return
        except OSError:
            self._backlog.remove(self._own)
            own, self._own = self._own, None
            if own.is_empty:
                own.remove()
            else:
                own.close()
                self._adopt_at = 0.0  # what it holds is adopted and replayed like the spool of an ended process
            raise
        self._finish(batch, None)

    def _carry(self, *, at_once: bool = False) -> bool:
        """Replay a part of the spools, or all ``at_once``, into the store; return whether they are empty now."""
        while self._backlog and (at_once or self._closing or time.monotonic() >= self._retry_at):
            spool = self._backlog[0]
            refused: list[tuple[Entry, Exception]] = []
            try:
                entries, offset = spool.read(_CARRY)
                if entries:
                    self._append(entries, lambda entry: entry, _PROBE, refused)
                if refused:
                    spool.set_aside(
                        [encode_frame(entry.record) for entry, _ in refused], f"are refused: {refused[0][1]}"
                    )
                spool.advance(offset)
                if spool.is_empty:
                    self._backlog.popleft()
                    self._own = None if spool is self._own else self._own
                    spool.remove()
            except (LedgerError, OSError) as error:
                self._say_away(error)
                self._retry_later()
                return False
            self._delay = _RETRY[0]
            if not at_once and not self._closing:
                break
        if not self._backlog and self._away:
            self._away = False
            logger.warning("the log %s is back, and has the choices that waited in the spool", self._url)
        return not self._backlog

    def _adopt(self) -> None:
        if time.monotonic() >= self._adopt_at:
            self._adopt_at = time.monotonic() + _ADOPT_EVERY
            for spool in self._folder.adopt():
                self._backlog.insert(len(self._backlog) - (self._own is not None), spool)

    def _retry_later(self) -> None:
        self._retry_at = time.monotonic() + self._delay
        self._delay = min(self._delay * 2, _RETRY[1])

    def _say_away(self, error: Exception) -> None:
        if not self._away:
            self._away = True
            logger.error("choices are kept in a spool in %s until this is put right: %s", self._folder.folder, error)

    def _refuse(self, batch: list[_Pending], refused: Iterable[tuple[_Pending, Exception]]) -> None:
        for pending, error in refused:
            batch.remove(pending)
            self._finish([pending], error)

    def _finish(self, batch: Iterable[_Pending], error: Exception | None) -> None:
        """Settle the entries and wake their tasks, with one call per event loop."""
        loops: dict[object, list[_Pending]] = {}
        for pending in batch:
            if pending.settled:
                continue
            pending.settled, pending.error = True, error
            loops.setdefault(pending.waiter.loop, []).append(pending)
        for group in loops.values():
            try:
                group[0].waiter.call(_wake, group)
            except RuntimeError:  # that loop has ended (trio.RunFinishedError is one too)
                continue

    def _both(self, away: str, error: OSError) -> LedgerError:
        return self._error(
            f"{away}; the spool in {self._folder.folder} cannot be written either: {error.strerror or error}"
        )

    def _error(self, message: str) -> LedgerError:
        return LedgerError(message, url=self._url)


class Mark(Protocol):
    """Called with records about to be appended; ``patience`` is how long to wait for the store, in seconds."""

    def __call__(self, new: list[ConsentRecord], /, *, patience: float) -> object: ...


def _mark_nothing(_new: list[ConsentRecord], /, *, patience: float) -> None:
    """Do nothing: the default for ``mark``."""


class _Pending:
    """An entry, and the task that waits for it."""

    __slots__ = ("entry", "error", "settled", "waiter")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.error: Exception | None = None
        self.settled = False
        self.waiter = make_waiter()


def _wake(group: list[_Pending]) -> None:
    for pending in group:
        pending.waiter.wake()
