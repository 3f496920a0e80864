"""Rewrite a page between the application and the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.exchange.charset import Charset
from cookie_consent.exchange.content_encoding import CodingError, coding_for
from cookie_consent.exchange.exclusion import has_banner
from cookie_consent.exchange.fail_closed import FailClosed, ObserveOnly
from cookie_consent.exchange.kinds import DOCUMENTS
from cookie_consent.exchange.opening import Opening
from cookie_consent.exchange.sniff import is_unknown_type
from cookie_consent.gate import CachingTagGate
from cookie_consent.gate.html.multibyte import BothReadings, is_doubtful
from cookie_consent.logs import log_once
from cookie_consent.rewriter import Rewriter
from cookie_consent.rewriter.encodings import encoding_of

if TYPE_CHECKING:
    from cookie_consent.exchange.content_type import ContentType
    from cookie_consent.exchange.exchange import Exchange
    from cookie_consent.exchange.page_cache import HeaderChanges
    from cookie_consent.rewriter.handler import Handler

__all__ = ["Page"]

_HTML = "text/html"
_XHTML = "application/xhtml+xml"


class Page:
    """Decompresses a page, decodes it, rewrites it with guard and banner, and encodes and compresses it again.

    Raises ``CodingError`` if ``content_encoding`` is not supported. If our own code fails, the page is still served,
    and whatever could not be judged does not load.
    """

    def __init__(self, exchange: Exchange, *, content_type: ContentType, content_encoding: str | None) -> None:
        coding = coding_for(content_encoding or "")
        if coding is None:
            raise CodingError(f"the content coding {content_encoding!r} is not supported")
        self.is_complete = True
        """Whether guard and banner could be made. A page without them must not be cached."""
        self._exchange = exchange
        self._opening = Opening()
        self._coding = coding
        self._is_coded = content_encoding is not None
        self._content_type = content_type
        self._is_xml = _XHTML in content_type and _HTML not in content_type
        self._charset = Charset(content_type, is_xml=self._is_xml)
        self._rewriter: Rewriter | None = None
        self._has_banner = False
        """Whether the banner has been put into the page."""

    @property
    def is_decided(self) -> bool:
        """Whether enough of the page has arrived to know its encoding, and so its headers."""
        return self._charset.is_decided

    @property
    def header_changes(self) -> HeaderChanges:
        """The headers to replace, once ``is_decided``. An empty value removes a header."""
        changes: list[tuple[bytes, bytes]] = []
        if self._is_coded and self._coding.sent is not None:
            changes.append((b"content-encoding", self._coding.sent.encode("ascii")))
        kind, name = self._content_type, self._charset.name
        essence = _XHTML if self._is_xml else _HTML
        is_correct = kind.is_clean and encoding_of(kind.charset) == name
        # A type on which browsers disagree is kept: it must not become a page for browsers that show none.
        if not is_correct and all(read == essence or is_unknown_type(read) for read in (kind.essence, kind.lenient)):
            value = f"{essence}; charset={name}" if name else essence
            changes.append((b"content-type", value.encode("ascii")))
        return tuple(changes)

    def feed(self, data: bytes, *, final: bool) -> bytes:
        """Take the next bytes, and return what can be sent. Raises ``CodingError`` if the data is corrupt."""
        out = [self._rewritten(self._charset.decode(piece)) for piece in self._coding.decode(data)]
        return b"".join([*out, self.finish()] if final else out)

    def finish(self) -> bytes:
        """Return the last bytes."""
        data = self._charset.decode(b"", final=True)
        self._opening.feed(data)
        rewriter = self._begun()
        rest = rewriter.feed(data) + rewriter.end()
        if rewriter.is_too_long:
            log_once(
                "doctype",
                "the DOCTYPE of an XHTML page is longer than 64 KiB: what its entities load is left to the "
                "Content-Security-Policy; move the entities out of it to have them gated",
            )
        return self._coding.encode(self._charset.encode(rest, final=True)) + self._coding.finish()

    def _rewritten(self, data: bytes) -> bytes:
        if not self._charset.is_decided:
            return b""
        self._opening.feed(data)
        return self._coding.encode(self._charset.encode(self._begun().feed(data)))

    def _begun(self) -> Rewriter:
        """Return the rewriter, which is created once the character set is known."""
        if self._rewriter is not None:
            return self._rewriter
        exchange, encoding = self._exchange, self._charset.reading
        exchange.tags.encoding = encoding
        exchange.tags.is_told = not self._is_xml  # which may have no place for the guard
        judge: Handler = exchange.tags
        if exchange.xray is None:  # which is to see every tag judged
            visitor = (exchange.consent.state, exchange.authority, exchange.folder, encoding)
            judge = CachingTagGate(exchange.tags, exchange.site.tag_cache, visitor)
        gate = BothReadings(judge, encoding) if is_doubtful(encoding) else judge
        closed = FailClosed(gate, exchange.site_policies)
        is_inline = exchange.site.classifier.policy.banner.layout == "inline"
        self._rewriter = Rewriter(
            closed if exchange.site.classifier.policy.gate.html else ObserveOnly(closed),
            after_head_start=self._guard,
            before_body_end=self._body_end,
            after_start=self._in_flow if is_inline else None,
            xml=self._is_xml,
            markup_cache=exchange.site.markup_cache,
        )
        return self._rewriter

    @property
    def is_document(self) -> bool:
        """Whether it begins like a page, as far as it has arrived. Otherwise it is a fragment."""
        return bool(self._opening.is_page)

    @property
    def _is_shown(self) -> bool:
        """Whether it becomes a page of its own. The body of a redirect does not: browsers ignore it."""
        role = self._exchange.role
        return not self._exchange.is_redirect and (role == "page" or (role == "either" and self.is_document))

    @property
    def _is_framed(self) -> bool:
        """Whether it is in a frame in which a choice was made. That can be changed only there."""
        exchange = self._exchange
        is_in_frame = exchange.destination in DOCUMENTS and exchange.role == "part"
        return is_in_frame and exchange.consent.framed and not exchange.is_redirect

    def _guard(self) -> bytes:
        """Return what comes first in the head. In XML it must be inside the root element."""
        exchange = self._exchange
        if not self._is_shown and (exchange.is_redirect or exchange.destination not in DOCUMENTS):
            return b""
        try:
            guard = exchange.guard() if not self._is_xml or exchange.tags.has_root else b""
        except Exception:  # noqa: BLE001 - an error in the guard must not fail the page
            exchange.tags.is_told = False
            log_once("guard", "the guard's tag could not be made and is missing from the page", exc_info=True)
            self.is_complete = False
            return b""
        exchange.tags.is_told = bool(guard) and exchange.runs_guard
        return guard

    def _in_flow(self, name: bytes) -> bytes:
        """Return the banner for a place in the page: the beginning of the element ``name``."""
        exchange = self._exchange
        place = exchange.site.classifier.policy.banner.place
        if self._has_banner or not self._takes_parts or name != (b"body" if place == "start" else b"consent-banner"):
            return b""
        # Nobody knows yet whether to ask a visitor who comes from the form of another site: what comes later must move
        # nothing.
        if exchange.is_prefetch or exchange.is_unsure or not has_banner(exchange.site, exchange.scope):
            return b""
        banner = self._banner(in_flow=True)
        self._has_banner = bool(banner)
        return banner

    @property
    def _takes_parts(self) -> bool:
        """Whether our parts go into it. XML pages get nothing: their parser would reject our HTML."""
        return (self._is_shown or self._is_framed) and not self._is_xml and not self._exchange.tags.is_amp

    def _body_end(self) -> bytes:
        """Return what comes last in the body."""
        exchange = self._exchange
        if not self._takes_parts:
            return b""
        xray = self._xray()
        if exchange.is_prefetch:
            return xray
        is_missing = not self._has_banner and has_banner(exchange.site, exchange.scope)
        banner = self._banner() if is_missing else b""
        return self._refresh_notice() + banner + xray

    def _xray(self) -> bytes:
        try:
            return self._exchange.xray_markup()
        except Exception:  # noqa: BLE001 - an error in the x-ray must not fail the page
            log_once("xray", "the x-ray could not be made and is missing from the page", exc_info=True)
            return b""

    def _refresh_notice(self) -> bytes:
        try:
            return self._exchange.refresh_notice()
        except Exception:  # noqa: BLE001 - an error in the notice must not fail the page
            log_once("refresh", "the notice of a held refresh could not be made and is missing", exc_info=True)
            self.is_complete = False
            return b""

    def _banner(self, *, in_flow: bool = False) -> bytes:
        tags = self._exchange.tags
        try:
            banner = self._exchange.banner(in_flow=in_flow)
            return tags.own(banner.decode("ascii")).encode("ascii") if tags.relative else banner
        except Exception:  # noqa: BLE001 - an error in the banner must not fail the page
            log_once("banner", "the banner could not be made and is missing from the page", exc_info=True)
            self.is_complete = False
            return b""
