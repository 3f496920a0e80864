"""Handlers around the page's gate: if it fails, the tag does not load, and the page is still served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.gate import is_policy
from cookie_consent.logs import log_once

if TYPE_CHECKING:
    from cookie_consent.gate import SitePolicies
    from cookie_consent.rewriter import StartTag
    from cookie_consent.rewriter.handler import Handler

__all__ = ["FailClosed", "ObserveOnly"]


class FailClosed:
    """Makes a tag inert if the gate fails to judge it.

    It also adds Content-Security-Policies in ``<meta>`` to those of the page.
    """

    def __init__(self, gate: Handler, policies: SitePolicies) -> None:
        self._gate = gate
        self._policies = policies

    @property
    def relative(self) -> bool:
        """The gate's ``relative``."""
        return self._gate.relative

    def start_tag(self, tag: StartTag) -> bool:
        """Let the gate judge the tag. Remove its attributes if that raises."""
        try:
            if tag.name == b"meta" and is_policy(tag):
                self._policies.add([tag.get(b"content") or ""])
            return self._gate.start_tag(tag)
        except Exception:  # noqa: BLE001 - whatever it is, the tag must not load
            log_once("tag", "a tag could not be judged and was left out of the page", exc_info=True)
            tag.blank()
            return False

    def text(self, tag: StartTag, text: bytes, *, more: bool) -> bytes:
        """Let the gate judge the text. Remove it if that raises."""
        try:
            return self._gate.text(tag, text, more=more)
        except Exception:  # noqa: BLE001 - as above
            log_once("text", "a script could not be judged and was left out of the page", exc_info=True)
            tag.blank()
            return b""


class ObserveOnly:
    """Lets the gate judge copies of the tags, for the reports, and leaves the page unchanged."""

    def __init__(self, gate: FailClosed) -> None:
        self._gate = gate

    @property
    def relative(self) -> bool:
        """The gate's ``relative``."""
        return self._gate.relative

    def start_tag(self, tag: StartTag) -> bool:
        """Let the gate judge a copy of the tag."""
        return self._gate.start_tag(tag.copy())

    def text(self, tag: StartTag, text: bytes, *, more: bool) -> bytes:
        """Let the gate judge the text, and return it unchanged."""
        self._gate.text(tag.copy(), text, more=more)
        return text
