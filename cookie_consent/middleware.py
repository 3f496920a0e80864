"""``ConsentMiddleware``: the one line that a site adds."""

from __future__ import annotations

import gc
import logging
from functools import partial
from typing import TYPE_CHECKING

import anyio
from starlette.requests import Request

from cookie_consent.background import Background
from cookie_consent.consent import Consent
from cookie_consent.dev_mode import DevDoor
from cookie_consent.endpoints.gpc_json import GPC_PATH, gpc_response
from cookie_consent.errors import ConfigurationError
from cookie_consent.exchange.error_pages import hold_error_page
from cookie_consent.exchange.exclusion import is_left_out, route_path, ungated
from cookie_consent.exchange.gated import gated
from cookie_consent.exchange.websocket import handshake
from cookie_consent.lifespan import Lifespan
from cookie_consent.policy import DEFAULT_PREFIX
from cookie_consent.refusal import refuse_request, refuse_startup
from cookie_consent.site import Options, build
from cookie_consent.start_line import log_start

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

    from cookie_consent.endpoints.reports import Reports
    from cookie_consent.ledger import Ledger
    from cookie_consent.policy import Policy
    from cookie_consent.site import Parts

__all__ = ["ConsentMiddleware"]

logger = logging.getLogger("cookie_consent")

_TITLE = "This site is misconfigured"
_TEXT = (
    "Its consent middleware, cookie_consent, could not start, so no page is served. If you run the site: the server's "
    "log says what is wrong and what to do."
)
_DEV_TITLE = "This site is in development mode"
_DEV_TEXT = (
    "It serves browsers on its own machine only, under an address such as http://localhost. If you run the site: the "
    "server's log says what to do."
)
_OUTER = "cookie_consent.outer"
"""Marks the scope of a lifespan that another middleware of this kind has passed on."""


