"""Route requests below the prefix to their endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from cookie_consent.errors import ChoiceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from cookie_consent.consent import Consent
    from cookie_consent.endpoints.assets import Assets
    from cookie_consent.endpoints.problem import ProblemResponses

__all__ = ["Endpoint", "RouteTable", "Router"]

Endpoint: TypeAlias = "Callable[[Request, Consent], Awaitable[Response]]"
"""Returns the response to a request, given its consent. May raise ``ChoiceError``."""
RouteTable: TypeAlias = "Mapping[str, Mapping[str, Endpoint]]"
"""Endpoints by path, relative to the prefix, and by method."""

_ASSETS = "/assets/"
_MIRROR = "/mirror/"
_NOTICES = "/notice/"


class MirrorFiles(Protocol):
    """Serves the files of the mirror."""

    async def respond(self, request: Request, path: str) -> Response:
        """Return the response to any request for ``path``, which is relative to the mirror's."""


class Notices(Protocol):
    """Serves the notices of the log."""

    async def get(self, request: Request, name: str) -> Response:
        """Return the notice with the hash ``name``. May raise ``ChoiceError``."""


class Router:
    """Finds the endpoint for a path and a method. ``HEAD`` is handled like ``GET``."""

    def __init__(
        self,
        table: RouteTable,
        *,
        assets: Assets,
        problems: ProblemResponses,
        notices: Notices,
        mirror: MirrorFiles | None = None,
    ) -> None:
        self._table = table
        self._assets = assets
        self._problems = problems
        self._notices = notices
        self._mirror = mirror

    async def respond(self, request: Request, consent: Consent, path: str) -> Response:
        """Return the response for ``path``, which is relative to the prefix."""
        if path.startswith(_ASSETS) and request.method in {"GET", "HEAD"}:
            return self._asset(request, path.removeprefix(_ASSETS))
        if self._mirror is not None and path.startswith(_MIRROR):
            return await self._mirror.respond(request, path.removeprefix(_MIRROR))
        methods = self._methods(path)
        if methods is None:
            error = ChoiceError("there is no such page", status=404, code="not-found")
            return self._problems.response(request, error)
        endpoint = methods.get("GET" if request.method == "HEAD" else request.method)
        if endpoint is None:
            error = ChoiceError(f"use {' or '.join(methods)}", status=405, code="method-not-allowed")
            response = self._problems.response(request, error)
            response.headers["Allow"] = ", ".join(methods)
            return response
        try:
            response = await endpoint(request, consent)
        except ChoiceError as error:
            response = self._problems.response(request, error)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _methods(self, path: str) -> Mapping[str, Endpoint] | None:
        if not path.startswith(_NOTICES):
            return self._table.get(path)

        async def notice(request: Request, consent: Consent) -> Response:  # noqa: ARG001 - an endpoint's signature
            return await self._notices.get(request, path.removeprefix(_NOTICES))

        return {"GET": notice}

    def _asset(self, request: Request, name: str) -> Response:
        response = self._assets.response(name, request.headers.get("accept-encoding", ""))
        if response is not None:
            return response
        return self._problems.response(request, ChoiceError("there is no such file", status=404, code="not-found"))
