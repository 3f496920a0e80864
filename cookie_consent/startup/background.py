"""Background work: open, count and seal the log, share what is kept in it, save findings, and sum up the week."""

from __future__ import annotations

import logging
import multiprocessing
import multiprocessing.util
import signal
import threading
import time
import weakref
from typing import TYPE_CHECKING

from cookie_consent.errors import ConsentError, LedgerError
from cookie_consent.forks import reset_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from cookie_consent.endpoints.reports import Reports
    from cookie_consent.endpoints.reports.weekly import WeeklySummary
    from cookie_consent.ledger import Ledger
    from cookie_consent.ledger.sharing import SharingThread
    from cookie_consent.mirror.mirror import Mirror
    from cookie_consent.policy import History, Inventory

__all__ = ["Background"]

logger = logging.getLogger("cookie_consent")

_STOP_TIMEOUT = 5.0
"""Seconds that a server which is told to stop waits for unfinished work here."""


class Background:
    """Starts with the lifespan, or with the first request where the server sends no lifespan events.

    Safe to use from several threads. A forked process starts its own, with its own first request.
    """

    def __init__(
        self,
        ledger: Ledger,
        reports: Sequence[Reports],
        mirrors: Sequence[Mirror] = (),
        sites: Sequence[tuple[str | None, Inventory, History]] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._sites = sites
        self._clock = clock
        self._sharing: SharingThread | None = None
        self._summary: WeeklySummary | None = None
        self._reports = reports
        self._mirrors = mirrors
        self._lock = threading.Lock()
        self._handles_sigterm = False
        self.has_started = False
        """Whether this process has tried to start it, with or without success."""
        reset_after_fork(self)

    def start(self, *, open_ledger: bool = True) -> None:
        """Open the log, to find out now whether it can be written, and start the threads.

        Raises ``ConfigurationError`` for a wrong key.
        """
        with self._lock:
            if self.has_started:
                return
            self.has_started = True
            if open_ledger:
                try:
                    self._ledger.open()
                except LedgerError as error:
                    logger.error("the log cannot be used until this is put right: %s", error)  # noqa: TRY400 - it says it all
            try:
                self._ledger.start()
                self._share(at_once=open_ledger)
            except ConsentError:
                raise
            except Exception:  # such as no more threads; responses need none
                logger.exception("the log is not counted and sealed in this process")
            if multiprocessing.parent_process() is not None:
                # multiprocessing's children skip atexit, which otherwise closes the log and saves the reports.
                multiprocessing.util.Finalize(None, _stop, (weakref.ref(self),), exitpriority=0)

    def _share(self, *, at_once: bool) -> None:
        from cookie_consent.endpoints.reports.weekly import WeeklySummary
        from cookie_consent.ledger.inventory import SharedInventory
        from cookie_consent.ledger.revisions import SharedHistory
        from cookie_consent.ledger.sharing import SharingThread

        ledger = self._ledger
        inventories = [SharedInventory(ledger, site, inventory) for site, inventory, _ in self._sites]
        histories = [SharedHistory(ledger, site, history, clock=self._clock) for site, _, history in self._sites]
        self._sharing = SharingThread(ledger, [*inventories, *histories])
        self._sharing.start(at_once=at_once)
        found = [inventory for _, inventory, _ in self._sites]
        self._summary = WeeklySummary(ledger, list(zip(self._reports, found, strict=False)))
        self._summary.start()

    def start_at_request(self) -> None:
        """Start the threads alone. They open the log themselves, so that no request waits for the disk."""
        try:
            self.start(open_ledger=False)
            self._stop_on_sigterm()
        except ConsentError as error:
            logger.error("the log is not counted and sealed until this is put right: %s", error)  # noqa: TRY400 - as above

    def stop(self) -> None:
        """Save what is still pending and stop the threads. The next request starts them again."""
        with self._lock:
            for reports in self._reports:
                reports.flush()
            for thread in (self._sharing, self._summary):
                if thread is not None:
                    thread.stop()
            self._ledger.close()
            for mirror in self._mirrors:
                mirror.close()
            self.has_started = False

    def _stop_on_sigterm(self) -> None:
        """Stop on SIGTERM, before the server's own handler runs.

        uvicorn re-raises the signal when it is done, and the process then ends without atexit.
        """
        before = signal.getsignal(signal.SIGTERM)
        if self._handles_sigterm or not callable(before) or threading.current_thread() is not threading.main_thread():
            return
        self._handles_sigterm = True
        handle = before
        reference = weakref.ref(self)

        def stop_first(number: int, frame: FrameType | None) -> None:
            background = reference()
            if background is not None and background.has_started:
                # In a thread of its own: the interrupted main thread may hold a lock that stopping needs.
                thread = threading.Thread(target=background.stop, name="cookie-consent-stop", daemon=True)
                thread.start()
                thread.join(_STOP_TIMEOUT)
            handle(number, frame)

        signal.signal(signal.SIGTERM, stop_first)

    def after_fork(self) -> None:
        """Let the fork begin for itself."""
        self._lock = threading.Lock()
        self._sharing = self._summary = None
        self.has_started = False


def _stop(reference: weakref.ref[Background]) -> None:
    background = reference()
    if background is not None:
        background.stop()