class ConsentMiddleware:
    """Holds an ASGI application to its policy.

    ``policy`` is a path, a ``Policy``, or None for what ``find_policy`` finds: the file that ``CONSENT_POLICY`` names,
    ``consent.toml`` here, ``[tool.cookie_consent]`` of ``pyproject.toml`` here, else the built-in one. ``secret``
    signs the consent cookie: a text of at least 32 characters, or a list of which the first signs and all verify; None
    reads ``CONSENT_SECRET``.
    ``ledger`` is a URL or a ``Ledger``; None reads ``CONSENT_LEDGER``, else ``sqlite:///consent.db``. The pages of
    this package stand below ``prefix``; the operator's page is off unless ``admin_token`` is set, or
    ``CONSENT_ADMIN_TOKEN``. With a key in ``CONSENT_LEDGER_KEY`` the log is sealed while the
    server runs. With ``CONSENT_ASSETS=plain`` scripts and styles are not minified.
    ``dev`` is for development: no secret is needed, the log may be ``sqlite://``, and nobody is served but browsers on
    the same machine; None reads ``CONSENT_DEV``.

    What is wrong with any of these is kept: the server is told when it starts, and where it does not ask, each request
    is answered by a plain page with status 500. ``check`` raises it.

    Put it outside every middleware that sets cookies or makes pages: ``app = ConsentMiddleware(app)`` is outside all of
    a framework's. Inside another of its kind it passes everything on, so that the outermost policy holds. The scheme is
    trusted as the server gives it: behind a proxy that ends TLS let the server read ``X-Forwarded-Proto``, or set
    ``cookie.https_only``.
    """

    def __init__(
        self,
        app: ASGIApp,
        policy: str | Path | Policy | None = None,
        secret: str | Sequence[str] | None = None,
        ledger: str | Ledger | None = None,
        prefix: str = DEFAULT_PREFIX,
        *,
        admin_token: str | None = None,
        dev: bool | None = None,
    ) -> None:
        self.app = app
        self._error: ConfigurationError | None = None
        self._is_inner = self._has_told_error = False
        self.options = Options(
            policy=policy, secret=secret, ledger=ledger, prefix=prefix, admin_token=admin_token, dev=dev
        )
        """The arguments, as they were given."""
        try:
            self._parts = build(app, self.options)
        except ConfigurationError as error:
            # Raised here it would come out of the lifespan with `add_middleware`, where servers take no notice of it.
            self._error = error.with_traceback(None)
            return
        self._site = self._parts.site
        self._background = Background(self._parts.ledger, self._parts.reports)
        self._below = self._parts.prefix + "/"
        self._has_exclusions = bool(self._site.excluded)  # looked up for each request
        self._door = DevDoor() if self._site.dev else None

    def check(self) -> None:
        """Raise the ``ConfigurationError``, or ``PolicyError``, for which no page would be served; else do nothing."""
        if self._error is not None:
            raise self._error.with_traceback(None)

    def close(self) -> None:
        """Save what waits, and end the threads that the first request begins; a lifespan does so by itself."""
        if self._error is None:
            self._background.end()

    @property
    def policy(self) -> Policy:
        """The policy that holds. Raises what ``check`` does, as all of these properties do."""
        return self._checked.policy

    @property
    def prefix(self) -> str:
        """The path below which this package's pages stand."""
        return self._checked.prefix

    @property
    def ledger(self) -> Ledger:
        """The log of choices."""
        return self._checked.ledger

    @property
    def reports(self) -> Reports:
        """What was met that the policy does not declare."""
        return self._checked.reports

    @property
    def _checked(self) -> Parts:
        self.check()
        return self._parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Guard one request (ASGI 3)."""
        kind = scope["type"]
        if kind not in {"http", "websocket"}:
            await (self._lifespan if kind == "lifespan" else self.app)(scope, receive, send)
            return
        if isinstance(scope.get("consent"), Consent):
            await self._pass_on(scope, receive, send)
            return
        if self._error is not None:
            await self._refuse(self._error, scope, receive, send)
            return
        if type(scope["headers"]) is not list:
            scope = {**scope, "headers": list(scope["headers"])}  # any iterable may come, which may be read only once
        if self._door is not None and not self._door.admits(scope):
            await refuse_request(scope, receive, send, status=403, title=_DEV_TITLE, text=_DEV_TEXT)
            return
        if not self._background.has_begun:
            log_start(self._parts.source, self._parts.ledger, dev=self._site.dev)
            self._background.begin_at_request()  # not every server sends lifespan events
        if kind == "websocket":
            is_out = self._has_exclusions and is_left_out(self._site, scope)
            inner, outer = ungated(self._site, scope, receive, send) if is_out else handshake(self._site, scope, send)
            await self.app(inner, receive, outer)
            return
        path = scope["path"]
        if (self._below in path or GPC_PATH in path) and self._own_path(scope):
            await self._answer(self._own_path(scope), scope, receive, send)
            return
        gate = ungated if self._has_exclusions and is_left_out(self._site, scope) else gated
        inner, outer = gate(self._site, scope, receive, send)
        try:
            await self.app(inner, receive, outer)
        except Exception as error:
            hold_error_page(scope, error, partial(gate, self._site, scope), self._site.request_filter.consent(scope))
            raise

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Leave a request to the middleware outside this one, which has given it the consent."""
        if not self._is_inner:
            self._is_inner = True
            logger.warning("an application is wrapped in ConsentMiddleware twice: the policy of the outermost holds")
        await self.app(scope, receive, send)

    async def _refuse(self, error: ConfigurationError, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer that the site is misconfigured. What is wrong is logged once, and not shown to strangers."""
        if not self._has_told_error:
            self._has_told_error = True
            logger.error("no page is served until this is put right: %s", error)
        await refuse_request(scope, receive, send, status=500, title=_TITLE, text=_TEXT)

    def _own_path(self, scope: Scope) -> str:
        """Return the path if it is one that this package answers, as the application counts it; else nothing."""
        path = route_path(scope)
        return path if path.startswith(self._below) or path == GPC_PATH else ""

    async def _answer(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        response: ASGIApp
        if path == GPC_PATH:
            response = gpc_response(self._parts.policy)
        else:
            consent = self._site.request_filter.consent(scope)
            response = await self._parts.router.respond(
                Request(scope, receive), consent, path.removeprefix(self._parts.prefix)
            )
        await response(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _OUTER in scope:
            await self.app(scope, receive, send)
            return
        error = self._error
        if error is None:
            if not self._background.has_begun:
                log_start(self._parts.source, self._parts.ledger, dev=self._site.dev)
            try:
                await anyio.to_thread.run_sync(self._background.begin)
            except ConfigurationError as late:  # what has become wrong since the application was wrapped
                error = late
                await anyio.to_thread.run_sync(self._background.end)
        if error is not None:
            await refuse_startup(receive, send, f"cookie_consent cannot start: {error}")
            return
        gc.collect()  # what is left of building all this lies scattered among what each request uses, and slows it
        lifespan = Lifespan(receive, send, before_end=partial(anyio.to_thread.run_sync, self._background.end))
        await lifespan.run(self.app, {**scope, _OUTER: True})
