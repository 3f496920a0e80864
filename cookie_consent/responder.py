"""What happens to one answer of the application on its way to the browser."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from cookie_consent.gate import ADDRESS_HEADERS, TagGate
from cookie_consent.gate.charset import Charset
from cookie_consent.gate.coding import CodingError, coding_for
from cookie_consent.gate.documents import concerns, kind_of
from cookie_consent.gate.sniff import SNIFFED, looks_like_html
from cookie_consent.govern import add_policy, add_vary, govern, govern_not_modified
from cookie_consent.rewriter import Rewriter, StartTag

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Send

    from cookie_consent.exchange import Exchange
    from cookie_consent.gate import OwnElements
    from cookie_consent.gate.coding import Coding

__all__ = ["Responder"]

logger = logging.getLogger("cookie_consent")

_BARE = frozenset({204, 205, 206, 304})
"""Answers without a body, or with a part of one that only a script can have asked for."""
_NOT_MODIFIED = 304
_GATED = frozenset({b"set-cookie", b"etag", *(name.encode() for name in ADDRESS_HEADERS)})
_STALE = (
    "content-length",
    "last-modified",
    "accept-ranges",
    "content-md5",
    "digest",
    "repr-digest",
    "content-digest",
)
"""Headers that describe the body as it was before it was rewritten."""


class Responder:
    """Stands in for ``send`` during one request.

    It is in one of four states: waiting for the start of the response, finding out whether an answer without a type
    is a page, rewriting a page, or passing all through.
    """

    def __init__(self, exchange: Exchange, send: Send) -> None:
        self._exchange = exchange
        self._forward = send
        self._state: Send = self._on_start
        self._page: _Page | None = None
        self._make_page: Callable[[], _Page]
        self._key: tuple[tuple[object, ...], str, str] = ((), "", "")
        self._start: Message = {}
        self._sniffed: list[Message] = []
        self._has_banner = False
        self._is_complete = True

    async def send(self, message: Message) -> None:
        """Treat one message of the application's answer (ASGI 3)."""
        await self._state(message)

    async def _on_start(self, message: Message) -> None:
        if message["type"] != "http.response.start":
            # Early hints and server push would make the browser fetch before the gate has seen an address.
            return
        raw = message.get("headers", ())
        names = {name.lower(): value for name, value in raw}
        if not _GATED.isdisjoint(names) or self._exchange.refuses_cookies:
            headers = MutableHeaders(raw=self._exchange.gate_cookies(raw))
            self._gate_fetches(headers)
            self._exchange.report()
            if message["status"] == _NOT_MODIFIED and "etag" in headers:
                headers["etag"] = self._exchange.validators.not_modified(headers["etag"])
            message = {**message, "headers": headers.raw}
        if message.get("trailers", False):
            self._forward = partial(_forward_without_late_cookies, self._forward)
        kind = kind_of(names.get(b"content-type", b""))
        self._state = self._forward
        self._start = message
        if message["status"] not in _BARE and not _is_download(names):
            if kind == "page":
                self._start_page(self._own_headers())
            elif kind == "unknown" and names.get(b"x-content-type-options", b"").strip().lower() != b"nosniff":
                self._state = self._sniff
            else:
                self._govern(names.get(b"content-type", b""))
        elif message["status"] == _NOT_MODIFIED and self._is_governing:
            govern_not_modified(self._own_headers(), self._exchange)
        if self._state == self._forward:
            await self._forward(self._start)

    @property
    def _is_governing(self) -> bool:
        return self._exchange.site.policies.is_on

    def _own_headers(self) -> MutableHeaders:
        """Return the headers to change; the application may share its own between answers."""
        self._start = {**self._start, "headers": list(self._start.get("headers", ()))}
        return MutableHeaders(raw=self._start["headers"])

    def _govern(self, content_type: bytes) -> None:
        if self._is_governing and concerns(content_type, self._exchange.destination):
            govern(self._own_headers(), self._exchange)

    async def _sniff(self, message: Message) -> None:
        """Hold the answer until enough of it is there to see what a browser would take it for."""
        self._sniffed.append(message)
        content = b"".join(part.get("body", b"") for part in self._sniffed)
        if message["type"] == "http.response.body" and message.get("more_body", False) and len(content) < SNIFFED:
            return
        headers = self._own_headers()
        coding = coding_for(headers.get("content-encoding", ""))
        with suppress(CodingError):
            content = next(iter(coding.decode(content)), b"") if coding is not None else b""
        self._state = self._forward
        if looks_like_html(content):
            self._start_page(headers)
        else:
            self._govern(headers.get("content-type", "").encode("latin-1"))
        if self._state == self._forward:
            await self._forward(self._start)
        for part in self._sniffed:
            await self._state(part)

    def _start_page(self, headers: MutableHeaders) -> None:
        """Make the headers those of the page that is going to be sent, or let it pass if it cannot be read."""
        coding = coding_for(headers.get("content-encoding", ""))
        if coding is None:
            self._state = self._forward
            _warn_once(
                "coding",
                "a page came with Content-Encoding %s, which cannot be read here: its tags are not held back; "
                "install cookie-consent[br,zstd], or let the application send gzip or no coding",
                headers["content-encoding"],
            )
            self._govern(b"text/html")
            return
        for name in _STALE:
            del headers[name]
        etag = self._exchange.validators.page(headers["etag"]) if "etag" in headers else ""
        if etag:
            headers["etag"] = etag
        else:
            del headers["etag"]
        add_vary(headers, "Cookie", "Accept-Language", "Sec-GPC", "Sec-Fetch-Dest")
        content_type = headers.get("content-type", "")
        own = self._exchange.own_elements
        own.add(headers.getlist("content-security-policy"))
        self._key = (
            (*self._exchange.made_for, *self._exchange.held, own.marks),
            content_type,
            headers.get("content-encoding", ""),
        )
        self._make_page = partial(self._begin, coding, content_type)
        self._state = self._rewrite_first

    def _begin(self, coding: Coding, content_type: str) -> _Page:
        is_xml = content_type.lower().startswith("application/xhtml+xml")
        self._has_banner = self._exchange.is_document and not is_xml  # an XML parser would refuse the banner's HTML
        gate = self._exchange.tags
        shut = _Shut(gate, self._exchange.own_elements)
        rewriter = Rewriter(
            shut if self._exchange.site.classifier.policy.gate.html else _Watched(shut),
            after_head_start=partial(self._guard, is_xml=is_xml),
            before_body_end=self._insertion,
            xml=is_xml,
        )
        return _Page(coding, Charset(content_type), rewriter)

    async def _rewrite_first(self, message: Message) -> None:
        """Send the headers with the page if it has come whole, made anew or from the cache, or begin to rewrite it."""
        body = message.get("body", b"")
        if message["type"] != "http.response.body" or message.get("more_body", False) or self._is_head:
            self._page = self._make_page()
            self._state = self._rewrite
            answer = self._rewritten_message(message)
            await self._send_start()
            if answer is not None:
                await self._forward(answer)
            return
        pages, key = self._exchange.site.pages, (*self._key, body)
        page = pages.get(key)
        if page is None:
            self._page = self._make_page()
            page = self._rewritten(body, final=True)[0]
            if self._is_complete and not self._exchange.tags.is_amp:
                pages.put(key, page)
        self._state = self._forward
        self._start["headers"].append((b"content-length", b"%d" % len(page)))
        await self._send_start()
        await self._forward({"type": "http.response.body", "body": page, "more_body": False})

    async def _send_start(self) -> None:
        """Send the headers, with the policy, now that the page's beginning is known."""
        if self._is_governing and not self._exchange.tags.is_amp:
            add_policy(MutableHeaders(raw=self._start["headers"]), self._exchange)
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
            _warn_once("broken", "a page was not in the Content-Encoding that it named; the rest of it is left out")
            final, out = True, self._page.finish()
        self._exchange.site.policies.meet(host for host, service in self._exchange.tags.met if service is None)
        if final:
            self._exchange.report()
        return out, final

    async def _swallow(self, message: Message) -> None:
        """Take what still comes of an answer that has been ended."""

    def _gate_fetches(self, headers: MutableHeaders) -> None:
        for name, gate in ADDRESS_HEADERS.items():
            values = headers.getlist(name)
            if values:
                del headers[name]
                for value in values:
                    kept = gate(value, self._exchange.tags.hold_address)
                    if kept is not None:
                        headers.append(name, kept)

    def _guard(self, *, is_xml: bool) -> bytes:
        """Return what stands first in the head. In XML it must stand inside the one root element."""
        try:
            return self._exchange.guard() if not is_xml or self._exchange.tags.has_root else b""
        except Exception:  # noqa: BLE001 - no fault of the guard may fail the page
            _warn_once("guard", "the guard's tag could not be made and is missing from the page", exc_info=True)
            self._is_complete = False
            return b""

    def _insertion(self) -> bytes:
        tags = self._exchange.tags
        if not self._has_banner or tags.is_amp:
            return b""
        try:
            banner = self._exchange.banner()
            return tags.own(banner.decode("ascii")).encode("ascii") if tags.relative else banner
        except Exception:  # noqa: BLE001 - no fault of the banner may fail the page
            _warn_once("banner", "the banner could not be made and is missing from the page", exc_info=True)
            self._is_complete = False
            return b""


