"""What is put on record where a browser's signal, and not a visitor's hand, takes back what was agreed to."""

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
"""Seconds that a page waits for the log: more than a commit takes, and less than a visitor would notice for long."""
_MOST_RECORDS = 1024
_LONGEST_PATH = 1024


class GpcLog:
    """Records that Global Privacy Control has overruled a choice, once for each choice.

    A page that waits in vain goes out without the cookie that names the record, and the next one brings the same
    record again, which the ledger keeps once. Only pages in different processes at one moment make two of them.
    A choice that is made while a page is on its way counts more than the page, if the same process answers both.
    """

    def __init__(self, ledger: Ledger, cookie: ConsentCookie) -> None:
        self._ledger = ledger
        self._cookie = cookie
        self._records: OrderedDict[str, ConsentRecord | None] = OrderedDict()
        """By the record that was overruled; None where the visitor has chosen anew since."""

    def replaced(self, record: str | None) -> None:
        """Take note of a new choice, so that no page still on its way takes the visitor back to ``record``."""
        if record is not None:
            self._remember(record, None)

    async def cookie(self, scope: Scope, consent: Consent, *, path: str, user_agent: str) -> str | None:
        """Put it on record that ``consent`` holds less than was agreed to; return the ``Set-Cookie`` value for it.

        From then on the visitor has chosen in sight of the signal, so that what it took back stays refused without
        it too, until they agree to it anew. None where the log does not answer in time: the page must not fail. None
        also where they have chosen by hand since the page was asked for, whose cookie this one would take the place of.
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
                self._records.pop(overruled, None)  # the next page makes another, with its own path
            log_once(
                "signal",
                "a choice that a browser's signal overrules is not on record yet: %s",
                str(error) or "it takes too long",
            )
            return None
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
        channel="gpc",
        granted=consent.granted,
        services=consent.services,
        previous=consent.record,
        url=path[:_LONGEST_PATH],
        user_agent=user_agent,
    )
