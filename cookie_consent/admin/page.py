"""The operator's page of findings, behind a token."""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import anyio
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from cookie_consent.endpoints.reports import policy_lines
from cookie_consent.errors import LedgerError
from cookie_consent.ledger.inventory import inventory_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from cookie_consent.banner import Renderer
    from cookie_consent.endpoints.reports import Finding, Reports
    from cookie_consent.policy import Inventory
    from cookie_consent.policy.classifier import Classifier

__all__ = ["ADMIN_HEADERS", "Admin", "admin_values"]

ADMIN_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


class Admin:
    """Shows the findings, and beside them what notices name that the policy does not declare.

    The token is read from ``Authorization``: as ``Bearer TOKEN`` (RFC 6750) or, for browsers, as the password of
    ``Basic`` (RFC 7617) with any user name. It is never read from the URL, and is compared in constant time. Serve the
    page by https: over plain http the token can be intercepted.
    """

    def __init__(
        self, token: str, *, renderer: Renderer, classifier: Classifier, reports: Reports, inventory: Inventory
    ) -> None:
        self._digest = sha256(token.encode("ascii")).digest()
        self._renderer = renderer
        self._classifier = classifier
        self._reports = reports
        self._inventory = inventory

    async def respond(self, request: Request) -> Response:
        """Return the page, or a response that asks for the token."""
        if (refusal := self.refusal(request)) is not None:
            return refusal
        try:
            await anyio.to_thread.run_sync(self._reports.flush)
            findings = await anyio.to_thread.run_sync(self._reports.store.read)
            failure = ""
        except LedgerError as error:
            findings, failure = [], str(error)
        page = self._renderer.admin(
            language=self._renderer.language(request.headers.get("accept-language", "")),
            root_path=request.scope.get("root_path", ""),
            **admin_values(findings, self._classifier, self._inventory),
            failure=failure,
        )
        return HTMLResponse(page, headers={**ADMIN_HEADERS, "Vary": "Authorization, Accept-Language"})

    def refusal(self, request: Request) -> Response | None:
        """Return a response that asks for the token, or None if the request has it."""
        if self._is_authorized(request.headers.get("authorization", "")):
            return None
        challenge = {"WWW-Authenticate": 'Basic realm="cookie_consent", charset="UTF-8"'}
        return PlainTextResponse(
            "The admin token is required: as a bearer token, or as the password of any user.\n",
            status_code=401,
            headers={**ADMIN_HEADERS, **challenge},
        )

    def is_token(self, text: str) -> bool:
        """Return whether a text is the token, in constant time."""
        digest = sha256(text.encode("utf-8", "surrogateescape")).digest()
        return hmac.compare_digest(digest, self._digest)

    def _is_authorized(self, authorization: str) -> bool:
        scheme, _, credentials = authorization[:4096].partition(" ")
        given = credentials.strip()
        if scheme.lower() == "basic":
            try:
                given = b64decode(given, validate=True).decode("utf-8").partition(":")[2]
            except (binascii.Error, ValueError):
                return False
        elif scheme.lower() != "bearer":
            return False
        return self.is_token(given)


def admin_values(findings: Sequence[Finding], classifier: Classifier, inventory: Inventory) -> dict[str, Any]:
    """Return the values of ``admin.html``, but for ``failure``."""
    open_ones = [finding for finding in findings if finding.is_open(classifier)]
    return {
        "findings": [finding.as_dict() for finding in open_ones],
        "breaks": [finding.as_dict() for finding in findings if finding.breaks(classifier)],
        "refused": [finding.as_dict() for finding in findings if finding.observation.reason == "refused"],
        "own": [finding.as_dict() for finding in findings if finding.is_own(classifier)],
        "lines": policy_lines(open_ones, classifier.policy),
        "inventory": list(inventory_rows(inventory)),
    }
