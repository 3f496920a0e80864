"""Find out where the middleware stands, and refuse places from which it would not see a site's whole responses."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from cookie_consent.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Scope

__all__ = ["check_app", "check_scope", "outer_middlewares"]

_FIX = "wrap the finished application instead: app = ConsentMiddleware(app)"
_DEEPEST = 100
_HARMLESS = frozenset(
    {
        "starlette.middleware.cors.CORSMiddleware",
        "starlette.middleware.gzip.GZipMiddleware",
        "starlette.middleware.httpsredirect.HTTPSRedirectMiddleware",
        "starlette.middleware.trustedhost.TrustedHostMiddleware",
        "uvicorn.middleware.proxy_headers.ProxyHeadersMiddleware",
    }
)
"""Middlewares that make neither cookies nor pages with tags."""


def check_app(app: Any) -> None:
    """Raise ``ConfigurationError`` if ``app`` is not an ASGI application, or only a part of one.

    It is raised rather than kept for the lifespan. A framework that passes such a thing calls the middleware by its own
    protocol, or for some of its pages only, and sends no lifespan events there.
    """
    if not callable(app):
        raise ConfigurationError(f"{type(app).__name__} is not an ASGI application; {_FIX}")
    taken = _positional(app)
    if taken == 1:
        raise ConfigurationError(
            "ConsentMiddleware was given a function that takes one argument, as Django's MIDDLEWARE does. It is "
            "ASGI middleware: take it out there, and write application = ConsentMiddleware(get_asgi_application()) in "
            "asgi.py"
        )
    if taken == 2:  # environ and start_response (PEP 3333)
        raise ConfigurationError(
            f"{_name(app)} is a WSGI application: write app = ConsentMiddleware(a2wsgi.WSGIMiddleware(app)), and serve "
            "that by ASGI"
        )
    if any(_is_litestar_route(layer) for layer in _layers(app)):
        raise ConfigurationError(
            "ConsentMiddleware is in a middleware=[…] of Litestar, which applies to its route handlers alone: error "
            f"pages and the middleware's own pages would be missing. Take it out there, and {_FIX}"
        )


def check_scope(scope: Scope) -> None:
    """Raise ``ConfigurationError`` if the request comes from a place behind a route."""
    if _is_behind_a_route(scope):
        raise ConfigurationError(
            "ConsentMiddleware is the middleware of a single route, so that other pages, and its own, do not come to "
            f"it. Take it out there, and {_FIX}"
        )


def _is_behind_a_route(scope: Scope) -> bool:
    """Say whether a framework has already chosen the function that answers, so that other pages never come here.

    A mounted application is no such function: all that is below its path comes here.
    """
    handler = scope.get("route_handler")  # Litestar's
    if handler is not None and type(handler).__module__.startswith("litestar."):
        return not getattr(handler, "is_mount", False)
    endpoint = scope.get("endpoint")  # Starlette's
    if endpoint is None or "router" not in scope:
        return False
    # What is mounted there is an ASGI application, which takes three arguments. A route has a function of a request.
    return inspect.isclass(endpoint) or _positional(endpoint) is not None


def outer_middlewares(scope: Scope, middleware_type: type) -> list[str]:
    """Return the names of middlewares that ``add_middleware`` has put outside, and that may make cookies or pages."""
    names: list[str] = []
    for added in getattr(scope.get("app"), "user_middleware", ()):  # Starlette's, the outermost first
        kind = getattr(added, "cls", None)
        if kind is middleware_type:
            return names
        name = getattr(kind, "__qualname__", "")
        if f"{getattr(kind, '__module__', '')}.{name}" not in _HARMLESS:
            names.append(name or str(kind))
    return []  # it was not added there


def _layers(app: Any) -> Iterator[Any]:
    """Yield an application and what it wraps, as far as middlewares keep that in ``app``, the usual name."""
    for _ in range(_DEEPEST):
        if app is None:
            return
        yield app
        app = getattr(app, "app", None)


def _is_litestar_route(app: Any) -> bool:
    kinds = type(getattr(app, "__self__", None)).__mro__  # the bound method of a route
    return any(kind.__module__.startswith("litestar.routes") for kind in kinds)


def _positional(app: Any) -> int | None:
    """Return how many positional arguments ``app`` takes, or None if ASGI's three may be among them."""
    while type(app).__module__ == "asgiref.sync":  # Django's adapters, whose own signature says nothing
        app = getattr(app, "awaitable", None) or app.func
    try:
        signature = inspect.signature(app)
    except (TypeError, ValueError):  # as of some functions in C
        return None
    kinds = [parameter.kind for parameter in signature.parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return None
    taken = sum(kind in {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD} for kind in kinds)
    return taken if taken < 3 else None


def _name(app: Any) -> str:
    return getattr(app, "__qualname__", None) or type(app).__name__
