"""The policies of a site, as events of the log: from when on each was in force, and what it told visitors."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from cookie_consent.consent.record import parse_time, time_text
from cookie_consent.ledger.events import add_event, new_event
from cookie_consent.ledger.schema import events
from cookie_consent.policy import PastPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from cookie_consent.ledger.ledger import Ledger
    from cookie_consent.policy import History

__all__ = ["SharedHistory", "past_policies"]


class SharedHistory:
    """One process's share of a site's history. Safe to use from several threads and processes.

    ``site`` tells sites apart that share a log; ``clock`` gives seconds since 1970. Methods raise ``LedgerError`` if
    the database cannot be used.
    """

    def __init__(self, ledger: Ledger, site: str | None, history: History, *, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._site = site or ""
        self._history = history
        self._clock = clock
        self._lock = threading.Lock()
        self._found: dict[str, PastPolicy | None] = {}
        """What was read, by the ids of the events."""
        self._is_told = False

    def learn(self) -> None:
        """Learn what is new in the log."""
        with self._lock, self._ledger.reading() as connection:
            self._read(connection)

    def exchange(self) -> None:
        """Learn what is new in the log; once the policy is in force, add it unless it is the last one there.

        It is added once, though hosts may still enforce an older one, and say so when they start; and once more if it
        comes back. The log is locked meanwhile, so that of processes that start together one adds it.
        """
        if self._is_told or not self._history.is_current(self._clock()):
            self.learn()
            return
        with self._lock, self._ledger.writing() as connection:
            self._read(connection)
            if not self._history.is_last() and not self._history.is_repeated(self._clock()):
                own = self._history.own
                policy = json.dumps(own.kept, ensure_ascii=False, sort_keys=True)
                detail = {"policy": policy, "since": time_text(own.since), "site": self._site, "version": own.version}
                add_event(connection, new_event("policy", detail))
        self._is_told = True
        self.learn()

    def _read(self, connection: Connection) -> None:
        ids = connection.execute(select(events.c.id).where(events.c.kind == "policy")).scalars().all()
        new = [name for name in ids if name not in self._found]
        for name in new:
            detail = connection.execute(select(events.c.detail).where(events.c.id == name)).scalar_one()
            self._found[name] = _past(detail, self._site)
        if new:  # the clock of another host may be behind, so that what is new is not always the last
            self._history.learn([past for _, past in sorted(self._found.items()) if past is not None])


def past_policies(connection: Connection, site: str | None) -> list[PastPolicy]:
    """Return the policies of a site that the log has, the oldest first."""
    rows = connection.execute(select(events.c.detail).where(events.c.kind == "policy").order_by(events.c.id)).scalars()
    found = (_past(text, site or "") for text in rows)
    return [past for past in found if past is not None]


def _past(text: str, site: str) -> PastPolicy | None:
    """Return the policy in an event; None for another site's, or one that is damaged."""
    try:
        detail: Any = json.loads(text)
        if detail["site"] != site:
            return None
        kept = json.loads(detail["policy"])
        return PastPolicy(kept=kept, since=parse_time(detail["since"])) if isinstance(kept, dict) else None
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
