"""``ConsentMiddleware``: the one line that a site adds."""

from __future__ import annotations

import hashlib
import logging
from functools import partial
from typing import TYPE_CHECKING

import anyio
from starlette.datastructures import Headers
from starlette.requests import Request

from cookie_consent.assets import Assets
from cookie_consent.banner import Renderer
from cookie_consent.classify import Classifier
from cookie_consent.consent import Consent, ConsentCookie, StoredChoice, decide, secret_keys
from cookie_consent.errors import ConfigurationError, LedgerError
from cookie_consent.gate import CookieGate, TagGate, host_of
from cookie_consent.gate.coding import READABLE
from cookie_consent.gate.validators import Validators
from cookie_consent.ledger import Ledger
from cookie_consent.policy import Policy, load_policy
from cookie_consent.responder import Responder
from cookie_consent.routes import Routes, gpc_document
from cookie_consent.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["ConsentMiddleware"]

logger = logging.getLogger("cookie_consent")

_HIDDEN_EXTENSIONS = frozenset({"http.response.pathsend", "http.response.zerocopysend", "http.response.push"})
"""Ways to send a body past the rewriter; the application sends bytes where they are not offered."""
_CONDITIONS = frozenset({b"if-modified-since", b"if-range", b"range"})
"""Not shown to the application where a page is asked for: what it would compare is the page before the gate."""


