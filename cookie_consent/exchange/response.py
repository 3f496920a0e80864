"""The states of a response on its way from the application to the browser."""

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
from cookie_consent.gate.headers import GATED_HEADERS
from cookie_consent.gate.html.speculation import LARGEST_RULES
from cookie_consent.logs import log_once

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.types import Message, Send

    from cookie_consent.exchange.exchange import Exchange
    from cookie_consent.exchange.page_cache import HeaderChanges

__all__ = ["BARE", "LOOKED_AT", "OK", "Responder"]

BARE = frozenset({204, 205, 206, 304})
"""Answers without a body, or with a part of one."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""Statuses with which browsers go to ``Location`` (Fetch standard, section 2.2.6)."""
_LONGEST_MARK = 8
"""Bytes that tell whether data is in a coding, where that has a mark."""
_RULES = b"speculationrules"
LOOKED_AT = WORKERS | {_RULES}
"""Values of ``Sec-Fetch-Dest`` for which whatever comes counts as a document."""
OK = 200
_PARTIAL = 206
_NOT_MODIFIED = 304


class Responder:
    """What becomes of an answer that may_need_csp a gate.

    It is in one of four states: waiting for the start of the response, finding out whether an answer without a type
    is a page, rewriting a page, or passing all through. What only some answers need is set where they need it.
    """

    _state: Send | None = None
    """What treats the next message; None until the response starts."""
    _start: Message
    """The start of the response, held back until its headers are known."""
    _waiting: list[Message]
    """What has come after it meanwhile."""
    _gathered_size = 0
    _is_coded = False
    _content_type = content_type_of(b"")
    _content_encoding: str | None = None
    _page: Page | None = None

    def __init__(self, exchange: Exchange, send: Send) -> None:
        self._exchange = exchange
        self._forward = send

    def send(self, message: Message) -> Awaitable[None]:
        """Treat one message of the application's answer (ASGI 3)."""
        return (self._state or self._on_start)(message)

    def _on_start(self, message: Message) -> Awaitable[None]:
        """Decide what becomes of the answer."""
        if message["type"] != "http.response.start":
            # Early hints and server push would make the browser fetch before the gate has seen an address.
            return _sent()
        exchange = self._exchange
        message, headers = with_header_list(message)
        names = headers_by_name(headers)
        status = message["status"]
        kind = kind_of(names.get(b"content-type", b""))
        is_looked_at = exchange.destination in LOOKED_AT
        passes = (kind == "passive" and not is_looked_at) or (is_download(names) and exchange.destination != _RULES)
        if status == _PARTIAL and exchange.ask_for_whole is not None and not passes:
            self._state = self._swallow
            return exchange.ask_for_whole(exchange.scope, self._forward)
        if exchange.refuses_cookies or not GATED_HEADERS.isdisjoint(names) or exchange.is_read:
            message = self._gated(message)
        if message.get("trailers"):
            self._forward = partial(_forward_without_late_cookies, self._forward)
        self._state = self._forward
        exchange.is_redirect = status in _REDIRECTS and bool(names.get(b"location", b"").strip())
        if status in BARE and (status != _PARTIAL or exchange.asks_for_part):
            return self._forward(self._not_modified(message) if status == _NOT_MODIFIED else message)
        return self._forward(message) if passes else self._begin_document(message, kind, names)

    def _begin_document(self, message: Message, kind: str, names: dict[bytes, bytes]) -> Awaitable[None]:
        """Begin what becomes of an answer that the browser may show or run."""
        exchange = self._exchange
        if exchange.destination == _RULES:
            self._start, self._waiting, self._state = message, [], self._take_rules
            return _sent()
        if kind == "page":
            self._begin_page(message)
            return _sent()
        if kind == "unknown" and not has_nosniff(message):
            self._start, self._waiting, self._state = message, [], self._sniff
            self._is_coded = b"content-encoding" in names
            return _sent()
        return self._forward(self._with_policy(message, names.get(b"content-type", b"")))

    def _not_modified(self, message: Message) -> Message:
        """Return the start of an answer that has the browser keep what it has."""
        message = with_own_headers(message)
        complete_not_modified(MutableHeaders(raw=message["headers"]), self._exchange)
        return message

    def _gated(self, message: Message) -> Message:
        """Return the start with its cookies, addresses and entity tag held to the consent."""
        exchange = self._exchange
        message = with_own_headers(message)
        sets_cookies = any(name == b"set-cookie" for name, _ in message["headers"])
        headers = MutableHeaders(raw=exchange.gate_cookies(message["headers"]))
        if exchange.refuses_cookies or (sets_cookies and not exchange.is_for_all):
            keep_private(headers.raw)  # they are this visitor's: what is agreed to, and what is deleted
        keep_private_if_read(headers, exchange)
        for name, gate in ADDRESS_HEADERS.items():
            values = headers.getlist(name)
            if values:
                del headers[name]
                for value in [", ".join(values)] if name == "refresh" else values:
                    # The site's own policy protects its visitors; of all else nothing may load that was not judged.
                    kept = value if name.startswith("content-security-policy") else None
                    try:
                        kept = gate(value, exchange.tags.hold_address)
                    except Exception:  # noqa: BLE001 - whatever it is, no header may fail the page
                        log_once("header", "the header %s could not be judged", name, exc_info=True)
                    if kept is not None:
                        headers.append(name, kept)
        exchange.report()
        if message["status"] == _NOT_MODIFIED and "etag" in headers:
            headers["etag"] = exchange.validators.not_modified(headers["etag"])
        message["headers"] = headers.raw
        return message

    def _with_policy(self, message: Message, content_type: bytes) -> Message:
        """Return the start with the Content-Security-Policy of what becomes a document or worker unrewritten."""
        if not self._exchange.has_csp or not may_need_csp(content_type, self._exchange.destination):
            return message
        message = with_own_headers(message)
        add_policy_to_document(MutableHeaders(raw=message["headers"]), self._exchange)
        return message

    def _gathered(self, message: Message, enough: int) -> bytes | None:
        """Keep a message; return the body so far if it has ended or has as many bytes as are enough, else None."""
        if message["type"] == "http.response.body":
            message = {**message, "body": body_of(message)}  # a buffer may be used again before it is looked at
        self._waiting.append(message)
        self._gathered_size += len(message.get("body", b""))
        if message["type"] == "http.response.body" and message.get("more_body", False) and self._gathered_size < enough:
            return None
        return b"".join(part.get("body", b"") for part in self._waiting)

    async def _sniff(self, message: Message) -> None:
        """Hold the answer until enough of it is there to see what a browser would take it for."""
        body = message.get("body", b"")
        is_told = bool(body) and not self._waiting and not self._is_coded and not may_be_html(body)
        content = self._gathered(message, 1 if is_told else SNIFFED)
        if content is None:
            return
        headers = MutableHeaders(raw=with_own_headers(self._start)["headers"])
        coding = coding_for(content_encoding_of(headers))
        with suppress(CodingError):
            content = next(iter(coding.decode(content)), b"") if coding is not None else b""
        self._state = self._forward
        waiting = self._waiting
        if looks_like_html(content):
            self._begin_page(self._start)
        else:
            kind = headers_by_name(headers.raw).get(b"content-type", b"")
            await self._forward(self._with_policy(self._start, kind))
        for part in waiting:
            await self.send(part)

    async def _take_rules(self, message: Message) -> None:
        """Send a file of speculation rules once it is there; one that leads to refused hosts goes out empty."""
        content = self._gathered(message, LARGEST_RULES)
        if content is None:
            return
        start = with_own_headers(self._start)
        headers = MutableHeaders(raw=start["headers"])
        headers.add_vary_header("Cookie")
        if not self._exchange.is_for_all:
            keep_private(headers.raw)
        self._state = self._forward
        coding = coding_for(content_encoding_of(headers))
        text = None
        with suppress(CodingError):
            text = b"".join(coding.decode(content)) if coding is not None and len(content) < LARGEST_RULES else None
        if text is not None and not self._exchange.tags.refused_rules(text.decode("utf-8", "replace")):
            await self._forward(start)
            for part in self._waiting:
                await self._forward(part)
            return
        for name in ("content-encoding", "etag", "last-modified"):
            del headers[name]
        headers["content-length"] = "2"
        await self._forward(start)
        await self._forward({"type": "http.response.body", "body": b"{}", "more_body": False})
        self._state = self._swallow

    def _begin_page(self, message: Message) -> None:
        """Hold the start back until the page's first bytes have come."""
        headers = [(name.lower(), value) for name, value in message.get("headers", ())]
        names = headers_by_name(headers)
        if b"content-encoding" in names:
            self._content_encoding = named = content_encoding_of(MutableHeaders(raw=headers))
            if not is_readable(named):
                self._start, self._waiting, self._gathered_size = message, [], 0
                self._state = self._look
                return
        self._content_type = content_type_of(names.get(b"content-type", b""))
        status = 200 if message["status"] == _PARTIAL else message["status"]
        self._start = {**message, "status": status, "headers": page_headers(headers, names, self._exchange)}
        self._state = self._rewrite_first

    async def _look(self, message: Message) -> None:
        """Hold a page that cannot be read here until it shows whether it is in the coding that it names."""
        content = self._gathered(message, _LONGEST_MARK)
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
            # Among names that browsers do not know they may take the page for plain.
            headers["content-encoding"] = known_codings(named)
            self._state = self._forward
            await self._forward(self._with_policy(start, b"text/html"))
        for part in self._waiting:
            await self.send(part)

    async def _rewrite_first(self, message: Message) -> None:
        """Send the headers with the page if it has come whole, made anew or from the cache, or begin to rewrite it."""
        exchange = self._exchange
        is_body = message["type"] == "http.response.body"
        if self._page is not None or not is_body or message.get("more_body", False) or self._is_head:
            self._page = begun = self._page or self._make_page()
            self._state = self._rewrite
            answer = self._rewritten_message(message)
            if is_body and not begun.is_decided:
                self._state = self._rewrite_first
                return
            if begun.is_whole and crosses(exchange):
                await self._have_it_loaded()
                return
            self._change_headers(begun.header_changes)
            await self._send_start(is_whole=begun.is_whole)
            if answer is not None:
                await self._forward(answer)
            return
        body = body_of(message)
        pages = exchange.site.page_cache
        key = (
            exchange.made_for,
            exchange.is_redirect,
            exchange.held,
            exchange.own_marks,
            self._content_type,
            self._content_encoding,
        )
        page = pages.get(key, body)
        if page is None:
            self._page = made = self._make_page()
            page = RewrittenPage(self._rewritten(body, final=True)[0], made.header_changes, is_whole=made.is_whole)
            if made.is_complete and not exchange.is_amp:
                pages.put(key, body, page)
        if page.is_whole and crosses(exchange):
            await self._have_it_loaded()
            return
        self._state = self._forward
        self._change_headers(page.header_changes)
        self._start["headers"].append((b"content-length", b"%d" % len(page.body)))
        await self._send_start(is_whole=page.is_whole)
        await self._forward({"type": "http.response.body", "body": page.body, "more_body": False})

    async def _have_it_loaded(self) -> None:
        """Send what has the browser load the page in full, in the place of the page."""
        self._state = self._swallow
        for message in full_load(self._start, self._exchange):
            await self._forward(message)

    def _change_headers(self, changes: HeaderChanges) -> None:
        """Let the headers say what is sent, where that is not what the application said."""
        for name, value in changes:
            headers = [header for header in self._start["headers"] if header[0] != name]
            self._start["headers"] = [*headers, (name, value)] if value else headers

    def _make_page(self) -> Page:
        return Page(self._exchange, content_type=self._content_type, content_encoding=self._content_encoding)

    async def _send_start(self, *, is_whole: bool) -> None:
        """Send the headers, with the policy, now that the page's beginning is known, as far as it has come."""
        if not is_whole:
            vary_by_script(self._start["headers"])
        vary_by_page(self._start["headers"], self._exchange)
        if self._exchange.has_csp and not self._exchange.is_amp:
            add_policy(self._start["headers"], self._exchange)
        exchange = self._exchange
        if exchange.consent.overruled and exchange.is_navigation:
            cookie = await exchange.gpc_cookie()
            if cookie is not None:
                add_consent_cookie(self._start["headers"], cookie)
        await self._forward(self._start)

    async def _rewrite(self, message: Message) -> None:
        answer = self._rewritten_message(message)
        if answer is not None:
            await self._forward(answer)

    def _rewritten_message(self, message: Message) -> Message | None:
        """Return what to send for a message of a page, or None for nothing."""
        if message["type"] != "http.response.body":
            return message
        more = message.get("more_body", False)
        out, ended = self._rewritten(body_of(message), final=not more)
        if ended:
            self._state = self._swallow if more else self._forward
        if not out and not ended:
            return None
        return {"type": "http.response.body", "body": b"" if self._is_head else out, "more_body": not ended}

    @property
    def _is_head(self) -> bool:
        return bool(self._exchange.scope["method"] == "HEAD")

    def _rewritten(self, body: bytes, *, final: bool) -> tuple[bytes, bool]:
        """Return what can be sent of the page, and whether that was the end of it."""
        if self._page is None:
            return b"", True
        try:
            out = self._page.feed(body, final=final)
        except CodingError:
            log_once("broken", "a page was not in the Content-Encoding that it named; the rest of it is left out")
            final, out = True, self._page.finish()
        self._exchange.site.policies.meet(
            host for host, service in self._exchange.tags.findings.hosts if service is None
        )
        if final:
            self._exchange.report()
        return out, final

    async def _swallow(self, message: Message) -> None:
        """Take what still comes of an answer that has been ended."""


async def _sent() -> None:
    """Do nothing: the message is kept back, or goes nowhere."""


async def _forward_without_late_cookies(forward: Send, message: Message) -> None:
    """Take ``Set-Cookie`` out of trailers, where it may not stand (RFC 9110, section 6.5.1)."""
    if message["type"] == "http.response.trailers":
        kept = [(name, value) for name, value in message.get("headers", ()) if name.lower() != b"set-cookie"]
        message = {**message, "headers": kept}
    await forward(message)
