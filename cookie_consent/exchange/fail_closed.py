"""Handlers around the page's gate: a gate that fails keeps its tag from loading, and never fails the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.logs import log_once

if TYPE_CHECKING:
    from cookie_consent.gate import OwnElements
    from cookie_consent.rewriter import StartTag
    from cookie_consent.rewriter.handler import Handler

__all__ = ["FailClosed", "ObserveOnly"]


class FailClosed:
    """Keeps the gate shut if it fails: a tag that could not be judged is made inert.

    The policies that the page brings in ``<meta>`` are noted for our own elements on the way.
    """

    def __init__(self, gate: Handler, own_elements: OwnElements) -> None:
        self._gate = gate
        self._own_elements = own_elements

    @property
    def relative(self) -> bool:
        """As the gate has it."""
        return self._gate.relative

    def start_tag(self, tag: StartTag) -> bool:
        """Have the gate judge the tag; leave out its attributes where that raises."""
        try:
            if tag.name == b"meta" and (tag.get(b"http-equiv") or "").strip().lower() == "content-security-policy":
                self._own_elements.add([tag.get(b"content") or ""])
            return self._gate.start_tag(tag)
        except Exception:  # noqa: BLE001 - whatever it is, the tag must not load
            log_once("tag", "a tag could not be judged and was left out of the page", exc_info=True)
            tag.blank()
            return False

    def text(self, tag: StartTag, text: bytes, *, more: bool) -> bytes:
        """Have the gate judge the text; leave it out where that raises."""
        try:
            return self._gate.text(tag, text, more=more)
        except Exception:  # noqa: BLE001 - as above
            log_once("text", "a script could not be judged and was left out of the page", exc_info=True)
            tag.blank()
            return b""


class ObserveOnly:
    """Shows a gate that does not hold the page's tags copies of them, so that it knows what the page loads."""

    def __init__(self, gate: FailClosed) -> None:
        self._gate = gate

    @property
    def relative(self) -> bool:
        """As the gate has it."""
        return self._gate.relative

    def start_tag(self, tag: StartTag) -> bool:
        """Have a copy judged."""
        return self._gate.start_tag(tag.copy())

    def text(self, tag: StartTag, text: bytes, *, more: bool) -> bytes:
        """Have the text judged, and return it as it is."""
        self._gate.text(tag.copy(), text, more=more)
        return text
