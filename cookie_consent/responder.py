"""What happens to one answer of the application on its way to the browser."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from starlette.datastructures import Headers, MutableHeaders

from cookie_consent.gate import CookieGate, TagGate, gate_link_header, gate_refresh_header
from cookie_consent.gate.charset import Charset
from cookie_consent.gate.coding import CodingError, coding_for
from cookie_consent.gate.sniff import SNIFFED, is_unknown_type, looks_like_html
from cookie_consent.rewriter import Rewriter, StartTag

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cookie_consent.gate.coding import Coding
    from cookie_consent.gate.validators import Validators

__all__ = ["MakeBanner", "Responder"]

logger = logging.getLogger("cookie_consent")

_HTML = frozenset({"text/html", "application/xhtml+xml"})
_NO_BODY = frozenset({204, 205, 304})
_NOT_MODIFIED = 304
_PARTIAL = 206
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


class MakeBanner(Protocol):
    """Gives the banner for a page; ``unclassified`` says that something undeclared was held back on it."""

    def __call__(self, *, unclassified: bool) -> bytes:
        """Return the banner as ASCII HTML."""


class Responder:
    """Stands in for ``send`` during one request.

    It is in one of four states: waiting for the start of the response, finding out whether an answer without a type
    is a page, rewriting a page, or passing all through.
    """

    def __init__(
        self,
        *,
        tags: TagGate,
        cookies: CookieGate,
        validators: Validators,
        page_host: str,
        banner: MakeBanner | None,
    ) -> None:
        self._tags = tags
        self._cookies = cookies
        self._validators = validators
        self._page_host = page_host
        self._banner = banner
        self._state: Send = self._on_start
        self._page: _Page | None = None
        self._start: Message = {}
        self._sniffed: list[Message] = []
        self._is_head = False
        self._downstream: Send | None = None

    async def run(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application and treat its answer."""
        self._is_head = scope["method"] == "HEAD"
        self._downstream = send
        await app(scope, receive, self._send)

    async def _send(self, message: Message) -> None:
        await self._state(message)

    async def _forward(self, message: Message) -> None:
        if self._downstream is not None:
            await self._downstream(message)

    async def _on_start(self, message: Message) -> None:
        if message["type"] != "http.response.start":
            # Early hints and server push would make the browser fetch before the gate has seen an address.
            return
        headers = MutableHeaders(raw=list(message.get("headers", [])))
        self._gate_headers(headers)
        self._start = {**message, "headers": headers.raw}
        status = message["status"]
        if status == _NOT_MODIFIED and "etag" in headers:
            headers["etag"] = self._validators.not_modified(headers["etag"])
        may_be_page = status not in _NO_BODY and status != _PARTIAL and not _is_download(headers)
        content_type = headers.get("content-type", "")
        if may_be_page and is_unknown_type(content_type) and headers.get("x-content-type-options") != "nosniff":
            self._state = self._sniff
            return
        if may_be_page and content_type.partition(";")[0].strip().lower() in _HTML:
            self._start_page(headers)
        else:
            self._state = self._pass_through
        await self._forward(self._start)

    async def _sniff(self, message: Message) -> None:
        """Hold the answer until enough of it is there to see what a browser would take it for."""
        self._sniffed.append(message)
        content = b"".join(part.get("body", b"") for part in self._sniffed)
        if message["type"] == "http.response.body" and message.get("more_body", False) and len(content) < SNIFFED:
            return
        headers = MutableHeaders(raw=self._start["headers"])
        coding = coding_for(headers.get("content-encoding", ""))
        with suppress(CodingError):
            content = next(iter(coding.decode(content)), b"") if coding is not None else b""
        if looks_like_html(content):
            self._start_page(headers)
        else:
            self._state = self._pass_through
        await self._forward(self._start)
        for part in self._sniffed:
            await self._state(part)

    def _start_page(self, headers: MutableHeaders) -> None:
        """Make the headers those of the page that is going to be sent, or let it pass if it cannot be read."""
        coding = coding_for(headers.get("content-encoding", ""))
        if coding is None:
            self._state = self._pass_through
            _warn_once(
                "coding",
                "a page came with Content-Encoding %s, which cannot be read here: its tags are not held back; "
                "install cookie-consent[br,zstd], or let the application send gzip or no coding",
                headers["content-encoding"],
            )
            return
        for name in _STALE:
            del headers[name]
        etag = self._validators.page(headers.get("etag", ""))
        if etag:
            headers["etag"] = etag
        else:
            del headers["etag"]
        for name in ("Cookie", "Accept-Language", "Sec-GPC"):
            headers.add_vary_header(name)
        content_type = headers.get("content-type", "")
        is_xml = content_type.lower().startswith("application/xhtml+xml")
        if is_xml:
            self._banner = None  # it is HTML, which an XML parser refuses
        rewriter = Rewriter(_Shut(self._tags), before_body_end=self._insertion, xml=is_xml)
        self._page = _Page(coding, Charset(content_type), rewriter)
        self._state = self._rewrite

    async def _rewrite(self, message: Message) -> None:
        if message["type"] != "http.response.body" or self._page is None:
            await self._forward(message)
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        try:
            out = self._page.feed(body, final=not more)
        except CodingError:
            _warn_once("broken", "a page was not in the Content-Encoding that it named; the rest of it is left out")
            out, more = self._page.finish(), False
        if not more:
            self._state = self._pass_through if not message.get("more_body", False) else self._swallow
        if self._is_head:
            out = b""
        if out or not more:
            await self._forward({"type": "http.response.body", "body": out, "more_body": more})

    async def _swallow(self, message: Message) -> None:
        """Take what still comes of an answer that has been ended."""

    async def _pass_through(self, message: Message) -> None:
        await self._forward(message)

    def _gate_headers(self, headers: MutableHeaders) -> None:
        cookies = headers.getlist("set-cookie")
        if cookies:
            del headers["set-cookie"]
            for cookie in cookies:
                kept = self._cookies.response(cookie)
                if kept is not None:
                    headers.append("set-cookie", kept)
        for expired in self._cookies.expire_refused(self._page_host):
            headers.append("set-cookie", expired)
        for name, gate in (("link", gate_link_header), ("refresh", gate_refresh_header)):
            values = headers.getlist(name)
            if values:
                del headers[name]
                for value in values:
                    kept = gate(value, self._tags)
                    if kept is not None:
                        headers.append(name, kept)

    def _insertion(self) -> bytes:
        if self._banner is None or self._tags.is_amp:
            return b""
        try:
            banner = self._banner(unclassified=self._tags.unclassified)
            return self._tags.own(banner.decode("ascii")).encode("ascii") if self._tags.relative else banner
        except Exception:  # noqa: BLE001 - no fault of the banner may fail the page
            _warn_once("banner", "the banner could not be made and is missing from the page", exc_info=True)
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


def _is_download(headers: Headers) -> bool:
    return headers.get("content-disposition", "").strip().lower().startswith("attachment")


class _Shut:
    """Keeps the gate shut if it fails: a tag that could not be judged is made inert."""

    def __init__(self, gate: TagGate) -> None:
        self._gate = gate

    @property
    def relative(self) -> bool:
        return self._gate.relative

    def start_tag(self, tag: StartTag) -> bool:
        try:
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


_warned: set[str] = set()


def _warn_once(key: str, message: str, *args: object, exc_info: bool = False) -> None:
    if key not in _warned:
        _warned.add(key)
        logger.error(message, *args, exc_info=exc_info)
