"""``GET xray``: what is held on a page of the site, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, unquote

import anyio
from starlette.responses import JSONResponse

from cookie_consent.consent.local_path import is_local_path
from cookie_consent.errors import ChoiceError
from cookie_consent.exchange.exchange import Exchange
from cookie_consent.exchange.exclusion import is_left_out
from cookie_consent.exchange.request import CONDITIONAL_HEADERS
from cookie_consent.exchange.response import Responder
from cookie_consent.exchange.xray.collect import XRay, explanation
from cookie_consent.policy.paths import route_path

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Message, Scope

    from cookie_consent.consent import Consent
    from cookie_consent.endpoints.reports.finding import Kind
    from cookie_consent.exchange.shared import Site

__all__ = ["XRayEndpoint"]

_KINDS = ("host", "cookie", "storage")
_MOST_NAMES = 100
_LONGEST_NAME = 253
_LARGEST = 32 * 1024 * 1024
"""A page is read up to so many bytes."""
_SECONDS = 30.0
_SAFE = "/%:@!$&'()*+,;=?~"
_DROPPED = CONDITIONAL_HEADERS | {b"if-none-match", b"content-length", b"content-type", b"transfer-encoding"}
_NAVIGATION = (
    (b"accept", b"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"),
    (b"sec-fetch-dest", b"document"),
    (b"sec-fetch-mode", b"navigate"),
    (b"sec-fetch-site", b"same-origin"),
)


class _TooMuchError(Exception):
    """The page is larger than what is read."""


class _Look(Exchange):
    """An exchange that no visitor sees, so that it leaves nothing in the log."""

    async def gpc_cookies(self) -> list[str]:
        """Record nothing."""
        return []


class XRayEndpoint:
    """Answers what is held on a page, to whoever ``site.xray`` admits.

    With ``path`` the page is asked for again, as the asker's browser would, and what the gates do to it is returned.
    With ``host``, ``cookie`` or ``storage``, each of them as often as wanted, it says what these names belong to.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    async def get(self, request: Request, consent: Consent) -> Response:
        """Return the JSON. Raises ``ChoiceError`` unless the site's owner asks, and for a page of the site."""
        door = self._site.xray
        if door is None or not door.admits(request.scope, dict(request.scope["headers"])):
            raise ChoiceError("there is no such page", status=404, code="not-found")
        return await self.look(request, consent)

    async def look(self, request: Request, consent: Consent, *, without: frozenset[bytes] = frozenset()) -> Response:
        """Return the JSON to anybody. ``without`` names request headers that were meant for us, not for the page."""
        asked = request.query_params.multi_items()
        names = [(kind, name[:_LONGEST_NAME]) for kind, name in asked if kind in _KINDS][:_MOST_NAMES]
        if names:
            classifier = self._site.classifier
            document: dict[str, Any] = {
                "entries": [explanation(cast("Kind", kind), name, classifier) for kind, name in names]
            }
        else:
            document = await self._page(request.scope, consent, request.query_params.get("path", "/"), without)
        headers = {"Cross-Origin-Resource-Policy": "same-origin", "X-Content-Type-Options": "nosniff"}
        return JSONResponse(document, headers={**headers, "Vary": "Cookie, Authorization"})

    async def _page(self, scope: Scope, consent: Consent, path: str, without: frozenset[bytes]) -> dict[str, Any]:
        if not is_local_path(path):
            raise ChoiceError("path is the page's path, such as /about", status=400, code="bad-path")
        asked = _scope_of(scope, path, without)
        prefix = route_path(scope).removesuffix("/xray").removesuffix("/admin")
        if route_path(asked).startswith(f"{prefix}/"):
            raise ChoiceError("this package's own pages hold nothing", status=400, code="bad-path")
        if is_left_out(self._site, asked):
            return {"page": path.partition("?")[0], "excluded": True, "entries": [], "left_out": 0}
        exchange = _Look(self._site, asked, consent)
        exchange.xray = xray = XRay(self._site.classifier, consent)
        size = 0

        requests = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> Message:
            request = next(requests, None)
            if request is None:
                await anyio.sleep_forever()  # nobody hangs up
            return request or {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            nonlocal size
            size += len(message.get("body", b""))
            if size > _LARGEST:
                raise _TooMuchError

        is_whole = False
        with anyio.move_on_after(_SECONDS):
            try:
                await self._site.app(exchange.inner_scope(), receive, Responder(exchange, send).send)
                is_whole = True
            except _TooMuchError:
                pass
            except Exception as error:
                raise ChoiceError(
                    f"the application failed on this page: {type(error).__name__}", status=502, code="failed"
                ) from error
        return {**exchange.xray_document(xray), "whole": is_whole}


def _scope_of(scope: Scope, path: str, without: frozenset[bytes]) -> Scope:
    """Return the scope of a request for ``path`` by the same browser."""
    own, _, query = path.partition("?")
    root = str(scope["path"]).removesuffix(route_path(scope))
    replaced = _DROPPED | without | {name for name, _ in _NAVIGATION}
    headers = [header for header in scope["headers"] if header[0] not in replaced]
    inner = {key: value for key, value in scope.items() if key not in {"extensions", "consent"}}
    return {
        **inner,
        "method": "GET",
        "path": root + unquote(own),
        "raw_path": quote(root + own, safe=_SAFE).encode("ascii"),
        "query_string": quote(query, safe=_SAFE).encode("ascii"),
        "headers": [*headers, *_NAVIGATION],
    }
