"""The operator's page of statistics, and its tables as CSV, behind the admin token."""

from __future__ import annotations

import io
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args

import anyio
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from cookie_consent.admin.page import ADMIN_HEADERS
from cookie_consent.admin.sections import make_sections, share_text, spaced
from cookie_consent.errors import LedgerError
from cookie_consent.ledger import TABLES, Interval, LedgerStats, make_table, write_csv

if TYPE_CHECKING:
    from starlette.requests import Request

    from cookie_consent.admin.page import Admin
    from cookie_consent.banner import Renderer
    from cookie_consent.ledger import Ledger

__all__ = ["AdminStats", "stats_values"]

_PERIODS = {"30": 30, "90": 90, "365": 365, "all": None}
_DEFAULT = "90"
_TIMEOUT = 2.0  # seconds that a page waits for what is not counted yet
_MOST_DAYS = 100  # that are shown one by one
_MOST_WEEKS = 110
_PAGE_HEADERS = {
    **ADMIN_HEADERS,
    "Content-Security-Policy": ADMIN_HEADERS["Content-Security-Policy"].replace(
        "form-action 'none'", "form-action 'self'"
    ),
    "Vary": "Authorization, Accept-Language",
}


class AdminStats:
    """Shows statistics of the log. ``Admin`` checks the token."""

    def __init__(self, admin: Admin, ledger: Ledger, renderer: Renderer) -> None:
        self._admin = admin
        self._ledger = ledger
        self._renderer = renderer

    async def page(self, request: Request) -> Response:
        """Return the page for the query's ``period``: 30, 90 or 365 days, or all."""
        if (refusal := self._admin.refusal(request)) is not None:
            return refusal
        period = request.query_params.get("period", _DEFAULT)
        period = period if period in _PERIODS else _DEFAULT
        found, failure = await self._read(period)
        language = self._renderer.language(request.headers.get("accept-language", ""))
        content = self._renderer.stats(
            language=language,
            root_path=request.scope.get("root_path", ""),
            **stats_values(found, period, renderer=self._renderer, language=language),
            failure=failure,
        )
        return HTMLResponse(content, headers=_PAGE_HEADERS)

    async def csv(self, request: Request) -> Response:
        """Return the ``table`` of a ``period``, ``by`` an interval, as CSV (RFC 4180; media type of RFC 7111)."""
        if (refusal := self._admin.refusal(request)) is not None:
            return refusal
        query = request.query_params
        name, period, by = query.get("table", "days"), query.get("period", _DEFAULT), query.get("by", "day")
        allowed: dict[str, Any] = {"table": TABLES, "period": _PERIODS, "by": get_args(Interval)}
        for key, value in (("table", name), ("period", period), ("by", by)):
            if value not in allowed[key]:
                text = f"{key} is one of {', '.join(allowed[key])}\n"
                return PlainTextResponse(text, status_code=400, headers=ADMIN_HEADERS)
        found, failure = await self._read(period)
        if failure or not found.is_complete:
            text = failure or "the log is still being counted; please try again later"
            return PlainTextResponse(f"{text}\n", status_code=503, headers={**ADMIN_HEADERS, "Retry-After": "60"})
        stream = io.StringIO(newline="")
        interval: Interval = next(one for one in get_args(Interval) if one == by)
        write_csv(make_table(found, name, by=interval), stream)
        disposition = f'attachment; filename="consent-{name.replace("_", "-")}.csv"'
        return Response(
            stream.getvalue().encode(),
            media_type="text/csv; charset=utf-8; header=present",
            headers={**ADMIN_HEADERS, "Content-Disposition": disposition},
        )

    async def _read(self, period: str) -> tuple[LedgerStats, str]:
        """Return the figures, and an error message if they cannot be read."""
        now = datetime.now(UTC)
        days = _PERIODS[period]
        since = now - timedelta(days=days - 1) if days is not None else None
        deadline = time.monotonic() + _TIMEOUT

        def read() -> LedgerStats:
            until = now if days is not None else None
            return self._ledger.stats(
                since=since,
                until=until,
                lifetime=self._renderer.policy.cookie.max_age,
                enough=lambda: time.monotonic() > deadline,
            )

        try:
            return await anyio.to_thread.run_sync(read), ""
        except LedgerError as error:
            return LedgerStats(), str(error)


def stats_values(found: LedgerStats, period: str, *, renderer: Renderer, language: str) -> dict[str, Any]:
    """Return the values of ``stats.html``, but for ``failure``."""
    by = _suitable(found)
    figures: list[tuple[str, str]] = []
    if found.total:
        figures = [
            ("choices", spaced(found.total)),
            ("first", spaced(found.first_choices)),
            ("withdrawals", spaced(found.withdrawals)),
            ("gpc_share", share_text(found.gpc / found.total)),
        ]
    return {
        "period": period,
        "periods": list(_PERIODS),
        "by": by,
        "figures": figures,
        "sections": make_sections(found, by, renderer=renderer, language=language) if found.total else [],
        "incomplete": not found.is_complete,
    }


def _suitable(found: LedgerStats) -> Interval:
    """Return the shortest interval that does not give too many rows."""
    first = found.since or min(found.days, default=None)
    last = found.until or max(found.days, default=None)
    span = (last - first).days if first is not None and last is not None else 0
    if span <= _MOST_DAYS:
        return "day"
    return "week" if span <= _MOST_WEEKS * 7 else "month"
