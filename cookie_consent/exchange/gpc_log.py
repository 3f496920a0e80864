"""Record that Global Privacy Control (GPC), rather than the visitor, has withdrawn consent."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio

from cookie_consent.consent import new_record
from cookie_consent.errors import RecordRefusedError
from cookie_consent.logs import log_once

if TYPE_CHECKING:
    from starlette.types import Scope

    from cookie_consent.consent import Consent, ConsentCookie
    from cookie_consent.consent.record import ConsentRecord
    from cookie_consent.ledger import Ledger

__all__ = ["GpcLog"]

_TIMEOUT = 1.0
"""Seconds that a page waits for the log: longer than a commit takes, and short enough for the visitor."""
_MOST_RECORDS = 1024
_LONGEST_PATH = 1024


class GpcLog:
    """Records once for each choice that GPC has overruled it.

    If the log does not answer in time, the page is sent without the cookie that names the record. The next page writes
    the same record again, which the ledger stores once. Only different processes at the same moment make two records.
    """

    def __init__(self, ledger: Ledger, cookie: ConsentCookie) -> None:
        self._ledger = ledger
        self._cookie = cookie
        self._records: OrderedDict[str, ConsentRecord | None] = OrderedDict()
        """The new records by the id of the one that was overruled. None: the visitor has made a new choice since."""

    def replaced(self, record: str | None) -> None:
        """Note that a new choice has replaced ``record``, so that no page in flight sets a cookie based on it."""
        if record is not None:
            self._remember(record, None)

    async def cookie(self, scope: Scope, consent: Consent, *, path: str, user_agent: str) -> str | None:
        """Record that GPC limits ``consent``, and return the ``Set-Cookie`` value for the new record.

        Return None if the log does not answer in time, or if the visitor has made a new choice in the meantime. With
        the cookie, what GPC has withdrawn stays refused until they agree to it again, even without GPC.
        """
        if consent.record is None or consent.id is None or consent.decided_at is None:
            return None
        overruled = consent.record
        try:
            if overruled not in self._records:
                self._remember(overruled, _record(consent, consent.id, path, user_agent))
            record = self._records[overruled]
            if record is None:
                return None
            after = replace(consent, record=record.id, gpc=True)
            cookie = self._cookie.header(after, secure=scope.get("scheme") == "https", since=consent.decided_at)
            with anyio.fail_after(_TIMEOUT):
                await self._ledger.write(record)
        except Exception as error:  # noqa: BLE001 - whatever it is, the page must not fail
            if isinstance(error, RecordRefusedError) and self._records.get(overruled) is not None:
                self._records.pop(overruled, None)  # the next page makes a new one, with its own path
            log_once(
                "signal",
                "Global Privacy Control overrules a choice, and that is not recorded yet: %s",
                str(error) or "the log takes too long",
            )
            return None
        # While the log was written, the visitor may have made a new choice, whose cookie must not be overwritten.
        return cookie if self._records.get(overruled, record) is not None else None

    def _remember(self, overruled: str, record: ConsentRecord | None) -> None:
        self._records[overruled] = record
        self._records.move_to_end(overruled)
        if len(self._records) > _MOST_RECORDS:
            self._records.popitem(last=False)


def _record(consent: Consent, subject: str, path: str, user_agent: str) -> ConsentRecord:
    return new_record(
        consent.policy,
        subject=subject,
        at=datetime.now(UTC),
        action="signal",
        control="signal",
        channel="gpc",
        granted=consent.granted,
        refused=consent.refused & consent.asked,
        services=consent.services,
        previous=consent.record,
        url=path[:_LONGEST_PATH],
        user_agent=user_agent,
    )
