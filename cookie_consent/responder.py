"""What happens to one answer of the application on its way to the browser."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from starlette.datastructures import Headers, MutableHeaders

from cookie_consent.gate import CookieGate, TagGate, gate_link_header, gate_refresh_header
from cookie_consent.gate.coding import coding_for
from cookie_consent.rewriter import Rewriter, StartTag

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cookie_consent.gate.coding import Coding

__all__ = ["MakeBanner", "Responder"]

logger = logging.getLogger("cookie_consent")

_HTML = frozenset({"text/html", "application/xhtml+xml"})
_NO_BODY = frozenset({204, 205, 304})
_PARTIAL = 206
_STALE = (
    "content-length",
    "etag",
    "last-modified",
    "accept-ranges",
    "content-md5",
    "digest",
    "content-digest",
)
"""Headers that describe the body as it was before it was rewritten."""


class MakeBanner(Protocol):
    """Gives the banner for a page; ``unclassified`` says that something undeclared was held back on it."""

    def __call__(self, *, unclassified: bool) -> bytes:
        """Return the banner as ASCII HTML."""


class Responder:
    """Stands in for ``send`` during one request.

    It is in one of three states: waiting for the start of the response, rewriting a page, or passing all through.
    """

    def __init__(self, *, tags: TagGate, cookies: CookieGate, page_host: str, banner: MakeBanner | None) -> None:
        self._tags = tags
        self._cookies = cookies
        self._page_host = page_host
        self._banner = banner
        self._state: Send = self._on_start
        self._rewriter: Rewriter | None = None
        self._coding: Coding | None = None
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
        self._state = self._pass_through
        if self._is_page(message["status"], headers):
            self._coding = coding_for(headers.get("content-encoding", ""))
            if self._coding is None:
                _warn_once(
                    "coding",
                    "a page came with Content-Encoding %s, which cannot be read here: its tags are not held back; "
                    "let the application send gzip, deflate or no coding",
                    headers["content-encoding"],
                )
            else:
                self._start_page(headers)
        await self._forward({**message, "headers": headers.raw})

    def _start_page(self, headers: MutableHeaders) -> None:
        for name in _STALE:
            del headers[name]
        for name in ("Cookie", "Accept-Language", "Sec-GPC"):
            headers.add_vary_header(name)
        if headers["content-type"].lower().startswith("application/xhtml+xml"):
            self._banner = None  # it is HTML, which an XML parser refuses
        self._rewriter = Rewriter(_Shut(self._tags), before_body_end=self._insertion)
        self._state = self._rewrite

    async def _rewrite(self, message: Message) -> None:
        if message["type"] != "http.response.body" or self._rewriter is None or self._coding is None:
            await self._forward(message)
            return
        coding, rewriter = self._coding, self._rewriter
        out = [coding.encode(rewriter.feed(piece)) for piece in coding.decode(message.get("body", b""))]
        more = message.get("more_body", False)
        if not more:
            out += [coding.encode(rewriter.end()), coding.finish()]
            self._state = self._pass_through
        body = b"" if self._is_head else b"".join(out)
        if body or not more:
            await self._forward({"type": "http.response.body", "body": body, "more_body": more})

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

    def _is_page(self, status: int, headers: Headers) -> bool:
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        disposition = headers.get("content-disposition", "").strip().lower()
        return (
            media_type in _HTML
            and status not in _NO_BODY
            and status != _PARTIAL
            and not disposition.startswith("attachment")
        )

    def _insertion(self) -> bytes:
        if self._banner is None or self._tags.is_amp:
            return b""
        try:
            banner = self._banner(unclassified=self._tags.unclassified)
            return self._tags.own(banner.decode("ascii")).encode("ascii") if self._tags.relative else banner
        except Exception:  # noqa: BLE001 - no fault of the banner may fail the page
            _warn_once("banner", "the banner could not be made and is missing from the page", exc_info=True)
            return b""


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
