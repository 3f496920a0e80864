"""The endpoints below the prefix: choices, state, preferences, receipt and assets."""

from __future__ import annotations

import logging
import math
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from cookie_consent.admin.export import AdminExport
from cookie_consent.admin.figures import AdminStats
from cookie_consent.consent import Consent, action_of, grants_more, is_local_path, parse_choice
from cookie_consent.consent.user_agent import family_of
from cookie_consent.endpoints.choice_limit import AddressReader, ChoiceLimit, choice_limit
from cookie_consent.endpoints.cookie_twins import deleted_twins
from cookie_consent.endpoints.joined_records import JoinedRecords
from cookie_consent.endpoints.origin import SiteOrigin, is_secure
from cookie_consent.endpoints.receipts.kantara import kantara_receipt
from cookie_consent.endpoints.receipts.receipt import make_receipt
from cookie_consent.endpoints.reports.parse import MAXIMUM_BODY as MAXIMUM_REPORT
from cookie_consent.errors import ChoiceError, ConfigurationError, LedgerError, RecordRefusedError, ReportError
from cookie_consent.gate import CookieGate, Place, guard_tag, host_of
from cookie_consent.ledger import ConsentRecord, Notice, new_record_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cookie_consent.admin.page import Admin
    from cookie_consent.banner import Renderer
    from cookie_consent.consent import Choice, ConsentCookie, ReceiptOffer
    from cookie_consent.endpoints.assets import Assets
    from cookie_consent.endpoints.reports import Reports
    from cookie_consent.ledger import Ledger
    from cookie_consent.policy import Policy
    from cookie_consent.policy.classifier import Classifier

__all__ = ["Routes"]

logger = logging.getLogger("cookie_consent")

