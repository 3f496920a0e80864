"""Gate a response on its way from the application to the browser."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from cookie_consent.exchange.cache_control import keep_private
from cookie_consent.exchange.content_encoding import CodingError, coding_for, is_plain, is_readable, known_codings
from cookie_consent.exchange.content_type import content_type_of
from cookie_consent.exchange.exclusion import crosses, full_load, vary_by_page
from cookie_consent.exchange.headers import (
    add_consent_cookie,
    add_policy,
    add_policy_to_document,
    complete_not_modified,
    keep_private_if_read,
    page_headers,
    vary_by_script,
    vary_for_clients,
)
from cookie_consent.exchange.kinds import WORKERS, kind_of, may_need_csp
from cookie_consent.exchange.messages import (
    body_of,
    content_encoding_of,
    has_nosniff,
    headers_by_name,
    is_download,
    with_header_list,
    with_own_headers,
)
from cookie_consent.exchange.page import Page
from cookie_consent.exchange.page_cache import RewrittenPage
from cookie_consent.exchange.sniff import SNIFFED, looks_like_html, may_be_html
from cookie_consent.gate import ADDRESS_HEADERS
from cookie_consent.gate.headers import GATED_HEADERS, lead_link_header
from cookie_consent.gate.html.speculation import LARGEST_RULES
from cookie_consent.logs import log_once

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.types import Message, Send

    from cookie_consent.exchange.exchange import Exchange
    from cookie_consent.exchange.page_cache import HeaderChanges

__all__ = ["INSPECTED_DESTINATIONS", "OK", "UNREWRITTEN_STATUSES", "Responder"]

UNREWRITTEN_STATUSES = frozenset({204, 205, 206, 304})
"""Responses without a body, or with a part of one."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""Statuses for which browsers follow ``Location`` (Fetch standard, section 2.2.6)."""
_LONGEST_MARK = 8
"""The number of bytes that contain a coding's magic number."""
_RULES = b"speculationrules"
INSPECTED_DESTINATIONS = WORKERS | {_RULES}
"""Values of ``Sec-Fetch-Dest`` for which a response of any type is inspected."""
OK = 200
_PARTIAL = 206
_NOT_MODIFIED = 304


