"""The operator's endpoints."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cookie_consent.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from cookie_consent.admin.xray import Look, XRayCookie
    from cookie_consent.banner import Renderer
    from cookie_consent.consent import Consent
    from cookie_consent.endpoints.origin import SiteOrigin
    from cookie_consent.endpoints.reports import Reports
    from cookie_consent.endpoints.router import Endpoint, RouteTable
    from cookie_consent.ledger import Ledger
    from cookie_consent.policy import Inventory
    from cookie_consent.policy.classifier import Classifier

__all__ = ["admin_routes", "admin_token"]

MINIMUM_TOKEN = 20


def admin_routes(
    token: str | None,
    *,
    ledger: Ledger,
    classifier: Classifier,
    reports: Reports,
    inventory: Inventory,
    renderer: Renderer,
    origin: SiteOrigin,
    look: Look,
    xray_cookie: XRayCookie | None,
) -> RouteTable:
    """Return the operator's routes, or none without a token."""
    if token is None or xray_cookie is None:
        return {}
    from cookie_consent.admin.export import AdminExport
    from cookie_consent.admin.figures import AdminStats
    from cookie_consent.admin.page import Admin
    from cookie_consent.admin.xray import AdminXRay

    admin = Admin(token, renderer=renderer, classifier=classifier, reports=reports, inventory=inventory)
    export = AdminExport(admin, ledger, classifier.policy, renderer.prefix)
    stats = AdminStats(admin, ledger, renderer)
    xray = AdminXRay(admin, origin, look=look, cookie=xray_cookie)
    return {
        "/admin": {"GET": _endpoint(admin.respond)},
        "/admin/export": {"GET": _endpoint(export.respond)},
        "/admin/stats": {"GET": _endpoint(stats.page)},
        "/admin/stats.csv": {"GET": _endpoint(stats.csv)},
        "/admin/xray": {"GET": xray.get, "POST": xray.post},
    }


def admin_token(token: str | None) -> str | None:
    """Return the token that opens the admin pages, or None where they are off.

    None reads the environment variable ``CONSENT_ADMIN_TOKEN``. Raises ``ConfigurationError`` for a token that could
    be guessed or not be sent.
    """
    if token is None:
        token = os.environ.get("CONSENT_ADMIN_TOKEN", "")
    if not token:
        return None
    if len(token) < MINIMUM_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError(
            f"the admin token needs at least {MINIMUM_TOKEN} visible ASCII characters; "
            'make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return token


def _endpoint(respond: Callable[[Request], Awaitable[Response]]) -> Endpoint:
    """Return an endpoint that ignores the consent."""

    async def endpoint(request: Request, consent: Consent) -> Response:  # noqa: ARG001 - an endpoint's signature
        return await respond(request)

    return endpoint
