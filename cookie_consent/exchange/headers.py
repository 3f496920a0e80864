"""The response headers of pages, and of other responses that need a Content-Security-Policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from cookie_consent.consent import HEADER_NAME
from cookie_consent.exchange.cache_control import keep_private
from cookie_consent.exchange.content_type import joined
from cookie_consent.exchange.kinds import DOCUMENTS, WORKERS, kind_of, needs_csp
from cookie_consent.exchange.purpose import PREFETCH_HEADERS, SCRIPT_HEADERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.exchange.exchange import Exchange

__all__ = [
    "FRAGMENT_VARIES",
    "add_consent_cookie",
    "add_policy",
    "add_policy_to_document",
    "add_vary",
    "complete_not_modified",
    "keep_private_if_read",
    "page_headers",
    "vary_by_script",
    "vary_for_clients",
]

_RawHeaders = list[tuple[bytes, bytes]]
_POLICY = b"content-security-policy"
_PREFETCH = b"x-dns-prefetch-control"
_PAGE_VARIES = ("Cookie", "Accept-Language", "Sec-GPC", "Sec-Fetch-Dest", *PREFETCH_HEADERS)
_PAGE_VARY = ", ".join(_PAGE_VARIES).encode("ascii")
FRAGMENT_VARIES = ("Accept", *SCRIPT_HEADERS)
"""The additional request headers that decide whether a fragment gets a banner."""
_STALE = frozenset(
    {
        b"content-length",
        b"content-range",
        b"last-modified",
        b"accept-ranges",
        b"content-md5",
        b"digest",
        b"repr-digest",
        b"content-digest",
        b"etag",
    }
)
"""Headers that describe the body as it was before it was rewritten."""


def page_headers(headers: _RawHeaders, names: dict[bytes, bytes], exchange: Exchange) -> _RawHeaders:
    """Return the headers of a rewritten page, without its length and its policy.

    Names are in lower case. ``names`` holds the last header of each name.
    """
    sent = [header for header in headers if header[0] not in _STALE]
    etag = exchange.validators.page(names[b"etag"].decode("latin-1")) if b"etag" in names else ""
    if etag:
        sent.append((b"etag", etag.encode("latin-1")))
    if b"vary" in names:
        add_vary(MutableHeaders(raw=sent), *_PAGE_VARIES)
    else:
        sent.append((b"vary", _PAGE_VARY))
    if not exchange.is_shareable:
        keep_private(sent)
    exchange.end_freshness(sent)
    return sent


def add_policy(headers: _RawHeaders, exchange: Exchange, *, has_guard: bool) -> None:
    """Add the policy that allows what the visitor has agreed to. The site's own policies still apply."""
    for header in exchange.policy_headers(has_guard=has_guard):
        headers.append(header)
        if header[0] == _POLICY:
            # No policy governs DNS prefetching, so it is switched off.
            headers[:] = [other for other in headers if other[0] != _PREFETCH]
            headers.append((_PREFETCH, b"off"))


def vary_by_script(headers: _RawHeaders) -> None:
    """Add to ``Vary`` what decides whether a response is treated as a fragment."""
    add_vary(MutableHeaders(raw=headers), *FRAGMENT_VARIES)


def keep_private_if_read(headers: MutableHeaders, exchange: Exchange) -> None:
    """Keep a response of any type out of shared caches if the application has read the consent."""
    if exchange.is_read:
        add_vary(headers, "Cookie", "Sec-GPC")
        keep_private(headers.raw)


def vary_for_clients(headers: Iterable[tuple[bytes, bytes]]) -> _RawHeaders | None:
    """Return the headers with what clients send instead of ``X-Consent`` in ``Vary``; None if it is not there.

    No client sends that header, so a cache would take all of them for one.
    """
    raw = list(headers)
    lines = [value for name, value in raw if name.lower() == b"vary"]
    if not any(HEADER_NAME in value.lower() for value in lines):
        return None
    named = [name.strip() for name in b", ".join(lines).decode("latin-1").split(",")]
    others = [name for name in named if name and name.lower() != HEADER_NAME.decode()]
    if len(others) == len(named):
        return None
    changed = MutableHeaders(raw=[header for header in raw if header[0].lower() != b"vary"])
    if others:
        changed["vary"] = ", ".join(others)
    add_vary(changed, "Cookie", "Sec-GPC")
    return changed.raw


def add_consent_cookie(headers: _RawHeaders, cookie: str) -> None:
    """Add the consent cookie to a page, and forbid all caches to store it.

    Pages vary with ``Cookie``, but some caches ignore ``Vary``, and this cookie identifies the visitor.
    """
    keep_private(headers, storable=False)
    headers.append((b"set-cookie", cookie.encode("latin-1")))


def add_policy_to_document(headers: MutableHeaders, exchange: Exchange) -> None:
    """Add the policy to a response that becomes a document or a worker and is not rewritten.

    Like pages, it has an entity tag for each state of consent. If it is requested as something else, such as a page's
    image or script, it gets no policy, and ``Vary`` makes caches keep the two apart.
    """
    content_type = joined([value for name, value in headers.raw if name == b"content-type"] or [b""])
    if needs_csp(content_type, exchange.destination):
        if "etag" in headers:
            headers["etag"] = exchange.validators.page(headers["etag"])
        del headers["last-modified"]
        add_vary(headers, "Cookie", "Sec-GPC", "Sec-Fetch-Dest")
        if not exchange.is_shareable:
            keep_private(headers.raw)
        exchange.end_freshness(headers.raw)
        add_policy(headers.raw, exchange, has_guard=False)
    else:
        add_vary(headers, "Sec-Fetch-Dest")


def complete_not_modified(headers: MutableHeaders, exchange: Exchange) -> None:
    """Complete a 304 response, whose headers replace the stored ones of the same name (RFC 9111, section 3.2).

    The stored page has the right policy: the application never sees entity tags of another consent. So the policy is
    sent again only if the site sends its own, which would replace it.
    """
    is_page = exchange.has_variants or exchange.validators.is_of_page
    may_be_page = exchange.destination is None or exchange.destination in DOCUMENTS or exchange.destination in WORKERS
    if is_page and not exchange.is_shareable:
        keep_private(headers.raw)
    if is_page or (exchange.has_csp and may_be_page):
        exchange.end_freshness(headers.raw)
        add_vary(headers, *_PAGE_VARIES, *(FRAGMENT_VARIES if is_page else ()))
        if "content-security-policy" in headers or "content-security-policy-report-only" in headers:
            # It adds nothing if this gate is switched off. What is not known to be a page may have no guard.
            content_type = headers.get("content-type", "").encode("latin-1")
            has_guard = kind_of(content_type) == "page" and exchange.runs_guard
            add_policy(headers.raw, exchange, has_guard=has_guard)


def add_vary(headers: MutableHeaders, *names: str) -> None:
    """Add names to ``Vary`` (RFC 9110, section 12.5.5)."""
    given = ", ".join(headers.getlist("vary"))
    known = {name.strip().lower() for name in given.split(",")}
    new = [name for name in names if name.lower() not in known]
    if new and "*" not in known:
        headers["vary"] = ", ".join([given, *new] if given.strip() else new)
