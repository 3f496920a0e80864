"""What happens to one answer of the application on its way to the browser."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from cookie_consent.admission import LOOKED_INTO, shown_extensions
from cookie_consent.exchange import Exchange
from cookie_consent.gate import ADDRESS_HEADERS
from cookie_consent.gate.coding import CodingError, coding_for, is_readable
from cookie_consent.gate.documents import USUAL_PASSIVE, WORKERS, concerns, kind_of
from cookie_consent.gate.sniff import SNIFFED, looks_like_html
from cookie_consent.gate.speculation import LARGEST_RULES
from cookie_consent.govern import add_policy, add_visitors_cookie, govern, govern_not_modified, page_headers
from cookie_consent.once import log_once
from cookie_consent.page import Page

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.types import Message, Scope, Send

    from cookie_consent.exchange import Site

__all__ = ["gated"]

_BARE = frozenset({204, 205, 206, 304})
"""Answers without a body, or with a part of one that only a script can have asked for."""
_PLAIN = frozenset(
    b"access-control-allow-origin age alt-svc cache-control connection content-language content-length "
    b"cross-origin-opener-policy cross-origin-resource-policy date expires keep-alive last-modified server "
    b"strict-transport-security transfer-encoding vary x-content-type-options x-frame-options x-powered-by "
    b"x-process-time x-request-id".split()
)
"""Headers that no gate looks at where the answer passes."""
_PARTS = 3
"""What the start of an answer has: its type, status and headers. More are extensions, such as trailers."""
_RULES = b"speculationrules"
_LOOKED_AT = WORKERS | {_RULES}
"""Values of ``Sec-Fetch-Dest`` for which whatever comes counts as a document."""
_OK = 200
_PARTIAL = 206
_NOT_MODIFIED = 304
_GATED = frozenset({b"set-cookie", b"etag", *(name.encode() for name in ADDRESS_HEADERS)})


def gated(site: Site, scope: Scope, send: Send) -> tuple[Scope, Send]:  # noqa: C901 - each call would be felt
    """Return the scope that the application sees and what stands in for ``send``, for one request (ASGI 3).

    Most answers that are no pages concern no gate, nor do their requests: these notice as little as can be.
    """
    inner, consent = dict(scope), site.undecided
    for name, value in scope["headers"]:
        if name in LOOKED_INTO and (name != b"accept" or b"text/html" in value):
            asked = dict(scope["headers"])
            consent, headers = site.admission.admit(scope, asked)
            if headers is None or asked.get(b"sec-fetch-dest") in _LOOKED_AT:
                exchange = Exchange(site, scope, consent)
                return exchange.inner_scope(), Responder(exchange, send).send
            inner["headers"] = headers
            break
    inner["consent"] = consent
    if "extensions" in scope:
        inner["extensions"] = shown_extensions(scope)
    request = site, scope, consent
    forward: Send | None = None

    def outer(message: Message) -> Awaitable[None]:
        nonlocal forward
        if forward is not None:
            return forward(message)
        forward = send
        if message["type"] == "http.response.start" and len(message) == _PARTS:
            status, is_passive = message["status"], False
            for name, value in message.get("headers", ()):
                if name == b"content-type":
                    if value not in USUAL_PASSIVE and kind_of(value) != "passive":
                        break
                    is_passive = status == _OK or status not in _BARE
                elif name not in _PLAIN:
                    break
            else:
                if is_passive:
                    return send(message)
        forward = Responder(Exchange(*request), send).send
        return forward(message)

    return inner, outer


class Responder:
    """What becomes of an answer that concerns a gate.

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
    _content_type = ""
    _content_encoding = ""
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
        names = {name.lower(): value for name, value in message.get("headers", ())}
        if exchange.refuses_cookies or not _GATED.isdisjoint(names):
            message = self._gated(message)
        if message.get("trailers"):
            self._forward = partial(_forward_without_late_cookies, self._forward)
        self._state = forward = self._forward
        status = message["status"]
        content_type = names.get(b"content-type", b"")
        kind = kind_of(content_type)
        if status in _BARE and self._is_bare(status):
            message = self._not_modified(message) if status == _NOT_MODIFIED else message
        elif exchange.destination == _RULES:
            self._start, self._waiting, self._state = message, [], self._take_rules
            return _sent()
        elif (kind == "passive" and exchange.destination not in WORKERS) or _is_download(names):
            pass
        elif kind == "page":
            if self._begin_page(message):
                return _sent()
            message = self._governed(message, b"text/html")
        elif kind == "unknown" and names.get(b"x-content-type-options", b"").strip().lower() != b"nosniff":
            self._start, self._waiting, self._state = message, [], self._sniff
            return _sent()
        else:
            message = self._governed(message, content_type)
        return forward(message)

    def _is_bare(self, status: int) -> bool:
        """Say whether there is nothing to rewrite; a part that nobody has asked for is a whole page to a browser."""
        return status != _PARTIAL or not self._exchange.has_variants

    def _not_modified(self, message: Message) -> Message:
        """Return the start of an answer that has the browser keep what it has."""
        if self._exchange.is_governing:
            message = _with_own_headers(message)
            govern_not_modified(MutableHeaders(raw=message["headers"]), self._exchange)
        return message

    def _gated(self, message: Message) -> Message:
        """Return the start with its cookies, addresses and entity tag held to the consent."""
        exchange = self._exchange
        message = _with_own_headers(message)
        headers = MutableHeaders(raw=exchange.gate_cookies(message["headers"]))
        for name, gate in ADDRESS_HEADERS.items():
            values = headers.getlist(name)
            if values:
                del headers[name]
                for value in [", ".join(values)] if name == "refresh" else values:
                    kept = gate(value, exchange.tags.hold_address)
                    if kept is not None:
                        headers.append(name, kept)
        exchange.report()
        if message["status"] == _NOT_MODIFIED and "etag" in headers:
            headers["etag"] = exchange.validators.not_modified(headers["etag"])
        message["headers"] = headers.raw
        return message

    def _governed(self, message: Message, content_type: bytes) -> Message:
        """Return the start with the Content-Security-Policy of what becomes a document or worker unrewritten."""
        if not self._exchange.is_governing or not concerns(content_type, self._exchange.destination):
            return message
        message = _with_own_headers(message)
        govern(MutableHeaders(raw=message["headers"]), self._exchange)
        return message

    def _gathered(self, message: Message, enough: int) -> bytes | None:
        """Keep a message; return the body so far if it has ended or has as many bytes as are enough, else None."""
        self._waiting.append(message)
        self._gathered_size += len(message.get("body", b""))
        if message["type"] == "http.response.body" and message.get("more_body", False) and self._gathered_size < enough:
            return None
        return b"".join(part.get("body", b"") for part in self._waiting)

    async def _sniff(self, message: Message) -> None:
        """Hold the answer until enough of it is there to see what a browser would take it for."""
        content = self._gathered(message, SNIFFED)
        if content is None:
            return
        headers = MutableHeaders(raw=_with_own_headers(self._start)["headers"])
        coding = coding_for(_content_encoding(headers))
        with suppress(CodingError):
            content = next(iter(coding.decode(content)), b"") if coding is not None else b""
        self._state = self._forward
        is_page = looks_like_html(content)
        if not is_page or not self._begin_page(self._start):
            kind = b"text/html" if is_page else headers.get("content-type", "").encode("latin-1")
            await self._forward(self._governed(self._start, kind))
        for part in self._waiting:
            await self.send(part)

    async def _take_rules(self, message: Message) -> None:
        """Send a file of speculation rules once it is there; one that leads to refused hosts goes out empty."""
        content = self._gathered(message, LARGEST_RULES)
        if content is None:
            return
        start = _with_own_headers(self._start)
        headers = MutableHeaders(raw=start["headers"])
        headers.add_vary_header("Cookie")
        self._state = self._forward
        coding = coding_for(_content_encoding(headers))
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

    def _begin_page(self, message: Message) -> bool:
        """Hold the start back until the page's first bytes have come; return False where it cannot be read."""
        headers = [(name.lower(), value) for name, value in message.get("headers", ())]
        names = dict(headers)
        if b"content-encoding" in names:
            self._content_encoding = _content_encoding(MutableHeaders(raw=headers))
            if not is_readable(self._content_encoding):
                log_once(
                    "coding",
                    "a page came with Content-Encoding %s, which cannot be read here: its tags are not held back; "
                    "install cookie-consent[br,zstd], or let the application send gzip or no coding",
                    self._content_encoding,
                )
                return False
        self._content_type = names.get(b"content-type", b"").decode("latin-1")
        status = 200 if message["status"] == _PARTIAL else message["status"]
        self._start = {**message, "status": status, "headers": page_headers(headers, names, self._exchange)}
        self._state = self._rewrite_first
        return True

    async def _rewrite_first(self, message: Message) -> None:
        """Send the headers with the page if it has come whole, made anew or from the cache, or begin to rewrite it."""
        exchange = self._exchange
        if message["type"] != "http.response.body" or message.get("more_body", False) or self._is_head:
            self._page = self._make_page()
            self._state = self._rewrite
            answer = self._rewritten_message(message)
            await self._send_start()
            if answer is not None:
                await self._forward(answer)
            return
        body = message.get("body", b"")
        pages = exchange.site.pages
        key = (exchange.made_for, exchange.held, exchange.own_marks, self._content_type, self._content_encoding)
        page = pages.get(key, body)
        if page is None:
            self._page = made = self._make_page()
            page = self._rewritten(body, final=True)[0]
            if made.is_complete and not exchange.is_amp:
                pages.put(key, body, page)
        self._state = self._forward
        self._start["headers"].append((b"content-length", b"%d" % len(page)))
        await self._send_start()
        await self._forward({"type": "http.response.body", "body": page, "more_body": False})

    def _make_page(self) -> Page:
        return Page(self._exchange, content_type=self._content_type, content_encoding=self._content_encoding)

    async def _send_start(self) -> None:
        """Send the headers, with the policy, now that the page's beginning is known."""
        if self._exchange.is_governing and not self._exchange.is_amp:
            add_policy(self._start["headers"], self._exchange)
        exchange = self._exchange
        if exchange.consent.overruled and exchange.is_document and exchange.scope["method"] == "GET":
            cookie = await exchange.signal_cookie()
            if cookie is not None:
                add_visitors_cookie(self._start["headers"], cookie)
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
        out, ended = self._rewritten(message.get("body", b""), final=not more)
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
        self._exchange.site.policies.meet(host for host, service in self._exchange.tags.met if service is None)
        if final:
            self._exchange.report()
        return out, final

    async def _swallow(self, message: Message) -> None:
        """Take what still comes of an answer that has been ended."""


async def _sent() -> None:
    """Do nothing: the message is kept back, or goes nowhere."""


def _with_own_headers(message: Message) -> Message:
    """Return the start with a list of headers to change, with names in lower case as ASGI has them.

    The application may share its own list between answers.
    """
    return {**message, "headers": [(name.lower(), value) for name, value in message.get("headers", ())]}


def _content_encoding(headers: MutableHeaders) -> str:
    """Return the codings of all lines; several are one list."""
    return ", ".join(headers.getlist("content-encoding"))


def _is_download(headers: dict[bytes, bytes]) -> bool:
    disposition = headers.get(b"content-disposition")
    return disposition is not None and disposition.strip().lower().startswith(b"attachment")


async def _forward_without_late_cookies(forward: Send, message: Message) -> None:
    """Take ``Set-Cookie`` out of trailers, where it may not stand (RFC 9110, section 6.5.1)."""
    if message["type"] == "http.response.trailers":
        kept = [(name, value) for name, value in message["headers"] if name.lower() != b"set-cookie"]
        message = {**message, "headers": kept}
    await forward(message)
