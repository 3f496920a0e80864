"""``ConsentMiddleware``: the one line that a site adds."""

from __future__ import annotations

import gc
import logging
from functools import partial
from typing import TYPE_CHECKING

import anyio

from cookie_consent.background import Background
from cookie_consent.consent import Consent
from cookie_consent.consent.gpc import GPC_PATH
from cookie_consent.ledger import Ledger
from cookie_consent.lifespan import Lifespan
from cookie_consent.policy import DEFAULT_PREFIX, Policy, checked_prefix, load_policy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["ConsentMiddleware"]

logger = logging.getLogger("cookie_consent")

_OUTER = "cookie_consent.outer"
"""Set in a lifespan scope that has already passed through another ``ConsentMiddleware``."""


class ConsentMiddleware:
    """Holds an ASGI application to its policy.

    ``policy`` is a path, a ``Policy``, or None for the built-in one. ``secret`` signs the consent cookie: a text of
    at least 32 characters, or a list of which the first signs and all verify; None reads ``CONSENT_SECRET``.
    ``ledger`` is a URL or a ``Ledger``; None reads ``CONSENT_LEDGER``, else ``sqlite:///consent.db``. This package's
    own pages are served below ``prefix``. The operator's page is off unless ``admin_token`` or
    ``CONSENT_ADMIN_TOKEN`` is set. With a key in ``CONSENT_LEDGER_KEY`` the log is sealed while the server runs. With
    ``CONSENT_ASSETS=plain`` scripts and styles are not minified. Raises ``PolicyError`` if the policy is wrong, and
    ``ConfigurationError`` if anything else is.

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
    ) -> None:
        from cookie_consent.site import build  # the gates, parsers and templates: of use to a server alone

        self.app = app
        self.policy = policy if isinstance(policy, Policy) else load_policy(policy)
        self.prefix = checked_prefix(prefix)
        self.ledger = ledger if isinstance(ledger, Ledger) else Ledger(ledger)
        self.ledger.signers()  # so that a wrong key fails at the start
        self._parts = build(app, self.policy, self.ledger, secret=secret, prefix=self.prefix, admin_token=admin_token)
        self.reports = self._parts.reports
        self._background = Background(self.ledger, self.reports)
        self._is_inner = False
        self._below = self.prefix + "/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI 3)."""
        kind = scope["type"]
        if kind not in {"http", "websocket"}:
            await (self._lifespan if kind == "lifespan" else self.app)(scope, receive, send)
            return
        if isinstance(scope.get("consent"), Consent):
            await self._pass_on(scope, receive, send)
            return
        if not self._background.has_started:
            self._background.start_at_request()  # not every server sends lifespan events
        if type(scope["headers"]) is not list:
            # ASGI allows any iterable, even one that can be read only once.
            scope = {**scope, "headers": list(scope["headers"])}
        if kind == "websocket":
            inner, outer = self._parts.handshake(scope, send)
            await self.app(inner, receive, outer)
            return
        path = scope["path"]
        if (self._below in path or GPC_PATH in path) and self._own_path(scope):
            await self._respond(self._own_path(scope), scope, receive, send)
            return
        inner, outer = self._parts.gated(scope, receive, send)
        try:
            await self.app(inner, receive, outer)
        except Exception as error:
            from cookie_consent.exchange.error_pages import hold_error_page

            hold_error_page(
                scope, error, partial(self._parts.gated, scope), self._parts.site.request_filter.consent(scope)
            )
            raise

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request that another ``ConsentMiddleware`` outside this one already handles."""
        if not self._is_inner:
            self._is_inner = True
            logger.warning("an application is wrapped in ConsentMiddleware twice: the outermost policy applies")
        await self.app(scope, receive, send)

    def _own_path(self, scope: Scope) -> str:
        """Return the path, without ``root_path``, if it is one of this package's own; otherwise an empty string."""
        path, root_path = scope["path"], scope.get("root_path")
        if root_path and (path == root_path or path.startswith(root_path + "/")):
            path = path[len(root_path) :]
        return path if path.startswith(self._below) or path == GPC_PATH else ""

    async def _respond(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one of this package's own paths."""
        from starlette.requests import Request

        response: ASGIApp
        if path == GPC_PATH:
            from cookie_consent.endpoints.gpc_json import gpc_response

            response = gpc_response(self.policy)
        else:
            consent = self._parts.site.request_filter.consent(scope)
            response = await self._parts.router.respond(
                Request(scope, receive), consent, path.removeprefix(self.prefix)
            )
        await response(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _OUTER in scope:
            await self.app(scope, receive, send)
            return
        await anyio.to_thread.run_sync(self._background.start)
        # Start-up leaves garbage scattered through memory, which slows every request until it is collected.
        gc.collect()
        lifespan = Lifespan(receive, send, before_end=partial(anyio.to_thread.run_sync, self._background.stop))
        await lifespan.run(self.app, {**scope, _OUTER: True})
