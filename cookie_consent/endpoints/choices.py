"""``POST choices``: a visitor's choice becomes a record, and then a cookie."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import uuid4

import anyio
from starlette.responses import JSONResponse, RedirectResponse, Response

from cookie_consent.consent import action_of, chosen, grants_more, new_record, parse_choice, posted_language
from cookie_consent.consent.record import Notice
from cookie_consent.endpoints.body import read_body
from cookie_consent.endpoints.choice_limit import AddressReader, choice_limit
from cookie_consent.endpoints.duplicate_cookies import delete_duplicates
from cookie_consent.endpoints.joined_records import JoinedRecords
from cookie_consent.endpoints.origin import is_secure
from cookie_consent.endpoints.problem import wants_json
from cookie_consent.endpoints.state import state_of
from cookie_consent.errors import ChoiceError, LedgerError, RecordRefusedError
from cookie_consent.gate import CookieGate, CookieUrl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from cookie_consent.banner import Renderer
    from cookie_consent.consent import Choice, Consent, ConsentCookie, EditionSigner, ReceiptOffer
    from cookie_consent.consent.record import ConsentRecord
    from cookie_consent.endpoints.ledger_health import LedgerHealth
    from cookie_consent.endpoints.origin import SiteOrigin
    from cookie_consent.ledger import Ledger
    from cookie_consent.policy import Inventory
    from cookie_consent.policy.classifier import Classifier

__all__ = ["Choices"]

logger = logging.getLogger("cookie_consent")

MAXIMUM_BODY = 16 * 1024
_HASH = re.compile("[0-9a-f]{64}")
"""Of a notice's text."""


