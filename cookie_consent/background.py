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

_STOP_TIMEOUT = 5.0
"""Seconds that a server waits, once told to end, for what is left to do here."""


class Background:
    """Begins with the lifespan, or where a server sends none, with the first request; ends with the process.

    Safe to use from several threads. A fork begins for itself, with its own first request.
    """

    def __init__(self, ledger: Ledger, reports: Reports) -> None:
        self._ledger = ledger
        self._reports = reports
        self._lock = threading.Lock()
        self._handles_sigterm = False
        self.has_started = False
        """Whether it has in this process, with or without success."""
        begin_anew_after_fork(self)

    def start(self, *, open_ledger: bool = True) -> None:
        """Start the threads. The log is opened first, so that it is found out now whether it can be written.

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
            self._ledger.start()
            if multiprocessing.parent_process() is not None:
                # A forked child of this kind ends without atexit, which else ends the log and saves the reports.
                multiprocessing.util.Finalize(None, _stop, (weakref.ref(self),), exitpriority=0)

    def start_at_request(self) -> None:
        """Start the threads only, which open the log when it is their time: a request does not wait for the disk."""
        try:
            self.start(open_ledger=False)
            self._stop_on_sigterm()
        except ConsentError as error:
            logger.error("the log is not counted and sealed until this is put right: %s", error)  # noqa: TRY400 - as above
        except RuntimeError as error:  # such as no more threads, as the interpreter ends
            logger.error("the log is not counted and sealed in this process: %s", error)  # noqa: TRY400 - as above

    def stop(self) -> None:
        """Save what waits, and end the threads. The next request begins again."""
        with self._lock:
            self._reports.flush()
            self._ledger.close()
            self.has_started = False

    def _stop_on_sigterm(self) -> None:
        """End before a server does that handles SIGTERM.

        uvicorn sends itself the signal again when it is done, and that time it ends without atexit.
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
                # In a thread of its own, as this one may hold a lock that is needed.
                thread = threading.Thread(target=background.stop, name="cookie-consent-stop", daemon=True)
                thread.start()
                thread.join(_STOP_TIMEOUT)
            handle(number, frame)

        signal.signal(signal.SIGTERM, stop_first)

    def after_fork(self) -> None:
        """Let the fork begin for itself."""
        self._lock = threading.Lock()
        self.has_started = False


def _stop(reference: weakref.ref[Background]) -> None:
    background = reference()
    if background is not None:
        background.stop()
