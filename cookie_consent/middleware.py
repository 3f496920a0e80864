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
from cookie_consent.endpoints.gpc_json import GPC_PATH, gpc_response
from cookie_consent.exchange.error_pages import hold_error_page
from cookie_consent.exchange.gated import gated
from cookie_consent.exchange.websocket import handshake
from cookie_consent.ledger import Ledger
from cookie_consent.lifespan import Lifespan
from cookie_consent.policy import DEFAULT_PREFIX, Policy, checked_prefix, find_policy, load_policy
from cookie_consent.site import build
from cookie_consent.start_line import log_start

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["ConsentMiddleware"]

logger = logging.getLogger("cookie_consent")

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
    server runs. With ``CONSENT_ASSETS=plain`` scripts and styles are not minified. Raises ``ConfigurationError``,
    and ``PolicyError`` for a wrong policy.

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
    ) -> None:
        self.app = app
        self._source = policy if policy is not None else find_policy()
        self.policy = self._source if isinstance(self._source, Policy) else load_policy(self._source)
        self.prefix = checked_prefix(prefix)
        self.ledger = ledger if isinstance(ledger, Ledger) else Ledger(ledger)
        self.ledger.signers()  # a wrong key is found at the start
        self._parts = build(app, self.policy, self.ledger, secret=secret, prefix=self.prefix, admin_token=admin_token)
        self._site = self._parts.site
        self.reports = self._parts.reports
        self._background = Background(self.ledger, self.reports)
        self._is_inner = False
        self._below = self.prefix + "/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Guard one request (ASGI 3)."""
        kind = scope["type"]
        if kind not in {"http", "websocket"}:
            await (self._lifespan if kind == "lifespan" else self.app)(scope, receive, send)
            return
        if isinstance(scope.get("consent"), Consent):
            await self._pass_on(scope, receive, send)
            return
        if not self._background.has_begun:
            log_start(self._source, self.ledger)
            self._background.begin_at_request()  # not every server sends lifespan events
        if type(scope["headers"]) is not list:
            scope = {**scope, "headers": list(scope["headers"])}  # any iterable may come, which may be read only once
        if kind == "websocket":
            inner, outer = handshake(self._site, scope, send)
            await self.app(inner, receive, outer)
            return
        path = scope["path"]
        if (self._below in path or GPC_PATH in path) and self._own_path(scope):
            await self._answer(self._own_path(scope), scope, receive, send)
            return
        inner, outer = gated(self._site, scope, receive, send)
        try:
            await self.app(inner, receive, outer)
        except Exception as error:
            hold_error_page(scope, error, partial(gated, self._site, scope), self._site.request_filter.consent(scope))
            raise

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Leave a request to the middleware outside this one, which has given it the consent."""
        if not self._is_inner:
            self._is_inner = True
            logger.warning("an application is wrapped in ConsentMiddleware twice: the policy of the outermost holds")
        await self.app(scope, receive, send)

    def _own_path(self, scope: Scope) -> str:
        """Return the path if it is one that this package answers, as the application counts it; else nothing."""
        path, root_path = scope["path"], scope.get("root_path")
        if root_path and (path == root_path or path.startswith(root_path + "/")):
            path = path[len(root_path) :]
        return path if path.startswith(self._below) or path == GPC_PATH else ""

    async def _answer(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        response: ASGIApp
        if path == GPC_PATH:
            response = gpc_response(self.policy)
        else:
            consent = self._site.request_filter.consent(scope)
            response = await self._parts.router.respond(
                Request(scope, receive), consent, path.removeprefix(self.prefix)
            )
        await response(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _OUTER in scope:
            await self.app(scope, receive, send)
            return
        if not self._background.has_begun:
            log_start(self._source, self.ledger)
        await anyio.to_thread.run_sync(self._background.begin)
        gc.collect()  # what is left of building all this lies scattered among what each request uses, and slows it
        lifespan = Lifespan(receive, send, before_end=partial(anyio.to_thread.run_sync, self._background.end))
        await lifespan.run(self.app, {**scope, _OUTER: True})