class ConsentMiddleware:
    """Holds an ASGI application to its policy.

    ``policy`` is a path, a ``Policy``, or None for the built-in one. ``secret`` signs the consent cookie: a text of
    at least 32 characters, or a list of which the first signs and all verify; None reads ``CONSENT_SECRET``.
    ``ledger`` is a URL or a ``Ledger``; None reads ``CONSENT_LEDGER``, else ``sqlite:///consent.db``. The pages of
    this package stand below ``prefix``. Raises ``ConfigurationError``, and ``PolicyError`` for a wrong policy.

    Put it outside every middleware that sets cookies or makes pages. The scheme is trusted as the server gives it:
    behind a proxy that ends TLS let the server read ``X-Forwarded-Proto``, or set ``cookie.https_only``.
    """

    def __init__(
        self,
        app: ASGIApp,
        policy: str | Path | Policy | None = None,
        secret: str | Sequence[str] | None = None,
        ledger: str | Ledger | None = None,
        prefix: str = "/_consent",
    ) -> None:
        if not prefix.startswith("/") or prefix.endswith("/"):
            raise ConfigurationError(f"prefix is {prefix!r}; write a path such as '/_consent'")
        self.app = app
        self.policy = policy if isinstance(policy, Policy) else load_policy(policy)
        self.prefix = prefix
        self.ledger = ledger if isinstance(ledger, Ledger) else Ledger(ledger)
        self._cookie = ConsentCookie(secret_keys(secret), self.policy.cookie)
        self._classifier = Classifier(self.policy)
        assets = Assets(f"{prefix}/assets")
        self._identity = [__version__, self.policy.model_dump_json(), sorted(assets.urls.items())]
        self._renderer = Renderer(self.policy, prefix=prefix, assets=assets.urls)
        self._routes = Routes(
            policy=self.policy,
            classifier=self._classifier,
            cookie=self._cookie,
            ledger=self.ledger,
            renderer=self._renderer,
            assets=assets,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Guard one request (ASGI 3)."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            consent = self._consent(scope)
            cookies = CookieGate(self._classifier, consent, self._cookie)
            await self.app(self._gated(scope, consent, cookies), receive, send)
        elif scope["type"] == "lifespan":
            await self._open_ledger()
            try:
                await self.app(scope, receive, send)
            finally:
                self.ledger.close()
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        consent = self._consent(scope)
        path = _route_path(scope)
        if path.startswith(self.prefix + "/"):
            response = await self._routes.respond(request, consent, path.removeprefix(self.prefix))
            await response(scope, receive, send)
            return
        if path == "/.well-known/gpc.json":
            effective = self.policy.effective.isoformat() if self.policy.effective is not None else self.policy.version
            await gpc_document(effective)(scope, receive, send)
            return
        authority = request.headers.get("host", "")
        cookies = CookieGate(self._classifier, consent, self._cookie)
        place = {
            "language": self._routes.language(request),
            "return_to": _return_to(scope),
            "root_path": scope.get("root_path", ""),
        }
        is_document = _is_document(request.headers)
        validators = Validators(self._variant(consent, authority, document=is_document, **place))
        responder = Responder(
            tags=TagGate(
                self._classifier, consent, authority, placeholder=partial(self._renderer.placeholder, consent, **place)
            ),
            cookies=cookies,
            validators=validators,
            page_host=host_of(authority),
            banner=partial(self._renderer.banner, consent, **place) if is_document else None,
        )
        await responder.run(self.app, self._gated(scope, consent, cookies, validators), receive, send)

    async def _open_ledger(self) -> None:
        """Find out at the start, rather than at the first choice, whether the log can be written."""
        try:
            await anyio.to_thread.run_sync(self.ledger.open)
        except LedgerError as error:
            logger.error("choices cannot be saved until this is put right: %s", error)  # noqa: TRY400 - it says it all

    def _consent(self, scope: Scope) -> Consent:
        headers = Headers(scope=scope)
        return decide(self.policy, self._stored(scope, headers), gpc=headers.get("sec-gpc", "").strip() == "1")

    def _stored(self, scope: Scope, headers: Headers) -> StoredChoice | None:
        name = self._cookie.name(secure=scope.get("scheme") in {"https", "wss"})
        for header in headers.getlist("cookie"):
            for pair in header.split(";"):
                key, _, value = pair.partition("=")
                if key.strip() == name:
                    return self._cookie.read(value.strip())
        return None

    def _variant(self, consent: Consent, authority: str, **what: object) -> str:
        """Return a digest of all that a page depends on beside what the application made."""
        state = [consent.decided, consent.gpc, sorted(consent.granted), sorted(consent.services.items())]
        text = repr([self._identity, authority, state, sorted(what.items())])
        return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()

    def _gated(
        self, scope: Scope, consent: Consent, cookies: CookieGate, validators: Validators | None = None
    ) -> Scope:
        """Return the scope that the application sees: with the consent, without the cookies that it does not cover."""
        headers = []
        asked = dict(scope["headers"])
        is_page = b"text/html" in asked.get(b"accept", b"")
        may_be_page = is_page or asked.get(b"sec-fetch-dest") == b"empty"  # a script may fetch part of a page
        for name, value in scope["headers"]:
            if name == b"cookie":
                kept = cookies.request(value.decode("latin-1"))
                if kept:
                    headers.append((name, kept.encode("latin-1")))
            elif may_be_page and name == b"accept-encoding":
                headers.append((name, _readable_codings(value)))
            elif name == b"if-none-match" and validators is not None:
                shown = validators.request(value.decode("latin-1"), is_page=is_page)
                if shown:
                    headers.append((name, shown.encode("latin-1")))
            elif not (is_page and name in _CONDITIONS):
                headers.append((name, value))
        extensions = {key: on for key, on in (scope.get("extensions") or {}).items() if key not in _HIDDEN_EXTENSIONS}
        return {**scope, "headers": headers, "consent": consent, "extensions": extensions}


def _readable_codings(value: bytes) -> bytes:
    parts = [part.strip() for part in value.decode("latin-1").split(",")]
    kept = [part for part in parts if part.partition(";")[0].strip().lower() in READABLE]
    return ", ".join(kept or ["identity"]).encode("latin-1")


def _route_path(scope: Scope) -> str:
    path, root_path = str(scope["path"]), str(scope.get("root_path", ""))
    inside = root_path and (path == root_path or path.startswith(root_path + "/"))
    return path[len(root_path) :] if inside else path


def _return_to(scope: Scope) -> str:
    raw = scope.get("raw_path") or str(scope["path"]).encode("utf-8")
    path = bytes(raw).partition(b"?")[0] + (b"?" + scope["query_string"] if scope.get("query_string") else b"")
    return path.decode("latin-1")


def _is_document(headers: Headers) -> bool:
    """Say whether the answer becomes a page of its own, which is where a banner belongs (Fetch Metadata, 2.1)."""
    destination = headers.get("sec-fetch-dest")
    if destination is not None:
        return destination == "document"
    return "hx-request" not in headers and headers.get("x-requested-with", "").lower() != "xmlhttprequest"
