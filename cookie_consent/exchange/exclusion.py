"""The paths that a policy treats differently, and what a script brings from one side to the other.

Where a script puts an answer into the page that it runs in, that page decides. A page that was left out has no
Content-Security-Policy and no guard of ours, so that what comes from a gated path would be held by one layer alone; in
a gated page, what comes from a path that was left out would be held by no HTML gate. Likewise the policy of a page on
which visitors pay would go on elsewhere. So the browser is made to load such a page in full.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from starlette.datastructures import MutableHeaders

from cookie_consent.consent import RENDERER, is_read, tracked
from cookie_consent.exchange.exchange import Exchange
from cookie_consent.exchange.headers import FRAGMENT_VARIES, add_vary, keep_private_if_read, vary_for_clients
from cookie_consent.exchange.kinds import WORKERS, may_need_csp
from cookie_consent.exchange.messages import headers_by_name, with_own_headers
from cookie_consent.exchange.purpose import is_soft_navigation, role_of
from cookie_consent.policy import host_of
from cookie_consent.policy.paths import below_root, route_path

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from cookie_consent.exchange.shared import Site

__all__ = ["crosses", "full_load", "has_banner", "is_left_out", "ungated", "vary_by_page"]

_STUB = (
    '<!doctype html><html><head><meta charset="utf-8"><meta name="turbo-visit-control" content="reload">'
    "<title>{text}</title></head>"
    '<body><a href="{path}" data-turbo="false" hx-boost="false" up-follow="false">{text}</a></body></html>'
)
"""Turbo loads in full what says so. swup, Barba, pjax and Alpine AJAX do where their containers are missing."""


def is_left_out(site: Site, scope: Scope) -> bool:
    """Say whether a request has nothing to do with this package.

    What a script of a gated page asks for is gated, whatever its path, as it may be put into that page.
    """
    if not site.excluded.match(route_path(scope)):
        return False
    if scope["type"] == "websocket":
        return True
    asked = dict(scope["headers"])
    # A worker runs for the page that starts it, so that the page's policy has to hold for what it loads.
    is_for_page = role_of(asked) == "either" or asked.get(b"sec-fetch-dest") in WORKERS
    page = _asked_from(site, scope, asked) if is_for_page else None
    return page is None or site.excluded.match(page)


def has_banner(site: Site, scope: Scope) -> bool:
    """Say whether a page at this path has the banner."""
    return not (site.without_banner and site.without_banner.match(route_path(scope)))


def crosses(exchange: Exchange) -> bool:
    """Say whether a library asks for a page in order to put it into one that is on the other side."""
    site, scope = exchange.site, exchange.scope
    if not (site.excluded or site.payment) or scope["method"] != "GET":
        return False
    asked = dict(scope["headers"])
    if not is_soft_navigation(asked):
        return False
    page, path = _asked_from(site, scope, asked), route_path(scope)
    sides = (site.excluded, site.payment)
    return page is not None and any(patterns.match(page) is not patterns.match(path) for patterns in sides)


def full_load(start: Message, exchange: Exchange) -> tuple[Message, Message]:
    """Return what stands in for a page, so that the library has the browser load it in full.

    htmx obeys ``HX-Redirect``, and Inertia the status 409 with ``X-Inertia-Location``. The cookies are those of the
    page, since the application has done its work.
    """
    path = exchange.return_to
    if path.startswith(("//", "/\\")):  # which would be another host
        path = f"/.{path}"
    body = _STUB.format(path=escape(path), text=escape(path)).encode("utf-8")
    headers = [(name, value) for name, value in start["headers"] if name == b"set-cookie"]
    address = path.encode("latin-1", "replace")
    headers += [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"hx-redirect", address),
    ]
    status = 200
    if b"x-inertia" in dict(exchange.scope["headers"]):
        status = 409
        headers.append((b"x-inertia-location", address))
    return (
        {"type": "http.response.start", "status": status, "headers": headers},
        {"type": "http.response.body", "body": body},
    )


def vary_by_page(headers: list[tuple[bytes, bytes]], exchange: Exchange) -> None:
    """Tell caches that a page depends on where a script asks for it, so that none brings it to the other side."""
    if exchange.site.excluded or exchange.site.payment:
        names = ("Referer", "HX-Current-URL", "Sec-Fetch-Dest", *FRAGMENT_VARIES)
        add_vary(MutableHeaders(raw=headers), *names)


def ungated(site: Site, scope: Scope, receive: Receive, send: Send) -> tuple[Scope, Send]:  # noqa: ARG001 - as ``gated``
    """Return the scope that the application sees, with the consent, and the ``send`` to give it, as ``gated`` does.

    Nothing is changed in the answer, but that one that depends on the consent is kept from shared caches, and one that
    depends on where a script asks from says so.
    """
    consent = site.request_filter.consent(scope)
    shown = tracked(consent)
    headers = site.request_filter.telling(scope["headers"], consent)
    inner = {**scope, "headers": headers, "consent": shown, RENDERER: (site.renderer, scope.get("root_path", ""))}
    if scope["type"] == "websocket":
        return inner, send
    exchange = Exchange(site, scope, consent, shown)

    async def outer(message: Message) -> None:
        if message["type"] == "http.response.start":
            varied = vary_for_clients(message.get("headers", ()))
            if varied is not None:
                message = {**message, "headers": varied}
            changed = with_own_headers(message)
            content_type = headers_by_name(changed["headers"]).get(b"content-type", b"")
            is_document = may_need_csp(content_type, exchange.destination)
            if is_read(shown) or is_document:
                message = changed
                keep_private_if_read(MutableHeaders(raw=message["headers"]), exchange)
                if is_document:
                    vary_by_page(message["headers"], exchange)
        await send(message)

    return inner, outer


def _asked_from(site: Site, scope: Scope, asked: dict[bytes, bytes]) -> str | None:
    """Return the path of the site's page that a request comes from; None where nothing tells, or another site's."""
    # htmx names the page itself, whatever the page's Referrer-Policy withholds.
    address = asked.get(b"hx-current-url") or asked.get(b"referer") or b""
    try:
        parts = urlsplit(address.decode("latin-1"))
        host = host_of(parts.netloc.rpartition("@")[2])
    except ValueError:
        return None
    own = {host_of(asked.get(b"host", b"").decode("latin-1")), site.classifier.policy.site}
    return below_root(unquote(parts.path) or "/", scope) if host and host in own else None