MAXIMUM_BODY = 16 * 1024
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'self'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""No other site may frame these pages: a click that the visitor does not see is no consent."""


class Routes:
    """Answers what is asked below the prefix. ``limit`` says how many choices are taken."""

    def __init__(
        self,
        *,
        policy: Policy,
        classifier: Classifier,
        cookie: ConsentCookie,
        ledger: Ledger,
        renderer: Renderer,
        assets: Assets,
        reports: Reports,
        admin: Admin,
        replaced: Callable[[str | None], object],
        offers: ReceiptOffer,
        limit: ChoiceLimit | None = None,
    ) -> None:
        self._policy = policy
        self._classifier = classifier
        self._cookie = cookie
        self._ledger = ledger
        self._renderer = renderer
        self._assets = assets
        self._reports = reports
        self._admin = admin
        self._replaced = replaced
        self._offers = offers
        self._origin = SiteOrigin(policy)
        self._limit = limit if limit is not None else choice_limit(policy.limits)
        self._addresses = AddressReader()
        self._joined = JoinedRecords(ledger)
        self._export = AdminExport(admin, ledger, policy, renderer.prefix)
        self._stats = AdminStats(admin, ledger, renderer)
        self._ledger_failed = False
        self._table: dict[str, dict[str, Callable[[Request, Consent], Awaitable[Response]]]] = {
            "/choices": {"POST": self._choices},
            "/state": {"GET": self._state},
            "/preferences": {"GET": self._preferences},
            "/receipt": {"GET": self._receipt},
            "/report": {"POST": self._report},
            **({"/admin": {"GET": self._admin_page}, "/admin/export": {"GET": self._records}} if admin.is_on else {}),
        }
        if admin.is_on:
            self._table |= {"/admin/stats": {"GET": self._figures}, "/admin/stats.csv": {"GET": self._figures_csv}}

    async def respond(self, request: Request, consent: Consent, path: str) -> Response:
        """Return the answer for ``path``, which counts from the prefix."""
        if path.startswith("/assets/") and request.method in {"GET", "HEAD"}:
            accepted = request.headers.get("accept-encoding", "")
            return self._assets.response(path.removeprefix("/assets/"), accepted) or self._problem(
                request, ChoiceError("there is no such file", status=404, code="not-found")
            )
        methods = self._table.get(path)
        if methods is None:
            return self._problem(request, ChoiceError("there is no such page", status=404, code="not-found"))
        handler = methods.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            error = ChoiceError(f"use {' or '.join(methods)}", status=405, code="method-not-allowed")
            response = self._problem(request, error)
            response.headers["Allow"] = ", ".join(methods)
            return response
        try:
            response = await handler(request, consent)
        except ChoiceError as error:
            response = self._problem(request, error)
        response.headers["Cache-Control"] = "no-store"
        return response

    def language(self, request: Request) -> str:
        """Return the language to speak to this visitor."""
        return self._renderer.language(request.headers.get("accept-language", ""))

    async def _state(self, request: Request, consent: Consent) -> Response:  # noqa: ARG002 - a handler's signature
        return JSONResponse(state_of(consent))

    async def _preferences(self, request: Request, consent: Consent) -> Response:
        return_to = request.query_params.get("return_to") or self._origin.referer_path(request) or "/"
        page = self._renderer.preferences(
            consent,
            language=self.language(request),
            return_to=return_to if is_local_path(return_to) else "/",
            unclassified=self._policy.unknown_hosts == "ask" or consent.allows("unclassified"),
            saved=request.query_params.get("saved") == "1",
            root_path=request.scope.get("root_path", ""),
            head=self._guard(request, consent),
        )
        return HTMLResponse(page, headers={**_PAGE_HEADERS, "Vary": "Cookie, Accept-Language, Sec-GPC"})

    def _guard(self, request: Request, consent: Consent) -> str:
        """Return the guard's tag: here most choices are withdrawn, of which the site's other open pages must hear."""
        if not self._policy.gate.guard:
            return ""
        root_path = request.scope.get("root_path", "")
        return guard_tag(self._assets.urls["guard.js"], consent, root_path=root_path)

    async def _receipt(self, request: Request, consent: Consent) -> Response:
        wanted = request.query_params.get("format", "json")
        if wanted not in {"json", "kantara"}:
            raise ChoiceError("a receipt has the format json or kantara", status=400, code="unknown-format")
        offered = request.query_params.get("choice")
        subject = self._offers.subject(offered) if offered is not None else consent.id
        if offered is not None and subject is None:
            raise ChoiceError("this record was offered too long ago", status=404, code="no-receipt")
        if wanted == "json" and subject is None:
            return JSONResponse({"subject": None, "records": [], "notices": {}})
        subject = subject or ""
        if not self._ledger.is_readable:
            message = "this server does not read the log; please ask the site for your choices, by your consent id"
            raise ChoiceError(message, status=503, code="log-elsewhere")
        try:
            if wanted == "json":
                receipt = await anyio.to_thread.run_sync(make_receipt, self._ledger, self._policy, subject)
            else:
                receipt = await anyio.to_thread.run_sync(self._kantara_receipt, subject, request)
        except LedgerError as error:
            self._log_failure(error)
            message = "the log cannot be read at the moment; please try again later"
            raise ChoiceError(message, status=503, code="log-unavailable") from None
        return JSONResponse(receipt, headers={"Content-Disposition": 'inline; filename="consent-receipt.json"'})

    def _kantara_receipt(self, subject: str, request: Request) -> dict[str, Any]:
        site = self._origin.address(request)
        prefix = self._renderer.prefix
        try:
            receipt = kantara_receipt(self._ledger, self._policy, subject, site=site, prefix=prefix)
        except ConfigurationError:
            message = "this site's policy names nobody who is responsible, so that there is no such receipt"
            raise ChoiceError(message, status=404, code="no-controller") from None
        if receipt is None:
            raise ChoiceError("there is no choice of yours on record", status=404, code="no-receipt")
        return receipt

    async def _choices(self, request: Request, consent: Consent) -> Response:
        self._origin.refuse_cross_site(request)
        choice = parse_choice(await _body(request), request.headers.get("content-type", ""), self._policy)
        notice = self._notice(choice, request)
        record = self._record(request, consent, choice, notice, datetime.now(UTC))
        changed = self._changed(consent, choice, record)
        self._cookie.value(changed)  # one that no browser would keep is refused before anything is written
        record = await self._save(request, record, notice, may_wait=not grants_more(consent, changed))
        changed = self._changed(consent, choice, record)
        self._replaced(consent.record)
        response = self._acknowledge(request, choice, changed, record)
        place = self._place(request, choice.url or "/")
        for header in (
            *deleted_twins(request.headers.getlist("cookie"), self._cookie, place),
            self._cookie.header(changed, secure=is_secure(request)),
            *self._withdrawn_cookies(request, consent, changed, place),
        ):
            response.headers.append("set-cookie", header)
        if self._policy.gate.clear_site_data and is_secure(request) and _withdraws(consent, changed):
            kinds = ", ".join(f'"{kind}"' for kind in self._policy.gate.clear_site_data)
            response.headers["Clear-Site-Data"] = kinds
        return response

    async def _save(
        self, request: Request, record: ConsentRecord, notice: Notice | None, *, may_wait: bool
    ) -> ConsentRecord:
        """Return the record that is on the disk for the choice. Raises ``ChoiceError``.

        Over the limit a choice is refused, unless it ``may_wait`` to be joined with others.
        """
        wait = self._limit.take(self._addresses.read(request.scope))
        if wait and not may_wait:
            message = "too many choices come at the moment; please try again in a minute"
            raise ChoiceError(message, status=429, code="too-many", retry_after=math.ceil(wait))
        try:
            if wait:
                record = await self._joined.write(record, notice)
            else:
                await self._ledger.write(record, notice)
        except RecordRefusedError as error:
            logger.warning("the log does not take a choice: %s", error)
            raise ChoiceError("the log does not take this choice", status=422, code="refused") from None
        except LedgerError as error:
            self._log_failure(error)
            message = "your choice could not be saved, so nothing has changed; please try again later"
            raise ChoiceError(message, status=503, code="not-saved") from None
        self._ledger_failed = False
        return record

    async def _report(self, request: Request, consent: Consent) -> Response:  # noqa: ARG002 - a handler's signature
        self._origin.refuse_cross_site(request)
        if self._reports.may_post():
            body = await _body(request, MAXIMUM_REPORT)
            page_host = host_of(request.headers.get("host", ""))
            try:
                self._reports.post(body, request.headers.get("content-type", ""), page_host)
            except ReportError as error:
                raise ChoiceError(str(error), status=error.status, code="unreadable") from None
        return Response(status_code=204)

    async def _admin_page(self, request: Request, consent: Consent) -> Response:  # noqa: ARG002 - a handler's signature
        return await self._admin.respond(request)

    async def _records(self, request: Request, consent: Consent) -> Response:  # noqa: ARG002 - a handler's signature
        return await self._export.respond(request)

    async def _figures(self, request: Request, consent: Consent) -> Response:  # noqa: ARG002 - a handler's signature
        return await self._stats.page(request)

    async def _figures_csv(self, request: Request, consent: Consent) -> Response:  # noqa: ARG002 - a handler's signature
        return await self._stats.csv(request)

    def _changed(self, before: Consent, choice: Choice, record: ConsentRecord) -> Consent:
        required = {category.id for category in self._policy.categories if category.required}
        changed = Consent(
            policy=self._policy,
            granted=choice.granted | required,
            services=choice.services,
            decided=True,
            id=record.subject,
            record=record.id,
            decided_at=record.at.replace(microsecond=0),  # as precise as the cookie
            gpc=before.gpc,
        )
        if changed.is_refusal:  # what the cookie says from now on
            day = record.at.replace(hour=0, minute=0, second=0, microsecond=0)
            return replace(changed, id=None, record=None, decided_at=day)
        return changed

    def _acknowledge(self, request: Request, choice: Choice, changed: Consent, record: ConsentRecord) -> Response:
        root_path = request.scope.get("root_path", "")
        receipt = f"{root_path}{self._renderer.prefix}/receipt?choice={self._offers.make(record.subject)}"
        if _wants_json(request):
            # Nothing in the browser leads to the record of a refusal later.
            return JSONResponse(state_of(changed) | ({"receipt": receipt} if changed.id is None else {}))
        response = RedirectResponse(_inside(choice.return_to, root_path), status_code=303)
        if changed.id is None:
            response.headers["Link"] = f'<{quote(receipt, safe="/?=-_.~")}>; rel="related"; type="application/json"'
        return response

    def _place(self, request: Request, path: str) -> Place:
        secure = self._cookie.is_secure(secure=is_secure(request))
        return Place(host=self._origin.host(request), path=path, secure=secure)

    def _withdrawn_cookies(self, request: Request, before: Consent, after: Consent, place: Place) -> list[str]:
        """Return the headers that delete what the choice no longer covers, a persistent login among it."""
        gate = CookieGate(self._classifier, after, self._cookie)
        for header in request.headers.getlist("cookie"):
            gate.withdraw(header, before)
        return gate.deletions(place)

    def _record(
        self, request: Request, consent: Consent, choice: Choice, notice: Notice | None, at: datetime
    ) -> ConsentRecord:
        return ConsentRecord(
            id=new_record_id(at),
            subject=consent.id or str(uuid4()),
            at=at,
            action=action_of(consent, choice),
            granted=tuple(sorted(choice.granted)),
            refused=tuple(
                sorted(category.id for category in self._policy.optional if category.id not in choice.granted)
            ),
            granted_services=tuple(sorted(name for name, on in choice.services.items() if on)),
            refused_services=tuple(sorted(name for name, on in choice.services.items() if not on)),
            previous=consent.record,
            channel=choice.channel,
            policy_version=self._policy.version,
            notice=notice.hash if notice is not None else None,
            url=choice.url,
            user_agent_family=family_of(request.headers.get("user-agent", "")),
        )

    def _notice(self, choice: Choice, request: Request) -> Notice | None:
        """Return the notice that the visitor answered. One who answered another text than today's is asked again."""
        if choice.notice is None:
            return None
        language = self._renderer.language(choice.language or request.headers.get("accept-language", ""))
        for unclassified in (False, True):
            shown = self._renderer.notice(language, unclassified=unclassified)
            if shown.hash == choice.notice:
                return Notice(
                    hash=shown.hash,
                    language=shown.language,
                    policy_version=shown.policy_version,
                    text=shown.text,
                )
        message = "the notice has changed since this page was loaded; please read it again and choose"
        raise ChoiceError(message, status=409, code="notice-changed")

    def _problem(self, request: Request, error: ChoiceError) -> Response:
        response: Response
        if _wants_json(request):
            response = JSONResponse({"error": error.code, "message": str(error)}, status_code=error.status)
        else:
            page = self._renderer.problem(
                language=self.language(request),
                status=error.status,
                title_key_or_code=error.code,
                message=str(error),
                return_to=self._origin.referer_path(request) or "/",
                root_path=request.scope.get("root_path", ""),
            )
            response = HTMLResponse(page, status_code=error.status, headers=_PAGE_HEADERS)
        if error.retry_after is not None:
            response.headers["Retry-After"] = str(error.retry_after)
        return response

    def _log_failure(self, error: LedgerError) -> None:
        if not self._ledger_failed:
            self._ledger_failed = True
            logger.error("choices cannot be saved until this is put right: %s", error)