class _Page:
    """The way of a page's bytes: decompressed, in UTF-8, rewritten, and all of it back."""

    def __init__(self, coding: Coding, charset: Charset, rewriter: Rewriter) -> None:
        self._coding = coding
        self._charset = charset
        self._rewriter = rewriter

    def feed(self, data: bytes, *, final: bool) -> bytes:
        """Take the next bytes; return what can be sent. Raises ``CodingError``."""
        out = [
            self._coding.encode(self._charset.encode(self._rewriter.feed(self._charset.decode(piece))))
            for piece in self._coding.decode(data)
        ]
        return b"".join([*out, self.finish()] if final else out)

    def finish(self) -> bytes:
        """Return the rest."""
        rest = self._rewriter.feed(self._charset.decode(b"", final=True)) + self._rewriter.end()
        return self._coding.encode(self._charset.encode(rest, final=True)) + self._coding.finish()


def _is_download(headers: dict[bytes, bytes]) -> bool:
    return headers.get(b"content-disposition", b"").strip().lower().startswith(b"attachment")


class _Shut:
    """Keeps the gate shut if it fails: a tag that could not be judged is made inert.

    The policies that the page brings in ``<meta>`` are noted for our own elements on the way.
    """

    def __init__(self, gate: TagGate, own_elements: OwnElements) -> None:
        self._gate = gate
        self._own_elements = own_elements

    @property
    def relative(self) -> bool:
        return self._gate.relative

    def start_tag(self, tag: StartTag) -> bool:
        try:
            if tag.name == b"meta" and (tag.get(b"http-equiv") or "").strip().lower() == "content-security-policy":
                self._own_elements.add([tag.get(b"content") or ""])
            return self._gate.start_tag(tag)
        except Exception:  # noqa: BLE001 - whatever it is, the tag must not load
            _warn_once("tag", "a tag could not be judged and was left out of the page", exc_info=True)
            tag.blank()
            return False

    def text(self, tag: StartTag, text: bytes, *, more: bool) -> bytes:
        try:
            return self._gate.text(tag, text, more=more)
        except Exception:  # noqa: BLE001 - as above
            _warn_once("text", "a script could not be judged and was left out of the page", exc_info=True)
            tag.blank()
            return b""


class _Watched:
    """Shows a gate that does not hold the page's tags copies of them, so that it knows what the page loads."""

    def __init__(self, gate: _Shut) -> None:
        self._gate = gate

    @property
    def relative(self) -> bool:
        return self._gate.relative

    def start_tag(self, tag: StartTag) -> bool:
        return self._gate.start_tag(_copy(tag))

    def text(self, tag: StartTag, text: bytes, *, more: bool) -> bytes:
        self._gate.text(_copy(tag), text, more=more)
        return text


def _copy(tag: StartTag) -> StartTag:
    return StartTag(tag.raw, foreign=tag.foreign)


async def _forward_without_late_cookies(forward: Send, message: Message) -> None:
    """Take ``Set-Cookie`` out of trailers, where it may not stand (RFC 9110, section 6.5.1)."""
    if message["type"] == "http.response.trailers":
        kept = [(name, value) for name, value in message["headers"] if name.lower() != b"set-cookie"]
        message = {**message, "headers": kept}
    await forward(message)


_warned: set[str] = set()


def _warn_once(key: str, message: str, *args: object, exc_info: bool = False) -> None:
    if key not in _warned:
        _warned.add(key)
        logger.error(message, *args, exc_info=exc_info)
