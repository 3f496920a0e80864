"""What a server does from time to time in a thread: sealing and counting the log."""

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
    """Does ``work`` every so many seconds; ``what`` names it, such as "sealed". It never ends for an error.

    An error is logged once, until the work succeeds again. The work is given what to ask, after each of its steps,
    whether to leave the rest for the next time. When the thread is stopped, one that ``finishes`` does its work once
    more.
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
        """Whether it runs in this process; after a fork it does so in the parent only."""
        return self._pid == os.getpid() and self._thread.is_alive()

    def stop(self) -> None:
        """Finish the work, for five seconds at most, and end; unless this is a fork of the process that began it."""
        if self.is_alive:
            self._deadline = time.monotonic() + (_LONGEST_END if self._finishes else 0)
            self._stopping.set()
            if threading.current_thread() is not self._thread:  # it is where its own log is collected as garbage
                self._thread.join(_LONGEST_END + PATIENCE)  # a server that is out of reach may hold it

    def _enough(self) -> bool:
        return time.monotonic() > self._deadline

    def _run(self) -> None:
        wait = self._every * random.uniform(0.5, 1)  # noqa: S311 - so that several workers do not ask at once
        while True:
            stops = self._stopping.wait(wait)
            wait = self._every
            if stops and not self._finishes:
                return
            try:
                self._work(self._enough)
            except ConsentError as error:
                if not self._failed:
                    logger.error("the log is not %s until this is put right: %s", self._what, error)  # noqa: TRY400
                self._failed = True
            except Exception:
                if not self._failed:
                    logger.exception("an error that is not known: the log is not %s", self._what)
                self._failed = True
            else:
                self._failed = False
            if stops:
                return
