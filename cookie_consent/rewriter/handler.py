"""The interface of what decides about tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cookie_consent.rewriter.tag import StartTag

__all__ = ["Handler"]


class Handler(Protocol):
    """Decides about tags. The rewriter calls it in document order."""

    @property
    def relative(self) -> bool:
        """Whether to show it tags with relative addresses only, too; the rewriter asks again after each ``base``."""

    def start_tag(self, tag: StartTag) -> bool:
        """Change ``tag`` as needed. Return True to be given the text of a script or style element too."""

    def text(self, tag: StartTag, text: bytes, *, more: bool) -> bytes:
        """Return the text to send for the script or style element ``tag``.

        Text longer than ``MAXIMUM_TEXT`` comes in pieces, all but the last with ``more``. Only with the first of them
        can the tag still be changed.
        """
