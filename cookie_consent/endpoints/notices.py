"""``GET notice/HASH``: the very notice that visitors were shown, as a page or as JSON."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import anyio
from starlette.responses import HTMLResponse, JSONResponse, Response

from cookie_consent.endpoints.problem import page_headers, wants_json
from cookie_consent.errors import ChoiceError, LedgerError

if TYPE_CHECKING:
    from starlette.requests import Request

    from cookie_consent.banner import Renderer
    from cookie_consent.endpoints.ledger_health import LedgerHealth
    from cookie_consent.ledger import Ledger

__all__ = ["NoticePages"]

_HASH = re.compile("[0-9a-f]{64}")


class NoticePages:
    """Serves the notices of the log. What has a hash never changes, so that caches may keep it for a day."""

    def __init__(self, ledger: Ledger, renderer: Renderer, health: LedgerHealth) -> None:
        self._ledger = ledger
        self._renderer = renderer
        self._health = health

    async def get(self, request: Request, name: str) -> Response:
        """Return the notice with the hash ``name``. Raises ``ChoiceError``: 404 if there is none, 503 without a log."""
        if not _HASH.fullmatch(name):
            raise _unknown()
        if not self._ledger.is_readable:
            raise ChoiceError("this server cannot read the log", status=503, code="log-elsewhere")
        try:
            notice = await anyio.to_thread.run_sync(partial(self._ledger.notice, name))
        except LedgerError as error:
            self._health.has_failed(error)
            message = "the log cannot be read at the moment; please try again later"
            raise ChoiceError(message, status=503, code="log-unavailable") from None
        if notice is None:
            raise _unknown()
        headers = {
            **page_headers(None),  # caches share it
            "Cache-Control": "public, max-age=86400",
            "ETag": f'"{name}-{self._renderer.build}"',
            "Vary": "Accept",
            "X-Robots-Tag": "noindex",
        }
        if wants_json(request):
            values = {"hash": name, "language": notice.language, "policy_version": notice.policy_version}
            return JSONResponse({**values, "text": notice.text}, headers=headers)
        page = self._renderer.notice_page(notice, root_path=request.scope.get("root_path", ""))
        return HTMLResponse(page, headers=headers)


def _unknown() -> ChoiceError:
    return ChoiceError("this site has no such notice on record", status=404, code="no-notice")
