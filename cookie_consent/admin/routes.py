"""The operator's endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.admin.page import Admin, checked_token

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from cookie_consent.banner import Renderer
    from cookie_consent.consent import Consent
    from cookie_consent.endpoints.reports import Reports
    from cookie_consent.endpoints.router import Endpoint, RouteTable
    from cookie_consent.ledger import Ledger
    from cookie_consent.policy.classifier import Classifier

__all__ = ["admin_routes"]


def admin_routes(
    token: str | None, *, ledger: Ledger, classifier: Classifier, reports: Reports, renderer: Renderer
) -> RouteTable:
    """Return the routes behind the token; none where no token is set. Raises ``ConfigurationError`` for a bad one."""
    admin = Admin(checked_token(token), renderer=renderer, classifier=classifier, reports=reports)
    if not admin.is_on:
        return {}
    from cookie_consent.admin.export import AdminExport
    from cookie_consent.admin.figures import AdminStats

    export = AdminExport(admin, ledger, classifier.policy, renderer.prefix)
    stats = AdminStats(admin, ledger, renderer)
    return {
        "/admin": {"GET": _endpoint(admin.respond)},
        "/admin/export": {"GET": _endpoint(export.respond)},
        "/admin/stats": {"GET": _endpoint(stats.page)},
        "/admin/stats.csv": {"GET": _endpoint(stats.csv)},
    }


def _endpoint(respond: Callable[[Request], Awaitable[Response]]) -> Endpoint:
    """Return an endpoint for what looks at the request alone."""

    async def endpoint(request: Request, consent: Consent) -> Response:  # noqa: ARG001 - an endpoint's signature
        return await respond(request)

    return endpoint