class Responder:
    """Sends a response that concerns a gate.

    Its state is the method that handles the next message: it waits for the start of the response, sniffs a response
    without a type, rewrites a page, or forwards everything.
    """

    _state: Send | None = None
    """Handles the next message; None until the response starts."""
    _start: Message
    """The start of the response, held until its headers are known."""
    _buffered: list[Message]
    """The messages after it, until it is clear what to do with them."""
    _buffered_size = 0
    _is_coded = False
    _content_type = content_type_of(b"")
    _content_encoding: str | None = None
    _page: Page | None = None

    def __init__(self, exchange: Exchange, send: Send) -> None:
        self._exchange = exchange
        self._forward = send

    def send(self, message: Message) -> Awaitable[None]:
        """Handle one message of the application's response (ASGI 3)."""
        return (self._state or self._on_start)(message)

    def _on_start(self, message: Message) -> Awaitable[None]:
        """Choose the state for this response."""
        if message["type"] != "http.response.start":
            # Early hints and server push would make the browser fetch before the gate has seen an address.
            return _sent()
        exchange = self._exchange
        message, headers = with_header_list(message)
        names = headers_by_name(headers)
        if b"vary" in names and (varied := vary_for_clients(headers)) is not None:
            message = {**message, "headers": varied}
        status = message["status"]
        kind = kind_of(names.get(b"content-type", b""))
        is_inspected = exchange.destination in INSPECTED_DESTINATIONS
        passes = (kind == "passive" and not is_inspected) or (is_download(names) and exchange.destination != _RULES)
        # The application has sent a part of what may be a page.
        if status == _PARTIAL and exchange.ask_for_whole is not None and not passes:
            self._state = self._discard
            return exchange.ask_for_whole(exchange.scope, self._forward)
        # The conditions under which ``_gated`` may change a header, or must make the response private.
        if exchange.refuses_cookies or not GATED_HEADERS.isdisjoint(names) or exchange.is_read:
            message = self._gated(message)
        if message.get("trailers"):
            self._forward = partial(_forward_without_late_cookies, self._forward)
        self._state = self._forward
        exchange.is_redirect = status in _REDIRECTS and bool(names.get(b"location", b"").strip())
        # A 206 that nobody asked for is treated as a whole page.
        if status in UNREWRITTEN_STATUSES and (status != _PARTIAL or exchange.asks_for_part):
            return self._forward(self._not_modified(message) if status == _NOT_MODIFIED else message)
        return self._forward(message) if passes else self._begin_document(message, kind, names)

    def _begin_document(self, message: Message, kind: str, names: dict[bytes, bytes]) -> Awaitable[None]:
        """Choose the state for a response that the browser may show or run."""
        exchange = self._exchange
        if exchange.destination == _RULES:
            self._start, self._buffered, self._state = message, [], self._gate_rules
            return _sent()
        if kind == "page":
            self._begin_page(message)
            return _sent()
        if kind == "unknown" and not has_nosniff(message):
            self._start, self._buffered, self._state = message, [], self._sniff
            self._is_coded = b"content-encoding" in names
            return _sent()
        return self._forward(self._with_policy(message, names.get(b"content-type", b"")))

    def _not_modified(self, message: Message) -> Message:
        """Return the start of a 304 response, with which the browser uses its stored page."""
        message = with_own_headers(message)
        complete_not_modified(MutableHeaders(raw=message["headers"]), self._exchange)
        return message

    def _gated(self, message: Message) -> Message:
        """Return the start with its cookies, addresses and entity tag gated."""
        exchange = self._exchange
        message = with_own_headers(message)
        sets_cookies = any(name == b"set-cookie" for name, _ in message["headers"])
        headers = MutableHeaders(raw=exchange.gate_cookies(message["headers"]))
        if exchange.refuses_cookies or (sets_cookies and not exchange.is_shareable):
            keep_private(headers.raw)  # which cookies are set and deleted depends on this visitor's consent
        keep_private_if_read(headers, exchange)
        self._gate_addresses(headers)
        exchange.report()
        if message["status"] == _NOT_MODIFIED and "etag" in headers:
            headers["etag"] = exchange.validators.not_modified(headers["etag"])
        message["headers"] = headers.raw
        return message

    def _gate_addresses(self, headers: MutableHeaders) -> None:
        """Gate the headers that hold addresses, and note the site's own policies."""
        exchange = self._exchange
        if policies := headers.getlist("content-security-policy"):
            exchange.site_policies.add(policies)
        if "link" in headers and exchange.site.mirror is not None:
            led = [lead_link_header(value, exchange.tags.lead_link) for value in headers.getlist("link")]
            del headers["link"]
            for link in filter(None, led):
                headers.append("link", link)
        for name, gate in ADDRESS_HEADERS.items():
            values = headers.getlist(name)
            if values:
                del headers[name]
                for value in [", ".join(values)] if name == "refresh" else values:
                    # If the gate fails, the header is dropped, but for the site's own policy: it protects visitors.
                    kept = value if name.startswith("content-security-policy") else None
                    tags = exchange.tags
                    tags.findings.header = f"{name} header"
                    try:
                        kept = gate(value, tags.hold_refresh if name == "refresh" else tags.hold_address)
                    except Exception:  # noqa: BLE001 - a header must not fail the page
                        log_once("header", "the header %s could not be judged", name, exc_info=True)
                    if kept is not None:
                        headers.append(name, kept)

    def _with_policy(self, message: Message, content_type: bytes) -> Message:
        """Return the start with the Content-Security-Policy, for a document or worker that is not rewritten."""
        if not self._exchange.has_csp or not may_need_csp(content_type, self._exchange.destination):
            return message
        message = with_own_headers(message)
        add_policy_to_document(MutableHeaders(raw=message["headers"]), self._exchange)
        return message

    def _buffer(self, message: Message, enough: int) -> bytes | None:
        """Buffer a message. Return the body so far once it has ended or has ``enough`` bytes, otherwise None."""
        if message["type"] == "http.response.body":
            message = {**message, "body": body_of(message)}  # a copy, since the application may reuse its buffer
        self._buffered.append(message)
        self._buffered_size += len(message.get("body", b""))
        if message["type"] == "http.response.body" and message.get("more_body", False) and self._buffered_size < enough:
            return None
        return b"".join(part.get("body", b"") for part in self._buffered)

    async def _sniff(self, message: Message) -> None:
        """Hold the response until it is clear what type a browser would sniff."""
        body = message.get("body", b"")
        is_conclusive = bool(body) and not self._buffered and not self._is_coded and not may_be_html(body)
        content = self._buffer(message, 1 if is_conclusive else SNIFFED)
        if content is None:
            return
        headers = MutableHeaders(raw=with_own_headers(self._start)["headers"])
        coding = coding_for(content_encoding_of(headers))
        with suppress(CodingError):
            content = next(iter(coding.decode(content)), b"") if coding is not None else b""
        self._state = self._forward
        buffered = self._buffered  # a page may begin a buffer of its own
        if looks_like_html(content):
            self._begin_page(self._start)
        else:
            kind = headers_by_name(headers.raw).get(b"content-type", b"")
            await self._forward(self._with_policy(self._start, kind))
        for part in buffered:
            await self.send(part)

    async def _gate_rules(self, message: Message) -> None:
        """Send a file of speculation rules once it is complete. One that leads to refused hosts is sent empty."""
        content = self._buffer(message, LARGEST_RULES)
        if content is None:
            return
        start = with_own_headers(self._start)
        headers = MutableHeaders(raw=start["headers"])
        headers.add_vary_header("Cookie")
        if not self._exchange.is_shareable:
            keep_private(headers.raw)
        self._exchange.end_freshness(headers.raw)
        self._state = self._forward
        coding = coding_for(content_encoding_of(headers))
        text = None
        with suppress(CodingError):
            text = b"".join(coding.decode(content)) if coding is not None and len(content) < LARGEST_RULES else None
        if text is not None and not self._exchange.tags.refused_rules(text.decode("utf-8", "replace")):
            await self._forward(start)
            for part in self._buffered:
                await self._forward(part)
            return
        # The rules lead to refused hosts, or cannot be read. These headers would describe them.
        for name in ("content-encoding", "etag", "last-modified"):
            del headers[name]
        headers["content-length"] = "2"
        await self._forward(start)
        await self._forward({"type": "http.response.body", "body": b"{}", "more_body": False})
        self._state = self._discard

    def _begin_page(self, message: Message) -> None:
        """Hold the start until the page's first bytes have arrived."""
        headers = [(name.lower(), value) for name, value in message.get("headers", ())]
        names = headers_by_name(headers)
        if b"content-encoding" in names:
            self._content_encoding = named = content_encoding_of(MutableHeaders(raw=headers))
            if not is_readable(named):
                self._start, self._buffered, self._buffered_size = message, [], 0
                self._state = self._check_coding
                return
        self._content_type = content_type_of(names.get(b"content-type", b""))
        self._exchange.content_language = names.get(b"content-language", b"").decode("latin-1")
        status = 200 if message["status"] == _PARTIAL else message["status"]
        self._start = {**message, "status": status, "headers": page_headers(headers, names, self._exchange)}
        self._state = self._rewrite_first

    async def _check_coding(self, message: Message) -> None:
        """Hold a page in a coding that is not supported until its magic number shows whether it is encoded at all."""
        content = self._buffer(message, _LONGEST_MARK)
        if content is None:
            return
        start = with_own_headers(self._start)
        headers = MutableHeaders(raw=start["headers"])
        named = content_encoding_of(headers)
        if is_plain(named, content):
            self._content_encoding = None
            del headers["content-encoding"]
            self._begin_page(start)
        else:
            log_once(
                "coding",
                "a page came with Content-Encoding %s, which cannot be read here: its tags are not held back; "
                "install cookie-consent[br,zstd], or let the application send gzip or no coding",
                named,
            )
            # Beside unknown names, some browsers would take the page for plain.
            headers["content-encoding"] = known_codings(named)
            self._state = self._forward
            await self._forward(self._with_policy(start, b"text/html"))
        for part in self._buffered:
            await self.send(part)

    async def _rewrite_first(self, message: Message) -> None:
        """Begin to rewrite a streamed page, or send one that came in a single message, from the cache if possible."""
        exchange = self._exchange
        is_body = message["type"] == "http.response.body"
        # A page that is streamed, or that begins with another kind of message, is not cached.
        if self._page is not None or not is_body or message.get("more_body", False) or self._is_head:
            self._page = streamed = self._page or self._make_page()
            self._state = self._rewrite
            out = self._rewrite_message(message)
            if is_body and not streamed.is_decided:
                self._state = self._rewrite_first
                return
            if streamed.is_document and crosses(exchange):
                await self._have_it_loaded()
                return
            self._change_headers(streamed.header_changes)
            await self._send_start(is_document=streamed.is_document)
            if out is not None:
                await self._forward(out)
            return
        body = body_of(message)
        pages = exchange.site.page_cache
        mirror_state = exchange.mirror_state
        key = (
            exchange.variant_key,
            exchange.is_redirect,
            exchange.held,
            exchange.leads,
            exchange.own_marks,
            exchange.content_language,
            mirror_state,
            self._content_type,
            self._content_encoding,
        )
        page = pages.get(key, body) if exchange.xray is None else None
        if page is None:
            self._page = made = self._make_page()
            page = RewrittenPage(
                self._rewritten(body, final=True)[0], made.header_changes, is_document=made.is_document
            )
            is_cacheable = made.is_complete and not exchange.is_amp and exchange.xray is None
            if is_cacheable and exchange.mirror_state == mirror_state:
                pages.put(key, body, page)
        else:
            exchange.report()  # what the page loads is known, and may be due to be named
        if page.is_document and crosses(exchange):
            await self._have_it_loaded()
            return
        self._state = self._forward
        self._change_headers(page.header_changes)
        self._start["headers"].append((b"content-length", b"%d" % len(page.body)))
        await self._send_start(is_document=page.is_document)
        await self._forward({"type": "http.response.body", "body": page.body, "more_body": False})

    async def _have_it_loaded(self) -> None:
        """Send what has the browser load the page in full, in the place of the page."""
        self._state = self._discard
        for message in full_load(self._start, self._exchange):
            await self._forward(message)

    def _change_headers(self, changes: HeaderChanges) -> None:
        """Replace the headers that no longer describe the page."""
        for name, value in changes:
            headers = [header for header in self._start["headers"] if header[0] != name]
            self._start["headers"] = [*headers, (name, value)] if value else headers

    def _make_page(self) -> Page:
        return Page(self._exchange, content_type=self._content_type, content_encoding=self._content_encoding)

    async def _send_start(self, *, is_document: bool) -> None:
        """Send the headers with the policy, now that the beginning of the page is known."""
        if not is_document:
            vary_by_script(self._start["headers"])
        vary_by_page(self._start["headers"], self._exchange)
        if self._exchange.xray is not None:
            keep_private(self._start["headers"], storable=False)
        if self._exchange.has_csp and not self._exchange.is_amp:
            add_policy(self._start["headers"], self._exchange, has_guard=self._exchange.runs_guard)
        exchange = self._exchange
        if exchange.consent.overruled and exchange.is_navigation:
            for cookie in await exchange.gpc_cookies():
                add_consent_cookie(self._start["headers"], cookie)
        await self._forward(self._start)

    async def _rewrite(self, message: Message) -> None:
        out = self._rewrite_message(message)
        if out is not None:
            await self._forward(out)

    def _rewrite_message(self, message: Message) -> Message | None:
        """Return the message to send for a message of a page, or None."""
        if message["type"] != "http.response.body":
            return message
        more = message.get("more_body", False)
        out, ended = self._rewritten(body_of(message), final=not more)
        if ended:
            self._state = self._discard if more else self._forward
        if not out and not ended:
            return None
        return {"type": "http.response.body", "body": b"" if self._is_head else out, "more_body": not ended}

    @property
    def _is_head(self) -> bool:
        return bool(self._exchange.scope["method"] == "HEAD")

    def _rewritten(self, body: bytes, *, final: bool) -> tuple[bytes, bool]:
        """Return the bytes of the page that can be sent, and whether they are the last ones."""
        if self._page is None:
            return b"", True
        try:
            out = self._page.feed(body, final=final)
        except CodingError:
            log_once("broken", "a page was not in the Content-Encoding that it named; the rest of it was dropped")
            final, out = True, self._page.finish()
        self._exchange.site.policies.observe(
            host for host, service in self._exchange.tags.findings.hosts if service is None
        )
        if final:
            self._exchange.report()
        return out, final

    async def _discard(self, message: Message) -> None:
        """Ignore the rest of a response that has been completed."""


async def _sent() -> None:
    """Do nothing: the message is held or dropped."""


async def _forward_without_late_cookies(forward: Send, message: Message) -> None:
    """Remove ``Set-Cookie`` from trailers, where it is not allowed (RFC 9110, section 6.5.1)."""
    if message["type"] == "http.response.trailers":
        kept = [(name, value) for name, value in message.get("headers", ()) if name.lower() != b"set-cookie"]
        message = {**message, "headers": kept}
    await forward(message)
