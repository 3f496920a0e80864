"""``GET admin/export``: the records as a download for the site's operator, behind the admin token."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio
from starlette.responses import PlainTextResponse, Response

from cookie_consent.errors import ConfigurationError, LedgerError
from cookie_consent.ledger import RecordFilter
from cookie_consent.ledger.exports.stream import export_kind

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from cookie_consent.admin.page import Admin
    from cookie_consent.ledger import Ledger
    from cookie_consent.ledger.exports.stream import ExportKind, Piece
    from cookie_consent.policy import Policy

__all__ = ["AdminExport"]

logger = logging.getLogger("cookie_consent")

STALLED = 60.0
"""Seconds for which a client may stall before the export, and its database transaction, are ended."""
_MOST_VALUES = 100
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Robots-Tag": "noindex"}
_SECRETS = ("token", "auth", "bearer", "secret", "password", "passwd", "credential", "api_key", "apikey", "api-key")


class AdminExport:
    """Serves exports. The query names the ``format`` and the filters of ``RecordFilter.parse``.

    An export is a consistent snapshot of the log, streamed in constant memory. The transaction ends when the client
    disconnects, or stalls for a minute. The token is read from ``Authorization`` only, since URLs end up in logs.
    """

    def __init__(self, admin: Admin, ledger: Ledger, policy: Policy, prefix: str) -> None:
        self._admin = admin
        self._ledger = ledger
        self._policy = policy
        self._prefix = prefix

    async def respond(self, request: Request) -> Response:
        """Return the export, or an error as text: 400, 401, or 503 if the log cannot be read."""
        pairs = request.query_params.multi_items()
        if any(self._is_secret(name, value) for name, value in pairs):
            return _problem(400, "A token in an address ends up in logs: make a new one, and send it in Authorization.")
        refusal = self._admin.refusal(request)
        if refusal is not None:
            return refusal
        try:
            kind, where = _parse_query(pairs)
            prefix = request.scope.get("root_path", "") + self._prefix
            pieces = self._ledger.export(kind.name, where=where, policy=self._policy, prefix=prefix)
            begun = await anyio.to_thread.run_sync(_first_pieces, pieces)
        except ConfigurationError as error:
            return _problem(400, str(error))
        except LedgerError as error:
            logger.error("an export failed: %s", error)  # noqa: TRY400 - it says it all
            return _problem(503, "The log cannot be read at the moment; the server's own log says why.")
        return _ExportResponse(kind, begun, pieces)

    def _is_secret(self, name: str, value: str) -> bool:
        lowered = name.lower()
        return any(word in lowered for word in _SECRETS) or self._admin.is_token(value) or self._admin.is_token(name)


class _ExportResponse(Response):
    """Streams the pieces of an export."""

    def __init__(self, kind: ExportKind, begun: list[bytes], pieces: Generator[Piece]) -> None:
        name = f"consent-records-{datetime.now(UTC):%Y-%m-%d}{kind.suffix}"
        super().__init__(
            media_type=kind.media_type,
            headers={**_HEADERS, "Content-Disposition": f'attachment; filename="{name}"'},
        )
        del self.headers["content-length"]  # nobody knows it yet
        self._begun = begun
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response; see ``AdminExport``."""
        failure: LedgerError | None = None
        try:
            async with anyio.create_task_group() as group:
                # Most servers report a disconnected client only to those who ask.
                group.start_soon(_cancel_when_gone, receive, group.cancel_scope)
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                try:
                    if scope["method"] != "HEAD":
                        await self._send(send)
                    await send({"type": "http.response.body", "body": b""})
                except LedgerError as error:
                    logger.error("an export broke off: %s", error)  # noqa: TRY400 - it says it all
                    failure = error
                except TimeoutError:
                    logger.warning("an export was ended, since its client stalled for %d seconds", STALLED)
                except OSError:  # some servers raise it when the client has disconnected
                    logger.debug("the client of an export has disconnected")
                group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._pieces.close)
        if failure is not None:
            raise failure  # so that the response has no proper end, and does not look complete

    async def _send(self, send: Send) -> None:
        """Send all but the end. Raises ``LedgerError``, or ``TimeoutError`` if the client stalls."""
        ready: list[bytes] = self._begun
        while ready:
            with anyio.fail_after(STALLED):
                await send({"type": "http.response.body", "body": b"".join(ready), "more_body": True})
            ready = await anyio.to_thread.run_sync(_next, self._pieces)


def _parse_query(pairs: Sequence[tuple[str, str]]) -> tuple[ExportKind, RecordFilter]:
    """Return the format and the filter of a query. Raises ``ConfigurationError``."""
    if len(pairs) > _MOST_VALUES:
        raise ConfigurationError(f"there are more than {_MOST_VALUES} values; ask for less")
    formats = [value for name, value in pairs if name == "format"] or ["csv"]
    if len(formats) > 1:
        raise ConfigurationError("format is given twice; give it once")
    return export_kind(formats[0]), RecordFilter.parse(pair for pair in pairs if pair[0] != "format")


async def _cancel_when_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _first_pieces(pieces: Generator[Piece]) -> list[bytes]:
    """Return the pieces up to the first records. Most errors show up here, before the response starts."""
    data: list[bytes] = []
    for piece in pieces:
        data.append(piece.data)
        if piece.records:
            break
    return [part for part in data if part]


def _next(pieces: Generator[Piece]) -> list[bytes]:
    """Return the next bytes in a list, which is empty at the end."""
    return next(([piece.data] for piece in pieces if piece.data), [])


def _problem(status: int, message: str) -> Response:
    return PlainTextResponse(f"{message}\n", status_code=status, headers=_HEADERS)
