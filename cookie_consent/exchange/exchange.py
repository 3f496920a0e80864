"""A request and everything derived from it, computed when first needed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cached_property, partial
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cookie_consent.consent import RENDERER, asking, is_read, tracked
from cookie_consent.exchange.entity_tags import Validators
from cookie_consent.exchange.freshness import end_freshness
from cookie_consent.exchange.kinds import DOCUMENTS, WORKERS
from cookie_consent.exchange.purpose import Role, is_prefetch, role_of
from cookie_consent.exchange.request import (
    CONDITIONAL_HEADERS,
    RANGE_HEADERS,
    app_extensions,
    app_headers,
    asks_for_page,
)
from cookie_consent.gate import (
    INLINE,
    CookieGate,
    CookieUrl,
    LibraryLinks,
    OwnElements,
    SitePolicies,
    TagGate,
    gated_cookies,
    guard_tag,
)
from cookie_consent.policy import UNCLASSIFIED, host_of
from cookie_consent.policy.paths import route_path

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Iterable

    from starlette.types import Scope, Send

    from cookie_consent.consent import Consent
    from cookie_consent.exchange.shared import Site
    from cookie_consent.exchange.xray.collect import XRay

__all__ = ["Exchange"]

_DOCUMENTS_AND_WORKERS = DOCUMENTS | WORKERS


class Exchange:
    """A request and its consent. ``app_consent`` is the copy for the application, from ``tracked``."""

    _cookies: CookieGate | None = None
    _tags: TagGate | None = None
    _policies: SitePolicies | None = None
    refuses_cookies = False
    """Whether the request has cookies that are not agreed to. Set by ``inner_scope``."""

    is_redirect = False
    """Whether the browser goes on to another page and ignores the body. Set when the response starts."""
    content_language = ""
    """The language that the response names in ``Content-Language``. Set when the response starts."""
    ask_for_whole: Callable[[Scope, Send], Awaitable[None]] | None = None
    """Repeats the request without ``Range``; None if the application was not asked for a part."""

    def __init__(self, site: Site, scope: Scope, consent: Consent, app_consent: Consent | None = None) -> None:
        self.site = site
        self.scope = scope
        self.consent = consent
        self._app_consent = app_consent if app_consent is not None else tracked(consent)
        if consent.ahead and (self.is_unsure or self.role == "part"):
            # Whoever may have refused, or looks at a frame, which has no banner, is not asked here.
            self.consent = replace(consent, unsure=True)

    @cached_property
    def _request_headers(self) -> dict[bytes, bytes]:
        """The request's headers by name: the last one of each."""
        return dict(self.scope["headers"])

    @property
    def cookies(self) -> CookieGate:
        """The gate for the cookies of request and response."""
        if self._cookies is None:
            self._cookies = CookieGate(self.site.classifier, self.consent, self.site.cookie)
        return self._cookies

    def gate_cookies(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return the response headers with cookies gated, and with deletions for the request's refused cookies."""
        xray = self.xray
        kept = gated_cookies(headers, self.cookies, observe=xray.set_cookie if xray is not None else None)
        is_sure = self.cookies.refused and not self.is_unsure
        deletions = self.cookies.deletions(self._cookie_url) if is_sure else []
        return kept + [(b"set-cookie", value.encode("latin-1")) for value in deletions]

    @cached_property
    def xray(self) -> XRay | None:
        """Collects what is held for the owner of the site; None where nobody who may see it asks for it."""
        door = self.site.xray
        if door is None or not door.admits(self.scope, self._request_headers):
            return None
        from cookie_consent.exchange.xray.collect import XRay

        return XRay(self.site.classifier, self.consent)

    def xray_markup(self) -> bytes:
        """Return the tags that show the x-ray. Call it after all tags of the page have been gated."""
        door = self.site.xray
        if self.xray is None or door is None:
            return b""
        from cookie_consent.exchange.xray.collect import xray_markup

        root_path = self.scope.get("root_path", "")
        markup = xray_markup(
            self.xray_document(self.xray), script=door.script, endpoint=door.endpoint, root_path=root_path
        )
        return self.own_elements.mark(markup).encode("ascii", "xmlcharrefreplace")

    def xray_document(self, xray: XRay) -> dict[str, Any]:
        """Return what ``xray`` has collected on this page, ready for JSON."""
        xray.request_cookies(self.cookies.refused)
        path = None if self.is_payment else route_path(self.scope)
        libraries = self._links.led if self._links is not None else ()
        return xray.document(self.return_to, payment_path=path, libraries=libraries)

    @cached_property
    def held(self) -> tuple[tuple[str, str], ...]:
        """The category and service (``-`` for none) of everything held back in the response headers.

        It is cached, so read it after the headers have been gated and before the page begins.
        """
        cookies = self._cookies.held if self._cookies is not None else set()
        addresses = self._tags.findings.waiting if self._tags is not None else []
        return tuple(sorted({*cookies, *addresses})) if cookies or addresses else ()

    @cached_property
    def leads(self) -> tuple[tuple[str, str], ...]:
        """Where a held ``Refresh`` header would have led: address and host. Cached; read it when ``held`` is."""
        return tuple(self._tags.findings.leads.items()) if self._tags is not None else ()

    def report(self) -> None:
        """Pass on what the gates have observed so far. Never raises."""
        self._meet()
        reports, path = self.site.reports, str(self.scope["path"])
        if self._cookies is not None and self._cookies.events:
            for event in self._cookies.events:
                reports.cookie(event, path)
            self._cookies.events.clear()
        if self._tags is not None and self._tags.findings.hosts:
            for (host, service), element in self._tags.findings.take_hosts().items():
                if host == INLINE:
                    reports.inline(service or "", element, path)
                else:
                    reports.host(host, service, element or "header", path)

    def _meet(self) -> None:
        """Have the site's notices name what this answer loads or sets cookies of."""
        hosts = self._tags.findings.hosts if self._tags is not None else ()
        met = {service for _, service in hosts if service}
        unknown = {host for host, service in hosts if service is None}
        categories: set[str] = set()
        if self._cookies is not None:
            own = [event for event in self._cookies.events if event.set_by_site]
            if any(event.reason == "undeclared" for event in own):
                categories.add(UNCLASSIFIED)
            names = [event.name for event in own]
            verdicts = [self.site.classifier.cookie(name) for name in names]
            met.update(verdict.service for verdict in verdicts if verdict.service)
            known = [verdict for verdict in verdicts if verdict.known]
            categories.update(chain((verdict.category for verdict in known), filter(None, (v.persist for v in known))))
        inventory = self.site.inventory
        if met or unknown or categories or inventory.waiting:  # a page that comes from the cache meets nothing
            inventory.meet(met, categories=categories, hosts=unknown, path=str(self.scope["path"]))

    @property
    def _cookie_url(self) -> CookieUrl:
        secure = self.site.cookie.is_secure(secure=self.scope.get("scheme") in {"https", "wss"})
        return CookieUrl(
            host=self.page_host,
            site=self.site.classifier.replaced_host(self.page_host),
            path=_return_to(self.scope).partition("?")[0],
            secure=secure,
        )

    @property
    def authority(self) -> str:
        """The requested host, with its port if there is one."""
        return self._request_headers.get(b"host", b"").decode("latin-1")

    @property
    def page_host(self) -> str:
        """The requested host without its port, normalised."""
        return host_of(self.authority)

    @property
    def destination(self) -> bytes | None:
        """What the browser wants the response for (Fetch Metadata, section 2.1). None if it does not say."""
        return self._request_headers.get(b"sec-fetch-dest")

    @property
    def role(self) -> Role:
        """Whether the response becomes a page of its own, which gets guard and banner."""
        return role_of(self._request_headers)

    @property
    def is_prefetch(self) -> bool:
        """Whether the browser prefetches, so that nobody looks at the page yet."""
        return is_prefetch(self._request_headers)

    @property
    def is_navigation(self) -> bool:
        """Whether the visitor will see the response as a page of its own."""
        is_seen = self.role == "page" and not self.is_prefetch and not self.is_redirect
        return is_seen and self.scope["method"] == "GET"

    @property
    def is_read(self) -> bool:
        """Whether the application has read the consent so far."""
        return is_read(self._app_consent)

    @property
    def is_shareable(self) -> bool:
        """Whether shared caches may store the page: it is the one for visitors with neither a choice nor GPC.

        Some caches ignore ``Vary``. So that page must be the strictest, which it is not where services load ahead.
        """
        undecided = self.site.undecided
        is_theirs = self.consent is undecided or self.consent.state == undecided.state
        is_strictest = is_theirs and not undecided.ahead
        return is_strictest and not is_read(self._app_consent) and not is_prefetch(self._request_headers)

    def end_freshness(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Let no cache keep a page of this policy until another one is in force. Names must be in lower case."""
        if self.site.time_left is not None:
            end_freshness(headers, self.site.time_left())

    @property
    def tags(self) -> TagGate:
        """The gate for the page's tags."""
        if self._tags is None:
            self._tags = TagGate(
                self.site.classifier,
                self.consent,
                self.authority,
                folder=self.folder,
                placeholder=self._placeholder,
                # Where tags stay as they are, they are judged by where they lead.
                links=self._links if self.site.classifier.policy.gate.html else None,
            )
            if self.xray is not None:
                self._tags.findings.trace = self.xray.trace
        return self._tags

    def _placeholder(self, **held: Any) -> str:
        document = self.site.renderer.placeholder(self.consent, **held, **self._banner_options)
        return self.own_elements.mark(document)

    @property
    def folder(self) -> str:
        """The part of the page's path up to the last slash, or ``/`` if nothing depends on it."""
        has_own_paths = self.site.classifier.has_own_paths(self.page_host)
        return _return_to(self.scope).partition("?")[0].rpartition("/")[0] + "/" if has_own_paths else "/"

    @property
    def is_amp(self) -> bool:
        """Whether the page is known to be an AMP document. False until its first tag has been read."""
        return self._tags is not None and self._tags.is_amp

    @property
    def site_policies(self) -> SitePolicies:
        """The Content-Security-Policies that the site itself sends with the page."""
        if self._policies is None:
            self._policies = SitePolicies(authority=self.authority, scheme=str(self.scope.get("scheme", "http")))
        return self._policies

    @cached_property
    def own_elements(self) -> OwnElements:
        """Adds to our own elements what the site's Content-Security-Policy requires."""
        return OwnElements(policies=self.site_policies, digests=self.site.digests, late=self.site.late_scripts)

    @cached_property
    def _links(self) -> LibraryLinks | None:
        """Leads public libraries to the mirror; None where the policy wants none."""
        site = self.site
        if site.mirror is None:
            return None
        root_path = quote(self.scope.get("root_path", "").rstrip("/"), errors="replace")
        return LibraryLinks(site.mirror, prefix=root_path + site.mirror_path, policies=self.site_policies)

    @property
    def mirror_state(self) -> Hashable:
        """What it depends on for now which libraries are led to the mirror, besides the page itself."""
        return self.site.mirror.state if self.site.mirror is not None else None

    @property
    def has_variants(self) -> bool:
        """Whether the response may depend on the consent, so that a part of it would be useless."""
        return asks_for_page(self._request_headers) or (self.has_csp and self.destination in _DOCUMENTS_AND_WORKERS)

    @cached_property
    def asks_for_part(self) -> bool:
        """Whether ``Range`` is passed on to the application.

        Downloads may be resumed. Pages may not: their bytes depend on the consent, and so do their validators.
        """
        request = self._request_headers
        if b"range" not in request or not self.has_variants:
            return b"range" in request
        has_body = request.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in request
        is_of_page = self.validators.has_mark(request.get(b"if-range", b"").decode("latin-1"))
        return self.scope["method"] == "GET" and not has_body and not is_of_page

    @property
    def own_marks(self) -> object:
        """Everything besides ``variant_key`` that decides what is added to our own elements."""
        return self._policies.key if self._policies else self.scope.get("scheme")

    @property
    def has_csp(self) -> bool:
        """Whether the site has the Content-Security-Policy gate."""
        return self.site.policies.is_on

    @cached_property
    def is_payment(self) -> bool:
        """Whether scripts of the page may frame the visitor's bank."""
        return self.site.payment.match(route_path(self.scope))

    def policy_headers(self, *, has_guard: bool) -> tuple[tuple[bytes, bytes], ...]:
        """Return the headers of the Content-Security-Policy gate. Without the guard, nothing loads before a choice."""
        consent = self.consent
        return self.site.policies.headers(
            consent if has_guard or not consent.ahead else replace(consent, unsure=True),
            host=self.page_host,
            root_path=self.scope.get("root_path", ""),
            secure=self.scope.get("scheme") == "https",
            payment=self.is_payment,
        )

    async def gpc_cookies(self) -> list[str]:
        """Record that GPC overrules the visitor's choice, and return the ``Set-Cookie`` values for that record."""
        user_agent = self._request_headers.get(b"user-agent", b"").decode("latin-1")
        path = _return_to(self.scope).partition("?")[0]
        choice = await self.site.gpc_log.cookie(self.scope, self.consent, path=path, user_agent=user_agent)
        if choice is None:
            return []
        return [choice, self.site.cookie.opt_out_header(secure=self.scope.get("scheme") == "https")]

    def banner(self, *, in_flow: bool = False) -> bytes:
        """Return the banner. Call it after all tags of the page have been gated, unless it is ``in_flow``.

        That one is for a place in the page's flow; it is empty if nothing is asked there.
        """
        if not in_flow:
            self._meet()
        inventory = self.site.inventory
        consent = asking(self.consent, inventory.offered, inventory.categories)
        banner = self.site.renderer.banner(
            consent,
            posted=bool(self.unsafe_method),
            unsure=self.is_unsure,
            in_flow=in_flow,
            **self._banner_options,
        )
        return self.own_elements.mark(banner.decode("ascii")).encode("ascii") if self.site_policies else banner

    def refresh_notice(self) -> bytes:
        """Return what says where a held refresh would have led; empty if none is held.

        Call it after all tags of the page have been gated.
        """
        is_gated = self.site.classifier.policy.gate.html
        leads = tuple(self.tags.findings.leads.items()) if is_gated else self.leads
        if not leads:
            return b""
        language, root_path = (self._banner_options[name] for name in ("language", "root_path"))
        return self.site.renderer.refresh_notice(leads, language=language, root_path=root_path)

    @property
    def unsafe_method(self) -> str:
        """``POST`` if a reload must not repeat the request (RFC 9110, section 9.2.1), otherwise empty."""
        method = str(self.scope.get("method", "GET")).upper()
        return "" if method in {"GET", "HEAD"} else "POST"

    @cached_property
    def is_unsure(self) -> bool:
        """Whether the visitor may have made a choice that did not come with the request.

        Browsers keep cookies that are ``SameSite=Lax`` back, such as the choice, from what another site posts, and may
        send cookies of the site all the same (RFC 6265bis, section 5.8.3). So a buyer comes back from their bank.
        """
        return bool(self.unsafe_method) and self.consent.decided_at is None and self._is_of_another_site

    @property
    def _is_of_another_site(self) -> bool:
        """Whether another site has made the request, as far as the browser says (Fetch Metadata, section 2.3)."""
        site = self._request_headers.get(b"sec-fetch-site")
        if site is not None:
            return site == b"cross-site"
        origin = self._request_headers.get(b"origin")
        return origin is not None and host_of(origin.decode("latin-1").rpartition("/")[2]) != self.page_host

    @cached_property
    def _signals(self) -> str:
        """What this page tells vendors that the policy does not declare; empty if that is nothing."""
        return self.site.signals.of(self.site.inventory.undeclared)

    @property
    def _guard_path(self) -> str:
        """The path of the guard's script for this page; empty if the policy switches it off."""
        return self.site.telling_guard if self._signals else self.site.guard

    @property
    def runs_guard(self) -> bool:
        """Whether the site's own Content-Security-Policy lets the guard run."""
        root_path, path = quote(self.scope.get("root_path", "").rstrip("/"), errors="replace"), self._guard_path
        return bool(path) and self.own_elements.allows_script(root_path + path)

    def guard(self) -> bytes:
        """Return the guard's tag; empty if the policy switches it off, or for an AMP page."""
        path = self._guard_path
        if not path or self.tags.is_amp:
            return b""
        root_path = self.scope.get("root_path", "")
        tag = guard_tag(
            path,
            self.consent,
            domain=self.site.classifier.own_domain(self.page_host),
            root_path=root_path,
            method=self.unsafe_method,
            unsure=self.is_unsure,
            held=self.held,
            payment=self.is_payment,
            mirror=self._links.for_scripts() if self._links is not None else "",
            signals=self._signals,
        )
        return self.own_elements.mark(tag).encode("ascii", "xmlcharrefreplace")

    @cached_property
    def validators(self) -> Validators:
        """The page's entity tags."""
        return Validators(lambda: self.variant)

    @cached_property
    def variant_key(self) -> tuple[object, ...]:
        """Everything in the request that a page depends on, besides the application's own response."""
        return (
            self.consent.state,
            self.authority,
            role_of(self._request_headers),
            is_prefetch(self._request_headers),
            self.destination in DOCUMENTS,
            self.unsafe_method,
            self.is_unsure,
            self.is_payment,
            self.site.inventory.names,
            self.xray is not None,
            self.site.mirror.failing if self.site.mirror is not None else "",
            self._language(),
            self.return_to,
            self.scope.get("root_path", ""),
        )

    @cached_property
    def variant(self) -> str:
        """A digest of ``variant_key`` and the site's ``identity``."""
        text = repr((self.site.identity, self.variant_key))
        return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()

    def _language(self, page: str = "") -> str:
        """Return the language for a page that names the tag ``page``, or none."""
        accepted, cookies = (self._request_headers.get(name, b"") for name in (b"accept-language", b"cookie"))
        return self.site.renderer.language(accepted.decode("latin-1"), page, cookies.decode("latin-1"))

    @property
    def _banner_options(self) -> dict[str, Any]:
        """What our own markup on the page needs. The page's language is known once its first tag has been read."""
        own = (self._tags.language if self._tags is not None else "") or self.content_language
        return {
            "language": self._language(own),
            "return_to": _return_to(self.scope),
            "root_path": self.scope.get("root_path", ""),
        }

    @property
    def return_to(self) -> str:
        """The path and query that were asked for, as the browser has sent them."""
        return _return_to(self.scope)

    def inner_scope(self) -> Scope:
        """Return the application's scope: with the consent, and without the cookies that it does not cover."""
        inner = {**self.scope, "consent": self._app_consent, "headers": self._inner_headers()}
        inner[RENDERER] = self.site.renderer, self.scope.get("root_path", "")
        if "extensions" in inner:
            inner["extensions"] = app_extensions(inner)
        return inner

    def _inner_headers(self) -> list[tuple[bytes, bytes]]:
        has_variants = self.has_variants
        # With an unsafe method, If-None-Match guards against lost updates and has nothing to do with caches.
        is_page = has_variants and not self.unsafe_method
        headers = app_headers(
            self.scope["headers"],
            self._request_headers,
            cookie=self.cookies.request,
            if_none_match=partial(self.validators.request, is_page=is_page),
            dropped=(CONDITIONAL_HEADERS - RANGE_HEADERS if self.asks_for_part else CONDITIONAL_HEADERS)
            if has_variants
            else frozenset(),
        )
        self.refuses_cookies = b"cookie" in self._request_headers and bool(self.cookies.refused)
        return self.site.request_filter.telling(headers, self.consent)


def _return_to(scope: Scope) -> str:
    raw = scope.get("raw_path") or str(scope["path"]).encode("utf-8")
    path = bytes(raw).partition(b"?")[0] + (b"?" + scope["query_string"] if scope.get("query_string") else b"")
    return path.decode("latin-1")
