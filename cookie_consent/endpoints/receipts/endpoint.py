"""``GET receipt``: the visitor's own records, as a page or as JSON."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import anyio
from starlette.responses import JSONResponse, Response

from cookie_consent.endpoints.problem import language_of, visitors_page, wants_json
from cookie_consent.endpoints.receipts.kantara import kantara_receipt
from cookie_consent.endpoints.receipts.receipt import make_receipt
from cookie_consent.errors import ChoiceError, ConfigurationError, LedgerError

if TYPE_CHECKING:
    from starlette.requests import Request

    from cookie_consent.banner import Renderer
    from cookie_consent.consent import Consent, ReceiptOffer
    from cookie_consent.endpoints.ledger_health import LedgerHealth
    from cookie_consent.endpoints.origin import SiteOrigin
    from cookie_consent.ledger import Ledger
    from cookie_consent.policy import Policy

__all__ = ["Receipts"]


class Receipts:
    """Serves the records of the visitor whose consent cookie the request has.

    Browsers get a page, others JSON; ``format=html`` and ``format=json`` ask for one. ``format=kantara`` returns a
    Kantara consent receipt. ``choice`` is the token from the response to a refusal, whose cookie holds no id.
    """

    def __init__(
        self,
        policy: Policy,
        ledger: Ledger,
        renderer: Renderer,
        *,
        tokens: ReceiptOffer,
        origin: SiteOrigin,
        health: LedgerHealth,
        prefix: str,
    ) -> None:
        self._policy = policy
        self._ledger = ledger
        self._renderer = renderer
        self._tokens = tokens
        self._origin = origin
        self._health = health
        self._prefix = prefix

    async def get(self, request: Request, consent: Consent) -> Response:
        """Return the receipt. Raises ``ChoiceError`` if there is none, or if the log cannot be read."""
        wanted = request.query_params.get("format") or ("json" if wants_json(request) else "html")
        if wanted not in {"html", "json", "kantara"}:
            raise ChoiceError("the format of a receipt is html, json or kantara", status=400, code="unknown-format")
        token = request.query_params.get("choice")
        subject = self._tokens.subject(token) if token is not None else consent.id
        if token is not None and subject is None:
            raise ChoiceError("this link to a receipt has expired", status=404, code="no-receipt")
        if wanted != "kantara" and subject is None:
            return self._answer(request, {"subject": None, "records": [], "notices": {}}, wanted)
        subject = subject or ""
        if not self._ledger.is_readable:
            message = "this server cannot read the log; please ask the site for your choices, and give your consent id"
            raise ChoiceError(message, status=503, code="log-elsewhere")
        try:
            if wanted != "kantara":
                base = request.scope.get("root_path", "") + self._prefix
                receipt = await anyio.to_thread.run_sync(
                    partial(make_receipt, self._ledger, self._policy, subject, prefix=base)
                )
            else:
                receipt = await anyio.to_thread.run_sync(self._kantara, subject, request)
        except LedgerError as error:
            self._health.has_failed(error)
            message = "the log cannot be read at the moment; please try again later"
            raise ChoiceError(message, status=503, code="log-unavailable") from None
        return self._answer(request, receipt, wanted)

    def _answer(self, request: Request, receipt: dict[str, Any], wanted: str) -> Response:
        if wanted == "html":
            root_path = request.scope.get("root_path", "")
            query = {"choice": request.query_params["choice"]} if "choice" in request.query_params else {}
            kinds = {"JSON": "json"}
            if self._policy.controller is not None and receipt["records"]:
                kinds["Kantara"] = "kantara"
            address = quote(root_path, errors="replace") + self._prefix + "/receipt"
            formats = [(name, f"{address}?{urlencode({**query, 'format': kind})}") for name, kind in kinds.items()]
            language = language_of(request, self._renderer)
            page = self._renderer.receipt(receipt, language=language, root_path=root_path, formats=formats)
            response: Response = visitors_page(request, page)
            response.headers["Vary"] += ", Accept"
            return response
        headers = {"Content-Disposition": 'inline; filename="consent-receipt.json"', "Vary": "Accept"}
        return JSONResponse(receipt, headers=headers)

    def _kantara(self, subject: str, request: Request) -> dict[str, Any]:
        site = self._origin.address(request)
        try:
            receipt = kantara_receipt(self._ledger, self._policy, subject, site=site, prefix=self._prefix)
        except ConfigurationError:
            message = "this site's policy names no controller, so there is no such receipt"
            raise ChoiceError(message, status=404, code="no-controller") from None
        if receipt is None:
            raise ChoiceError("no choice of yours is recorded", status=404, code="no-receipt")
        return receipt
