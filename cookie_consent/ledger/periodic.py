"""A server's periodic background work: sealing and counting the log."""

from __future__ import annotations

import logging
import math
import os
import random
import threading
import time
from typing import TYPE_CHECKING

from cookie_consent.errors import ConsentError
from cookie_consent.ledger.store import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PeriodicThread"]

logger = logging.getLogger("cookie_consent")
_LONGEST_END = 5.0


class PeriodicThread:
    """Runs ``work`` every ``every`` seconds. Its argument is a function to call after each step: stop if it is true.

    ``what`` names the work in log messages, such as "sealed". With ``finishes``, ``stop`` runs the work once more.
    """

    def __init__(
        self, work: Callable[[Callable[[], bool]], object], *, what: str, every: float, finishes: bool
    ) -> None:
        self._work = work
        self._what = what
        self._every = every
        self._finishes = finishes
        self._failed = False
        self._stopping = threading.Event()
        self._deadline = math.inf
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name=f"cookie-consent-{what}", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs in this process; after a fork only the parent has it."""
        return self._pid == os.getpid() and self._thread.is_alive()

    def stop(self) -> None:
        """Finish the work, within five seconds, and end the thread. In a fork this does nothing."""
        if self.is_alive:
            self._deadline = time.monotonic() + (_LONGEST_END if self._finishes else 0)
            self._stopping.set()
            if threading.current_thread() is not self._thread:  # it can be, if the ledger is garbage-collected in it
                self._thread.join(_LONGEST_END + PATIENCE)  # an unreachable database may block it

    def _enough(self) -> bool:
        return time.monotonic() > self._deadline

    def _run(self) -> None:
        wait = self._every * random.uniform(0.5, 1)  # noqa: S311 - so that several workers do not start at once
        while True:
            stops = self._stopping.wait(wait)
            wait = self._every
            if stops and not self._finishes:
                return
            try:
                self._work(self._enough)
            except ConsentError as error:
                if not self._failed:  # logged once, until the work succeeds again
                    logger.error("the log is not %s until this is put right: %s", self._what, error)  # noqa: TRY400
                self._failed = True
            except Exception:
                if not self._failed:
                    logger.exception("unexpected error: the log is not %s", self._what)
                self._failed = True
            else:
                self._failed = False
            if stops:
                return
