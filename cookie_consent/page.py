"""A page between the application and the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.gate import RecallingGate
from cookie_consent.gate.charset import Charset
from cookie_consent.gate.coding import CodingError, coding_for
from cookie_consent.gate.documents import DOCUMENTS
from cookie_consent.gate.opening import Opening
from cookie_consent.once import log_once
from cookie_consent.rewriter import Rewriter, StartTag

if TYPE_CHECKING:
    from cookie_consent.exchange import Exchange
    from cookie_consent.gate import OwnElements

__all__ = ["Page"]


class Page:
    """The way of a page's bytes: decompressed, in UTF-8, rewritten, and all of it back; the result may be kept.

    A page whose ``content_encoding`` cannot be read raises ``CodingError``. The guard and the banner are put in on
    the way. Whatever of ours fails, the page goes on, and what could not be judged does not load.
    """

    def __init__(self, exchange: Exchange, *, content_type: str, content_encoding: str) -> None:
        coding = coding_for(content_encoding)
        if coding is None:
            raise CodingError(f"there is nothing here to read {content_encoding!r} with")
        self.is_complete = True
        """Whether the guard and the banner could be made; a page without is not to be kept."""
        self._exchange = exchange
        self._opening = Opening()
        self._coding = coding
        self._charset = Charset(content_type)
        self._is_xml = content_type.lower().startswith("application/xhtml+xml")
        visitor = (exchange.consent.state, exchange.authority)
        gate = RecallingGate(exchange.tags, exchange.site.judged, visitor)
        shut = _Shut(gate, exchange.own_elements)
        self._rewriter = Rewriter(
            shut if exchange.site.classifier.policy.gate.html else _Watched(shut),
            after_head_start=self._guard,
            before_body_end=self._banner,
            xml=self._is_xml,
            quiet=exchange.site.quiet,
        )

    def feed(self, data: bytes, *, final: bool) -> bytes:
        """Take the next bytes; return what can be sent. Raises ``CodingError`` where the data is broken."""
        out = []
        for piece in self._coding.decode(data):
            text = self._charset.decode(piece)
            self._opening.feed(text)
            out.append(self._coding.encode(self._charset.encode(self._rewriter.feed(text))))
        return b"".join([*out, self.finish()] if final else out)

    def finish(self) -> bytes:
        """Return the rest."""
        text = self._charset.decode(b"", final=True)
        self._opening.feed(text)
        rest = self._rewriter.feed(text) + self._rewriter.end()
        return self._coding.encode(self._charset.encode(rest, final=True)) + self._coding.finish()

    @property
    def is_whole(self) -> bool:
        """Whether it begins like a page, as far as it has come."""
        return bool(self._opening.is_page)

    @property
    def _is_shown(self) -> bool:
        """Whether it becomes a page of its own; a redirect does not, as browsers leave its body unseen."""
        role = self._exchange.role
        return not self._exchange.is_redirect and (role == "page" or (role == "either" and self.is_whole))

    def _guard(self) -> bytes:
        """Return what stands first in the head. In XML it must stand inside the one root element."""
        exchange = self._exchange
        if not self._is_shown and (exchange.is_redirect or exchange.destination not in DOCUMENTS):
            return b""
        try:
            return exchange.guard() if not self._is_xml or exchange.tags.has_root else b""
        except Exception:  # noqa: BLE001 - no fault of the guard may fail the page
            log_once("guard", "the guard's tag could not be made and is missing from the page", exc_info=True)
            self.is_complete = False
            return b""

    def _banner(self) -> bytes:
        """Return what stands last in the body. An XML parser would refuse the banner's HTML."""
        tags = self._exchange.tags
        if not self._is_shown or self._exchange.is_prefetch or self._is_xml or tags.is_amp:
            return b""
        try:
            banner = self._exchange.banner()
            return tags.own(banner.decode("ascii")).encode("ascii") if tags.relative else banner
        except Exception:  # noqa: BLE001 - no fault of the banner may fail the page
            log_once("banner", "the banner could not be made and is missing from the page", exc_info=True)
            self.is_complete = False
            return b""


class _Shut:
    """Keeps the gate shut if it fails: a tag that could not be judged is made inert.

    The policies that the page brings in ``<meta>`` are noted for our own elements on the way.
    """

    def __init__(self, gate: RecallingGate, own_elements: OwnElements) -> None:
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
            log_once("tag", "a tag could not be judged and was left out of the page", exc_info=True)
            tag.blank()
            return False

    def text(self, tag: StartTag, text: bytes, *, more: bool) -> bytes:
        try:
            return self._gate.text(tag, text, more=more)
        except Exception:  # noqa: BLE001 - as above
            log_once("text", "a script could not be judged and was left out of the page", exc_info=True)
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
