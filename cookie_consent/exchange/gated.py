"""The entry point for requests: a fast path where no gate is concerned, and ``Exchange`` for the rest."""

from __future__ import annotations

import asyncio
import inspect
import sys
from functools import partial
from typing import TYPE_CHECKING

from cookie_consent.consent import HEADER_NAME, RENDERER, is_read, tracked
from cookie_consent.exchange.exchange import Exchange
from cookie_consent.exchange.kinds import USUAL_PASSIVE, kind_of
from cookie_consent.exchange.messages import with_header_list
from cookie_consent.exchange.request import INSPECTED_HEADERS, RANGE_HEADERS, app_extensions
from cookie_consent.exchange.response import INSPECTED_DESTINATIONS, OK, UNREWRITTEN_STATUSES, Responder
from cookie_consent.gate.headers import PLAIN_HEADERS

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.types import Message, Receive, Scope, Send

    from cookie_consent.exchange.shared import Site

__all__ = ["gated"]

_PLAIN_START = 3
"""The number of keys of a plain ``http.response.start``: type, status, headers. More are extensions."""


def _coroutine_mark() -> tuple[str, object]:
    """Return the attribute by which ``inspect`` knows a function that returns an awaitable, and its value.

    asgiref's WSGI bridge warns about a ``send`` without it.
    """
    if sys.version_info < (3, 12):
        return "_is_coroutine", asyncio.coroutines._is_coroutine  # type: ignore[attr-defined] # noqa: SLF001

    def marked() -> None:
        """Do nothing."""

    # Marking each ``send`` by ``markcoroutinefunction`` would be measurable, so the mark is read off once.
    ((name, value),) = vars(inspect.markcoroutinefunction(marked)).items()
    return name, value


_IS_ASYNC, _ASYNC = _coroutine_mark()
setattr(Responder.send, _IS_ASYNC, _ASYNC)


def gated(  # noqa: C901 - on the path of every request, where further calls would be measurable
    site: Site, scope: Scope, receive: Receive, send: Send
) -> tuple[Scope, Send]:
    """Return the scope and the ``send`` to call the application with, for one request (ASGI 3)."""
    inner, consent = dict(scope), site.undecided
    for name, value in scope["headers"]:
        if name in INSPECTED_HEADERS and (name != b"accept" or b"text/html" in value):
            request_headers = dict(scope["headers"])
            consent, headers = site.request_filter.filter(scope, request_headers)
            if headers is None or request_headers.get(b"sec-fetch-dest") in INSPECTED_DESTINATIONS:
                exchange = Exchange(site, scope, consent)
                if b"range" in request_headers and exchange.has_variants and exchange.asks_for_part:
                    exchange.ask_for_whole = partial(_ask_for_whole, site, receive)
                return exchange.inner_scope(), Responder(exchange, send).send
            inner["headers"] = site.request_filter.telling(headers, consent)
            break
    else:
        inner["headers"] = scope["headers"] + site.request_filter.undecided_headers
    # Most responses are not pages and concern no gate. One pass over their headers is enough to find out.
    inner["consent"] = app_consent = tracked(consent)
    inner[RENDERER] = site.renderer, scope.get("root_path", "")
    if "extensions" in scope:
        inner["extensions"] = app_extensions(scope)
    request = site, scope, consent, app_consent
    forward: Send | None = None

    def outer(message: Message) -> Awaitable[None]:
        nonlocal forward
        if forward is not None:
            return forward(message)
        forward = send
        if message["type"] == "http.response.start" and len(message) == _PLAIN_START:
            status, is_passive = message["status"], False
            headers = message.get("headers", ())
            if type(headers) is not list:
                message, headers = with_header_list(message)
            for name, value in headers:
                if name == b"content-type":
                    # A second Content-Type may contradict the first.
                    if is_passive or (value not in USUAL_PASSIVE and kind_of(value) != "passive"):
                        break
                    is_passive = status == OK or status not in UNREWRITTEN_STATUSES
                elif name not in PLAIN_HEADERS or (name == b"vary" and HEADER_NAME in value.lower()):
                    break
            else:
                if is_passive and not is_read(app_consent):
                    return send(message)
        forward = Responder(Exchange(*request), send).send
        return forward(message)

    outer.__dict__[_IS_ASYNC] = _ASYNC
    return inner, outer


async def _ask_for_whole(site: Site, receive: Receive, scope: Scope, send: Send) -> None:
    """Repeat a request without ``Range``, from within the application's call of ``send``.

    A part of a page cannot be judged: a tag may have begun before it.
    """
    headers = [header for header in scope["headers"] if header[0] not in RANGE_HEADERS]
    exchange = Exchange(site, {**scope, "headers": headers}, site.request_filter.consent(scope))
    is_body_sent = False

    async def receive_again() -> Message:
        nonlocal is_body_sent
        if is_body_sent:
            return await receive()
        is_body_sent = True
        return {"type": "http.request", "body": b"", "more_body": False}

    await site.app(exchange.inner_scope(), receive_again, Responder(exchange, send).send)