class Choices:
    """Saves choices. A choice is acknowledged, and its cookie set, only once the record is on disk.

    ``replaced`` is called with the id of each record that a new choice replaces.
    """

    def __init__(
        self,
        classifier: Classifier,
        cookie: ConsentCookie,
        ledger: Ledger,
        renderer: Renderer,
        *,
        origin: SiteOrigin,
        tokens: ReceiptOffer,
        health: LedgerHealth,
        inventory: Inventory,
        editions: EditionSigner,
        replaced: Callable[[str | None], object],
    ) -> None:
        self._policy = classifier.policy
        self._classifier = classifier
        self._cookie = cookie
        self._ledger = ledger
        self._renderer = renderer
        self._origin = origin
        self._tokens = tokens
        self._health = health
        self._inventory = inventory
        self._editions = editions
        self._replaced = replaced
        self.limit = choice_limit(self._policy.limits)
        """The rate limit."""
        self.joined = JoinedRecords(ledger)
        """Writes choices over the limit that grant nothing more than before."""
        self._addresses = AddressReader()

    async def post(self, request: Request, consent: Consent) -> Response:
        """Save a choice. Return the new state, or redirect to the page. Raises ``ChoiceError``."""
        self._origin.refuse_cross_site(request)
        body = await read_body(request, MAXIMUM_BODY)
        try:
            return await self._save_choice(request, consent, body)
        except ChoiceError as error:
            error.language = posted_language(body, request.headers.get("content-type", ""))
            raise

    async def _save_choice(self, request: Request, consent: Consent, body: bytes) -> Response:
        choice = self._named(parse_choice(body, request.headers.get("content-type", ""), self._policy))
        notice = self._notice(choice, request)
        after = chosen(consent, choice)
        if choice.granted is None and not _counts(choice, after):
            raise _changed()
        is_over_limit = self._is_over_limit(request, consent, after)
        if notice is None and choice.notice is not None and not is_over_limit:
            notice = await self._recorded_notice(choice.notice)
        record = self._record(request, consent, after, choice, notice)
        changed = self._recorded(after, record)
        secure = is_secure(request)
        is_framed = choice.framed or consent.framed or self._origin.is_framed(request)
        # Made before anything is written, since it can fail.
        own = self._cookie_headers(choice, consent, changed, secure=secure, is_framed=is_framed)
        saved = await self._save(record, notice, changed, is_over_limit=is_over_limit)
        if saved is not record:
            changed = self._recorded(after, saved)
            own = self._cookie_headers(choice, consent, changed, secure=secure, is_framed=is_framed)
        self._replaced(consent.record)
        if choice.granted is not None or choice.edition:
            self._inventory.answered(choice.names)
        response = self._acknowledge(request, choice, changed, saved)
        self._set_cookies(request, response, consent, changed, choice.url or "/", own, is_framed=is_framed)
        return response

    def _named(self, choice: Choice) -> Choice:
        """Return the choice with what its notice named. Raises ``ChoiceError`` (409) if nobody here has signed that."""
        names = self._editions.read(choice.edition) if choice.edition else self._inventory.names
        if names is None:
            raise _changed()
        return replace(choice, names=names)

    def _is_over_limit(self, request: Request, before: Consent, after: Consent) -> bool:
        """Count the choice, and return whether it is over the limit. Raises ``ChoiceError`` (429) if it grants more.

        Others can wait to be joined.
        """
        wait = self.limit.take(self._addresses.read(request.scope))
        if wait and grants_more(before, after):
            message = "there are too many choices at the moment; please try again in a minute"
            raise ChoiceError(message, status=429, code="too-many", retry_after=math.ceil(wait))
        return bool(wait)

    async def _save(
        self, record: ConsentRecord, notice: Notice | None, after: Consent, *, is_over_limit: bool
    ) -> ConsentRecord:
        """Write the record, and return the one that is on disk for the choice. Raises ``ChoiceError``."""
        try:
            if is_over_limit:
                record = await self.joined.write(record, notice, is_partial=not after.decided)
            else:
                await self._ledger.write(record, notice)
        except RecordRefusedError as error:
            logger.warning("the log rejects a choice: %s", error)
            raise ChoiceError("the log rejects this choice", status=422, code="refused") from None
        except LedgerError as error:
            self._health.has_failed(error)
            message = "your choice could not be saved, so nothing has changed; please try again later"
            raise ChoiceError(message, status=503, code="not-saved") from None
        self._health.has_worked()
        return record

    def _record(
        self, request: Request, consent: Consent, after: Consent, choice: Choice, notice: Notice | None
    ) -> ConsentRecord:
        return new_record(
            self._policy,
            subject=consent.id or str(uuid4()),
            at=datetime.now(UTC),
            action=action_of(consent, after),
            granted=after.granted,
            # What was not asked about is no answer, unless it was posted all the same.
            refused=after.refused & (after.asked | (choice.granted or frozenset())),
            services=_services(choice, after),
            previous=consent.record,
            channel="visit" if choice.visit else choice.channel,
            notice=notice,
            url=choice.url,
            user_agent=request.headers.get("user-agent", ""),
            control=choice.control,
            build=choice.build if choice.build == self._renderer.build else "",
            names=_answered_names(choice, after),
        )

    def _recorded(self, after: Consent, record: ConsentRecord) -> Consent:
        """Return the new consent with its record, as precise as the cookie can store it."""
        if after.is_refusal:
            day = record.at.replace(hour=0, minute=0, second=0, microsecond=0)
            return replace(after, id=None, record=None, decided_at=day)
        return replace(after, id=record.subject, record=record.id, decided_at=record.at.replace(microsecond=0))

    def _acknowledge(self, request: Request, choice: Choice, changed: Consent, record: ConsentRecord) -> Response:
        root_path = request.scope.get("root_path", "")
        receipt = ""
        if changed.id is None:  # the cookie of a refusal holds no id, so this is the only chance to get its receipt
            receipt = f"{root_path}{self._renderer.prefix}/receipt?choice={self._tokens.make(record.subject)}"
        if wants_json(request):
            return JSONResponse(state_of(changed) | ({"receipt": receipt} if receipt else {}))
        response = RedirectResponse(_inside(choice.return_to, root_path), status_code=303)
        if receipt:
            response.headers["Link"] = f'<{quote(receipt, safe="/?=-_.~")}>; rel="related"; type="application/json"'
        return response

    def _cookie_headers(
        self, choice: Choice, before: Consent, after: Consent, *, secure: bool, is_framed: bool
    ) -> list[str]:
        """Return the ``Set-Cookie`` values for the choice. Raises ``ChoiceError`` if a cookie would be too large.

        A page in a frame does not know whether the sites around it are others. So it gets both cookies: where they are,
        the browser takes only the one for frames, and elsewhere the other one counts.
        """
        lasting = [] if choice.visit else [self._cookie.header(after, secure=secure)]
        framed = [self._cookie.framed_header(after, secure=secure)] if is_framed else []
        visit = [self._cookie.visit_header(after, secure=secure)] if before.visit or after.visit else []
        return self._opt_out(before, after, secure=secure) + lasting + framed + visit

    def _opt_out(self, before: Consent, after: Consent, *, secure: bool) -> list[str]:
        """Return the ``Set-Cookie`` value that remembers an opt-out by Global Privacy Control, or that ends it."""
        is_over = not after.grants_no_sale
        changes = before.opted_out if is_over else before.gpc
        return [self._cookie.opt_out_header(secure=secure, is_over=is_over)] if changes else []

    def _set_cookies(  # noqa: PLR0917 - the two sides of one exchange
        self,
        request: Request,
        response: Response,
        before: Consent,
        after: Consent,
        path: str,
        own: list[str],
        *,
        is_framed: bool,
    ) -> None:
        """Set our ``own`` cookies, and delete their duplicates and the cookies that ``after`` no longer covers."""
        secure = is_secure(request)
        sent = request.headers.getlist("cookie")
        host = self._origin.host(request)
        url = CookieUrl(
            host=host,
            site=self._classifier.replaced_host(host),
            path=path,
            secure=self._cookie.is_secure(secure=secure),
        )
        gate = CookieGate(self._classifier, after, self._cookie)
        for header in sent:
            gate.withdraw(header, before)
        for header in (
            *delete_duplicates(sent, self._cookie, url, is_framed=is_framed),
            *own,
            *gate.deletions(url),
        ):
            response.headers.append("set-cookie", header)
        if self._policy.gate.clear_site_data and secure and grants_more(after, before):
            kinds = ", ".join(f'"{kind}"' for kind in self._policy.gate.clear_site_data)
            response.headers["Clear-Site-Data"] = kinds

    def _notice(self, choice: Choice, request: Request) -> Notice | None:
        """Return the notice that the visitor answered; None if this process does not know its text.

        Without what it named, signed, the answer is one to the present text, or to none. Raises ``ChoiceError`` (409)
        if that has changed since.
        """
        if choice.notice is None:
            return None
        headers = request.headers
        language = self._renderer.language(
            headers.get("accept-language", ""), choice.language or "", headers.get("cookie", "")
        )
        shown = [self._renderer.notice(language, names) for names in (choice.names, self._inventory.names)]
        for service in choice.services if choice.control == "placeholder" and len(choice.services) == 1 else ():
            shown += self._renderer.placeholder_notices(language, service)
        for found in shown:
            if found.hash == choice.notice:
                return Notice(
                    hash=found.hash, language=found.language, policy_version=found.policy_version, text=found.text
                )
        if not choice.edition:
            raise _changed()
        return None

    async def _recorded_notice(self, name: str) -> Notice | None:
        """Return a notice of the log: the words that another release showed, or those before a change."""
        if not self._ledger.is_readable or not _HASH.fullmatch(name):
            return None
        try:
            return await anyio.to_thread.run_sync(self._ledger.notice, name)
        except LedgerError:  # what the notice named is signed, so the answer counts without its words
            return None


def _counts(choice: Choice, after: Consent) -> bool:
    """Return whether anything is left of an answer for single services: what its notice did not name is not."""
    return not choice.edition or any(not on or after.allows_service(name) for name, on in choice.services.items())


def _answered_names(choice: Choice, after: Consent) -> str:
    """Return what the notices have named whose answers count after the choice; empty if that is unknown.

    An answer for single services covers no others, whatever else its notice named.
    """
    if choice.granted is None and not choice.visit:
        return after.names
    return choice.names if choice.granted is not None or choice.edition else ""


def _services(choice: Choice, after: Consent) -> Mapping[str, bool]:
    """Return the answers for single services to record."""
    if choice.granted is not None:
        return after.services
    answered = {name: on for name, on in choice.services.items() if not on or after.allows_service(name)}
    return {**after.services, **answered}


def _changed() -> ChoiceError:
    message = "the notice has changed since this page was loaded; please read it again and choose"
    return ChoiceError(message, status=409, code="notice-changed")


def _inside(path: str, root_path: str) -> str:
    """Return ``path``, but for ``/`` the application's root: ``/`` itself may belong to another application."""
    return f"{root_path}/" if path == "/" and root_path else path
