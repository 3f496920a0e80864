"""Write one record for many equal choices while the rate limit is exceeded."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import anyio
from anyio.lowlevel import current_token

from cookie_consent.errors import LedgerError, RecordRefusedError
from cookie_consent.logs import log_once

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cookie_consent.ledger import ConsentRecord, Ledger, Notice

__all__ = ["JoinedRecords"]

_WINDOW = 1.0
"""Seconds during which choices are collected."""


@dataclass
class _Row:
    record: ConsentRecord
    notice: Notice | None
    count: int = 1
    error: LedgerError | None = None
    written: anyio.Event = field(default_factory=anyio.Event)


class JoinedRecords:
    """Writes choices that grant nothing more than before: one record for all that arrive within a second.

    First refusals are joined if they refuse the same by the same control, and answer the same notice. Of choices that
    follow the same record, and so come from one visitor, only the last is written. The log also stores how many choices
    a record stands for.
    """

    def __init__(self, ledger: Ledger, *, pause: Callable[[float], Awaitable[None]] = anyio.sleep) -> None:
        self._ledger = ledger
        self._pause = pause
        self._rows: dict[object, _Row] = {}

    async def write(self, record: ConsentRecord, notice: Notice | None, *, is_partial: bool = False) -> ConsentRecord:
        """Return the record that stands for ``record``, once it is on disk. Raises ``LedgerError``.

        ``is_partial`` says that categories are still unanswered.
        """
        record = replace(record, url="", user_agent_family="")  # they differ between visitors
        if record.previous is None and not is_partial:
            record = replace(record, refused_services=())  # their categories are not granted anyway
        answers = record.refused, record.refused_services
        shown = record.policy_version, record.notice, record.control, record.build, record.edition
        group = record.previous or (record.action, record.channel, shown, answers)
        key = current_token(), group  # a row belongs to its event loop
        row = self._rows.get(key)
        if row is not None:
            row.record, row.notice, row.count = record, notice, row.count + 1
            await row.written.wait()
        else:
            row = self._rows[key] = _Row(record, notice)
            with anyio.CancelScope(shield=True):  # others wait for this row even if its own client disconnects
                await self._finish(key, row)
        if row.error is not None:
            kind = RecordRefusedError if isinstance(row.error, RecordRefusedError) else LedgerError
            raise kind(str(row.error), url=self._ledger.url) from row.error
        return row.record

    async def _finish(self, key: object, row: _Row) -> None:
        try:
            await self._pause(_WINDOW)
            del self._rows[key]
            await self._ledger.write(row.record, row.notice)
        except LedgerError as error:
            row.error = error
        except BaseException:
            row.error = LedgerError("the server is stopping", url=self._ledger.url)
            raise
        finally:
            self._rows.pop(key, None)
            row.written.set()
        if row.count > 1 and row.error is None:
            await self._note(row)

    async def _note(self, row: _Row) -> None:
        try:
            await anyio.to_thread.run_sync(self._ledger.note_joined, row.record.id, row.count)
        except LedgerError as error:
            message = "the log has one record for %d choices, but their number could not be stored: %s"
            log_once("joined", message, row.count, error)
