"""``SharingThread``: what processes tell each other through the log, in the background."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from cookie_consent.errors import LedgerError
from cookie_consent.ledger.periodic import PeriodicThread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cookie_consent.ledger.ledger import Ledger

__all__ = ["Shared", "SharingThread"]

logger = logging.getLogger("cookie_consent")

_EVERY = 20.0
"""Seconds between two exchanges. What one process says reaches another within two of them."""


class Shared(Protocol):
    """One process's share of something that is kept in the log. Both methods raise ``LedgerError``."""

    def learn(self) -> None:
        """Learn what the log has."""

    def exchange(self) -> None:
        """Save what is new here, and learn what is new in the log."""


class SharingThread:
    """Exchanges with the log, so that no request waits for it. Without one that can be read it does nothing."""

    def __init__(self, ledger: Ledger, shared: Sequence[Shared]) -> None:
        self._ledger = ledger
        self._shared = shared
        self._thread: PeriodicThread | None = None

    def start(self, *, at_once: bool) -> None:
        """Start. With ``at_once``, learn what the log has before this returns, as far as it can be read."""
        if not self._ledger.is_readable or (self._thread is not None and self._thread.is_alive):
            return
        if at_once:
            for shared in self._shared:
                try:
                    shared.learn()
                except LedgerError:  # the thread will say so
                    pass
                except Exception:  # such as damaged rows: what others know is no reason not to start
                    logger.exception("unexpected error: what the log has is not known here yet")
        self._thread = PeriodicThread(
            lambda _: self.exchange(), what="shared with other processes", every=_EVERY, finishes=True
        )

    def exchange(self) -> None:
        """Exchange everything. Raises ``LedgerError``, or what else one of them has raised, after the others."""
        self._ledger.open()  # not every server runs the lifespan, so this may be the first to open it
        failed: Exception | None = None
        for shared in self._shared:
            try:
                shared.exchange()
            except Exception as error:  # noqa: BLE001 - raised below, once the others have had their turn
                failed = failed or error
        if failed is not None:
            raise failed

    def stop(self) -> None:
        """Save what is new, and end the thread."""
        if self._thread is not None:
            self._thread.stop()
            self._thread = None
