"""The headers of a page, and of other answers that a Content-Security-Policy governs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from cookie_consent.exchange.cache_control import keep_private
from cookie_consent.exchange.content_type import joined
from cookie_consent.exchange.kinds import DOCUMENTS, WORKERS, needs_csp
from cookie_consent.exchange.purpose import PREFETCH_HEADERS, SCRIPT_HEADERS

if TYPE_CHECKING:
    from cookie_consent.exchange.exchange import Exchange

__all__ = [
    "add_consent_cookie",
    "add_policy",
    "add_policy_to_document",
    "complete_not_modified",
    "keep_private_if_read",
    "page_headers",
    "vary_by_script",
]

_RawHeaders = list[tuple[bytes, bytes]]
_POLICY = b"content-security-policy"
_PREFETCH = b"x-dns-prefetch-control"
_PAGE_VARIES = ("Cookie", "Accept-Language", "Sec-GPC", "Sec-Fetch-Dest", *PREFETCH_HEADERS)
_PAGE_VARY = ", ".join(_PAGE_VARIES).encode("ascii")
_FRAGMENT_VARIES = ("Accept", *SCRIPT_HEADERS)
"""What decides, beside the above, whether something that does not begin like a page gets a banner."""
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
    """Return the headers of a page that is rewritten, all but its length and its policy.

    The names are in lower case; ``names`` holds of several headers with one name the last.
    """
    sent = [header for header in headers if header[0] not in _STALE]
    etag = exchange.validators.page(names[b"etag"].decode("latin-1")) if b"etag" in names else ""
    if etag:
        sent.append((b"etag", etag.encode("latin-1")))
    if b"vary" in names:
        _add_vary(MutableHeaders(raw=sent), *_PAGE_VARIES)
    else:
        sent.append((b"vary", _PAGE_VARY))
    if not exchange.is_shareable:
        keep_private(sent)
    if _POLICY in names:
        exchange.own_elements.add(value.decode("latin-1") for name, value in sent if name == _POLICY)
    return sent


def add_policy(headers: _RawHeaders, exchange: Exchange) -> None:
    """Add the policy of what the visitor has agreed to; the site's own policies hold beside it."""
    for header in exchange.policy_headers:
        headers.append(header)
        if header[0] == _POLICY:
            headers[:] = [other for other in headers if other[0] != _PREFETCH]
            headers.append((_PREFETCH, b"off"))


def vary_by_script(headers: _RawHeaders) -> None:
    """Say of an answer that may be a fragment that it depends on what asks for it."""
    _add_vary(MutableHeaders(raw=headers), *_FRAGMENT_VARIES)


def keep_private_if_read(headers: MutableHeaders, exchange: Exchange) -> None:
    """Keep an answer, of whatever type, from other visitors where the application has read the consent."""
    if exchange.is_read:
        _add_vary(headers, "Cookie", "Sec-GPC")
        keep_private(headers.raw)


def add_consent_cookie(headers: _RawHeaders, cookie: str) -> None:
    """Add the consent cookie to a page, which then is stored nowhere, whatever the application says.

    Pages vary with ``Cookie``, but not every cache looks at that, and the cookie names the visitor.
    """
    keep_private(headers, storable=False)
    headers.append((b"set-cookie", cookie.encode("latin-1")))


def add_policy_to_document(headers: MutableHeaders, exchange: Exchange) -> None:
    """Add the policy to an answer that becomes a document or a worker and is not rewritten.

    Such an answer has as many entity tags as there are states of consent, as pages do. Where it is asked for as
    something else, such as a picture or a script of a page, it gets none, and caches keep the two apart.
    """
    content_type = joined([value for name, value in headers.raw if name == b"content-type"] or [b""])
    if needs_csp(content_type, exchange.destination):
        if "etag" in headers:
            headers["etag"] = exchange.validators.page(headers["etag"])
        del headers["last-modified"]
        _add_vary(headers, "Cookie", "Sec-GPC", "Sec-Fetch-Dest")
        if not exchange.is_shareable:
            keep_private(headers.raw)
        add_policy(headers.raw, exchange)
    else:
        _add_vary(headers, "Sec-Fetch-Dest")


def complete_not_modified(headers: MutableHeaders, exchange: Exchange) -> None:
    """Complete the answer 304, whose headers take the place of the stored ones of the same name (RFC 9111, 3.2).

    What is stored has the policy of the same consent, since entity tags of others are not shown to the application.
    So the policy is sent again only where the site's own would take its place, and the site's only by the site.
    """
    is_page = exchange.has_variants or exchange.validators.is_of_page
    may_be_page = exchange.destination is None or exchange.destination in DOCUMENTS or exchange.destination in WORKERS
    if is_page and not exchange.is_shareable:
        keep_private(headers.raw)
    if is_page or (exchange.has_csp and may_be_page):
        _add_vary(headers, *_PAGE_VARIES, *(_FRAGMENT_VARIES if is_page else ()))
        if "content-security-policy" in headers or "content-security-policy-report-only" in headers:
            add_policy(headers.raw, exchange)  # none where the policy file has switched that gate off


def _add_vary(headers: MutableHeaders, *names: str) -> None:
    """Say what the answer depends on beside its address (RFC 9110, section 12.5.5)."""
    given = ", ".join(headers.getlist("vary"))
    known = {name.strip().lower() for name in given.split(",")}
    new = [name for name in names if name.lower() not in known]
    if new and "*" not in known:
        headers["vary"] = ", ".join([given, *new] if given.strip() else new)
