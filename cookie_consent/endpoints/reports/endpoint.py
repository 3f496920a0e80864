"""``POST report``: reports about the Content-Security-Policy, and from the guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from cookie_consent.endpoints.body import read_body
from cookie_consent.endpoints.reports.parse import MAXIMUM_BODY
from cookie_consent.errors import ChoiceError, ReportError

if TYPE_CHECKING:
    from starlette.requests import Request

    from cookie_consent.consent import Consent
    from cookie_consent.endpoints.origin import SiteOrigin
    from cookie_consent.endpoints.reports.reports import Reports

__all__ = ["ReportEndpoint"]


class ReportEndpoint:
    """Accepts reports from the site's own pages, at the rate that ``Reports`` allows."""

    def __init__(self, reports: Reports, origin: SiteOrigin) -> None:
        self._reports = reports
        self._origin = origin

    async def post(self, request: Request, consent: Consent) -> Response:  # noqa: ARG002 - an endpoint's signature
        """Accept one report. Over the limit it is silently dropped. Raises ``ChoiceError``."""
        self._origin.refuse_cross_site(request)
        if self._reports.may_post():
            body = await read_body(request, MAXIMUM_BODY)
            page_host = self._origin.host(request)
            try:
                self._reports.post(body, request.headers.get("content-type", ""), page_host)
            except ReportError as error:
                raise ChoiceError(str(error), status=error.status, code="unreadable") from None
        return Response(status_code=204)
