"""The operator's switch for the x-ray, and the same as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs

from starlette.responses import RedirectResponse

from cookie_consent.admin.page import ADMIN_HEADERS
from cookie_consent.endpoints.body import read_body

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Scope

    from cookie_consent.admin.page import Admin
    from cookie_consent.consent import Consent
    from cookie_consent.endpoints.origin import SiteOrigin

__all__ = ["AdminXRay", "Look", "XRayCookie"]

_LONGEST = 1024
_AUTHORIZATION = frozenset({b"authorization"})


class Look(Protocol):
    """Answers what is held on a page: see ``exchange.xray.endpoint``."""

    def __call__(
        self, request: Request, consent: Consent, *, without: frozenset[bytes] = frozenset()
    ) -> Awaitable[Response]:
        """Return the JSON; ``without`` names request headers that were meant for us."""


class XRayCookie(Protocol):
    """Makes the cookie by which a browser is shown the x-ray."""

    def __call__(self, scope: Scope, *, on: bool) -> str:
        """Return the ``Set-Cookie`` value that shows it from now on, or no longer."""


class AdminXRay:
    """Shows the x-ray on the pages of the site, to this browser, for an hour."""

    def __init__(self, admin: Admin, origin: SiteOrigin, *, look: Look, cookie: XRayCookie) -> None:
        self._admin = admin
        self._origin = origin
        self._look = look
        self._cookie = cookie

    async def get(self, request: Request, consent: Consent) -> Response:
        """Return what is held on the page ``path`` as JSON, or a response that asks for the token."""
        refusal = self._admin.refusal(request)
        return refusal if refusal is not None else await self._look(request, consent, without=_AUTHORIZATION)

    async def post(self, request: Request, consent: Consent) -> Response:  # noqa: ARG002 - an endpoint's signature
        """Switch it on with ``on=1`` and off with ``on=0``, and lead on to the site. Raises ``ChoiceError``."""
        if (refusal := self._admin.refusal(request)) is not None:
            return refusal
        self._origin.refuse_cross_site(request)
        form = parse_qs((await read_body(request, _LONGEST)).decode("latin-1"))
        is_on = form.get("on") != ["0"]
        target = f"{request.scope.get('root_path', '').rstrip('/')}/"
        response = RedirectResponse(target, status_code=303, headers=ADMIN_HEADERS)
        response.headers.append("Set-Cookie", self._cookie(request.scope, on=is_on))
        return response
