"""``ConsentMiddleware``: the one line that a site adds."""

from __future__ import annotations

import gc
import logging
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

import anyio

from cookie_consent.consent import Consent
from cookie_consent.consent.gpc import GPC_PATH
from cookie_consent.errors import ConfigurationError
from cookie_consent.policy import DEFAULT_PREFIX
from cookie_consent.policy.paths import route_path
from cookie_consent.startup.background import Background
from cookie_consent.startup.dev_mode import DevDoor
from cookie_consent.startup.lifespan import Lifespan
from cookie_consent.startup.placement import check_app, check_scope, outer_middlewares
from cookie_consent.startup.refusal import refuse_request, refuse_startup
from cookie_consent.startup.start_line import log_revision, log_start, log_takeover

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

    from cookie_consent.endpoints.reports import Reports
    from cookie_consent.ledger import Ledger
    from cookie_consent.policy import Policy
    from cookie_consent.site import Parts

__all__ = ["ConsentMiddleware"]

logger = logging.getLogger("cookie_consent")

_QUERY = "".join(map(chr, range(0x21, 0x7F)))
"""What of a query is left as it is."""
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
"""Set in a lifespan scope that has already passed through another ``ConsentMiddleware``."""


class ConsentMiddleware:
    """Holds an ASGI application to its policy.

    ``policy`` is a path, a ``Policy``, or None for what ``find_policy`` finds: the file that ``CONSENT_POLICY`` names,
    ``consent.toml`` here, ``[tool.cookie_consent]`` of ``pyproject.toml`` here, else the built-in one. ``secret``
    signs the consent cookie: a text of at least 32 characters, or a list of which the first signs and all verify; None
    reads ``CONSENT_SECRET``. ``ledger`` is a URL or a ``Ledger``; None reads ``CONSENT_LEDGER``, else
    ``sqlite:///consent.db``. This package's own pages are served below ``prefix``. The operator's page is off unless
    ``admin_token`` or ``CONSENT_ADMIN_TOKEN`` is set. With a key in ``CONSENT_LEDGER_KEY`` the log is sealed while the
    server runs. With ``CONSENT_ASSETS=plain`` scripts and styles are not minified. ``dev`` is for development: it needs
    no secret, the log may be ``sqlite://``, and only browsers on the same machine are served; None reads
    ``CONSENT_DEV``. An announced policy takes over by ``clock``, which returns the seconds since 1970; None is the
    host's clock.

    If any of these is wrong, the constructor does not raise; the server is told so when it starts. Where it does not
    ask, every request is answered by a plain page with status 500. ``check`` raises the error. The constructor raises
    ``ConfigurationError`` if ``app`` is not an ASGI application, and in Litestar's lists of middlewares, which apply to
    parts of a site only.

    Put it outside every middleware that sets cookies or makes pages: ``app = ConsentMiddleware(app)`` is outside all of
    a framework's. Inside another ``ConsentMiddleware`` it passes everything on, so the outermost policy applies. It
    trusts the scheme that the server reports: behind a proxy that terminates TLS, let the server read
    ``X-Forwarded-Proto``, or set ``cookie.https_only``.
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
        clock: Callable[[], float] | None = None,
    ) -> None:
        from cookie_consent.site import Options, build  # the gates, parsers and templates: of use to a server alone

        check_app(app)
        self.app = app
        self._error: ConfigurationError | None = None
        self._is_inner = self._has_told_error = False
        self.options = Options(
            policy=policy,
            secret=secret,
            ledger=ledger,
            prefix=prefix,
            admin_token=admin_token,
            dev=dev,
            clock=clock if clock is not None else time.time,
        )
        """The arguments, as they were given."""
        try:
            self._parts: Parts = build(app, self.options)
        except ConfigurationError as error:
            # Raised here it would come out of the lifespan with `add_middleware`, where servers take no notice of it.
            self._error = error.with_traceback(None)
            return
        except Exception as error:
            # Such as a folder that is gone, a template that is not text, or an argument of another type.
            logger.exception("the middleware could not be built")
            self._error = ConfigurationError(f"it could not be built: {type(error).__name__}: {error}")
            return
        all_parts = [parts for parts in (self._parts, self._parts.next) if parts is not None]
        mirrors = [parts.mirror for parts in all_parts if parts.mirror is not None]
        sites = [(parts.policy.site, parts.site.inventory, parts.history) for parts in all_parts]
        reports = [parts.reports for parts in all_parts]
        self._background = Background(self._parts.ledger, reports, mirrors, sites, self.options.clock)
        self._below = self._parts.prefix + "/"
        self._door = DevDoor() if self._parts.site.dev else None

    def check(self) -> None:
        """Raise the ``ConfigurationError``, or ``PolicyError``, for which no page would be served; else do nothing."""
        if self._error is not None:
            raise self._error.with_traceback(None)

    def close(self) -> None:
        """Save what waits, and end the threads that the first request starts. A lifespan does so by itself."""
        if self._error is None:
            self._background.stop()

    @property
    def policy(self) -> Policy:
        """The policy that applies. Raises what ``check`` does, as all of these properties do."""
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
        """What was observed that the policy does not declare."""
        return self._checked.reports

    @property
    def _checked(self) -> Parts:
        self.check()
        return self._in_force()

    def _in_force(self) -> Parts:
        """Return the parts of the policy in force.

        The announced one takes over with the first request at its moment or later. There is no way back, even if the
        clock is put back.
        """
        parts = self._parts
        if parts.next is not None and self.options.clock() >= parts.until:
            self._parts = parts = parts.next
            log_takeover(parts.policy)
        return parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI 3)."""
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
            # ASGI allows any iterable, even one that can be read only once.
            scope = {**scope, "headers": list(scope["headers"])}
        if self._door is not None and not self._door.admits(scope):
            await refuse_request(scope, receive, send, status=403, title=_DEV_TITLE, text=_DEV_TEXT)
            return
        if not self._background.has_started and not await self._begin(scope, receive, send):
            return
        # The whole exchange keeps to the policy with which it began.
        parts = self._parts if self._parts.next is None else self._in_force()
        is_out = parts.has_exclusions and parts.is_left_out(scope)
        if kind == "websocket":
            inner, outer = parts.ungated(scope, receive, send) if is_out else parts.handshake(scope, send)
            await self.app(inner, receive, outer)
            return
        path = scope["path"]
        if (self._below in path or GPC_PATH in path) and (own_path := self._own_path(scope)):
            await self._respond(parts, own_path, scope, receive, send)
            return
        gate = parts.ungated if is_out else parts.gated
        inner, outer = gate(scope, receive, send)
        try:
            await self.app(inner, receive, outer)
        except Exception as error:
            from cookie_consent.exchange.error_pages import hold_error_page

            hold_error_page(scope, error, partial(gate, scope), parts.site.request_filter.consent(scope))
            raise

    async def _begin(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Start with the first request, since not every server sends lifespan events. False if it was refused."""
        try:
            check_scope(scope)
        except ConfigurationError as error:  # what route a middleware belongs to is not known before
            self._error = error.with_traceback(None)
            await self._refuse(self._error, scope, receive, send)
            return False
        self._log_start(scope)
        self._background.start_at_request()
        return True

    def _log_start(self, scope: Scope) -> None:
        parts = self._parts
        log_start(parts.source, parts.ledger, dev=parts.site.dev)
        now = datetime.fromtimestamp(self.options.clock(), UTC)
        log_revision(parts.policy, now, has_taken_over=parts.has_taken_over)
        outside = outer_middlewares(scope, type(self))
        if outside:
            logger.warning(
                "outside ConsentMiddleware stand %s: cookies that they set and pages that they make are not gated; "
                "write app = ConsentMiddleware(app), or add it after them",
                ", ".join(outside),
            )

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request that another ``ConsentMiddleware`` outside this one already handles."""
        if not self._is_inner:
            self._is_inner = True
            logger.warning("an application is wrapped in ConsentMiddleware twice: the outermost policy applies")
        await self.app(scope, receive, send)

    async def _refuse(self, error: ConfigurationError, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer that the site is misconfigured. What is wrong is logged once, and not shown to strangers."""
        if not self._has_told_error:
            self._has_told_error = True
            logger.error("no page is served until this is put right: %s", error)
        await refuse_request(scope, receive, send, status=500, title=_TITLE, text=_TEXT)

    def _own_path(self, scope: Scope) -> str:
        """Return the path, without ``root_path``, if it is one of this package's own; otherwise an empty string."""
        path = route_path(scope)
        return path if path.startswith(self._below) or path == GPC_PATH else ""

    async def _respond(self, parts: Parts, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one of this package's own paths."""
        from starlette.requests import Request

        response: ASGIApp
        if path == GPC_PATH:
            from cookie_consent.endpoints.gpc_json import gpc_response

            response = gpc_response(parts.policy)
        else:
            consent = parts.site.request_filter.consent(scope)
            # Starlette fails on bytes in a query that are not UTF-8.
            query = quote(scope.get("query_string", b""), safe=_QUERY)
            request = Request({**scope, "query_string": query.encode("ascii")}, receive)
            response = await parts.router.respond(request, consent, path.removeprefix(parts.prefix))
        await response(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _OUTER in scope:
            await self.app(scope, receive, send)
            return
        error = self._error
        if error is None:
            if not self._background.has_started:
                self._log_start(scope)
            try:
                await anyio.to_thread.run_sync(self._background.start)
            except ConfigurationError as late:  # what has become wrong since the application was wrapped
                error = late
                await anyio.to_thread.run_sync(self._background.stop)
        if error is not None:
            await refuse_startup(receive, send, f"cookie_consent cannot start: {error}")
            return
        # Start-up leaves garbage scattered through memory, which slows every request until it is collected.
        gc.collect()
        lifespan = Lifespan(receive, send, before_end=partial(anyio.to_thread.run_sync, self._background.stop))
        await lifespan.run(self.app, {**scope, _OUTER: True})
