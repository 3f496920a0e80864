"""What runs beside the answers: the log is opened, counted and sealed, and what was met is saved."""

from __future__ import annotations

import logging
import multiprocessing
import multiprocessing.util
import os
import threading
import weakref
from typing import TYPE_CHECKING

from cookie_consent.errors import ConsentError, LedgerError

if TYPE_CHECKING:
    from cookie_consent.ledger import Ledger
    from cookie_consent.reports import Reports

__all__ = ["Upkeep", "upkeeps"]

logger = logging.getLogger("cookie_consent")


class Upkeep:
    """Begins with the lifespan, or where a server sends none, with the first request; ends with the process.

    Safe to use from several threads. A fork begins for itself, with its own first request.
    """

    def __init__(self, ledger: Ledger, reports: Reports) -> None:
        self._ledger = ledger
        self._reports = reports
        self._lock = threading.Lock()
        self.has_begun = False
        """Whether it has in this process, with or without success."""
        upkeeps.add(self)

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

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self.has_begun = False


upkeeps: weakref.WeakSet[Upkeep] = weakref.WeakSet()
"""Those of this process."""


def _end(reference: weakref.ref[Upkeep]) -> None:
    upkeep = reference()
    if upkeep is not None:
        upkeep.end()


def _after_fork() -> None:
    for upkeep in list(upkeeps):
        upkeep._reset()  # noqa: SLF001 - the same file


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
