"""One request and what follows from it, each worked out when it is first needed."""

from __future__ import annotations

import hashlib
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from cookie_consent.consent import is_read, unread
from cookie_consent.exchange.entity_tags import Validators
from cookie_consent.exchange.kinds import DOCUMENTS, WORKERS
from cookie_consent.exchange.purpose import Role, is_prefetch, role_of
from cookie_consent.exchange.request import CONDITIONS, PARTS, asks_for_page, shown_extensions, shown_headers
from cookie_consent.gate import CookieGate, OwnElements, Place, TagGate, gated_cookies, guard_tag, host_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from starlette.types import Scope, Send

    from cookie_consent.consent import Consent
    from cookie_consent.exchange.shared import Site

__all__ = ["Exchange"]

_DOCUMENTS_AND_WORKERS = DOCUMENTS | WORKERS


class Exchange:
    """A request, with the consent that holds for it."""

    _cookies: CookieGate | None = None
    _tags: TagGate | None = None
    _own_elements: OwnElements | None = None
    refuses_cookies = False
    """Whether a cookie that came with the request is not agreed to; known when the application has its scope."""

    is_redirect = False
    """Whether the answer leads the browser on, so that nobody sees its body; known when the response starts."""
    ask_for_whole: Callable[[Scope, Send], Awaitable[None]] | None = None
    """Asks the application once more; None where it was not asked for a part."""

    def __init__(self, site: Site, scope: Scope, consent: Consent, shown: Consent | None = None) -> None:
        self.site = site
        self.scope = scope
        self.consent = consent
        self._shown = shown if shown is not None else unread(consent)  # to the application

    @cached_property
    def _request_headers(self) -> dict[bytes, bytes]:
        """The request's headers; of several with one name the last."""
        return dict(self.scope["headers"])

    @property
    def cookies(self) -> CookieGate:
        """The gate of its cookies."""
        if self._cookies is None:
            self._cookies = CookieGate(self.site.classifier, self.consent, self.site.cookie)
        return self._cookies

    def gate_cookies(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return response headers with the cookies gated, and with what deletes those of the request not agreed to."""
        kept = gated_cookies(headers, self.cookies)
        expired = self.cookies.deletions(self._cookie_place) if self.cookies.refused else []
        return kept + [(b"set-cookie", value.encode("latin-1")) for value in expired]

    @cached_property
    def held(self) -> tuple[tuple[str, str], ...]:
        """The category and the service (``-`` for none) of all that was held back in the answer's headers.

        Asked for when they have been gated, before the page begins.
        """
        cookies = self._cookies.waiting if self._cookies is not None else set()
        addresses = self._tags.findings.waiting if self._tags is not None else []
        return tuple(sorted({*cookies, *addresses})) if cookies or addresses else ()

    def report(self) -> None:
        """Hand over what was met so far on the page and in its headers; never fails."""
        reports, path = self.site.reports, str(self.scope["path"])
        if self._cookies is not None and self._cookies.events:
            for event in self._cookies.events:
                reports.cookie(event, path)
            self._cookies.events.clear()
        if self._tags is not None and self._tags.findings.hosts:
            for (host, service), element in self._tags.findings.take_hosts().items():
                reports.host(host, service, element or "header", path)

    @property
    def _cookie_place(self) -> Place:
        secure = self.site.cookie.is_secure(secure=self.scope.get("scheme") in {"https", "wss"})
        return Place(host=self.page_host, path=_return_to(self.scope).partition("?")[0], secure=secure)

    @property
    def authority(self) -> str:
        """The host that was asked, with its port if it has one."""
        return self._request_headers.get(b"host", b"").decode("latin-1")

    @property
    def page_host(self) -> str:
        """The host without its port, as hosts are compared."""
        return host_of(self.authority)

    @property
    def destination(self) -> bytes | None:
        """What the answer is asked for (Fetch Metadata, section 2.1); None where the browser does not say."""
        return self._request_headers.get(b"sec-fetch-dest")

    @property
    def role(self) -> Role:
        """Whether the answer becomes a page of its own, where guard and banner belong."""
        return role_of(self._request_headers)

    @property
    def is_prefetch(self) -> bool:
        """Whether the browser asks in advance, so that nobody looks at the page yet."""
        return is_prefetch(self._request_headers)

    @property
    def is_navigation(self) -> bool:
        """Whether the visitor is about to see the answer as a page of its own."""
        is_seen = self.role == "page" and not self.is_prefetch and not self.is_redirect
        return is_seen and self.scope["method"] == "GET"

    @property
    def is_read(self) -> bool:
        """Whether the application has looked at the consent by now."""
        return is_read(self._shown)

    @property
    def is_for_all(self) -> bool:
        """Whether the page is that of visitors without a choice or a signal, which shared caches may keep."""
        strictest = self.site.undecided
        is_strictest = self.consent is strictest or self.consent.state == strictest.state
        return is_strictest and not is_read(self._shown) and not is_prefetch(self._request_headers)

    @property
    def tags(self) -> TagGate:
        """The gate of the page's tags."""
        if self._tags is None:
            placeholder = partial(self.site.renderer.placeholder, self.consent, **self._place)
            self._tags = TagGate(
                self.site.classifier,
                self.consent,
                self.authority,
                placeholder=lambda **held: self.own_elements.mark(placeholder(**held)),
            )
        return self._tags

    @property
    def is_amp(self) -> bool:
        """Whether the page has turned out to be an AMP document; False as long as nobody has looked at its tags."""
        return self._tags is not None and self._tags.is_amp

    @property
    def own_elements(self) -> OwnElements:
        """What marks our own elements for the policies that the page brings along."""
        if self._own_elements is None:
            scheme = str(self.scope.get("scheme", "http"))
            self._own_elements = OwnElements(authority=self.authority, scheme=scheme, digests=self.site.digests)
        return self._own_elements

    @property
    def has_variants(self) -> bool:
        """Whether the answer may depend on the consent, so that the application is asked for no part of it."""
        return asks_for_page(self._request_headers) or (self.has_csp and self.destination in _DOCUMENTS_AND_WORKERS)

    @cached_property
    def asks_for_part(self) -> bool:
        """Whether the application is asked for a part: always by programs, and by browsers that continue a download.

        What is not a page may be continued. A page may not: its bytes depend on the consent, and so do its validators.
        """
        request = self._request_headers
        if b"range" not in request or not self.has_variants:
            return b"range" in request
        has_body = request.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in request
        is_of_page = self.validators.has_mark(request.get(b"if-range", b"").decode("latin-1"))
        return self.scope["method"] == "GET" and not has_body and not is_of_page

    @property
    def own_marks(self) -> object:
        """All that the marks of our own elements depend on so far, beside ``made_for``."""
        return self._own_elements.marks if self._own_elements is not None else self.scope.get("scheme")

    @property
    def has_csp(self) -> bool:
        """Whether the site has the Content-Security-Policy gate."""
        return self.site.policies.is_on

    @property
    def policy_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The headers of the Content-Security-Policy gate."""
        return self.site.policies.headers(
            self.consent,
            host=self.page_host,
            root_path=self.scope.get("root_path", ""),
            secure=self.scope.get("scheme") == "https",
        )

    async def gpc_cookie(self) -> str | None:
        """Put it on record that the browser's signal overrules the visitor's choice; return ``Set-Cookie`` for it."""
        user_agent = self._request_headers.get(b"user-agent", b"").decode("latin-1")
        path = _return_to(self.scope).partition("?")[0]
        return await self.site.gpc_log.cookie(self.scope, self.consent, path=path, user_agent=user_agent)

    def banner(self) -> bytes:
        """Return the banner for the page, after all of its tags have passed the gate."""
        unclassified = self.tags.findings.asks_for_unknown or self.site.policies.asks_for_unknown_hosts
        banner = self.site.renderer.banner(
            self.consent, unclassified=unclassified, posted=bool(self.unsafe_method), **self._place
        )
        own = self.own_elements
        return own.mark(banner.decode("ascii")).encode("ascii") if own.is_needed else banner

    @property
    def unsafe_method(self) -> str:
        """The method that asked, if it must not be repeated by a reload (RFC 9110, section 9.2.1); else empty."""
        method = str(self.scope.get("method", "GET")).upper()
        return "" if method in {"GET", "HEAD"} else "POST"

    def guard(self) -> bytes:
        """Return the tag of the guard; empty where the policy or the page does without it."""
        path = self.site.guard
        if not path or self.tags.is_amp:
            return b""
        root_path = self.scope.get("root_path", "")
        tag = guard_tag(path, self.consent, root_path=root_path, method=self.unsafe_method, held=self.held)
        return self.own_elements.mark(tag).encode("ascii", "xmlcharrefreplace")

    @cached_property
    def validators(self) -> Validators:
        """What marks the page's entity tags."""
        return Validators(lambda: self.variant)

    @cached_property
    def made_for(self) -> tuple[object, ...]:
        """All that a page depends on beside what the application made and what the site's exchanges share."""
        return (
            self.consent.state,
            self.authority,
            role_of(self._request_headers),
            is_prefetch(self._request_headers),
            self.destination in DOCUMENTS,
            self.unsafe_method,
            *self._place.values(),
        )

    @cached_property
    def variant(self) -> str:
        """A digest of ``made_for`` and of what the site's exchanges share."""
        text = repr((self.site.identity, self.made_for))
        return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()

    @property
    def _place(self) -> dict[str, Any]:
        language = self.site.renderer.language(self._request_headers.get(b"accept-language", b"").decode("latin-1"))
        return {
            "language": language,
            "return_to": _return_to(self.scope),
            "root_path": self.scope.get("root_path", ""),
        }

    @property
    def return_to(self) -> str:
        """The path and query that were asked for, as the browser has sent them."""
        return _return_to(self.scope)

    def inner_scope(self) -> Scope:
        """Return the scope that the application sees: with the consent, without the cookies that it does not cover."""
        inner = {**self.scope, "consent": self._shown, "headers": self._inner_headers()}
        if "extensions" in inner:
            inner["extensions"] = shown_extensions(inner)
        return inner

    def _inner_headers(self) -> list[tuple[bytes, bytes]]:
        has_variants = self.has_variants
        is_page = has_variants and not self.unsafe_method  # else the condition is that of a change, not of a cache
        headers = shown_headers(
            self.scope["headers"],
            self._request_headers,
            cookie=self.cookies.request,
            if_none_match=partial(self.validators.request, is_page=is_page),
            dropped=(CONDITIONS - PARTS if self.asks_for_part else CONDITIONS) if has_variants else frozenset(),
        )
        self.refuses_cookies = b"cookie" in self._request_headers and bool(self.cookies.refused)
        return headers


def _return_to(scope: Scope) -> str:
    raw = scope.get("raw_path") or str(scope["path"]).encode("utf-8")
    path = bytes(raw).partition(b"?")[0] + (b"?" + scope["query_string"] if scope.get("query_string") else b"")
    return path.decode("latin-1")
