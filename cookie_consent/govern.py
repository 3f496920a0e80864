"""The headers of an answer that a Content-Security-Policy governs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.gate.documents import DOCUMENTS, WORKERS, is_governed

if TYPE_CHECKING:
    from starlette.datastructures import MutableHeaders

    from cookie_consent.exchange import Exchange

__all__ = ["add_policy", "add_vary", "govern", "govern_not_modified"]

_POLICY = "content-security-policy"


def add_vary(headers: MutableHeaders, *names: str) -> None:
    """Say what the answer depends on beside its address."""
    for name in names:
        headers.add_vary_header(name)


def add_policy(headers: MutableHeaders, exchange: Exchange) -> None:
    """Add the policy of what the visitor has agreed to; the site's own policies hold beside it."""
    for name, value in exchange.policy_headers:
        headers.append(name, value)
        if name == _POLICY:
            headers["x-dns-prefetch-control"] = "off"


def govern(headers: MutableHeaders, exchange: Exchange) -> None:
    """Add the policy to an answer that becomes a document or a worker and is not rewritten.

    Such an answer has as many entity tags as there are states of consent, as pages do. Where it is asked for as
    something else, such as a picture or a script of a page, it gets none, and caches keep the two apart.
    """
    content_type = headers.get("content-type", "").encode("latin-1")
    if is_governed(content_type, exchange.destination):
        if "etag" in headers:
            headers["etag"] = exchange.validators.page(headers["etag"])
        del headers["last-modified"]
        add_vary(headers, "Cookie", "Sec-GPC", "Sec-Fetch-Dest")
        add_policy(headers, exchange)
    else:
        add_vary(headers, "Sec-Fetch-Dest")


def govern_not_modified(headers: MutableHeaders, exchange: Exchange) -> None:
    """Complete the answer 304, whose headers take the place of the stored ones of the same name (RFC 9111, 3.2).

    What is stored has the policy of the same consent, since entity tags of others are not shown to the application.
    So the policy is sent again only where the site's own would take its place, and the site's only by the site.
    """
    may_be_page = exchange.destination is None or exchange.destination in DOCUMENTS or exchange.destination in WORKERS
    if may_be_page:
        add_vary(headers, "Cookie", "Accept-Language", "Sec-GPC", "Sec-Fetch-Dest")
        if _POLICY in headers or _POLICY + "-report-only" in headers:
            add_policy(headers, exchange)