def state_of(consent: Consent) -> dict[str, Any]:
    """Return the state as ``GET state`` gives it."""
    return {
        "decided": consent.decided,
        "granted": sorted(consent.granted),
        "refused": sorted(consent.refused),
        "services": dict(sorted(consent.services.items())),
        "id": consent.id,
        "policy_version": consent.policy_version,
        "decided_at": consent.decided_at.isoformat() if consent.decided_at is not None else None,
    }


def _withdraws(before: Consent, after: Consent) -> bool:
    """Say whether anything that ``before`` allowed is refused now."""
    services = before.services.keys() | after.services.keys()
    return bool(before.granted - after.granted) or any(
        before.allows_service(service) and not after.allows_service(service) for service in services
    )


def gpc_document(policy: Policy) -> Response:
    """Return ``/.well-known/gpc.json`` (Global Privacy Control, section 4).

    ``lastUpdate`` is a date that is not in the future, and is left out where the policy has none.
    """
    try:
        updated = policy.effective or date.fromisoformat(policy.version)
    except ValueError:  # the version is a label
        return JSONResponse({"gpc": True})
    return JSONResponse({"gpc": True, "lastUpdate": min(updated, datetime.now(UTC).date()).isoformat()})


async def _body(request: Request, maximum: int = MAXIMUM_BODY) -> bytes:
    too_large = ChoiceError(f"a request has at most {maximum // 1024} KiB", status=413, code="too-large")
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > maximum:
        raise too_large
    body = bytearray()
    try:
        async with aclosing(request.stream()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > maximum:
                    raise too_large
    except ClientDisconnect:
        raise ChoiceError("the request broke off", status=400, code="unreadable") from None
    return bytes(body)


def _wants_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return False
    return kind == "application/json" or "text/html" not in request.headers.get("accept", "")


def _inside(path: str, root_path: str) -> str:
    """Return ``path``, led below ``root_path`` where it only says ``/``, which may belong to another site."""
    return f"{root_path}/" if path == "/" and root_path else path
