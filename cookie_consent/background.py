"""What runs beside the answers: the log is opened, counted and sealed, and what was met is saved."""

from __future__ import annotations

import logging
import multiprocessing
import multiprocessing.util
import signal
import threading
import weakref
from typing import TYPE_CHECKING

from cookie_consent.errors import ConsentError, LedgerError
from cookie_consent.forks import begin_anew_after_fork

if TYPE_CHECKING:
    from types import FrameType

    from cookie_consent.endpoints.reports import Reports
    from cookie_consent.ledger import Ledger

__all__ = ["Background"]

logger = logging.getLogger("cookie_consent")

_LONGEST_END = 5.0
"""Seconds that a server waits, once told to end, for what is left to do here."""


class Background:
    """Begins with the lifespan, or where a server sends none, with the first request; ends with the process.

    Safe to use from several threads. A fork begins for itself, with its own first request.
    """

    def __init__(self, ledger: Ledger, reports: Reports) -> None:
        self._ledger = ledger
        self._reports = reports
        self._lock = threading.Lock()
        self._hears_of_end = False
        self.has_begun = False
        """Whether it has in this process, with or without success."""
        begin_anew_after_fork(self)

    def begin(self, *, opens: bool = True) -> None:
        """Start the threads. The log is opened first, so that it is found out now whether it can be written.

        Raises ``ConfigurationError`` for a wrong key.
        """
        with self._lock:
            if self.has_begun:
                return
            self.has_begun = True
            if opens:
                try:
                    self._ledger.open()
                except LedgerError as error:
                    logger.error("the log cannot be used until this is put right: %s", error)  # noqa: TRY400 - it says it all
            self._ledger.start()
            if multiprocessing.parent_process() is not None:
                # A forked child of this kind ends without atexit, which else ends the log and saves the reports.
                multiprocessing.util.Finalize(None, _end, (weakref.ref(self),), exitpriority=0)

    def begin_at_request(self) -> None:
        """Start the threads only, which open the log when it is their time: a request does not wait for the disk."""
        try:
            self.begin(opens=False)
            self._hear_of_end()
        except ConsentError as error:
            logger.error("the log is not counted and sealed until this is put right: %s", error)  # noqa: TRY400 - as above
        except RuntimeError as error:  # such as no more threads, as the interpreter ends
            logger.error("the log is not counted and sealed in this process: %s", error)  # noqa: TRY400 - as above

    def end(self) -> None:
        """Save what waits, and end the threads. The next request begins again."""
        with self._lock:
            self._reports.flush()
            self._ledger.close()
            self.has_begun = False

    def _hear_of_end(self) -> None:
        """End before a server does that handles SIGTERM.

        uvicorn sends itself the signal again when it is done, and that time it ends without atexit.
        """
        before = signal.getsignal(signal.SIGTERM)
        if self._hears_of_end or not callable(before) or threading.current_thread() is not threading.main_thread():
            return
        self._hears_of_end = True
        handle = before
        reference = weakref.ref(self)

        def end_first(number: int, frame: FrameType | None) -> None:
            upkeep = reference()
            if upkeep is not None and upkeep.has_begun:
                # In a thread of its own, as this one may hold a lock that is needed.
                thread = threading.Thread(target=upkeep.end, name="cookie-consent-end", daemon=True)
                thread.start()
                thread.join(_LONGEST_END)
            handle(number, frame)

        signal.signal(signal.SIGTERM, end_first)

    def after_fork(self) -> None:
        """Let the fork begin for itself."""
        self._lock = threading.Lock()
        self.has_begun = False


def _end(reference: weakref.ref[Background]) -> None:
    upkeep = reference()
    if upkeep is not None:
        upkeep.end()
