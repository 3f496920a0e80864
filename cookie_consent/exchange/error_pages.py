"""Gate the error page that Starlette and FastAPI send from outside an application's middleware.

``ServerErrorMiddleware`` wraps all middleware that ``add_middleware`` adds. It sends its response to an exception
straight to the server.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeAlias

from starlette.middleware.errors import ServerErrorMiddleware

from cookie_consent.consent import Consent, is_read, tracked

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["hold_error_page"]

Gate: TypeAlias = "Callable[[Receive, Send], tuple[Scope, Send]]"
"""Returns the application's scope for a request, and the ``send`` that gates the response."""

_MAKERS = ("handler", "debug_response", "error_response")
"""The attributes that make the page. ``handler`` is the application's own."""
_DEEPEST = 100
_MARK = "_cookie_consent"


def hold_error_page(scope: Scope, error: Exception, gate: Gate, consent: Consent) -> None:
    """Gate the page that the application in ``scope`` will send for ``error``, if any.

    Call it before ``error`` is raised again. The application's handler finds the consent in its request.
    """
    layer = getattr(scope.get("app"), "middleware_stack", None)
    for _ in range(_DEEPEST):
        if layer is None or isinstance(layer, ServerErrorMiddleware):
            break
        layer = getattr(layer, "app", None)
    if not isinstance(layer, ServerErrorMiddleware):
        return
    if not hasattr(layer, _MARK):
        setattr(layer, _MARK, True)
        for name in _MAKERS:
            make = getattr(layer, name)
            if make is not None:
                setattr(layer, name, _holding(make))
    # The exception is what links the page to this request, whatever other middleware is in between.
    setattr(error, _MARK, (gate, consent))


def _holding(make: Callable[[Request, Exception], Any]) -> Callable[[Request, Exception], Any]:
    """Wrap ``make``, sync or async, so that its page is gated if the exception carries a gate."""

    def before(request: Request, error: Exception) -> tuple[Gate, Consent] | None:
        gate, consent = getattr(error, _MARK, (None, None))
        if gate is None or consent is None:
            return None
        request.scope["consent"] = shown = tracked(consent)
        return gate, shown

    if _is_async(make):

        async def make_async(request: Request, error: Exception) -> ASGIApp:
            held = before(request, error)
            response: ASGIApp = await make(request, error)
            return _HeldPage(response, *held) if held is not None else response

        return make_async

    def make_sync(request: Request, error: Exception) -> ASGIApp:
        held = before(request, error)
        response: ASGIApp = make(request, error)
        return _HeldPage(response, *held) if held is not None else response

    return make_sync


def _is_async(make: Any) -> bool:
    while isinstance(make, functools.partial):
        make = make.func
    return inspect.iscoroutinefunction(make) or inspect.iscoroutinefunction(getattr(make, "__call__", None))  # noqa: B004


class _HeldPage:
    """A response that passes the gate."""

    def __init__(self, response: ASGIApp, gate: Gate, shown: Consent) -> None:
        self._response = response
        self._gate = gate
        self._shown = shown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - an ASGI application
        inner, outer = self._gate(receive, send)
        if is_read(self._shown):
            _ = inner["consent"].granted  # the handler has read the consent, so the response depends on it
        await self._response(inner, receive, outer)
