"""The thread of a server that seals the log from time to time."""

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
    from cookie_consent.ledger.seal import Sealer

__all__ = ["SealThread"]

logger = logging.getLogger("cookie_consent")
_LONGEST_END = 5.0


class SealThread:
    """Seals every so many seconds, and once more when it is stopped. It never ends for an error, but logs it once."""

    def __init__(self, sealer: Sealer, *, every: float) -> None:
        self._sealer = sealer
        self._every = every
        self._failed = False
        self._stopping = threading.Event()
        self._deadline = math.inf
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name="cookie-consent-sealer", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it runs in this process; after a fork it does so in the parent only."""
        return self._pid == os.getpid() and self._thread.is_alive()

    def stop(self) -> None:
        """Seal what is left, for five seconds at most, and end; unless this is a fork of the process that began it."""
        if self.is_alive:
            self._deadline = time.monotonic() + _LONGEST_END
            self._stopping.set()
            self._thread.join(max(0.0, _LONGEST_END) + PATIENCE)  # a server that is out of reach may hold it

    def _run(self) -> None:
        wait = self._every * random.uniform(0.5, 1)  # noqa: S311 - so that several workers do not ask at once
        while True:
            stops = self._stopping.wait(wait)
            wait = self._every
            try:
                self._sealer.seal(enough=lambda: time.monotonic() > self._deadline)
            except ConsentError as error:
                if not self._failed:
                    logger.error("the log is not sealed until this is put right: %s", error)  # noqa: TRY400
                self._failed = True
            except Exception:
                if not self._failed:
                    logger.exception("the log's sealing met an error that it does not know")
                self._failed = True
            else:
                self._failed = False
            if stops:
                return
